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
"""
ResNet-34 with a decoder of transposed convolutions (paper 004).

    frames -> ResNet-34 -> 4 x [transposed conv 4x4, BatchNorm, ReLU, 1x1] ->
    transposed conv 4x4 to one channel -> depth

At 224x224 the decoder goes through 7, 14, 28, 56, 112 and 224 pixels with 512,
256, 128, 64, 32 and 1 channels. No skip connections.
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.models.base import Features
from lstm_depth.models.blocks import DepthHead, TransposedBlock
from lstm_depth.models.encoder_decoder import EncoderConfig, EncoderDecoder
from lstm_depth.models.encoders import TimmEncoder
from torch import nn, Tensor

CHANNELS = (256, 128, 64, 32)


@dataclass(frozen=True, kw_only=True)
class ResNet34UpsamplingConfig(EncoderConfig):
    """Sizes of the network; the defaults are the paper's, with its depth to 20 m."""

    normalise: str = 'unit'
    input_height: int = 224
    input_width: int = 224
    depth_max: float = 20.0


class UpsamplingDecoder(nn.Module):
    """Five transposed convolutions with 1x1 convolutions between them."""

    def __init__(self, channels: list[int], config: ResNet34UpsamplingConfig) -> None:
        """Build for a pyramid of *channels*, of which only the last is used."""
        super().__init__()
        widths = (channels[-1], *CHANNELS)
        self.stages = nn.ModuleList(
            nn.Sequential(TransposedBlock(width, widths[i + 1], norm=True),
                          nn.Conv2d(widths[i + 1], widths[i + 1], 1))
            for i, width in enumerate(widths[:-1]))
        self.head = DepthHead(widths[-1], config, conv=nn.ConvTranspose2d(
            widths[-1], 1, 4, stride=2, padding=1))

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = features.core
        for stage in self.stages:
            x = stage(x)
        return self.head(x, features.size)


def resnet34_upsampling(name: str, config: ResNet34UpsamplingConfig,
                        pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of *config*."""
    encoder = TimmEncoder(config.encoder, pretrained)
    return EncoderDecoder(name, config, encoder, UpsamplingDecoder(encoder.channels, config))
