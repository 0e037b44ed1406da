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
"""Perceptual loss: depth maps compared through an ImageNet network's eyes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.models.encoders import read_weights
import torch
from torch import nn, Tensor
from torchvision import models as tv


@dataclass(frozen=True)
class _Network:
    """A torchvision network, the layers whose outputs are compared, and its weights."""

    build: object
    layers: tuple[int, ...]
    weights: object


NETWORKS = {
    # relu1_2, relu2_2, relu3_3, relu4_3, as Johnson et al. 2016.
    'vgg16': _Network(tv.vgg16, (3, 8, 15, 22), tv.VGG16_Weights.IMAGENET1K_V1),
    # The fire modules before each pooling, and the last.
    'squeezenet1_1': _Network(tv.squeezenet1_1, (1, 4, 7, 12),
                              tv.SqueezeNet1_1_Weights.IMAGENET1K_V1),
}


class PerceptualLoss(nn.Module):
    """
    Mean squared distance of ImageNet features of two depth clips (paper 000).

    Each layer's distance is divided by the mean square of the truth's features: networks and
    layers differ in scale by orders of magnitude, and the paper's weight of 0.5 beside an MSE
    in metres is meant for a number of about that size. 0 for equal depth, 1 for features as
    far from the truth's as no features at all.

    Depth is mapped to [0, 1] over *depth_max* metres, repeated to three channels
    and normalised as the network's training images were; invalid pixels take the
    truth's value in both (0 where it has none). The network is frozen.
    """

    def __init__(self, network: str = 'vgg16', weights: str | None = None, *,
                 depth_max: float = 10.0) -> None:
        """
        Build *network* ('vgg16' or 'squeezenet1_1').

        *weights*: a local .pth or .safetensors file in torchvision's layout;
        None downloads torchvision's. Raises CheckpointError when they cannot be had.
        """
        super().__init__()
        if network not in NETWORKS:
            raise ConfigError(f'the perceptual loss knows {", ".join(NETWORKS)}, not {network!r}')
        spec = NETWORKS[network]
        features = spec.build(weights=None).features[:spec.layers[-1] + 1]
        _load(features, network, weights)
        # Training through an in-place ReLU would overwrite a compared feature.
        for module in features:
            if isinstance(module, nn.ReLU):
                module.inplace = False
        self.features = features.eval().requires_grad_(False)
        self.layers = spec.layers
        self.depth_max = depth_max
        self.register_buffer('mean', torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer('std', torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
        """Return the loss, a scalar; arguments as in ``lstm_depth.losses.pixel``."""
        truth = torch.where(valid, truth.float(), 0.0)
        prediction = torch.where(valid, prediction.float(), truth)
        with torch.no_grad():
            wanted = self._extract(truth)
        found = self._extract(prediction)
        return sum((a - b).square().mean() / b.square().mean().clamp_min(1e-12)
                   for a, b in zip(found, wanted)) / len(wanted)

    def _extract(self, depth: Tensor) -> list[Tensor]:
        """Return the compared layers' features of (B, T, 1, H, W) depth."""
        x = (depth.flatten(0, 1).expand(-1, 3, -1, -1) / self.depth_max - self.mean) / self.std
        found = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.layers:
                found.append(x)
        return found


def _load(features: nn.Sequential, network: str, weights: str | None) -> None:
    """Load the ImageNet weights of the first layers of *network*."""
    if weights is None:
        try:
            values = NETWORKS[network].weights.get_state_dict(progress=True)
        except Exception as error:  # the hub's client raises its own kinds
            raise CheckpointError(
                f'no ImageNet weights for the perceptual loss ({network}) from the model hub '
                f'({error}); give a local file: perceptual.weights=/path/to/file.pth') from error
    else:
        values = read_weights(Path(weights))
    wanted = features.state_dict()
    values = {name.removeprefix('features.'): value for name, value in values.items()
              if name.startswith('features.')}
    missing = [name for name, value in wanted.items()
               if name not in values or values[name].shape != value.shape]
    if missing:
        raise CheckpointError(f'{weights} does not hold the features of {network}: missing or of '
                              f'another shape: {missing[:3]}')
    features.load_state_dict({name: values[name].float() for name in wanted})
