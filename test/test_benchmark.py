# Copyright 2026 The lstm_depth authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""`lstm_depth benchmark`: every target is found, and `data` measures the loader."""

from __future__ import annotations

import json

from lstm_depth.cli import main
from lstm_depth.cli.benchmark import target_modules
import pytest
from test_data_readers import make_pairs


def test_every_target_is_a_module_with_help():
    targets = dict(target_modules())
    assert 'data' in targets
    for module in targets.values():
        assert module.HELP and callable(module.measure) and callable(module.add_arguments)


@pytest.mark.parametrize(('model', 'workers'), [('none', '1'), ('residual_lstm', '0')])
def test_data_prints_clips_per_second_and_the_share_waited(tmp_path, capsys, model, workers):
    make_pairs(tmp_path / 'stills')
    assert main(['benchmark', 'data', str(tmp_path / 'stills'), '--workers', workers, '--batch',
                 '2', '--length', '2', '--width', '32', '--height', '24', '--batches', '2',
                 '--model', model, '--json', str(tmp_path / 'a.json')]) == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    printed = capsys.readouterr().out
    assert report['clips'] == 4 and report['clips_per_s'] > 0 and 'clips/s' in printed
    if model == 'none':
        assert report['model'] is None and report['wait_share'] is None
    else:
        assert 0 <= report['wait_share'] <= 1 and report['step_s'] > 0
        assert 'waiting for data' in printed


@pytest.mark.parametrize(('option', 'value', 'says'), [
    ('--batch', '0', 'at least 1'), ('--batch', '50', 'fewer clips than a batch'),
    ('--model', 'nope', 'nope')])
def test_what_cannot_be_measured_is_one_clear_error(tmp_path, capsys, option, value, says):
    make_pairs(tmp_path / 'stills')
    assert main(['benchmark', 'data', str(tmp_path / 'stills'), '--workers', '0', '--width', '32',
                 '--height', '24', '--batches', '1', '--batch', '1', option, value]) == 2
    assert says in capsys.readouterr().err
