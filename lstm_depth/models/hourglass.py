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
"""The hourglass of paper 000: nine residual blocks over a pyramid of sizes."""

from __future__ import annotations

from lstm_depth.models.blocks import ResidualBlock
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812


class Hourglass(nn.Module):
    """
    Residual blocks down a pyramid, at its bottom, and up again, linked at equal size.

    With *depth* 3 and three bottom blocks on 256x256 these are R1 (256), R2
    (128), R3 (64), R4 R5 R6 (32), R7 (64), R8 (128), R9 (256). Any size works:
    the way up goes to the size of the link.
    """

    def __init__(self, channels: int, depth: int = 3, bottom_blocks: int = 3, *,
                 norm: bool = False, dropout: float = 0.0, separable: bool = False) -> None:
        """Build ``2 * depth + bottom_blocks`` residual blocks of *channels* filters."""
        super().__init__()

        def blocks(count: int) -> nn.ModuleList:
            return nn.ModuleList(
                ResidualBlock(channels, norm=norm, dropout=dropout, separable=separable)
                for _ in range(count))

        self.down = blocks(depth)
        self.bottom = blocks(bottom_blocks)
        self.up = blocks(depth)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of *x*, (N, C, H, W)."""
        links = []
        for block in self.down:
            x = block(x)
            links.append(x)
            # ceil_mode keeps one pixel of the thinnest maps instead of none.
            x = F.max_pool2d(x, 2, ceil_mode=True)
        for block in self.bottom:
            x = block(x)
        for block, link in zip(self.up, reversed(links)):
            x = block(F.interpolate(x, size=link.shape[-2:], mode='nearest') + link)
        return x
