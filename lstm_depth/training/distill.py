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
"""Knowledge distillation: depth of larger networks, or of several, as labels beside the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from lstm_depth.checkpoint import load_network
from lstm_depth.errors import ConfigError
from lstm_depth.losses import DepthLoss, TEMPORAL_NAMES
from lstm_depth.models import DepthModel
from lstm_depth.training.recipe import PhaseSection, TrainConfig
from lstm_depth.training.setup import make_loss
import torch
from torch import nn, Tensor
from torch.nn import functional

# The smallest depth that a logarithm is taken of.
_NEAREST_M = 1e-3


class Ensemble(nn.Module):
    """
    The geometric mean of what several networks say, without gradients.

    In the logarithm, errors of scale up and down are alike; with *flip* the mirrored image is
    asked about, too. Distillation of an ensemble is of Hinton, Vinyals and Dean, 2015
    (arXiv 1503.02531).
    """

    def __init__(self, networks: Iterable[DepthModel], flip: bool = False) -> None:
        """Hold *networks*, which are not trained and stay in inference mode."""
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.requires_grad_(False)
        self._flip = flip
        self.train()

    def train(self, mode: bool = True) -> Ensemble:
        """Stay in inference mode, whatever *mode* says."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """Return metres (B, T, 1, H, W) for clips (B, T, 3, H, W) of uint8 RGB."""
        clip = frames.float() / 255
        logs = [self._log_depth(network, clip) for network in self.networks]
        if self._flip:
            logs += [self._log_depth(network, clip.flip(-1)).flip(-1)
                     for network in self.networks]
        return torch.stack(logs).mean(0).exp()

    @staticmethod
    def _log_depth(network: DepthModel, clip: Tensor) -> Tensor:
        """Return the logarithm of a network's metres, at the size of the clip."""
        size, own = clip.shape[-2:], (network.config.input_height, network.config.input_width)
        if size != own:
            clip = functional.interpolate(clip.flatten(0, 1), own, mode='bilinear',
                                          antialias=True).unflatten(0, clip.shape[:2])
        depth = network.forward_clip(clip)[0].float()
        if size != own:
            depth = functional.interpolate(depth.flatten(0, 1), size, mode='bilinear',
                                           align_corners=False).unflatten(0, depth.shape[:2])
        return depth.clamp_min(_NEAREST_M).log()


class Distillation(nn.Module):
    """How far a prediction is from its teachers', and how much that counts."""

    def __init__(self, teachers: Ensemble, loss: DepthLoss, weight: float) -> None:
        """Hold the teachers, what they are compared by, and the *weight* within 0 to 1."""
        super().__init__()
        self.teachers, self.loss, self.weight = teachers, loss, weight

    def forward(self, prediction: Tensor, frames: Tensor) -> Tensor:
        """Return the loss of a prediction (B, T, 1, H, W) in metres for *frames*."""
        taught = self.teachers(frames)
        return self.loss(prediction, taught, torch.ones_like(taught, dtype=torch.bool))[0]


def make_distillation(config: TrainConfig, phase: PhaseSection,
                      model: DepthModel) -> Distillation | None:
    """
    Return the distillation of *phase* for the student *model*, None where it has no teachers.

    Teachers are compared by the loss of the phase without what it says of change over time:
    they flicker. CheckpointError for a file that is no checkpoint, ConfigError for a network
    that gives depth for a lens of another focal length.
    """
    section = phase.distill
    if not section.teachers:
        return None
    networks = [load_network(Path(place).expanduser()) for place in section.teachers]
    for place, network in zip(section.teachers, networks):
        if network.config.focal != model.config.focal:
            raise ConfigError(
                f'{place} gives depth for a focal length of {network.config.focal}, the network '
                f'to train for {model.config.focal}; they must be the same to be compared')
    # Without anything left, DepthLoss says so.
    still = {name: weight for name, weight in phase.loss.items() if name not in TEMPORAL_NAMES}
    loss = make_loss(config.perceptual, replace(phase, loss=still), model)
    return Distillation(Ensemble(networks, section.flip), loss, section.weight)
