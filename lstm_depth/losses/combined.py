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
"""A weighted sum of losses, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math

from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.losses import pixel, structure
from lstm_depth.losses.perceptual import PerceptualLoss
import torch
from torch import nn, Tensor

_TERMS: dict[str, Callable[..., Tensor]] = {
    'mse': pixel.mse_loss,
    'rmse': pixel.rmse_loss,
    'l1': pixel.l1_loss,
    'berhu': pixel.berhu_loss,
    'silog': pixel.silog_loss,
    'std': pixel.std_penalty,
    'edge': structure.edge_loss,
    'gradient': structure.gradient_loss,
    'ssim': structure.ssim_loss,
    'temporal': structure.temporal_loss,
    'drift': structure.drift_loss,
    'tgm': structure.tgm_loss,
}
LOSS_NAMES = (*_TERMS, 'perceptual')
# Those that compare frames with each other.
TEMPORAL_NAMES = ('temporal', 'drift', 'tgm')


class DepthLoss(nn.Module):
    """
    The sum of named losses, each times its weight.

    *weights*: name (one of ``LOSS_NAMES``) to weight; 0 switches a term off.
    *unit*: metres that count as 1; papers that train on depth in [0, 1] divide by
    the largest depth. *perceptual_network*, *perceptual_weights*: see
    PerceptualLoss, built only when the term is used. Raises ConfigError for an
    unknown name (naming the nearest) or an unusable weight.
    """

    def __init__(self, weights: Mapping[str, float], *, unit: float = 1.0,
                 depth_max: float = 10.0, perceptual_network: str = 'vgg16',
                 perceptual_weights: str | None = None) -> None:
        """Check the names and build what holds parameters."""
        super().__init__()
        for name, weight in weights.items():
            if name not in LOSS_NAMES:
                raise ConfigError(f'there is no loss {name!r}'
                                  + did_you_mean(name, list(LOSS_NAMES)))
            if not (math.isfinite(weight) and weight >= 0):
                raise ConfigError(f'the weight of loss {name!r} must be 0 or more, not {weight}')
        self.weights = {name: weight for name, weight in weights.items() if weight}
        if not self.weights:
            raise ConfigError('a recipe needs at least one loss with a weight above 0; there are: '
                              + ', '.join(LOSS_NAMES))
        if not unit > 0:
            raise ConfigError(f'the unit of depth must be above 0 metres, not {unit}')
        self.unit = unit
        self.perceptual = PerceptualLoss(
            perceptual_network, perceptual_weights, depth_max=depth_max / unit,
        ) if 'perceptual' in self.weights else None

    def forward(self, prediction: Tensor, truth: Tensor,
                valid: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """
        Return the sum and each term before its weight (detached).

        *prediction*, *truth*: (B, T, 1, H, W) metres; *valid*: the boolean mask.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            prediction, truth = prediction.float() / self.unit, truth.float() / self.unit
            functions = _TERMS | {'perceptual': self.perceptual}
            terms = {name: functions[name](prediction, truth, valid) for name in self.weights}
        total = sum(weight * terms[name] for name, weight in self.weights.items())
        return total, {name: term.detach() for name, term in terms.items()}
