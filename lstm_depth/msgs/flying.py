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
Points in the empty space between a thing and what is behind it.

A network's depth changes from near to far over several pixels where the world breaks; made
into points, those pixels float in the gap.
"""

from __future__ import annotations

import cv2
import numpy as np

# Depth that changes by this factor within the window is on its way from one thing to another.
# Up and down more is allowed: a floor does that, all the way.
_SIDEWAYS, _UPRIGHT = 1.10, 1.20
# Columns in which is looked, and how many of them the window has on each side.
_COLUMNS, _REACH = 320, 3


def flying_pixels(depth: np.ndarray) -> np.ndarray:
    """
    Return (H, W) bool: which pixels would float before or behind what they belong to.

    *depth*: (H, W) float32 metres, NaN where invalid; such pixels are no edge.
    """
    height, width = depth.shape
    step = max(1, round(width / _COLUMNS))
    small = np.ascontiguousarray(depth[::step, ::step])
    nearest = farthest = small
    if not cv2.checkRange(small):
        known = np.isfinite(small)
        nearest, farthest = (np.where(known, small, np.float32(no)) for no in (np.inf, 0))
    reach = max(1, round(_REACH * small.shape[1] / _COLUMNS))
    result = np.zeros(small.shape, np.uint8)
    for size, factor in (((1, 2 * reach + 1), _SIDEWAYS), ((2 * reach + 1, 1), _UPRIGHT)):
        kernel = np.ones(size, np.uint8)
        near, far = cv2.erode(nearest, kernel), cv2.dilate(farthest, kernel)
        # By division: nothing known near is infinity, which times the factor overflows.
        result |= far / np.float32(factor) > near
    if step > 1:
        # Every step-th pixel stands for those up to the next.
        result = np.repeat(np.repeat(result, step, axis=0), step, axis=1)[:height, :width]
    return result.view(bool)
