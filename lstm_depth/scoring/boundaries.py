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
Sharpness: whether depth breaks where the world does, and what floats in the gap.

Both measures take the scale of the whole image out: they ask for edges, not for metres.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

Pixels = tuple[slice, slice]
# Depth Pro: an edge is a factor between neighbouring pixels, of ten sizes.
_FACTORS = np.linspace(1.05, 1.25, 10)
# How far a point is from a surface to float, as a factor, and how far apart the surfaces are.
_FLOATS, _GAP = 1.1, 1.25
# Pixels around one in which its foreground and background are looked for.
_RADIUS = 2
# Pixels this share of the width apart are neighbours, so that sizes compare: 4 at 640.
_NEIGHBOURS_IN_WIDTH = 160


def boundary_f1(prediction: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float:
    """
    Return how well the occluding contours of (H, W) *prediction* fit those of *truth*.

    Both positive, in any unit; pairs of pixels count that are both *known* ((H, W) bool). A
    contour lies between neighbours, left and right or above and below, whose depths differ by
    more than a factor; it is found where truth and prediction both have it, with the same side
    in front. F1 is the harmonic mean of precision (found over predicted) and recall (found over
    true), here its mean over ten factors from 1.05 to 1.25, weighted by the factor. 1 is
    perfect, 0 where no contour is found; NaN where the truth has none. Bochkovskii et al. 2024
    (Depth Pro, arXiv:2410.02073). Two things are ours: neighbours are 1/160 of the width apart
    and not one pixel, at which a network of a few hundred columns has no edge at all, and the
    pairs of all directions are pooled, as in the formulas of the paper and not in its code.
    """
    found, predicted, true = (np.zeros(len(_FACTORS)) for _ in range(3))
    logs = np.log(prediction), np.log(np.where(known, truth, 1.0))
    for near, far in _neighbours(truth.shape[1]):
        changes = [log[far] - log[near] for log in logs]
        # Most of an image is smooth: the rest is all that has to be looked at.
        steep = np.maximum(*map(np.abs, changes)) > math.log(_FACTORS[0])
        steep &= known[near] & known[far]
        levels = [_levels(change[steep]) for change in changes]
        same = np.minimum(*map(np.abs, levels))
        same[np.sign(levels[0]) != np.sign(levels[1])] = 0
        for counts, level in zip((found, predicted, true), (same, *levels)):
            counts += _reached(np.abs(level))
    # A factor that no true contour has says nothing.
    measured = true > 0
    if not measured.any():
        return math.nan
    scores = 2 * found / np.maximum(predicted + true, 1)
    return float(np.average(scores[measured], weights=_FACTORS[measured]))


def flying_points(prediction: np.ndarray, truth: np.ndarray, known: np.ndarray) -> float:
    """
    Return the share of the pixels at true edges that are predicted in the empty space between.

    Of (H, W) positive depths. A pixel is at an edge where the true depths within 2 pixels of it
    differ by more than a factor 1.25. Its point flies if it lies between the nearest and the
    farthest of them and differs from every one by more than a factor 1.1, after the prediction
    was divided by the median of prediction over truth. 0 is perfect; NaN where the truth has no
    edge. *known*: (H, W) bool, the pixels with truth. The points meant are those of "Modeling
    Depth Ambiguity" (2026, arXiv:2606.02552), in the empty space between foreground and
    background; window and factors are ours.
    """
    if not known.any():
        return math.nan
    kernel = np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)
    lowest = cv2.erode(np.where(known, truth, np.inf), kernel)
    highest = cv2.dilate(np.where(known, truth, -np.inf), kernel)
    rows, columns = np.nonzero(known & (highest / _GAP > lowest))
    if not rows.size:
        return math.nan
    depth = prediction[rows, columns] / np.median(prediction[known] / truth[known])
    between = (depth > lowest[rows, columns]) & (depth < highest[rows, columns])
    padded = np.pad(np.where(known, truth, np.inf), _RADIUS, constant_values=np.inf)
    for down in range(2 * _RADIUS + 1):
        for right in range(2 * _RADIUS + 1):
            surface = padded[rows + down, columns + right]
            between &= (depth > _FLOATS * surface) | (depth * _FLOATS < surface)
    return float(between.mean())


def _neighbours(width: int) -> tuple[tuple[Pixels, Pixels], ...]:
    """Return the two halves of all pairs of neighbours, side by side and one above the other."""
    step = max(1, round(width / _NEIGHBOURS_IN_WIDTH))
    every, first, second = slice(None), slice(None, -step), slice(step, None)
    return ((every, first), (every, second)), ((first, every), (second, every))


def _levels(change: np.ndarray) -> np.ndarray:
    """Return how many factors each (N,) change of log depth is above, with its sign."""
    level = np.searchsorted(np.log(_FACTORS), np.abs(change))
    return np.where(change < 0, -level, level)


def _reached(level: np.ndarray) -> np.ndarray:
    """Return how many of (N,) levels reach each factor."""
    counts = np.bincount(level, minlength=len(_FACTORS) + 1)
    return counts[::-1].cumsum()[::-1][1:]
