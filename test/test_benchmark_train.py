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
"""`lstm_depth benchmark train`: both networks step in turns on the same frames."""

from __future__ import annotations

import argparse
import json

from lstm_depth.cli import main
from lstm_depth.cli.benchmark import target_modules
from lstm_depth.cli.benchmark.train import add_arguments, measure
from lstm_depth.training.step import Stepper
import pytest
from test_data_readers import make_pairs

SMALL = ['--batch', '1', '--length', '2', '--width', '32', '--height', '24', '--device', 'cpu']


def arguments(*options: str) -> argparse.Namespace:
    """Return the parsed arguments of ``benchmark train`` at a small size."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args([*SMALL, *options])


def test_the_report_has_the_seconds_of_each_and_their_ratio(tmp_path, capsys):
    assert 'train' in dict(target_modules())
    assert main(['benchmark', 'train', *SMALL, '--steps', '3', '--raster', '--json',
                 str(tmp_path / 'a.json')]) == 0
    report, printed = json.loads((tmp_path / 'a.json').read_text()), capsys.readouterr().out
    seconds = {name: model['step_s'] for name, model in report['models'].items()}
    assert set(seconds) == {'double_hourglass', 'residual_lstm', 'raster_lstm'}
    assert report['ratio'] > 0 and report['raster_ratio'] > 0
    assert report['models']['residual_lstm']['frames_per_s'] == 2 / seconds['residual_lstm']
    assert report['memory_mb'] > 0 and report['wait_share'] is None
    assert f'{report["ratio"]:.2f} times' in printed and '4.4' in printed


def test_all_step_in_turns_on_the_same_frames(monkeypatch):
    calls = []
    step = Stepper.step

    def recorded(self, batches):
        calls.append((id(self), batches[0].frames))
        return step(self, batches)

    monkeypatch.setattr(Stepper, 'step', recorded)
    speed = measure(arguments('--steps', '4'))
    assert speed.raster_ratio is None
    assert set(speed.models) == {'double_hourglass', 'residual_lstm'}
    names = [name for name, _ in calls]
    assert all(first != second for first, second in zip(names[::2], names[1::2]))
    assert names[0] == names[3] and len(names) == 2 * (2 + 4)
    assert all(frames is calls[0][1] for _, frames in calls)


def test_a_machine_that_gets_busy_does_not_change_the_ratio(monkeypatch):
    base, lstm = [1.0, 5.0, 1.0, 5.0, 5.0], [1.2, 6.0, 1.2, 6.0, 1.2]
    monkeypatch.setattr('lstm_depth.cli.benchmark.train._time_in_turns', lambda *_: {
        'double_hourglass': base, 'residual_lstm': lstm})
    speed = measure(arguments())
    assert speed.ratio == pytest.approx(1.2)
    assert speed.models['double_hourglass'].step_s == 5
    assert speed.models['residual_lstm'].frames_per_s == pytest.approx(2 / 1.2)


@pytest.mark.parametrize('workers', ['0', '1'])
def test_data_says_how_long_the_loader_is_waited_for(tmp_path, capsys, workers):
    make_pairs(tmp_path / 'stills')
    assert main(['benchmark', 'train', *SMALL, '--steps', '2', '--workers', workers, '--data',
                 str(tmp_path / 'stills'), '--json', str(tmp_path / 'a.json')]) == 0
    assert 0 < json.loads((tmp_path / 'a.json').read_text())['wait_share'] < 1
    assert 'waits for data' in capsys.readouterr().out


@pytest.mark.parametrize(('option', 'value', 'says'), [
    ('--steps', '0', 'at least 1'), ('--device', 'cuda:99', 'train.device=cpu'),
    ('--data', 'nowhere', 'nowhere')])
def test_what_cannot_be_measured_is_one_clear_error(capsys, option, value, says):
    assert main(['benchmark', 'train', *SMALL, '--steps', '1', option, value]) == 2
    assert says in capsys.readouterr().err
