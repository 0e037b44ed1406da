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
Residual-LSTM double hourglass (paper 000), and its base model without the LSTM.

    frames -> encoder -> LSTM -> hourglass -> hourglass -> (+) -> decoder -> depth
                           |                               ^
                           +-------------------------------+

With ``encoder='paper'`` the encoder is Conv1..Conv7 at full resolution and the
decoder Conv8..Conv13, 3 filters throughout. With a timm backbone the same LSTM,
hourglasses and residual link work at 1/4 or 1/8 of the resolution, between a
neck that gathers the coarser maps and a decoder with skip connections.
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.errors import ConfigError
from lstm_depth.models.base import DepthModel, Features
from lstm_depth.models.blocks import ConvBlock, DepthHead, ResidualChain, UpBlock
from lstm_depth.models.config import ModelConfig
from lstm_depth.models.encoders import TimmEncoder
from lstm_depth.models.hourglass import Hourglass
from torch import nn, Tensor

# Deeper than any network that learns; a file must not have us build for hours.
_MOST_LAYERS = 16


@dataclass(frozen=True, kw_only=True)
class ResidualLSTMConfig(ModelConfig):
    """
    Sizes of the residual-LSTM double hourglass; the defaults are the paper's.

    *encoder*: 'paper' or the name of a timm backbone. *filters*: channels of the
    LSTM and the hourglasses. *hourglasses*: how many are stacked;
    *hourglass_depth*: how often one halves its size; *hourglass_blocks*: residual
    blocks at its bottom. *dropout*: after each convolution. *norm*: BatchNorm
    after each convolution (the paper has none). With a backbone: *core_stride*,
    where LSTM and hourglasses work; *neck_filters*, channels of the coarser maps
    on their way there; *decoder_filters*, channels at each finer stride; *separable*:
    depthwise and pointwise convolutions in neck, hourglasses and decoder, as in
    FastDepth; *subpixel*: the head gives a map twice as fine as the finest skip.
    """

    encoder: str = 'paper'
    filters: int = 3
    hourglasses: int = 2
    hourglass_depth: int = 3
    hourglass_blocks: int = 3
    dropout: float = 0.2
    norm: bool = False
    core_stride: int = 8
    neck_filters: int = 128
    decoder_filters: tuple[int, ...] = (48, 24)
    separable: bool = False
    subpixel: bool = False
    temporal: str = 'pixel_lstm'

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        super().__post_init__()
        self.check_positive('filters', 'hourglasses', 'hourglass_depth', 'hourglass_blocks',
                            'neck_filters')
        for name in ('hourglasses', 'hourglass_depth', 'hourglass_blocks'):
            if getattr(self, name) > _MOST_LAYERS:
                raise ConfigError(f'{name} must be at most {_MOST_LAYERS}, not '
                                  f'{getattr(self, name)}')
        self.check_choice('core_stride', (4, 8))
        if not 0 <= self.dropout < 1:
            raise ConfigError(f'dropout must be in [0, 1), not {self.dropout}')
        if not self.decoder_filters or min(self.decoder_filters) < 1:
            raise ConfigError('decoder_filters must be positive, one for each stride finer '
                              f'than core_stride, not {self.decoder_filters}')
        if self.encoder == 'paper' and (self.separable or self.subpixel):
            raise ConfigError('separable and subpixel are for backbones; leave them off with '
                              "encoder 'paper'")


@dataclass(frozen=True, kw_only=True)
class DoubleHourglassConfig(ResidualLSTMConfig):
    """Sizes of the base model: the same network without the LSTM."""

    temporal: str = 'none'


class PaperEncoder(nn.Module):
    """Conv1..Conv7: (N, 3, H, W) to (N, filters, H, W), no skips."""

    def __init__(self, config: ResidualLSTMConfig) -> None:
        """Build seven 3x3 blocks with residual links after every two."""
        super().__init__()
        self.convs = ResidualChain(3, config.filters, 7, norm=config.norm, dropout=config.dropout)

    def forward(self, frames: Tensor) -> Features:
        """Return the features of normalised frames."""
        return Features(self.convs(frames), (), tuple(frames.shape[-2:]))


class PaperDecoder(nn.Module):
    """Conv8..Conv13: (N, filters, H, W) to (N, 1, H, W) metres."""

    def __init__(self, config: ResidualLSTMConfig) -> None:
        """Build five blocks as in the encoder and the one-channel Conv13."""
        super().__init__()
        self.convs = ResidualChain(config.filters, config.filters, 5, norm=config.norm,
                                   dropout=config.dropout)
        self.head = DepthHead(config.filters, config)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        return self.head(self.convs(features.core), features.size)


class PyramidEncoder(nn.Module):
    """A backbone and a neck that brings its coarse maps up to ``core_stride``."""

    def __init__(self, config: ResidualLSTMConfig, pretrained: bool | str) -> None:
        """Build; ConfigError when the backbone has no map at ``core_stride``."""
        super().__init__()
        self.backbone = TimmEncoder(config.encoder, pretrained)
        strides, channels = self.backbone.strides, self.backbone.channels
        if config.core_stride not in strides:
            raise ConfigError(f'{config.encoder} has maps at strides {strides}, none at '
                              f'core_stride {config.core_stride}')
        self.level = strides.index(config.core_stride)
        self.skip_channels = channels[:self.level]
        coarse = channels[self.level:]
        self.top = ConvBlock(coarse[-1], config.neck_filters, kernel=1, norm=True)
        self.neck = nn.ModuleList(
            UpBlock(config.neck_filters, width,
                    config.filters if i == len(coarse) - 2 else config.neck_filters,
                    separable=config.separable)
            for i, width in enumerate(reversed(coarse[:-1])))

    def forward(self, frames: Tensor) -> Features:
        """Return the features of normalised frames, with the finer maps as skips."""
        maps = self.backbone(frames)
        core = self.top(maps[-1])
        for block, skip in zip(self.neck, reversed(maps[self.level:-1])):
            core = block(core, skip)
        return Features(core, tuple(reversed(maps[:self.level])), tuple(frames.shape[-2:]))


class PyramidDecoder(nn.Module):
    """Upsampling with skip connections to the backbone's finest map, then depth."""

    def __init__(self, config: ResidualLSTMConfig, skip_channels: list[int]) -> None:
        """Build one UpBlock for each skip of *skip_channels* (finest first)."""
        super().__init__()
        if len(config.decoder_filters) != len(skip_channels):
            raise ConfigError(f'decoder_filters needs {len(skip_channels)} values (one for each '
                              f'map finer than core_stride), not {config.decoder_filters}')
        widths = (config.filters, *config.decoder_filters)
        self.ups = nn.ModuleList(
            UpBlock(widths[i], skip, widths[i + 1], separable=config.separable)
            for i, skip in enumerate(reversed(skip_channels)))
        self.head = DepthHead(widths[-1], config, subpixel=config.subpixel)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = features.core
        for block, skip in zip(self.ups, features.skips):
            x = block(x, skip)
        return self.head(x, features.size)


class ResidualLSTM(DepthModel):
    """The double hourglass with (or, ``temporal='none'``, without) its recurrent core."""

    def __init__(self, name: str, config: ResidualLSTMConfig,
                 pretrained: bool | str = False) -> None:
        """
        Build from *config*.

        *pretrained*: ImageNet weights of a backbone, see TimmEncoder; a
        ConfigError with the paper's own encoder, which has none.
        """
        if config.encoder == 'paper':
            if pretrained:
                raise ConfigError("encoder 'paper' has no pretrained weights; name a backbone, "
                                  "for example encoder='mobilenetv2_100'")
            super().__init__(name, config)
            self.encoder: nn.Module = PaperEncoder(config)
            self.decoder: nn.Module = PaperDecoder(config)
        else:
            encoder = PyramidEncoder(config, pretrained)
            super().__init__(name, config, mean=encoder.backbone.mean, std=encoder.backbone.std)
            self.encoder = encoder
            self.decoder = PyramidDecoder(config, encoder.skip_channels)
        self.build_core(config.filters)
        self.hourglasses = nn.Sequential(*(
            Hourglass(config.filters, config.hourglass_depth, config.hourglass_blocks,
                      norm=config.norm, dropout=config.dropout, separable=config.separable)
            for _ in range(config.hourglasses)))

    def extract(self, frames: Tensor) -> Features:
        """Return the encoder's features."""
        return self.encoder(frames)

    def decode(self, features: Features) -> Tensor:
        """Return depth: hourglasses, the residual link round them, the decoder."""
        core = self.hourglasses(features.core) + features.core
        return self.decoder(features._replace(core=core))
