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
Project a raw depth image onto its undistorted colour image.

A vectorised port of the toolbox's ``project_depth_map.m`` in double precision; the
tests hold it against a slow, line-by-line transcription.
"""

from __future__ import annotations

from functools import lru_cache

from lstm_depth.data.nyu import kinect
from lstm_depth.data.nyu.kinect import Lens
from lstm_depth.geometry import nearest_per_place
import numpy as np

_UNCOVERED_RGB = 255


class Undistorter:
    """
    Bilinear undistortion of images of one lens and size, as Bouguet's ``rect.m`` does it.

    An output pixel is covered where all four source pixels around its place lie inside
    the image.
    """

    def __init__(self, lens: Lens, width: int, height: int) -> None:
        """Compute sources and weights of every pixel; two million numbers at 640x480."""
        self.shape = (height, width)
        x = (np.arange(width, dtype=np.float64) - lens.cx) / lens.fx
        y = (np.arange(height, dtype=np.float64) - lens.cy) / lens.fy
        x, y = lens.distort(*np.meshgrid(x, y))
        u, v = lens.fx * x + lens.cx, lens.fy * y + lens.cy
        left, top = np.floor(u), np.floor(v)
        covered = (left >= 0) & (left <= width - 2) & (top >= 0) & (top <= height - 2)
        self.covered = np.flatnonzero(covered)
        right_share, down_share = (u - left)[covered], (v - top)[covered]
        corner = (top * width + left)[covered].astype(np.intp)
        self.taps = [corner, corner + 1, corner + width, corner + width + 1]
        self.weights = [(1 - down_share) * (1 - right_share), (1 - down_share) * right_share,
                        down_share * (1 - right_share), down_share * right_share]

    def rgb(self, image: np.ndarray) -> np.ndarray:
        """Return the undistorted (H, W, 3) uint8 *image*, 255 where it is uncovered."""
        result = np.full((3, image.shape[0] * image.shape[1]), _UNCOVERED_RGB, np.uint8)
        total, part = np.empty((2, len(self.covered)))
        for channel in range(3):
            plane = np.ascontiguousarray(image[..., channel]).ravel()
            np.multiply(self.weights[0], plane.take(self.taps[0]), out=total)
            for taps, weights in zip(self.taps[1:], self.weights[1:]):
                total += np.multiply(weights, plane.take(taps), out=part)
            total += 0.5
            # Values are not negative, so cutting the fraction off rounds half up.
            result[channel, self.covered] = total.astype(np.uint8)
        return result.reshape(3, *self.shape).transpose(1, 2, 0)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Return where the undistorted (H, W) bool *mask* is above zero or uncovered."""
        plane = mask.ravel()
        touched = np.zeros(len(self.covered), bool)
        for taps, weights in zip(self.taps, self.weights):
            touched |= plane.take(taps) & (weights > 0)
        result = np.ones(mask.size, bool)
        result[self.covered] = touched
        return result.reshape(self.shape)

    def depth(self, raw: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """
        Return (H, W) float64 undistorted *raw* values, 0 where uncovered.

        Sources that are *noise* get no weight and the others' weights are scaled up to
        1; NaN where all four are noise.
        """
        values, is_noise = raw.ravel(), noise.ravel()
        first = values.take(self.taps[0]).astype(np.float64)
        total, weight_sum = np.zeros((2, len(self.covered)))
        for taps, weights in zip(self.taps, self.weights):
            weights = weights * ~is_noise.take(taps)
            weight_sum += weights
            # Differences from one of the four keep an even area exact: 600 stays 600.
            total += weights * (values.take(taps) - first)
        with np.errstate(invalid='ignore'):
            total /= weight_sum
        result = np.zeros(raw.size)
        result[self.covered] = first + total
        return result.reshape(self.shape)


@lru_cache(maxsize=8)
def undistorter(lens: Lens, width: int, height: int) -> Undistorter:
    """Return the Undistorter of a lens and image size, made once."""
    return Undistorter(lens, width, height)


def project_depth(raw: np.ndarray, *, depth_lens: Lens = kinect.DEPTH_LENS,
                  rgb_lens: Lens = kinect.RGB_LENS) -> np.ndarray:
    """
    Return (H, W) float64 metres in the undistorted colour image, 0 where there are none.

    *raw*: (H, W) uint16 Kinect values. As in the toolbox the values are distances from
    the **depth** camera, and the last row and column are never written.
    """
    height, width = raw.shape
    lens = undistorter(depth_lens, width, height)
    noise = lens.mask(raw == raw.max())
    undistorted = lens.depth(raw, noise)
    undistorted[undistorted < kinect.NEAREST_RAW] = kinect.NO_READING
    undistorted[noise] = kinect.NO_READING
    depth = kinect.raw_to_metres(undistorted)
    # A depth of 0 has no place in the colour image, and NaN compares false.
    rows, columns = np.nonzero(depth > 0)
    z = depth[rows, columns]
    x, y = _colour_pixels(columns + 1.0, rows + 1.0, z, depth_lens, rgb_lens)
    inside = (x > 0) & (x < width) & (y > 0) & (y < height)
    place = ((y[inside] - 1) * width + x[inside] - 1).astype(np.intp)
    nearest = nearest_per_place(place, z[inside], height * width)
    nearest[np.isinf(nearest)] = 0
    return nearest.reshape(height, width)


def _colour_pixels(u: np.ndarray, v: np.ndarray, z: np.ndarray, depth_lens: Lens,
                   rgb_lens: Lens) -> tuple[np.ndarray, np.ndarray]:
    """Return the rounded colour pixels (x, y), from 1, of depth pixels (u, v), from 1."""
    point = ((u - depth_lens.cx) * z / depth_lens.fx,
             (v - depth_lens.cy) * z / depth_lens.fy, z)
    x, y, z = (row[0] * point[0] + row[1] * point[1] + row[2] * point[2] - shift
               for row, shift in zip(kinect.INVERSE_ROTATION, kinect.TRANSLATION))
    return (round_half_away(x * rgb_lens.fx / z + rgb_lens.cx),
            round_half_away(y * rgb_lens.fy / z + rgb_lens.cy))


def round_half_away(values: np.ndarray) -> np.ndarray:
    """Round float64 *values* to integers, halves away from zero as MATLAB does."""
    rounded = np.rint(values)
    rest = values - rounded
    rounded[(rest == 0.5) & (values > 0)] += 1
    rounded[(rest == -0.5) & (values < 0)] -= 1
    return rounded
