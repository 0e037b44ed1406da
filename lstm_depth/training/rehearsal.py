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
"""What a later phase lacks is said before the first, not hours later when it begins."""

from __future__ import annotations

from copy import deepcopy
import math
from pathlib import Path

from lstm_depth.errors import LstmDepthError
from lstm_depth.models import DepthModel
from lstm_depth.training.batches import phase_loader, TrainingData
from lstm_depth.training.distill import make_distillation
from lstm_depth.training.recipe import PhaseSection, TrainConfig
from lstm_depth.training.setup import make_loss, ready_model
import torch


def rehearse(config: TrainConfig, data: TrainingData, model: DepthModel, phase: int = 0,
             step: int = 0) -> None:
    """
    Build once what the phases from number *phase* on need, and drop it.

    *step*: how many steps are done; phases that begin only after ``max_steps`` are left out.
    *model* stays as it is, and random numbers are drawn as if this had not been called. Raises
    what building raises, with the number and the name of the phase in front.
    """
    model = deepcopy(model)
    left = config.train.max_steps - step if config.train.max_steps else math.inf
    for number, section in list(enumerate(config.phases))[phase:]:
        if left <= 0:
            return
        try:
            with torch.random.fork_rng(devices=[]):
                left -= _rehearsed(config, data, model, section)
        except LstmDepthError as error:
            name = f' ({section.name})' if section.name else ''
            raise type(error)(f'phases.{number}{name}: {error}') from error


def _rehearsed(config: TrainConfig, data: TrainingData, model: DepthModel,
               phase: PhaseSection) -> int:
    """Build what one phase needs; return how many steps it has."""
    _, batches = phase_loader(data, config.data, phase, model, config.train.seed)
    ready_model(model, phase)
    make_loss(config.perceptual, phase, model)
    output = Path(config.train.output).resolve()
    # A phase may be taught by what an earlier one of the same run writes.
    if not any(output in Path(place).expanduser().resolve().parents
               for place in phase.distill.teachers):
        make_distillation(config, phase, model)
    return phase.epochs * (len(batches) // phase.accumulate)
