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
Lens distortion as camera_info describes it.

Formulas: plumb_bob and rational_polynomial are OpenCV's model of Brown, equidistant is the
fisheye model of Kannala and Brandt (docs.opencv.org, "Camera Calibration and 3D
Reconstruction" and "Fisheye camera model"). All count in the plane at depth 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
import math

from lstm_depth.errors import ConfigError
import numpy as np

# Models of sensor_msgs/distortion_models.h and how many coefficients each may have.
COEFFICIENTS = {'plumb_bob': (4, 5), 'rational_polynomial': (8, 12), 'equidistant': (4,)}
# Rays up to this angle from the axis are looked at; a plane at depth 1 has no more.
_WIDEST_RAD = math.radians(88)
_SAMPLES = 8192
# The tangential part is a few pixels, so that each round gains two digits or more.
_ROUNDS = 8


@dataclass(frozen=True)
class Distortion:
    """
    A lens: *model*, one of COEFFICIENTS, and its *coefficients* in the order of camera_info's D.

    Raises ConfigError for another model, another number of them or values not finite.
    """

    model: str
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the model and its coefficients."""
        if self.model not in COEFFICIENTS:
            raise ConfigError(f'distortion model {self.model!r} is not known; there are '
                              f'{", ".join(COEFFICIENTS)}')
        if len(self.coefficients) not in COEFFICIENTS[self.model]:
            raise ConfigError(
                f'distortion model {self.model} has '
                f'{" or ".join(map(str, COEFFICIENTS[self.model]))} coefficients, not '
                f'{len(self.coefficients)}')
        if not all(math.isfinite(value) for value in self.coefficients):
            raise ConfigError(f'distortion must be finite, not {self.coefficients}')

    def distort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """
        Return where the lens shows points of the plane at depth 1, each float64 as given.

        NaN beyond the model's edge, from where it would fold back into the image.
        """
        radius = np.hypot(x, y)
        straight, bent = _radial_table(self)
        with np.errstate(invalid='ignore'):
            factor = np.where(radius <= straight[-1], self._factor(radius), np.nan)
        dx, dy = self._tangential(x, y)
        return x * factor + dx, y * factor + dy

    def undistort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the points of the plane that distort() moves to x, y; NaN where none is."""
        straight, bent = _radial_table(self)
        found_x, found_y = x, y
        for _ in range(_ROUNDS if any(self._tangents) else 1):
            dx, dy = self._tangential(found_x, found_y) if any(self._tangents) else (0.0, 0.0)
            target_x, target_y = x - dx, y - dy
            target = np.hypot(target_x, target_y)
            radius = np.interp(target, bent, straight, right=np.nan)
            factor = np.divide(radius, target, out=np.ones_like(target), where=target > 1e-12)
            found_x, found_y = target_x * factor, target_y * factor
        return found_x, found_y

    def turned(self, transposed: bool, flip_x: bool, flip_y: bool) -> Distortion:
        """Return the lens of an image that was transposed, then mirrored along x and y."""
        if self.model == 'equidistant':
            return self
        k1, k2, p1, p2, *rest = self.coefficients
        prism = rest[4:]
        if transposed:
            p1, p2, prism = p2, p1, prism[2:] + prism[:2]
        signs = (-1 if flip_x else 1, -1 if flip_y else 1)
        prism = [value * signs[index // 2] for index, value in enumerate(prism)]
        return Distortion(self.model, (k1, k2, p1 * signs[1], p2 * signs[0], *rest[:4], *prism))

    @property
    def _tangents(self) -> tuple[float, ...]:
        """Return the coefficients that do not only depend on the radius."""
        if self.model == 'equidistant':
            return ()
        return (*self.coefficients[2:4], *self.coefficients[8:])

    def _factor(self, radius: np.ndarray) -> np.ndarray:
        """Return by how much a point at *radius* moves from the axis."""
        if self.model == 'equidistant':
            angle = np.arctan(radius)
            square = angle * angle
            series = 1.0
            for power, value in enumerate(self.coefficients, 1):
                series = series + value * square ** power
            return np.divide(angle * series, radius, out=np.ones_like(angle),
                             where=radius > 1e-12)
        k1, k2, _, _, k3, k4, k5, k6 = (*self.coefficients, *(0.0,) * 4)[:8]
        square = radius * radius
        return ((1 + square * (k1 + square * (k2 + square * k3)))
                / (1 + square * (k4 + square * (k5 + square * k6))))

    def _tangential(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what is added to x and y: tangential and thin prism distortion."""
        if not any(self._tangents):
            return np.zeros_like(x), np.zeros_like(y)
        p1, p2, s1, s2, s3, s4 = (*self._tangents, *(0.0,) * 4)[:6]
        square = x * x + y * y
        return (2 * p1 * x * y + p2 * (square + 2 * x * x) + square * (s1 + square * s2),
                p1 * (square + 2 * y * y) + 2 * p2 * x * y + square * (s3 + square * s4))


@lru_cache(maxsize=8)
def _radial_table(lens: Distortion) -> tuple[np.ndarray, np.ndarray]:
    """Return radii and the radii that they are shown at, as far as the latter rise."""
    straight = np.tan(np.linspace(0, _WIDEST_RAD, _SAMPLES))
    with np.errstate(over='ignore', invalid='ignore', divide='ignore'):
        bent = straight * lens._factor(straight)
    falls = np.flatnonzero(~(np.diff(bent) > 0))
    end = falls[0] + 1 if falls.size else len(bent)
    return straight[:max(end, 2)], bent[:max(end, 2)]
