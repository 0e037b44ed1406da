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
"""The mean of the weights of several networks."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_depth.errors import ConfigError
from lstm_depth.models.base import DepthModel
import torch


def average_weights(models: Sequence[tuple[str, DepthModel]]) -> DepthModel:
    """
    Return the first of *models* (name, network) with the mean of the weights of all.

    Counts, which are not floating-point numbers, stay those of the first. Raises ConfigError
    for less than two models, and for one of another kind or with other settings.
    """
    if len(models) < 2:
        raise ConfigError('an average takes two or more checkpoints')
    (first_name, first), *others = models
    for name, model in others:
        if (model.name, model.config) != (first.name, first.config):
            raise ConfigError(f'{name} is another network than {first_name}, or has other '
                              'settings ("lstm_depth models" shows them); their weights have no '
                              'mean')
    states = [model.state_dict() for _, model in models]
    with torch.no_grad():
        for key, weight in states[0].items():
            if weight.is_floating_point():
                # In float64: the order of the checkpoints does not matter.
                mean = torch.stack([state[key].double() for state in states]).mean(0)
                weight.copy_(mean)
    return first
