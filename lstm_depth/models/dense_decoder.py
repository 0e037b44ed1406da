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
Truncated encoders with one dense decoder (paper 003).

    frames -> backbone to stride 16 -> LeakyReLU -> 4 x [x2, conv, concatenation,
    conv, conv] -> 3x3 -> sigmoid -> depth

The paper does not say where it truncates. The code it links to names the layers
for Inception-ResNet-v2, and those give the reported number of parameters to the
last digit. The same decoder on the other encoders gives their numbers, digit by
digit as printed, for the cuts below (README.md beside this file has the sums).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from lstm_depth.errors import ConfigError
from lstm_depth.models.base import Features
from lstm_depth.models.blocks import ConvBlock, DepthHead, resize
from lstm_depth.models.encoder_decoder import EncoderConfig, EncoderDecoder
from lstm_depth.models.encoders import TimmEncoder
import torch
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812

SLOPE = 0.2


class Cut(NamedTuple):
    """Levels of a truncated backbone, finest first, and whether the image is one of them."""

    taps: tuple[str, ...]
    with_input: bool


CUTS = {
    'densenet201': Cut(('features.norm0', 'features.denseblock1', 'features.denseblock2',
                        'features.transition3.norm'), True),
    'inception_resnet_v2': Cut(('conv2d_1a', 'conv2d_3b', 'mixed_6a.branch1.1',
                                'mixed_7a.branch2.1'), True),
    'resnet152': Cut(('act1', 'layer1', 'layer2', 'layer3.5'), True),
    # Full size is the first level here, so the image is none; the last convolution is left out.
    'vgg19': Cut(('features.3', 'features.8', 'features.17', 'features.26', 'features.33'),
                 False),
}


@dataclass(frozen=True, kw_only=True)
class DenseDecoderConfig(EncoderConfig):
    """
    Sizes of the encoder-decoder; the defaults are the paper's.

    *decoder_filters*: channels of the decoder's blocks, coarsest first.
    """

    encoder: str = 'inception_resnet_v2'
    normalise: str = 'unit'
    output: str = 'sigmoid'
    input_height: int = 240
    input_width: int = 320
    decoder_filters: tuple[int, ...] = (256, 128, 64, 32)

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        super().__post_init__()
        self.check_choice('encoder', tuple(CUTS))
        if len(self.decoder_filters) != 4 or min(self.decoder_filters) < 1:
            raise ConfigError('decoder_filters must be four positive numbers, not '
                              f'{self.decoder_filters}')


class DenseBlock(nn.Module):
    """Bilinear upsampling, convolution, concatenation with a skip, two convolutions."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int) -> None:
        """Build; LeakyReLU after each convolution, BatchNorm behind the last two."""
        super().__init__()
        self.conv_a = ConvBlock(in_channels, out_channels, slope=SLOPE)
        self.conv_b = ConvBlock(out_channels + skip_channels, out_channels, norm=True,
                                slope=SLOPE, norm_last=True)
        self.conv_c = ConvBlock(out_channels, out_channels, norm=True, slope=SLOPE,
                                norm_last=True)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (N, out_channels, h, w) at the size of *skip*."""
        x = self.conv_a(resize(x, skip.shape[-2:]))
        return self.conv_c(self.conv_b(torch.cat([x, skip], dim=1)))


class DenseDecoder(nn.Module):
    """LeakyReLU bridge and four dense blocks, from stride 16 to the frames' size."""

    def __init__(self, channels: list[int], config: DenseDecoderConfig) -> None:
        """Build for a pyramid of *channels*, finest first."""
        super().__init__()
        widths = (channels[-1], *config.decoder_filters)
        self.blocks = nn.ModuleList(
            DenseBlock(widths[i], skip, widths[i + 1])
            for i, skip in enumerate(channels[-2::-1]))
        self.head = DepthHead(widths[-1], config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = F.leaky_relu(features.core, SLOPE)
        for block, skip in zip(self.blocks, features.skips):
            x = block(x, skip)
        return self.head(x, features.size)


def dense_decoder(name: str, config: DenseDecoderConfig,
                  pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of *config*."""
    cut = CUTS[config.encoder]
    encoder = TimmEncoder(config.encoder, pretrained, taps=cut.taps, with_input=cut.with_input)
    return EncoderDecoder(name, config, encoder, DenseDecoder(encoder.channels, config))
