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
"""A run that is killed, interrupted or stopped goes on as if nothing had been."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import subprocess
import sys
import time

from _training import draw_stills, history, tiny, write_recipe
from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.training.step import Stepper
from lstm_depth.training.trainer import train
import pytest
from safetensors.torch import load_file
import torch

ROOT = Path(__file__).resolve().parents[1]
STEPS = 8
KILLED_AT = """\
import os, signal, sys
from lstm_depth.cli import main
from lstm_depth.training.step import Stepper
whole_step, count = Stepper.step, 0

def step(self, batches):
    global count
    count += 1
    if count > int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole_step(self, batches)

Stepper.step = step
main(['train', '--config', sys.argv[1], *sys.argv[3:]])
"""


class Killed(BaseException):
    """Stands for a process that is gone."""


@pytest.fixture(scope='module')
def stills(tmp_path_factory):
    return draw_stills(tmp_path_factory.mktemp('stills'))


@pytest.fixture(scope='module')
def whole(stills, tmp_path_factory):
    """Return the output of a run that nobody disturbed."""
    output = tmp_path_factory.mktemp('whole') / 'run'
    assert train(tiny(stills, output))['steps'] == STEPS
    return output


def environment():
    return {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}


def assert_same_run(one, other):
    for name in ('model', 'best', 'phase_1'):
        weights, others = (load_file(run / f'{name}.safetensors') for run in (one, other))
        assert weights.keys() == others.keys()
        for key, weight in weights.items():
            assert torch.equal(weight, others[key]), f'{key} of {name} differs'
    for name in ('history', 'validation'):
        rows, others = ([{key: value for key, value in row.items()
                          if key not in ('frames_per_s', 'wait_share', 'memory_mb')}
                         for row in history(run, name)] for run in (one, other))
        assert str(rows) == str(others)


def stop_after(monkeypatch, steps):
    whole_step, count = Stepper.step, 0

    def step(self, batches):
        nonlocal count
        count += 1
        if count > steps:
            raise Killed
        return whole_step(self, batches)

    monkeypatch.setattr(Stepper, 'step', step)


# Before the first save, right after one, at the end of a phase, within the second, at the last.
@pytest.mark.parametrize('steps', [0, 3, 4, 5, 7])
def test_stopped_at_any_step_it_ends_with_the_same_weights(steps, whole, stills, tmp_path,
                                                           monkeypatch):
    config = tiny(stills, tmp_path / 'run')
    with monkeypatch.context() as patch, pytest.raises(Killed):
        stop_after(patch, steps)
        train(config)
    assert train(config, resume=True)['steps'] == STEPS
    assert_same_run(tmp_path / 'run', whole)


def test_killed_by_sigkill_it_ends_with_the_same_weights(whole, stills, tmp_path):
    output = tmp_path / 'run'
    recipe = write_recipe(tmp_path / 'recipe.yaml', stills, output)
    killed = subprocess.run([sys.executable, '-c', KILLED_AT, recipe, '5'],
                            env=environment(), timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (output / 'model.safetensors').exists()
    assert train(tiny(stills, output), resume=True)['steps'] == STEPS
    assert_same_run(output, whole)


def test_killed_while_it_saves_the_save_before_is_whole(whole, stills, tmp_path, monkeypatch):
    config = tiny(stills, tmp_path / 'run')
    torn, save = [], torch.save

    def torn_save(value, path):
        save(value, path)
        if value['progress']['step'] >= 6:
            os.truncate(path, 100)
            torn.append(path)
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(torch, 'save', torn_save)
        train(config)
    assert torn and train(config, resume=True)['steps'] == STEPS
    assert_same_run(tmp_path / 'run', whole)


def test_ctrl_c_saves_exits_0_and_says_how_to_resume(stills, tmp_path):
    output = tmp_path / 'a run'
    recipe = write_recipe(tmp_path / 'recipe.yaml', stills, output)
    override = 'phases.0.epochs=100000'
    process = subprocess.Popen(
        [sys.executable, '-m', 'lstm_depth', 'train', '--config', recipe, override,
         'train.workers=1', 'phases.0.loss={mse: 1.0, std: 0.1}'],
        env=environment(), cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    until = time.monotonic() + 240
    while not (output / 'history.csv').exists() or len(history(output)) < 3:
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.2)
    # As a terminal does: to the loader's workers too.
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    step = int(history(output)[-1]['step'])
    assert f'interrupted and saved at step {step}; go on with:' in said
    assert f"{override} train.workers=1 'phases.0.loss={{mse: 1.0, std: 0.1}}' --resume" in said
    saved = torch.load(output / 'last.pt', weights_only=True)['progress']
    assert saved['step'] == step
    config = tiny(stills, output, phases=[{'epochs': 100000}], train={'max_steps': step + 2})
    assert train(config, resume=True)['steps'] == step + 2


def test_a_finished_run_can_go_on_with_more_steps(whole, stills, tmp_path):
    assert train(tiny(stills, tmp_path / 'run', train={'max_steps': 4}))['steps'] == 4
    summary = train(tiny(stills, tmp_path / 'run'), resume=True)
    assert summary['steps'] == STEPS
    assert_same_run(tmp_path / 'run', whole)
    again = train(tiny(stills, tmp_path / 'run'), resume=True)
    assert again['steps'] == STEPS and again['metrics'] == summary['metrics']
    assert_same_run(tmp_path / 'run', whole)


def test_resumed_with_other_data_it_says_so(stills, tmp_path):
    output = tmp_path / 'run'
    train(tiny(stills, output, train={'max_steps': 3}))
    assert not train(tiny(stills, output, train={'max_steps': 4}), resume=True)['notes']
    fewer = draw_stills(tmp_path / 'fewer', frames=2)
    summary = train(tiny(fewer, output, train={'max_steps': 5}), resume=True)
    assert any('resumed at step 4 with other data; before: 9 frames' in note
               for note in summary['notes'])


def test_a_folder_with_a_run_is_not_overwritten(stills, tmp_path):
    config = tiny(stills, tmp_path / 'run', train={'max_steps': 1})
    train(config)
    before = (tmp_path / 'run' / 'model.safetensors').read_bytes()
    with pytest.raises(ConfigError, match='already holds a run; go on with --resume'):
        train(config)
    assert (tmp_path / 'run' / 'model.safetensors').read_bytes() == before


def test_what_cannot_be_resumed_is_said(stills, tmp_path):
    output = tmp_path / 'run'
    with pytest.raises(CheckpointError, match='holds no run to resume'):
        train(tiny(stills, output), resume=True)
    train(tiny(stills, output, train={'max_steps': 1}))
    with pytest.raises(CheckpointError, match='another model than the recipe says'):
        train(tiny(stills, output, model={'settings': {'filters': 3}}), resume=True)


def test_a_damaged_save_is_said(stills, tmp_path):
    output = tmp_path / 'run'
    train(tiny(stills, output, train={'max_steps': 1}))
    saved = torch.load(output / 'last.pt', weights_only=True)
    torch.save(saved | {'own': saved['own'] * 2}, output / 'last.pt')
    with pytest.raises(CheckpointError, match='by 2 processes and cannot go on with 1'):
        train(tiny(stills, output), resume=True)
    (output / 'last.pt').write_bytes((output / 'last.pt').read_bytes()[:1000])
    with pytest.raises(CheckpointError, match='is damaged'):
        train(tiny(stills, output), resume=True)
