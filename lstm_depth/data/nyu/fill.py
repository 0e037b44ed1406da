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
Fill the holes of a depth image along the colours, as the toolbox does.

Port of ``fill_depth_colorization.m``: Levin, Lischinski and Weiss, "Colorization using
Optimization" (2004), with depth in the place of colour.
"""

from __future__ import annotations

import cv2
from lstm_depth.data.nyu.kinect import MAX_DEPTH_M
from lstm_depth.errors import ConfigError
import numpy as np

_LEAST_VARIANCE = 2e-6
_NEIGHBOURS = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]


def fill_depth(rgb: np.ndarray, depth: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """
    Return *depth* with values where it has none, the readings unchanged.

    *rgb*: (H, W, 3) uint8. *depth*: (H, W) metres; 0 and 10 (cut off) count as none.
    *alpha*: weight of the readings. Returns (H, W) float64 metres, all zeros where there
    is no reading at all. Needs scipy; some seconds at 640x480.
    """
    try:
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import spsolve
    except ImportError as error:
        raise ConfigError("filling holes needs scipy: pip install 'lstm_depth[nyu]'") from error
    known = (depth > 0) & (depth < MAX_DEPTH_M)
    if not known.any():
        return np.zeros(depth.shape)
    largest = depth[known].max()
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float64) / 255
    rows, columns, weights = _affinities(grey)
    pixels = np.arange(depth.size)
    matrix = coo_matrix(
        (np.concatenate([-weights, 1 + alpha * known.ravel()]),
         (np.concatenate([rows, pixels]), np.concatenate([columns, pixels]))),
        shape=(depth.size, depth.size)).tocsc()
    target = alpha * np.where(known, depth / largest, 0).ravel()
    solved = spsolve(matrix, target).reshape(depth.shape) * largest
    return np.where(known, depth, np.clip(solved, 0, MAX_DEPTH_M))


def _affinities(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (row, column, weight) of every pair of neighbours; a pixel's weights sum to 1."""
    height, width = grey.shape
    padded = np.pad(grey, 1, constant_values=np.nan)
    around = np.stack([padded[1 + dy:1 + dy + height, 1 + dx:1 + dx + width]
                       for dy, dx in _NEIGHBOURS])                         # (8, H, W)
    squares = (around - grey) ** 2
    window = np.concatenate([around, grey[None]])
    spread = 0.6 * np.nanvar(window, axis=0)
    # The nearest neighbour in grey keeps a weight of at least 0.01.
    spread = np.maximum(spread, -np.nanmin(squares, axis=0) / np.log(0.01))
    weights = np.exp(-squares / np.maximum(spread, _LEAST_VARIANCE))
    weights /= np.nansum(weights, axis=0)
    index = np.pad(np.arange(grey.size).reshape(grey.shape), 1)
    columns = np.stack([index[1 + dy:1 + dy + height, 1 + dx:1 + dx + width]
                        for dy, dx in _NEIGHBOURS])
    rows = np.broadcast_to(np.arange(grey.size).reshape(grey.shape), columns.shape)
    there = np.isfinite(weights)
    return rows[there], columns[there], weights[there]
