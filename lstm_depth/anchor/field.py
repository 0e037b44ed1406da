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

import cv2
from lstm_depth.anchor.config import AnchorConfig
import numpy as np

# Pixels of the tracked image between the places where the field is read.
STEP_PX = 8
# Cells a standard deviation of the kernel.
_CELLS = 1.0
_LOG_MIN, _LOG_MAX = np.log(0.1), np.log(20.0)


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
        cells = self._cells
        values = np.stack([weight, weight * residual], axis=-1)
        place, share = self._corners(points, log_depth)
        summed = np.zeros((int(np.prod(cells)), 2))
        for at, part in zip(place, share):
            for channel in range(2):
                summed[:, channel] += np.bincount(at, part * values[:, channel],
                                                  minlength=len(summed))
        grid = _blur(summed.reshape(*cells, 2))
        place, share = self._corners(self.places, at_log_depth.reshape(-1))
        total, product = sum(part[:, None] * grid[at] for at, part in zip(place, share)).T
        prior = 1 / self._config.network_sigma ** 2
        return ((product / (total + prior)).reshape(self.shape), total.reshape(self.shape))

    def _corners(self, points: np.ndarray,
                 log_depth: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return the eight cells around each point, and the share of the point in each."""
        where = np.concatenate([points, (log_depth - _LOG_MIN)[:, None]], axis=1) / self._cell
        where = np.clip(where, 0, self._cells - 1.001)
        low = where.astype(np.intp)
        high = where - low
        strides = np.array([self._cells[1] * self._cells[2], self._cells[2], 1])
        base = low @ strides
        place, share = [], []
        for dx in (0, 1):
            for dy in (0, 1):
                for dz in (0, 1):
                    step = np.array([dx, dy, dz])
                    place.append(base + int(step @ strides))
                    share.append(np.prod(np.where(step, high, 1 - high), axis=1))
        return place, share


def _blur(grid: np.ndarray) -> np.ndarray:
    """Return (cells, 2): the grid under a kernel that is 1 at its middle."""
    x, y, z, channels = grid.shape
    kernel = np.exp(-0.5 * (np.arange(-2, 3) / _CELLS) ** 2)
    # As images of one row each: along x, then y and z together.
    grid = cv2.sepFilter2D(grid.reshape(x, -1), -1, np.ones(1), kernel,
                           borderType=cv2.BORDER_CONSTANT)
    grid = grid.reshape(x, y, z * channels)
    grid = np.stack([cv2.sepFilter2D(plane, -1, np.ones(1), kernel,
                                     borderType=cv2.BORDER_CONSTANT) for plane in grid])
    grid = grid.reshape(x * y, z, channels)
    blurred = [cv2.sepFilter2D(np.ascontiguousarray(grid[..., channel]), -1, kernel, np.ones(1),
                               borderType=cv2.BORDER_CONSTANT) for channel in range(channels)]
    return np.stack(blurred, axis=-1).reshape(-1, channels)
