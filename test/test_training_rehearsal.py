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
"""What a later phase lacks is said before the first."""

from __future__ import annotations

from _training import draw_stills, history, tiny
from lstm_depth.errors import ConfigError, LstmDepthError
from lstm_depth.training.trainer import train
import pytest


@pytest.fixture(scope='module')
def stills(tmp_path_factory):
    return draw_stills(tmp_path_factory.mktemp('stills'))


def no_internet(*_, **__):
    raise OSError('no route to host')


@pytest.mark.parametrize('second, said', [
    ({'loss': {'msee': 1.0}}, "no loss 'msee'"),
    ({'loss': {'perceptual': 1.0}}, 'perceptual.weights'),
    ({'distill': {'teachers': ['nothing.safetensors']}}, 'no checkpoint nothing.safetensors'),
    ({'drop_path': 0.2}, 'no pretrained backbone'),
    ({'freeze': 'encoder'}, 'no pretrained backbone'),
    ({'carry_state': False, 'steps': 0, 'batch': 1000}, 'fewer than a batch of 1000')])
def test_what_a_later_phase_lacks_is_said_before_the_first(stills, tmp_path, monkeypatch, second,
                                                           said):
    monkeypatch.setattr('torch.hub.download_url_to_file', no_internet)
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    with pytest.raises(LstmDepthError, match=said) as error:
        train(tiny(stills, tmp_path / 'run', phases=[{}, second | {'name': 'last'}]))
    assert str(error.value).startswith('phases.1 (last): ')
    assert not (tmp_path / 'run' / 'history.csv').exists()


def test_a_phase_that_is_not_reached_need_not_be_ready(stills, tmp_path):
    phases = [{}, {'loss': {'msee': 1.0}}]
    train(tiny(stills, tmp_path / 'run', phases=phases, train={'max_steps': 4}))
    assert len(history(tmp_path / 'run')) == 4
    with pytest.raises(ConfigError, match='msee'):
        train(tiny(stills, tmp_path / 'more', phases=phases, train={'max_steps': 5}))


def test_a_phase_may_be_taught_by_an_earlier_one(stills, tmp_path):
    output = tmp_path / 'run'
    teachers = [str(output / 'phase_1.safetensors')]
    train(tiny(stills, output, phases=[{}, {'distill': {'teachers': teachers}}]))
    assert len(history(output)) == 8
