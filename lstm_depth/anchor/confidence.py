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
from lstm_depth.anchor.scale import NETWORK_SCALE_SIGMA
import numpy as np

# Standard deviations of the log of what is left: of the network beside its scale, where the
# field is known, and what each unit of edge step, of local correction and of log distance
# beyond some metres adds. Fitted on rendered rooms and recordings, those of the tables not
# among them (see the README beside this file).
_LOCAL_SIGMA, _FIELD_SIGMA = 0.13, 0.14
_EDGE, _CORRECTION, _DISTANCE, _FAR_M = 3.3, 0.84, 0.08, 4.0
_TOLERANCE = math.log(1.25)
_LEVELS = 256


def confidence_of(depth: np.ndarray, scale_sigma: float = NETWORK_SCALE_SIGMA,
                  evidence: np.ndarray | None = None, correction: np.ndarray | None = None,
                  metric: bool = True) -> np.ndarray:
    """
    Return (H, W) float32: the probability that depth is right to 25 %, 0 where it is NaN.

    *depth*: (H, W) metres. *scale_sigma*: standard deviation of its log scale. *evidence*: a
    grid of how much local corrections are known, 0 to 1, *correction*: of how much they change
    log depth; None for no corrections. *metric*: whether they tell the scale, too. The log error
    is taken as normal, with a variance that is the sum of what each adds.
    """
    scale = scale_sigma ** 2
    variance = np.float32(_LOCAL_SIGMA ** 2 + scale)
    if evidence is not None:
        known = _FIELD_SIGMA ** 2 + (0 if metric else scale)
        grid = evidence * known + (1 - evidence) * (_LOCAL_SIGMA ** 2 + scale)
        if correction is not None:
            grid = grid + (_CORRECTION * correction) ** 2
        variance = cv2.resize(grid.astype(np.float32), depth.shape[::-1],
                              interpolation=cv2.INTER_LINEAR)
    log = _log(depth)
    variance = (variance + (_EDGE * _steps(log)) ** 2
                + (_DISTANCE * np.maximum(log - np.float32(math.log(_FAR_M)), 0)) ** 2)
    size = np.float32(_TOLERANCE) / np.sqrt(2 * variance)
    result = _ERF[np.minimum(size * (_LEVELS / 3), _LEVELS - 1).astype(np.intp)]
    return np.where(np.isfinite(depth), result, np.float32(0))


def _log(depth: np.ndarray) -> np.ndarray:
    """Return (H, W) float32 log depth, 0 where there is none."""
    with np.errstate(invalid='ignore'):
        return np.log(np.where(np.isfinite(depth) & (depth > 0), depth, 1).astype(np.float32))


def _steps(log: np.ndarray) -> np.ndarray:
    """Return (H, W): half the spread of log depth in each pixel's 3x3 neighbourhood."""
    kernel = np.ones((3, 3), np.uint8)
    return (cv2.dilate(log, kernel) - cv2.erode(log, kernel)) / 2


_ERF = np.array([math.erf((level + 0.5) * 3 / _LEVELS) for level in range(_LEVELS)], np.float32)
