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
Sharper depth: edges where the image has them, and steep.

A network's depth goes over several pixels from one surface to the next, not always where the
image does. Two filters at the network's own size, for a millisecond or two:

- a guided filter (He, Sun and Tang 2013, "Guided image filtering"; at half the size as in their
  "Fast guided filter", arXiv:1505.00996) takes log depth around each pixel for a linear function
  of the colour and so moves edges to those of the image (opencv-python comes without the one of
  OpenCV's contributed modules);
- a toggle mapping (Kramer and Bruckner 1975, "Iterations of a non-linear transformation for
  enhancement of digital images"; a shock filter in the terms of Osher and Rudin 1990) moves each
  pixel of an edge, a point in the air, towards the surface that it is nearer to.
"""

from __future__ import annotations

import cv2
import numpy as np

# All were found on frames of rendered rooms, recordings and stills of several cameras: wider or
# more often is sharper yet, and costs accuracy where the edge is not where it should be.
# The window of the guided filter in pixels of half the network's size, and the variance of a
# colour, of 1, below which it is noise.
_WINDOW, _NOISE = 9, 1e-4
# How far around its own place a pixel's depth has to be found before: the windows of two means.
_REACH = np.ones((2 * (_WINDOW - 1) + 1, 2 * (_WINDOW - 1) + 1), np.uint8)
_RADIUS, _TIMES = 3, 2
# Between the two the toggle mapping fades in, in log depth from the nearest to the farthest pixel
# around: below, it is the relief of one surface.
_LEAST_GAP, _FULL_GAP = 0.12, 0.24
# How much steeper an edge becomes each time.
_GAIN = 3.0
_KERNEL = np.ones((2 * _RADIUS + 1, 2 * _RADIUS + 1), np.uint8)


def sharpen_edges(depth: np.ndarray, image: np.ndarray) -> np.ndarray:
    """
    Return (h, w) float32 *depth*, positive, with the edges of (h, w, 3) uint8 *image*, steeper.

    No pixel leaves the range of those around it, and what rises evenly, such as a floor or a
    wall seen at a slant, stays. Depth with a value that is not a positive number is returned
    as it is.
    """
    if not (depth.size and np.isfinite(depth).all() and depth.min() > 0):
        return depth
    return np.exp(_steepened(_guided(np.log(depth), image)))


def _guided(log: np.ndarray, image: np.ndarray) -> np.ndarray:
    """Return (h, w) *log* depth with its edges at those of (h, w, 3) uint8 *image*."""
    height, width = log.shape
    half = (max(1, width // 2), max(1, height // 2))
    color = image.astype(np.float32) / 255
    guide = cv2.split(cv2.resize(color, half, interpolation=cv2.INTER_AREA))
    values = cv2.resize(log, half, interpolation=cv2.INTER_AREA)
    slopes, offset = _fit(guide, values)
    result = cv2.resize(_mean(offset), (width, height))
    for slope, channel in zip(slopes, cv2.split(color)):
        result += cv2.resize(_mean(slope), (width, height)) * channel
    # A linear function of the colour may go beyond what is there.
    return np.clip(result, cv2.erode(log, _REACH), cv2.dilate(log, _REACH))


def _fit(guide: tuple[np.ndarray, ...], values: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """
    Return three slopes and the offset, each (h, w), of *values* by *guide* in every window.

    Linear regression with a penalty on the slopes: equations 19 and 20 of He et al.
    """
    means, mean = [_mean(channel) for channel in guide], _mean(values)

    def spread(first: int, second: int) -> np.ndarray:
        return _mean(guide[first] * guide[second]) - means[first] * means[second]

    rr, rg, rb, gg, gb, bb = (spread(*pair) for pair in (
        (0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)))
    for variance in (rr, gg, bb):
        variance += _NOISE
    # The inverse of the symmetric 3x3 matrix by its cofactors.
    crr, crg, crb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    cgg, cgb, cbb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    scale = 1 / (rr * crr + rg * crg + rb * crb)
    r, g, b = ((_mean(channel * values) - each * mean) * scale
               for channel, each in zip(guide, means))
    slopes = [crr * r + crg * g + crb * b, crg * r + cgg * g + cgb * b,
              crb * r + cgb * g + cbb * b]
    return slopes, mean - sum(slope * each for slope, each in zip(slopes, means))


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean of (h, w) *values* in the window around each pixel."""
    return cv2.blur(values, (_WINDOW, _WINDOW), borderType=cv2.BORDER_REFLECT)


def _steepened(log: np.ndarray) -> np.ndarray:
    """Return (h, w) *log* depth with steeper edges; changes *log*."""
    for _ in range(_TIMES):
        nearest, farthest = cv2.erode(log, _KERNEL), cv2.dilate(log, _KERNEL)
        # Few pixels are at an edge.
        edge = np.flatnonzero(farthest - nearest > _LEAST_GAP)
        low, high, here = (values.reshape(-1)[edge] for values in (nearest, farthest, log))
        gap, middle = high - low, (low + high) / 2
        steeper = np.clip(middle + _GAIN * (here - middle), low, high)
        share = np.minimum((gap - _LEAST_GAP) / (_FULL_GAP - _LEAST_GAP), 1)
        log.reshape(-1)[edge] += share * (steeper - here)
    return log
