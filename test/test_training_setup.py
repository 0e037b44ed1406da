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
"""What a run starts from, and what is said where it cannot."""

from __future__ import annotations

import signal

from lstm_depth.errors import ConfigError
from lstm_depth.training import setup
from lstm_depth.training.collapse import CollapseWatch, WINDOW
from lstm_depth.training.interrupt import InterruptRequest
from lstm_depth.training.recipe import ModelSection, PhaseSection, TrainSection
from lstm_depth.training.setup import build_model, is_out_of_memory, make_fabric, ready_model
import pytest
import torch


def test_a_device_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(setup, 'select_device',
                        lambda name: (torch.device('cpu'), f'{name} is not there'))
    with pytest.raises(ConfigError, match='cuda is not there; choose train.device=cpu'):
        make_fabric(TrainSection(device='cuda'))


@pytest.mark.parametrize('deterministic', [True, False])
def test_kernels_on_cuda_are_the_same_each_time_or_the_fastest(deterministic, monkeypatch):
    chosen = {}
    monkeypatch.setattr(torch, 'use_deterministic_algorithms',
                        lambda mode, warn_only: chosen.update(deterministic=mode))
    monkeypatch.setattr(torch.backends.cudnn, 'benchmark', deterministic)
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', 'old')
    setup.choose_kernels(deterministic)
    assert chosen == {'deterministic': deterministic}
    assert torch.backends.cudnn.benchmark is not deterministic


def test_the_device_and_the_precision_are_those_of_the_recipe():
    fabric = make_fabric(TrainSection(device='cpu', precision='bf16-mixed'))
    assert fabric.device.type == 'cpu' and fabric.world_size == 1
    with fabric.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_a_model_is_built_with_its_settings():
    model = build_model(ModelSection(name='double_hourglass',
                                     settings={'filters': 2, 'input_height': 32}))
    assert model.name == 'double_hourglass'
    assert (model.config.filters, model.config.input_height) == (2, 32)


@pytest.mark.parametrize(('error', 'memory'), [
    (torch.OutOfMemoryError('CUDA out of memory'), True),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 GB"), True),
    (RuntimeError('MPS backend out of memory (MPS allocated: 9 GB)'), True),
    (RuntimeError('shape mismatch'), False),
])
def test_errors_of_memory_are_told_from_others(error, memory):
    assert is_out_of_memory(error) == memory


@pytest.mark.parametrize('phase,held', [
    ({}, False), ({'hold_statistics': True}, True), ({'freeze': 'all_but_core'}, True)])
def test_a_phase_says_whether_statistics_are_held(phase, held):
    model = build_model(ModelSection(settings={'norm': True, 'temporal': 'conv_lstm'}))
    ready_model(model, PhaseSection(**phase))
    norms = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    assert model.training and norms
    assert all(module.training != held for module in norms)


def test_flat_predictions_are_said_once_and_only_when_they_stay():
    watch = CollapseWatch('first')
    assert not any(watch.see(0.01) for _ in range(WINDOW - 1))
    assert 'first: the predictions are flat' in watch.see(0.01)
    assert not any(watch.see(0.01) for _ in range(WINDOW))
    varied = CollapseWatch('second')
    assert not any(varied.see(0.05 if step % 2 else 0.5) for step in range(3 * WINDOW))


def test_ctrl_c_asks_and_the_next_one_interrupts(monkeypatch):
    now, before = [10.0], signal.getsignal(signal.SIGINT)
    monkeypatch.setattr('lstm_depth.training.interrupt.time.monotonic', lambda: now[0])
    with InterruptRequest() as request:
        assert not request.asked
        signal.raise_signal(signal.SIGINT)
        assert request.asked
        # What torchrun hands on is the same Ctrl-C.
        signal.raise_signal(signal.SIGTERM)
        now[0] += 2
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
