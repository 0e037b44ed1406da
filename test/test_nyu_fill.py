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
"""Hole filling against a slow transcription of the toolbox's colorization."""

from __future__ import annotations

import math

import cv2
from lstm_depth.data.nyu.fill import fill_depth
import numpy as np
import pytest

pytest.importorskip('scipy', reason='filling holes needs scipy (the nyu extra)')


def slow_fill(rgb: np.ndarray, depth: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    """Fill as fill_depth_colorization.m does, one pixel at a time, with a dense solver."""
    height, width = depth.shape
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) / 255
    known = (depth > 0) & (depth < 10)
    largest = depth[known].max()
    matrix, target = np.zeros((depth.size, depth.size)), np.zeros(depth.size)
    for row in range(height):
        for column in range(width):
            pixel = row * width + column
            near = [(r, c) for r in range(max(0, row - 1), min(height, row + 2))
                    for c in range(max(0, column - 1), min(width, column + 2))
                    if (r, c) != (row, column)]
            values = [grey[r, c] for r, c in near]
            here = grey[row, column]
            window = np.array([*values, here])
            sigma = np.mean((window - window.mean()) ** 2) * 0.6
            closest = min((value - here) ** 2 for value in values)
            sigma = max(sigma, -closest / math.log(0.01), 0.000002)
            weights = np.exp([-(value - here) ** 2 / sigma for value in values])
            for (r, c), weight in zip(near, weights / weights.sum()):
                matrix[pixel, r * width + c] = -weight
            matrix[pixel, pixel] = 1 + alpha * known[row, column]
            target[pixel] = alpha * known[row, column] * depth[row, column] / largest
    solved = np.linalg.solve(matrix, target).reshape(depth.shape) * largest
    return np.where(known, depth, solved)


@pytest.mark.parametrize('seed', range(3))
def test_filling_equals_the_transcription(seed):
    rng = np.random.default_rng(seed)
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (14, 18, 3)).astype(np.uint8), (3, 3), 1)
    depth = rng.uniform(1, 11, (14, 18)).clip(0, 10)
    depth[rng.random(depth.shape) < 0.4] = 0
    np.testing.assert_allclose(fill_depth(rgb, depth), slow_fill(rgb, depth), rtol=1e-8)


def test_depth_follows_the_colour_edge():
    rgb = np.zeros((20, 20, 3), np.uint8)
    rgb[:, 10:] = 255
    depth = np.zeros((20, 20))
    depth[:, 2], depth[:, 17] = 1, 4
    filled = fill_depth(rgb, depth)
    assert filled[:, 9].max() < 1.6 and filled[:, 10].min() > 3.4


def test_readings_stay_and_nothing_is_made_of_nothing():
    rgb = np.zeros((6, 6, 3), np.uint8)
    assert not fill_depth(rgb, np.zeros((6, 6))).any()
    depth = np.full((6, 6), 2.5)
    depth[3, 3] = 0
    filled = fill_depth(rgb, depth)
    assert (filled[depth > 0] == 2.5).all() and filled[3, 3] == pytest.approx(2.5, rel=1e-6)
