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
"""An encoder with skips, a recurrent core at its bottleneck, a decoder: papers 001 to 004."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.models.backbone import Backbone
from lstm_depth.models.base import DepthModel, Features
from lstm_depth.models.config import ModelConfig
from torch import nn, Tensor

NORMALISATIONS = ('unit', 'symmetric', 'weights')


@dataclass(frozen=True, kw_only=True)
class EncoderConfig(ModelConfig):
    """
    What every encoder-decoder has.

    *encoder*: the timm backbone. *normalise*: what the encoder sees of frames in
    [0, 1]: 'unit' leaves them, 'symmetric' makes it [-1, 1], 'weights' is the mean
    and standard deviation that the backbone's ImageNet weights were trained with.
    """

    encoder: str = 'resnet34'
    normalise: str = 'weights'
    output: str = 'linear'
    temporal_channels: int = 128
    temporal_residual: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        super().__post_init__()
        self.check_choice('normalise', NORMALISATIONS)


class EncoderDecoder(DepthModel):
    """A pyramid, the core on its coarsest map, and a decoder fed with all of them."""

    def __init__(self, name: str, config: EncoderConfig, encoder: Backbone,
                 decoder: nn.Module) -> None:
        """Build; *decoder* maps Features, skips coarsest first, to depth in metres."""
        mean, std = {
            'unit': ((0.0,) * 3, (1.0,) * 3),
            'symmetric': ((0.5,) * 3, (0.5,) * 3),
            'weights': (encoder.mean, encoder.std),
        }[config.normalise]
        super().__init__(name, config, mean=mean, std=std)
        self.encoder = encoder
        self.decoder = decoder
        self.build_core(encoder.channels[-1])

    def extract(self, frames: Tensor) -> Features:
        """Return the encoder's coarsest map as core, the finer ones as skips."""
        *skips, core = self.encoder(frames)
        return Features(core, tuple(reversed(skips)), tuple(frames.shape[-2:]))

    def decode(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        return self.decoder(features)
