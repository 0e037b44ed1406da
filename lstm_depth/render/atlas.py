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
"""Textures with mip maps in one array, sampled for all pixels at once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np


def mip_chain(image: np.ndarray) -> np.ndarray:
    """
    Return every level of a (S, S, 3) perceptual image, one after the other.

    S is a power of two. A level is half the size of the one before, averaged in
    the stored colour space. Returns (N,) uint32: red, green, blue and a zero byte.
    """
    size = image.shape[0]
    if image.shape != (size, size, 3) or size & (size - 1):
        raise ValueError(f'a texture is square with a power of two as its size, not {image.shape}')
    level = np.clip(image, 0, 1).astype(np.float32) * 255
    levels = []
    while True:
        texels = np.zeros((*level.shape[:2], 4), np.uint8)
        texels[..., :3] = np.rint(level)
        levels.append(texels.reshape(-1, 4).view(np.uint32)[:, 0])
        if len(level) == 1:
            return np.concatenate(levels)
        level = (level[::2, ::2] + level[1::2, ::2] + level[::2, 1::2] + level[1::2, 1::2]) / 4


@lru_cache(maxsize=16)
def _level_offsets(size: int) -> np.ndarray:
    """Return where each level of a mip chain of *size* begins."""
    counts = [(size >> level) ** 2 for level in range(size.bit_length())]
    return np.concatenate([[0], np.cumsum(counts)[:-1]])


class Atlas:
    """
    All textures of a room.

    *names* gives the index of each, *sizes* its largest level in texels, *metres*
    the length that one copy covers on a surface.
    """

    def __init__(self, chains: Mapping[str, np.ndarray], metres: Mapping[str, float]) -> None:
        """Join the mip *chains* (see `mip_chain`) of the named textures."""
        self.names = {name: index for index, name in enumerate(chains)}
        self.sizes = np.array([_chain_size(len(chain)) for chain in chains.values()])
        self.metres = np.array([metres[name] for name in chains], np.float64)
        self._texels = np.concatenate(list(chains.values()))
        depth = int(self.sizes.max()).bit_length()
        starts = np.concatenate([[0], np.cumsum([len(c) for c in chains.values()])[:-1]])
        table = np.zeros((len(chains), depth), np.int32)
        for index, (start, size) in enumerate(zip(starts, self.sizes)):
            offsets = start + _level_offsets(int(size))
            table[index] = np.pad(offsets, (0, depth - len(offsets)), mode='edge')
        self._offsets = table.ravel()
        self._depth = depth
        self._log_sizes = np.array([int(size).bit_length() - 1 for size in self.sizes], np.int32)

    def sample(self, texture: np.ndarray, u: np.ndarray, v: np.ndarray,
               lod: np.ndarray) -> np.ndarray:
        """
        Return the (N, 3) float32 linear colour of N surface points.

        *texture*: (N,) int32 index. *u*, *v*: (N,) float32 in texels of the largest
        level, repeated outside it. *lod*: (N,) float32, log2 of the texels that one
        pixel spans. Bilinear within a level, linear between two levels.
        """
        top = self._log_sizes[texture]
        lod = np.minimum(np.maximum(lod, 0), top.astype(np.float32))
        level = lod.astype(np.int32)
        share = (lod - level)[:, None]
        coarser = np.minimum(level + 1, top)
        colour = self._bilinear(texture, top, u, v, level)
        colour += share * (self._bilinear(texture, top, u, v, coarser) - colour)
        # Stored as the square root of albedo.
        colour *= 1 / 255
        return np.square(colour, out=colour)[:, :3]

    def _bilinear(self, texture: np.ndarray, top: np.ndarray, u: np.ndarray, v: np.ndarray,
                  level: np.ndarray) -> np.ndarray:
        """Return (N, 4) float32 stored colours, 0 to 255, of one level."""
        scale = np.exp2(-level.astype(np.float32))
        x, y = u * scale - np.float32(0.5), v * scale - np.float32(0.5)
        x0, y0 = np.floor(x), np.floor(y)
        ax, ay = (x - x0)[:, None], (y - y0)[:, None]
        bits = top - level
        mask = (np.int32(1) << bits) - np.int32(1)
        base = self._offsets[texture * self._depth + level]
        x0, y0 = x0.astype(np.int32), y0.astype(np.int32)
        x1, y1 = (x0 + 1) & mask, (y0 + 1) & mask
        x0 &= mask
        y0 &= mask
        y0 = base + (y0 << bits)
        y1 = base + (y1 << bits)
        upper = self._lerp(y0 + x0, y0 + x1, ax)
        upper += ay * (self._lerp(y1 + x0, y1 + x1, ax) - upper)
        return upper

    def _lerp(self, first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Return the mix of two texels at each of N points as (N, 4) float32."""
        start = self._texels[first].view(np.uint8).reshape(-1, 4).astype(np.float32)
        end = self._texels[second].view(np.uint8).reshape(-1, 4).astype(np.float32)
        end -= start
        end *= share
        end += start
        return end


def _chain_size(length: int) -> int:
    """Return the size of the largest level of a mip chain with *length* texels."""
    # 1 + 4 + ... + size^2 = (4 size^2 - 1) / 3
    return round(((3 * length + 1) / 4) ** 0.5)
