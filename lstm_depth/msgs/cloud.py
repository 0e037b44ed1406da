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
"""Organised coloured point clouds, in the layout that RViz and depth_image_proc use."""

from __future__ import annotations

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera
import numpy as np

# Name and byte offset of every float32 field of a point. The four bytes of rgb are
# blue, green, red and 0, as PCL packs them.
CLOUD_FIELDS = (('x', 0), ('y', 4), ('z', 8), ('rgb', 12))
POINT_STEP = 16
CLOUD_DTYPE = np.dtype({
    'names': [name for name, _ in CLOUD_FIELDS], 'formats': ['<f4'] * len(CLOUD_FIELDS),
    'offsets': [offset for _, offset in CLOUD_FIELDS], 'itemsize': POINT_STEP})


class CloudMaker:
    """
    Make the clouds of one camera: its rays, undistorted, are computed once.

    A cloud holds every *stride*-th pixel of every *stride*-th row: point (v, u) is pixel
    (v * stride, u * stride). ``shape`` is that of the clouds, (ceil(H / stride),
    ceil(W / stride)). Not thread-safe.
    """

    def __init__(self, camera: Camera, stride: int = 1) -> None:
        """Compute the rays; ConfigError for an uncalibrated camera or a stride below 1."""
        if stride < 1:
            raise ConfigError(f'the cloud stride must be at least 1, not {stride}')
        if not camera.calibrated:
            raise ConfigError('the camera is not calibrated (fx or fy is 0): no cloud')
        self.camera = camera
        self.stride = stride
        rays = camera.rays()[::stride, ::stride]
        self._ray_x, self._ray_y = (np.ascontiguousarray(rays[..., axis]) for axis in (0, 1))
        self._no_ray = np.isnan(rays[..., 2]) if np.isnan(rays[..., 2]).any() else None
        self.shape = self._ray_x.shape
        self._x, self._y = np.empty_like(self._ray_x), np.empty_like(self._ray_y)
        self._colour = np.empty((*self.shape, 4), np.uint8)

    def fill(self, depth: np.ndarray, rgb: np.ndarray, out: np.ndarray,
             left_out: np.ndarray | None = None) -> None:
        """
        Write the cloud of a picture into *out*.

        *depth*: (H, W) float32 metres along z, NaN where invalid. *rgb*: (H, W, 3) uint8.
        *out*: ``shape`` + (4,) float32, x y z in metres in the camera frame and the packed
        colour; NaN where depth is, where the lens model gives the pixel no ray, and at the
        pixels *left_out*, (H, W) bool. Raises DataError where the sizes do not fit the camera.
        """
        camera = self.camera
        if depth.shape != (camera.height, camera.width) or rgb.shape != depth.shape + (3,):
            raise DataError(
                f'depth {depth.shape}, colour {rgb.shape} and camera '
                f'{camera.width}x{camera.height} differ in size; resize them to one size first')
        z = np.ascontiguousarray(depth[::self.stride, ::self.stride])
        if self._no_ray is not None:
            z = np.where(self._no_ray, np.float32(np.nan), z)
        if left_out is not None:
            z = np.where(left_out[::self.stride, ::self.stride], np.float32(np.nan), z)
        np.multiply(z, self._ray_x, out=self._x)
        np.multiply(z, self._ray_y, out=self._y)
        cv2.cvtColor(np.ascontiguousarray(rgb[::self.stride, ::self.stride]),
                     cv2.COLOR_RGB2BGRA, dst=self._colour)
        # OpenCV sets the fourth byte to 255, which makes NaN of every reddish colour.
        packed = self._colour.view('<u4')[..., 0]
        np.bitwise_and(packed, 0xFFFFFF, out=packed)
        cv2.merge([self._x, self._y, z, packed.view(np.float32)], out)


def organised_cloud(depth: np.ndarray, rgb: np.ndarray, camera: Camera,
                    stride: int = 1) -> np.ndarray:
    """
    Return the coloured points of one picture as an array of CLOUD_DTYPE.

    *depth*: (H, W) metres along z, NaN where invalid. *rgb*: (H, W, 3) uint8.
    *camera*: its intrinsics, of the same size. For the clouds of a stream, keep a
    ``CloudMaker``, which says the rest.
    """
    maker = CloudMaker(camera, stride)
    points = np.empty((*maker.shape, 4), np.float32)
    maker.fill(depth.astype(np.float32, copy=False), rgb, points)
    return points.view(CLOUD_DTYPE)[..., 0]
