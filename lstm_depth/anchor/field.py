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
A smooth field of local corrections from scattered points, which stops at depth edges.

Kernel regression in the image and in log depth: a point corrects what is near it and about
as far away. Evaluated on a bilateral grid (Chen, Paris and Durand 2007): the points are
spread into coarse cells of (x, y, log depth), the cells are blurred, and the field is read
at the network's depth, at a cost that does not grow with points times pixels.
"""

from __future__ import annotations

from lstm_depth.anchor.config import AnchorConfig
import numpy as np

# Pixels of the tracked image between the places where the field is read.
STEP_PX = 8
# Cells a standard deviation of the kernel.
_CELLS = 1.0
_LOG_MIN, _LOG_MAX = np.log(0.1), np.log(20.0)
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])


class LocalField:
    """Corrections of log depth on a grid over the tracked image of *shape* (h, w)."""

    def __init__(self, config: AnchorConfig, shape: tuple[int, int]) -> None:
        """Lay the cells over the image."""
        self._config = config
        self._cell = np.array([config.field_px, config.field_px, config.field_log_depth]) / _CELLS
        extent = np.array([shape[1], shape[0], _LOG_MAX - _LOG_MIN])
        self._cells = np.ceil(extent / self._cell).astype(int) + 1
        rows = max(2, round(shape[0] / STEP_PX))
        columns = max(2, round(shape[1] / STEP_PX))
        self.shape = (rows, columns)
        self._kernels = [_kernel(size) for size in self._cells]
        x = (np.arange(columns) + 0.5) * shape[1] / columns - 0.5
        y = (np.arange(rows) + 0.5) * shape[0] / rows - 0.5
        self.places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        # One place of four is enough to remember depth by; that many of them reach each place.
        self.remembered = np.arange(rows * columns).reshape(self.shape)[::2, ::2].reshape(-1)
        self.overlap = 2 * np.pi * (config.field_px / (2 * STEP_PX)) ** 2

    def fit(self, points: np.ndarray, log_depth: np.ndarray, residual: np.ndarray,
            weight: np.ndarray, at_log_depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return the field, and the information behind it, both (rows, columns).

        *points*: (N, 2) pixels, *log_depth*, *residual*, *weight*: (N,) the network's log
        depth there, the correction of it, and 1 over its variance. *at_log_depth*: (rows,
        columns) the network's log depth where the field is read. Information is one over the
        variance that the points leave, beside the prior of no correction.
        """
        place, share = self._corners(points, log_depth)
        place, share = place.reshape(-1), (share * weight).reshape(-1)
        size = int(np.prod(self._cells))
        grid = np.stack([np.bincount(place, share, minlength=size),
                         np.bincount(place, share * np.tile(residual, 8), minlength=size)], -1)
        grid = self._blur(grid.reshape(*self._cells, 2)).reshape(size, 2)
        place, share = self._corners(self.places, at_log_depth.reshape(-1))
        total, product = np.einsum('cn,cnk->kn', share, grid[place])
        prior = 1 / self._config.network_sigma ** 2
        return ((product / (total + prior)).reshape(self.shape), total.reshape(self.shape))

    def _corners(self, points: np.ndarray,
                 log_depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the eight cells around each point, and the share of it in each, (8, N)."""
        where = np.concatenate([points, (log_depth - _LOG_MIN)[:, None]], axis=1) / self._cell
        where = np.clip(where, 0, self._cells - 1.001)
        low = where.astype(np.intp)
        high = (where - low).T
        strides = np.array([self._cells[1] * self._cells[2], self._cells[2], 1])
        place = (low @ strides) + (_CORNERS @ strides)[:, None]
        x, y, z = np.stack([1 - high, high], axis=1)
        share = x[:, None, None] * y[:, None] * z
        return place, share.reshape(8, -1)

    def _blur(self, grid: np.ndarray) -> np.ndarray:
        """Return the grid, (x, y, z, 2), under a kernel that is 1 at its middle."""
        x, y, z, _ = grid.shape
        grid = (self._kernels[0] @ grid.reshape(x, -1)).reshape(x, y, -1)
        grid = (self._kernels[1] @ grid).reshape(x * y, z, 2)
        return self._kernels[2] @ grid


def _kernel(size: int) -> np.ndarray:
    """Return (size, size) the share that each of a row of cells has in each other."""
    away = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    return np.where(away <= 2, np.exp(-0.5 * (away / _CELLS) ** 2), 0)
