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
The skip-connection study (paper 002): what meets in the decoder, and how.

    de_noskip           ResNet-50 to stride 16, links inside the decoder only
    resnete_decoder_v1  ResNet-34, encoder maps and decoder links added
    resnete_decoder_v2  encoder maps added; last link and the image concatenated
    resnete_decoder_v3  encoder maps and the image concatenated
    densenet_unet       DenseNet-121, U-Net
    resnet_unet         ResNet-50, U-Net
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.errors import ConfigError
from lstm_depth.models.base import Features
from lstm_depth.models.blocks import ConvBlock, DepthHead, resize, TransposedBlock, UpBlock
from lstm_depth.models.encoder_decoder import EncoderConfig, EncoderDecoder
from lstm_depth.models.encoders import TimmEncoder
import torch
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812

RESNET_WITHOUT_LAST_STAGE = ('act1', 'layer1', 'layer2', 'layer3')


@dataclass(frozen=True, kw_only=True)
class SkipStudyConfig(EncoderConfig):
    """
    Sizes of the study's networks.

    *bridge*: channels of the convolution between encoder and decoder, where there
    is one. *decoder_filters*: channels of the decoder's blocks, coarsest first;
    the ResNetE decoders have their encoder's and take only the last.
    """

    input_height: int = 128
    input_width: int = 128
    bridge: int = 512
    decoder_filters: tuple[int, ...] = (256, 128, 64, 32)

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        super().__post_init__()
        self.check_positive('bridge')
        if len(self.decoder_filters) != 4 or min(self.decoder_filters) < 1:
            raise ConfigError('decoder_filters must be four positive numbers, not '
                              f'{self.decoder_filters}')


class Link(nn.Module):
    """The study's link inside a decoder: convolution, bilinear upsampling, ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Build from the lower resolution's channels to the higher one's."""
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return (N, out_channels, *size)."""
        return F.relu(resize(self.conv(x), size))


class SumBlock(nn.Module):
    """An upsampling *body*; an encoder map and a link are added, BatchNorm after each sum."""

    def __init__(self, body: nn.Module, in_channels: int, out_channels: int, *,
                 skip: bool = False, link: bool = False) -> None:
        """Build round *body*, (N, in, h, w) to (N, out, 2h, 2w)."""
        super().__init__()
        self.body = body
        self.skip_norm = nn.BatchNorm2d(out_channels) if skip else None
        self.link = Link(in_channels, out_channels) if link else None
        self.link_norm = nn.BatchNorm2d(out_channels) if link else None

    def forward(self, x: Tensor, size: tuple[int, int], skip: Tensor | None = None) -> Tensor:
        """Return (N, out_channels, *size)."""
        y = resize(self.body(x), size)
        if self.skip_norm is not None:
            y = self.skip_norm(y + skip)
        if self.link is not None:
            y = self.link_norm(y + self.link(x, size))
        return y


class NoSkipDecoder(nn.Module):
    """Bridge, four bilinear blocks, links into the last three; nothing from the encoder."""

    def __init__(self, channels: list[int], config: SkipStudyConfig) -> None:
        """Build for a pyramid of *channels*, of which only the last is used."""
        super().__init__()
        self.bridge = nn.Sequential(
            nn.Conv2d(channels[-1], config.bridge, 3, padding=1, bias=False),
            nn.BatchNorm2d(config.bridge))
        widths = (config.bridge, *config.decoder_filters)
        self.blocks = nn.ModuleList(
            SumBlock(nn.Sequential(nn.Upsample(scale_factor=2, mode='bilinear'),
                                   ConvBlock(width, widths[i + 1])),
                     width, widths[i + 1], link=i > 0)
            for i, width in enumerate(widths[:-1]))
        self.head = DepthHead(widths[-1], config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = self.bridge(features.core)
        for block, size in zip(self.blocks, _sizes(features)):
            x = block(x, size)
        return self.head(x, features.size)


class SumDecoder(nn.Module):
    """
    Five blocks of transposed convolution and convolution, encoder maps added (v1, v2).

    v1 has links into its last three blocks. With *concatenate* (v2) only the last
    link is left, and it, the image and the last block's output are concatenated.
    """

    def __init__(self, channels: list[int], config: SkipStudyConfig, *,
                 concatenate: bool) -> None:
        """Build for a pyramid of *channels*; in v2 the first of them are the image's."""
        super().__init__()
        image = channels[0] if concatenate else 0
        maps = channels[1:] if concatenate else channels
        widths = (*reversed(maps), config.decoder_filters[-1])
        last = len(widths) - 2
        self.blocks = nn.ModuleList(
            SumBlock(nn.Sequential(TransposedBlock(width, widths[i + 1]),
                                   ConvBlock(widths[i + 1], widths[i + 1])),
                     width, widths[i + 1], skip=i < last,
                     link=not concatenate and i > last - 3)
            for i, width in enumerate(widths[:-1]))
        self.last_link = Link(widths[-2], widths[-1]) if concatenate else None
        self.head = DepthHead(2 * widths[-1] + image if concatenate else widths[-1], config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        *blocks, last = self.blocks
        x = features.core
        for block, skip in zip(blocks, features.skips):
            x = block(x, tuple(skip.shape[-2:]), skip)
        y = last(x, features.size)
        if self.last_link is not None:
            y = torch.cat([y, self.last_link(x, features.size), features.skips[-1]], dim=1)
        return self.head(y, features.size)


class ConcatDecoder(nn.Module):
    """Transposed convolutions, each concatenated with a map; three convolutions last (v3)."""

    def __init__(self, channels: list[int], config: SkipStudyConfig) -> None:
        """Build for a pyramid of *channels*, the first of them the image's."""
        super().__init__()
        skips = channels[-2::-1]
        widths = (*skips[:-1], config.decoder_filters[-1])
        inputs = (channels[-1], *(w + s for w, s in zip(widths, skips)))
        self.ups = nn.ModuleList(TransposedBlock(i, w) for i, w in zip(inputs, widths))
        self.last = nn.Sequential(ConvBlock(inputs[-1], widths[-1]),
                                  ConvBlock(widths[-1], widths[-1]))
        self.head = DepthHead(widths[-1], config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = features.core
        for up, skip in zip(self.ups, features.skips):
            x = torch.cat([resize(up(x), skip.shape[-2:]), skip], dim=1)
        return self.head(self.last(x), features.size)


class UNetDecoder(nn.Module):
    """Bridge, four blocks of upsampling, concatenation and two convolutions, depth x2."""

    def __init__(self, channels: list[int], config: SkipStudyConfig) -> None:
        """Build for a pyramid of *channels*, finest first."""
        super().__init__()
        self.bridge = ConvBlock(channels[-1], config.bridge, norm=True)
        widths = (config.bridge, *config.decoder_filters)
        self.ups = nn.ModuleList(
            UpBlock(widths[i], skip, widths[i + 1], convs=2)
            for i, skip in enumerate(channels[-2::-1]))
        self.head = DepthHead(widths[-1], config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = self.bridge(features.core)
        for up, skip in zip(self.ups, features.skips):
            x = up(x, skip)
        return self.head(x, features.size)


def _sizes(features: Features) -> list[tuple[int, int]]:
    """Return the sizes that a decoder goes through, up to the frames'."""
    return [tuple(skip.shape[-2:]) for skip in features.skips] + [features.size]


def de_noskip(name: str, config: SkipStudyConfig,
              pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network without skip connections."""
    encoder = TimmEncoder(config.encoder, pretrained, taps=RESNET_WITHOUT_LAST_STAGE)
    return EncoderDecoder(name, config, encoder, NoSkipDecoder(encoder.channels, config))


def resnete_decoder_v1(name: str, config: SkipStudyConfig,
                       pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of sums."""
    encoder = TimmEncoder(config.encoder, pretrained)
    return EncoderDecoder(name, config, encoder,
                          SumDecoder(encoder.channels, config, concatenate=False))


def resnete_decoder_v2(name: str, config: SkipStudyConfig,
                       pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of sums that ends in a concatenation with the image."""
    encoder = TimmEncoder(config.encoder, pretrained, with_input=True)
    return EncoderDecoder(name, config, encoder,
                          SumDecoder(encoder.channels, config, concatenate=True))


def resnete_decoder_v3(name: str, config: SkipStudyConfig,
                       pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of concatenations."""
    encoder = TimmEncoder(config.encoder, pretrained, with_input=True)
    return EncoderDecoder(name, config, encoder, ConcatDecoder(encoder.channels, config))


def unet(name: str, config: SkipStudyConfig, pretrained: bool | str = False) -> EncoderDecoder:
    """Return the U-Net of *config*'s encoder."""
    encoder = TimmEncoder(config.encoder, pretrained)
    return EncoderDecoder(name, config, encoder, UNetDecoder(encoder.channels, config))
