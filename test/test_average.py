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
"""The mean of the weights of checkpoints."""

from __future__ import annotations

from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.cli import main
from lstm_depth.header import read_header
from lstm_depth.models import create_model
import pytest
import torch

SMALL = {'filters': 4, 'hourglass_depth': 1, 'input_height': 32, 'input_width': 32}


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory):
    """Return the paths of three networks with other weights."""
    paths = []
    for seed in range(3):
        torch.manual_seed(seed)
        paths.append(tmp_path_factory.mktemp('nets') / f'{seed}.safetensors')
        save_checkpoint(paths[-1], create_model('residual_lstm', **SMALL),
                        training={'data': f'of {seed}'})
    return [str(path) for path in paths]


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1)])
def test_every_weight_is_the_mean(checkpoints, tmp_path, order):
    out = tmp_path / 'mean.safetensors'
    assert main(['average', *(checkpoints[i] for i in order), '--output', str(out)]) == 0
    states = [load_network(path).state_dict() for path in checkpoints]
    for name, weight in load_network(out).state_dict().items():
        if weight.is_floating_point():
            mean = sum(state[name].double() for state in states) / 3
            assert (weight - mean).abs().max() < 1e-6, name
    training = read_header(out)['training']
    assert training == {'data': f'of {order[0]}',
                        'average_of': [f'{index}.safetensors' for index in order]}


@pytest.mark.parametrize(('other', 'words'), [
    ([], 'two or more'), (['settings'], 'other settings'), (['model'], 'another network')])
def test_what_has_no_mean_is_one_sentence_and_status_2(
        checkpoints, tmp_path, capsys, other, words):
    paths = []
    for kind in other:
        name = 'residual_lstm' if kind == 'settings' else 'double_hourglass'
        size = {**SMALL, 'filters': 8} if kind == 'settings' else SMALL
        paths.append(tmp_path / f'{kind}.safetensors')
        save_checkpoint(paths[-1], create_model(name, **size))
    out = tmp_path / 'mean.safetensors'
    assert main(['average', checkpoints[0], *map(str, paths), '--output', str(out)]) == 2
    err = capsys.readouterr().err
    assert words in err and len(err.splitlines()) == 1
    assert not out.exists()
