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
"""Several processes train as one does with their batches together."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys

from _training import draw_stills, history, tiny, write_recipe
from lstm_depth.training.trainer import train
import pytest
from safetensors.torch import load_file
import torch

ROOT = Path(__file__).resolve().parents[1]
# A moving camera sees places without depth, and each process averages over its own pixels.
STILL = {'shift_m': 0.0, 'turn_deg': 0.0, 'margin': 0.0}
# Dropout draws other numbers on each process.
PLAIN = {'input_height': 32, 'input_width': 32, 'filters': 2, 'hourglasses': 1,
         'hourglass_depth': 1, 'hourglass_blocks': 1, 'dropout': 0.0, 'temporal': 'conv_lstm'}


def torchrun(recipe, *arguments):
    """Run ``lstm_depth train`` in two processes on the CPU (gloo), to its end."""
    return subprocess.run(
        [sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2',
         '-m', 'lstm_depth', 'train', '--config', recipe, 'model.settings.dropout=0.0',
         *(f'phases.{number}.{change}' for number in (0, 1)
           for change in (f'motion={STILL}', 'ema=0')), *arguments],
        env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}, cwd=ROOT,
        timeout=500, check=True, capture_output=True, text=True)


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Return the outputs of two processes, stopped half-way and resumed, and of one."""
    folder = tmp_path_factory.mktemp('processes')
    stills = draw_stills(folder / 'stills')
    recipe = write_recipe(folder / 'recipe.yaml', stills, folder / 'two')
    torchrun(recipe, 'train.max_steps=3')
    said = torchrun(recipe, '--resume').stdout
    train(tiny(stills, folder / 'one', phases=[
        {'batch': 4, 'ema': 0.0, 'motion': STILL},
        {'batch': 4, 'ema': 0.0, 'motion': STILL, 'name': 'second', 'optimizer': {'name': 'sgd'},
         'loss': {'l1': 1.0}, 'carry_state': True,
         'sampling': {'length': 2, 'still_clips': 2}}],
               model={'settings': PLAIN}))
    return folder / 'two', folder / 'one', said


def test_the_loss_curve_of_two_processes_is_that_of_one_with_the_doubled_batch(runs):
    two, one = history(runs[0]), history(runs[1])
    assert [row['step'] for row in two] == [row['step'] for row in one] == list(range(1, 9))
    for mine, other in zip(two, one):
        for name in ('loss', 'loss_mse', 'loss_std', 'loss_l1', 'gradient', 'lr'):
            assert mine[name] == pytest.approx(other[name], rel=1e-4, nan_ok=True), name


def test_the_weights_are_the_same_and_written_once(runs):
    two, one = (load_file(run / 'model.safetensors') for run in runs[:2])
    for name, weight in two.items():
        torch.testing.assert_close(weight, one[name], rtol=1e-4, atol=1e-5)
    assert runs[2].count('step 8, epoch 2: held out') == runs[2].count('curves.png') == 1
