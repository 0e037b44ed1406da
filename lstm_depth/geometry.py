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
Pinhole camera geometry in NumPy.

The camera frame is optical (REP-103): z forward, x right, y down. Pixel (u, v)
is column, row with the centre of the top-left pixel at (0, 0), and depth is the
distance along z (REP-118), never along the ray.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
import math

import cv2
from lstm_depth.errors import ConfigError
from lstm_depth.lens import Distortion
import numpy as np


@dataclass(frozen=True)
class Camera:
    """
    Intrinsics of a camera.

    *width*, *height*, *fx*, *fy*, *cx* and *cy* are in pixels. ``fx == 0`` means
    uncalibrated, as in ``sensor_msgs/CameraInfo``. *distortion*: of the lens, in raw images;
    None for a pinhole camera or rectified images.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Distortion | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for sizes and values that no camera has."""
        if self.width <= 0 or self.height <= 0:
            raise ConfigError(f'camera size must be positive, not {self.width}x{self.height}')
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(value) for value in values):
            raise ConfigError(f'camera intrinsics must be finite, not {values}')

    @property
    def calibrated(self) -> bool:
        """Whether points can be computed: both focal lengths are positive."""
        return self.fx > 0 and self.fy > 0

    @property
    def k(self) -> np.ndarray:
        """Return the (3, 3) float64 camera matrix."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

    def resized(self, width: int, height: int) -> Camera:
        """
        Return the camera of the same view resampled to *width* x *height*.

        The principal point scales like the focal lengths, as image_proc and every camera_info
        consumer has it. Pixel centres at whole numbers would make it ``(cx + 0.5) sx - 0.5``,
        which differs by less than half a pixel.
        """
        sx, sy = width / self.width, height / self.height
        return Camera(width, height, self.fx * sx, self.fy * sy, self.cx * sx, self.cy * sy,
                      self.distortion)

    def turned(self, orientation: int) -> Camera:
        """Return the camera of an image that is turned or mirrored as EXIF counts, 1 to 8."""
        camera = self
        if orientation in (5, 6, 7, 8):
            camera = Camera(self.height, self.width, self.fy, self.fx, self.cy, self.cx,
                            self.distortion)
        flip_x, flip_y = orientation in (2, 3, 6, 7), orientation in (3, 4, 7, 8)
        return replace(
            camera, cx=camera.width - 1 - camera.cx if flip_x else camera.cx,
            cy=camera.height - 1 - camera.cy if flip_y else camera.cy,
            distortion=self.distortion and self.distortion.turned(
                orientation in (5, 6, 7, 8), flip_x, flip_y))

    def rays(self) -> np.ndarray:
        """
        Return (H, W, 3) float32 points at depth 1 m: ``((u-cx)/fx, (v-cy)/fy, 1)``.

        Of a distorted camera these are where the lens really looks, NaN for pixels that no
        point in front of it reaches; they are computed once a camera, which takes some tenths
        of a second, and must not be written to.
        """
        if not self.calibrated:
            raise ConfigError('the camera is not calibrated (fx or fy is 0): no points')
        if self.distortion is not None:
            return _undistorted_rays(self)
        rays = np.ones((self.height, self.width, 3), np.float32)
        rays[..., 0] = (np.arange(self.width) - self.cx) / self.fx
        rays[..., 1] = ((np.arange(self.height) - self.cy) / self.fy)[:, None]
        return rays

    def backproject(self, depth: np.ndarray) -> np.ndarray:
        """
        Return the point seen at every pixel.

        *depth*: (H, W) metres, NaN where invalid. Returns (H, W, 3) float32
        metres in the camera frame, NaN where depth is NaN.
        """
        if depth.shape != (self.height, self.width):
            raise ConfigError(
                f'depth is {depth.shape[1]}x{depth.shape[0]} but the camera is '
                f'{self.width}x{self.height}; use Camera.resized() first')
        return self.rays() * depth.astype(np.float32, copy=False)[..., None]

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return (..., 2) float64 pixels (u, v) of (..., 3) camera-frame points in metres."""
        points = np.asarray(points, np.float64)
        z = points[..., 2]
        with np.errstate(divide='ignore', invalid='ignore'):
            x, y = points[..., 0] / z, points[..., 1] / z
        if self.distortion is not None:
            x, y = self.distortion.distort(x, y)
        return np.stack([x * self.fx + self.cx, y * self.fy + self.cy], axis=-1)


# Raw cameras do not change from frame to frame, and their rays take longer than a frame.
@lru_cache(maxsize=4)
def _undistorted_rays(camera: Camera) -> np.ndarray:
    """Return the read-only (H, W, 3) float32 rays of a distorted camera."""
    u, v = np.meshgrid((np.arange(camera.width) - camera.cx) / camera.fx,
                       (np.arange(camera.height) - camera.cy) / camera.fy)
    rays = np.ones((camera.height, camera.width, 3), np.float32)
    rays[..., 0], rays[..., 1] = camera.distortion.undistort(u, v)
    rays[np.isnan(rays[..., 0])] = np.nan
    rays.flags.writeable = False
    return rays


# NYU Depth V2's colour camera at 640x480 (its toolbox's camera_params.m).
NYU_CAMERA = Camera(640, 480, 518.85790117, 519.46961112, 325.58244941, 253.73616633)


def resize_bilinear(depth: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """
    Return (h, w) *depth* resampled bilinearly to *shape* (height, width).

    Where it has that size already, it is returned as it is. A pixel that touches NaN is NaN.
    """
    if depth.shape == tuple(shape):
        return depth
    return cv2.resize(depth, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


def nearest_per_place(place: np.ndarray, z: np.ndarray, size: int) -> np.ndarray:
    """Return (size,) with the smallest *z* (finite) of every *place*, infinity where none is."""
    nearest = np.full(size, np.inf, z.dtype)
    # Whichever value of several is written, the next round writes a smaller one, so this
    # ends after as many rounds as points share a place: four or five.
    while len(z):
        nearest[place] = z
        closer = z < nearest[place]
        place, z = place[closer], z[closer]
    return nearest


def splat_depth(points: np.ndarray, camera: Camera) -> np.ndarray:
    """
    Return (H, W) float32 depth of the nearest point in every pixel, 0 where there is none.

    *points*: (N, 3) metres in the frame of *camera*; a point fills the one pixel whose
    centre is nearest, and points behind the camera none.
    """
    points = points[points[:, 2] > 0]
    z = points[:, 2]
    if camera.distortion is None:
        u = np.rint(points[:, 0] / z * camera.fx + camera.cx)
        v = np.rint(points[:, 1] / z * camera.fy + camera.cy)
    else:
        u, v = np.rint(camera.project(points)).T
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    place = (v[inside] * camera.width + u[inside]).astype(np.intp)
    depth = nearest_per_place(place, z[inside].astype(np.float32), camera.width * camera.height)
    depth[np.isinf(depth)] = 0
    return depth.reshape(camera.height, camera.width)
