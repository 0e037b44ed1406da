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
MobileNetV2 or ResNet-50 with FastDepth's decoder (paper 001).

    frames -> backbone -> 5 x [5x5 conv, half the channels, x2 nearest] -> 1x1 -> depth

At 224x224 with MobileNetV2 the encoder ends at 7x7x1280 and the stages have 640,
320, 160, 80 and 40 channels.
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.models.base import Features
from lstm_depth.models.blocks import ConvBlock, DepthHead
from lstm_depth.models.encoder_decoder import EncoderConfig, EncoderDecoder
from lstm_depth.models.encoders import TimmEncoder
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812

# The maps at strides 2, 4, 8 and 16, and the last one before the classifier.
TAPS = {
    'mobilenetv2_100': ('blocks.0', 'blocks.1', 'blocks.2', 'blocks.4', 'bn2'),
    'resnet50': ('act1', 'layer1', 'layer2', 'layer3', 'layer4'),
}
# Stages whose output meets a skip: FastDepth's, at strides 8, 4 and 2.
SKIP_STAGES = (1, 2, 3)


@dataclass(frozen=True, kw_only=True)
class FastDepthConfig(EncoderConfig):
    """
    Sizes of the FastDepth-style network; the defaults are the paper's.

    *skips*: FastDepth's additive skip connections (Wofk et al. 2019), which the
    paper leaves out, through a 1x1 convolution where the channels differ.
    *separable*: depthwise and pointwise convolutions in the decoder, as in
    FastDepth: a twentieth of its weights. *slope*: of the LeakyReLU (Keras's).
    """

    encoder: str = 'mobilenetv2_100'
    normalise: str = 'symmetric'
    input_height: int = 224
    input_width: int = 224
    skips: bool = False
    separable: bool = False
    slope: float = 0.3

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        super().__post_init__()
        self.check_choice('encoder', tuple(TAPS))


class NearestDecoder(nn.Module):
    """Five 5x5 stages, each halving the channels and doubling the size, and a 1x1 layer."""

    def __init__(self, channels: list[int], config: FastDepthConfig) -> None:
        """Build for a pyramid of *channels*, finest first."""
        super().__init__()
        width = channels[-1]
        skips = channels[-2::-1]
        self.stages = nn.ModuleList()
        self.skips = nn.ModuleDict()
        for index in range(5):
            self.stages.append(ConvBlock(width, width // 2, kernel=5, norm=True,
                                         slope=config.slope, norm_last=True,
                                         separable=config.separable))
            width //= 2
            if config.skips and index in SKIP_STAGES:
                self.skips[str(index)] = nn.Conv2d(skips[index], width, 1)
        self.head = DepthHead(width, config, kernel=1)

    def forward(self, features: Features) -> Tensor:
        """Return depth at the frames' size."""
        x = features.core
        sizes = [skip.shape[-2:] for skip in features.skips] + [features.size]
        for index, (stage, size) in enumerate(zip(self.stages, sizes)):
            # Activation and BatchNorm before the upsampling instead of behind it, as
            # the paper has them: the same values for a quarter of the work.
            x = F.interpolate(stage(x), size=tuple(size), mode='nearest')
            if str(index) in self.skips:
                x = x + self.skips[str(index)](features.skips[index])
        return self.head(x, features.size)


def fastdepth(name: str, config: FastDepthConfig,
              pretrained: bool | str = False) -> EncoderDecoder:
    """Return the network of *config*."""
    encoder = TimmEncoder(config.encoder, pretrained, taps=TAPS[config.encoder])
    return EncoderDecoder(name, config, encoder, NearestDecoder(encoder.channels, config))
