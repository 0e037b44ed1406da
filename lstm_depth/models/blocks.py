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
"""Convolution blocks shared by encoders, hourglasses and decoders."""

from __future__ import annotations

import math

from lstm_depth.models.config import ModelConfig
import torch
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812 (the field's name for it)


def convolution(in_channels: int, out_channels: int, kernel: int = 3, *, bias: bool = True,
                separable: bool = False) -> nn.Module:
    """
    Return a convolution of 'same' padding, (N, I, H, W) -> (N, O, H, W).

    *separable*: a depthwise one and then a pointwise one that mixes the channels, an eighth
    of the multiply-adds for a 3x3 kernel (MobileNets, Howard et al. 2017).
    """
    if not separable:
        return nn.Conv2d(in_channels, out_channels, kernel, padding=kernel // 2, bias=bias)
    return nn.Sequential(
        nn.Conv2d(in_channels, in_channels, kernel, padding=kernel // 2, groups=in_channels,
                  bias=False),
        nn.Conv2d(in_channels, out_channels, 1, bias=bias))


class ConvBlock(nn.Sequential):
    """
    Convolution, optional BatchNorm, ReLU, optional dropout: (N, I, H, W) -> (N, O, H, W).

    *slope* above 0 makes the activation a LeakyReLU; *norm_last* puts it before the
    BatchNorm; *separable* splits the convolution into a depthwise and a pointwise one.
    """

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int = 3,
                 norm: bool = False, dropout: float = 0.0, slope: float = 0.0,
                 norm_last: bool = False, separable: bool = False) -> None:
        """Build with 'same' padding; the bias goes when BatchNorm brings its own."""
        first = convolution(in_channels, out_channels, kernel, bias=norm_last or not norm,
                            separable=separable)
        layers: list[nn.Module] = [*first] if separable else [first]
        active = nn.LeakyReLU(slope, inplace=True) if slope else nn.ReLU(inplace=True)
        normed = [nn.BatchNorm2d(out_channels)] if norm else []
        layers += [active, *normed] if norm_last else [*normed, active]
        if dropout:
            layers.append(nn.Dropout(dropout))
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside an identity: relu(x + f(x)), (N, C, H, W) -> the same."""

    def __init__(self, channels: int, *, norm: bool = False, dropout: float = 0.0,
                 separable: bool = False) -> None:
        """Build; the second convolution's BatchNorm starts at zero, so that f starts at zero."""
        super().__init__()
        self.conv1 = ConvBlock(channels, channels, norm=norm, dropout=dropout,
                               separable=separable)
        self.conv2 = convolution(channels, channels, bias=not norm, separable=separable)
        self.norm2 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        if norm:
            nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return F.relu(x + self.norm2(self.conv2(self.conv1(x))))


class ResidualChain(nn.Module):
    """
    A row of convolution blocks whose values are added back after every two.

    Paper 000, Conv1..Conv7 and Conv8..Conv12: "the outputs of the convolution
    blocks are residually connected after every two convolution layers". The
    first pair has no link where the channels differ.
    """

    def __init__(self, in_channels: int, channels: int, layers: int, *,
                 norm: bool = False, dropout: float = 0.0) -> None:
        """Build *layers* 3x3 blocks of *channels* filters."""
        super().__init__()
        self.blocks = nn.ModuleList(
            ConvBlock(in_channels if i == 0 else channels, channels, norm=norm, dropout=dropout)
            for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, channels, H, W) of (N, in_channels, H, W)."""
        link = x
        for index, block in enumerate(self.blocks, start=1):
            x = block(x)
            if index % 2 == 0:
                x = x + link if link.shape[1] == x.shape[1] else x
                link = x
        return x


class UpBlock(nn.Module):
    """Bilinear upsampling to a skip's size, concatenation with it, one or more 3x3 blocks."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, *,
                 norm: bool = True, convs: int = 1, separable: bool = False) -> None:
        """Build for *in_channels* from below and *skip_channels* from the encoder."""
        super().__init__()
        self.conv = ConvBlock(in_channels + skip_channels, out_channels, norm=norm,
                              separable=separable)
        self.more = nn.Sequential(*(
            ConvBlock(out_channels, out_channels, norm=norm, separable=separable)
            for _ in range(convs - 1)))

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Return (N, out_channels, h, w) at the size of *skip*."""
        return self.more(self.conv(torch.cat([resize(x, skip.shape[-2:]), skip], dim=1)))


class TransposedBlock(nn.Sequential):
    """Transposed convolution 4x4 of stride 2, optional BatchNorm, ReLU: twice the size."""

    def __init__(self, in_channels: int, out_channels: int, *, norm: bool = False) -> None:
        """Build; kernel 4, stride 2 and padding 1 double a map exactly (paper 004)."""
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=not norm)]
        if norm:
            layers.append(nn.BatchNorm2d(out_channels))
        super().__init__(*layers, nn.ReLU(inplace=True))


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Return *x* resampled to *size* (height, width), bilinear without aligned corners."""
    if tuple(x.shape[-2:]) == tuple(size):
        return x
    return F.interpolate(x, size=tuple(size), mode='bilinear', align_corners=False)


class DepthHead(nn.Module):
    """
    One convolution to a single channel, then metres within the configured range.

    'sigmoid': d = min + (max - min) s(x); 'log': d = min (max / min)^s(x), with s
    the logistic function; 'linear': d = min + (max - min) x, cut off at the ends.
    The bias starts where the answer is *initial_depth*, because a network that
    starts metres off spends its first epoch on one number. With *subpixel* the
    convolution gives the four pixels of a twice finer map as four channels (Shi et
    al. 2016), which start alike, instead of one that is blown up smoothly.
    """

    def __init__(self, in_channels: int, config: ModelConfig, kernel: int = 3,
                 conv: nn.Module | None = None, *, subpixel: bool = False) -> None:
        """Build for the range and output form of *config*; *conv* replaces the convolution."""
        super().__init__()
        self.finer = 2 if subpixel else 1
        self.conv = conv or nn.Conv2d(in_channels, self.finer ** 2, kernel, padding=kernel // 2)
        if subpixel:
            with torch.no_grad():
                self.conv.weight.copy_(self.conv.weight[:1].expand_as(self.conv.weight))
        self.low, self.high, self.output = config.depth_min, config.depth_max, config.output
        if self.output == 'log':
            share = math.log(config.initial_depth / self.low) / math.log(self.high / self.low)
        else:
            share = (config.initial_depth - self.low) / (self.high - self.low)
        start = share if self.output == 'linear' else math.log(share / (1 - share))
        nn.init.constant_(self.conv.bias, start)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return (N, 1, *size) depth in metres of (N, C, h, w) features."""
        # Metres in float32 under autocast: bfloat16 has steps of 3 cm at 5 m.
        x = resize(F.pixel_shuffle(self.conv(x), self.finer), size).float()
        if self.output == 'linear':
            # The cut stops the value but not the gradient: a pixel beyond the range
            # would otherwise never learn its way back.
            share = x.detach().clamp(0, 1) + (x - x.detach())
        else:
            share = torch.sigmoid(x)
        if self.output == 'log':
            return self.low * torch.exp(share * math.log(self.high / self.low))
        return self.low + (self.high - self.low) * share
