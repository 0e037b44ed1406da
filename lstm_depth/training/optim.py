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
"""Optimizers, learning-rate schedules and averaged weights of a phase."""

from __future__ import annotations

import copy
from typing import Any
import warnings

from lstm_depth.errors import CheckpointError
from lstm_depth.models import DepthModel
from lstm_depth.training.recipe import PhaseSection
import torch
from torch.optim import lr_scheduler, Optimizer


def make_optimizer(model: DepthModel, phase: PhaseSection) -> Optimizer:
    """Return the optimizer of what *phase* trains, backbone and core at their own rates."""
    section = phase.optimizer
    rates = {id(parameter): section.core_rate for parameter in model.core.parameters()}
    rates |= {id(parameter): section.encoder_rate for module in model.backbones()
              for parameter in module.parameters()}
    groups = []
    for rate in dict.fromkeys((1.0, section.encoder_rate, section.core_rate)):
        parameters = [parameter for parameter in model.parameters()
                      if parameter.requires_grad and rates.get(id(parameter), 1.0) == rate]
        if parameters:
            groups.append({'params': parameters, 'lr': phase.learning_rate * rate})
    section = phase.optimizer
    if section.name == 'sgd':
        return torch.optim.SGD(groups, momentum=section.momentum,
                               weight_decay=section.weight_decay)
    kind = torch.optim.AdamW if section.name == 'adamw' else torch.optim.Adam
    return kind(groups, betas=section.betas, weight_decay=section.weight_decay,
                amsgrad=section.amsgrad)


def restore_optimizer(optimizer: Optimizer, saved: dict[str, Any]) -> None:
    """
    Load what an optimizer has gathered; its rates stay what the recipe says now.

    CheckpointError where it gathered it for other parameters.
    """
    groups = optimizer.state_dict()['param_groups']
    if ([group['params'] for group in groups]
            != [group['params'] for group in saved['param_groups']]):
        raise CheckpointError('the saved run trained other layers of the model than the recipe '
                              'says; resume with the recipe it was started with (config.yaml)')
    optimizer.load_state_dict({'state': saved['state'], 'param_groups': groups})


def make_schedule(optimizer: Optimizer, phase: PhaseSection, epoch_steps: int,
                  done: int = 0) -> lr_scheduler.LRScheduler:
    """
    Return the schedule of a phase whose epochs have *epoch_steps* optimizer steps.

    *done*: steps behind a resumed run. They are walked through again, so that it follows
    the recipe as it is now, with a lower learning rate for example.
    """
    schedule = _schedule(optimizer, phase, epoch_steps)
    with warnings.catch_warnings():
        # PyTorch misses the optimizer's steps between those of the schedule.
        warnings.simplefilter('ignore', UserWarning)
        for _ in range(done):
            schedule.step()
    return schedule


def _schedule(optimizer: Optimizer, phase: PhaseSection,
              epoch_steps: int) -> lr_scheduler.LRScheduler:
    """Return the schedule of a phase at its start."""
    section, steps = phase.schedule, phase.epochs * epoch_steps
    if section.name == 'one_cycle':
        rates = [group['lr'] for group in optimizer.param_groups]
        # The rates of the recipe are the peak's; momentum stays what the optimizer says.
        return lr_scheduler.OneCycleLR(optimizer, max_lr=rates, total_steps=steps,
                                       pct_start=section.warmup, cycle_momentum=False)
    if section.name == 'cosine':
        warm = max(1, round(section.warmup * steps))
        return lr_scheduler.SequentialLR(optimizer, [
            lr_scheduler.LinearLR(optimizer, 1 / warm, total_iters=warm),
            lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps - warm))], [warm])
    if section.name == 'step':
        return lr_scheduler.StepLR(optimizer, section.every * epoch_steps, section.factor)
    if section.name == 'cyclic':
        rates = [group['lr'] for group in optimizer.param_groups]
        scale = section.peak / phase.learning_rate
        return lr_scheduler.CyclicLR(
            optimizer, base_lr=rates, max_lr=[rate * scale for rate in rates],
            step_size_up=section.up, step_size_down=section.down, mode=section.mode,
            cycle_momentum=False)
    return lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)


class WeightAverage:
    """
    An exponential moving average of a model's weights and BatchNorm statistics.

    *decay* is reached slowly, ``min(decay, (1 + n) / (10 + n))`` at the n-th update, so that
    the start is forgotten (as TensorFlow's ExponentialMovingAverage does).
    """

    def __init__(self, model: DepthModel, decay: float) -> None:
        """Start at the model's weights."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.updates = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, model: DepthModel) -> None:
        """Move towards *model*."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        theirs = model.state_dict()
        floats = []
        for name, mine in self.model.state_dict().items():
            if mine.is_floating_point():
                floats.append((mine, theirs[name]))
            else:
                mine.copy_(theirs[name])
        torch._foreach_lerp_([mine for mine, _ in floats], [new for _, new in floats], 1 - decay)
