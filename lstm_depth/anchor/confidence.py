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
"""How far depth can be trusted, pixel by pixel."""

from __future__ import annotations

import math

import cv2
import numpy as np

# The standard deviation of the log of what is left: of the network without any anchor, and
# where the field is known; and how much more of it there is at depth edges. Chosen by hand and
# checked on rendered rooms and the first half of a recording (see the README beside this file).
_NETWORK_SIGMA, _FIELD_SIGMA, _EDGE_SIGMA = 0.2, 0.13, 1.0
_TOLERANCE = math.log(1.25)
_LEVELS = 256


def confidence_of(depth: np.ndarray, scale_sigma: float,
                  evidence: np.ndarray | None) -> np.ndarray:
    """
    Return (H, W) float32: the probability that depth is right to 25 %, 0 where it is NaN.

    *depth*: (H, W) metres. *scale_sigma*: standard deviation of its log scale. *evidence*: a
    grid of how much local corrections are known, None for not at all. The log error is taken
    as normal, with a variance that is the sum of what scale, network and edges add.
    """
    shape = depth.shape
    known = 0.0 if evidence is None else cv2.resize(
        evidence.astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    local = (1 - known) * np.float32(_NETWORK_SIGMA ** 2) + known * np.float32(_FIELD_SIGMA ** 2)
    edge = edge_steps(depth)
    # The scale is common to all pixels and known better where the field is.
    variance = local + (1 - known) * np.float32(scale_sigma ** 2) + (_EDGE_SIGMA * edge) ** 2
    size = np.float32(_TOLERANCE) / np.sqrt(2 * variance)
    result = _ERF[np.minimum(size * (_LEVELS / 3), _LEVELS - 1).astype(np.intp)]
    return np.where(np.isfinite(depth), result, np.float32(0))


def edge_steps(depth: np.ndarray) -> np.ndarray:
    """Return (H, W) float32: half the spread of log depth in each pixel's 3x3 neighbourhood."""
    with np.errstate(invalid='ignore', divide='ignore'):
        log = np.log(np.where(np.isfinite(depth) & (depth > 0), depth, 1).astype(np.float32))
    kernel = np.ones((3, 3), np.uint8)
    return (cv2.dilate(log, kernel) - cv2.erode(log, kernel)) / 2


_ERF = np.array([math.erf((level + 0.5) * 3 / _LEVELS) for level in range(_LEVELS)], np.float32)
