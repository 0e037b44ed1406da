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

from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera
import numpy as np

# Name and byte offset of every float32 field of a point. The four bytes of rgb are
# blue, green, red and 0, as PCL packs them.
CLOUD_FIELDS = (('x', 0), ('y', 4), ('z', 8), ('rgb', 16))
POINT_STEP = 32
CLOUD_DTYPE = np.dtype({
    'names': [name for name, _ in CLOUD_FIELDS], 'formats': ['<f4'] * len(CLOUD_FIELDS),
    'offsets': [offset for _, offset in CLOUD_FIELDS], 'itemsize': POINT_STEP})


def organised_cloud(depth: np.ndarray, rgb: np.ndarray, camera: Camera,
                    stride: int = 1) -> np.ndarray:
    """
    Return the coloured point of every *stride*-th pixel of every *stride*-th row.

    *depth*: (H, W) metres along z, NaN where invalid. *rgb*: (H, W, 3) uint8.
    *camera*: its intrinsics, of the same size; the rays of a raw image's are undistorted.
    Returns a (ceil(H / stride),
    ceil(W / stride)) array of CLOUD_DTYPE in metres in the camera frame; point (v, u)
    is pixel (v * stride, u * stride), and x, y, z are NaN where depth is NaN or the lens
    model gives the pixel no ray.
    """
    if stride < 1:
        raise ConfigError(f'the cloud stride must be at least 1, not {stride}')
    if not camera.calibrated:
        raise ConfigError('the camera is not calibrated (fx or fy is 0): no cloud')
    if depth.shape != (camera.height, camera.width) or rgb.shape != depth.shape + (3,):
        raise DataError(
            f'depth {depth.shape}, colour {rgb.shape} and camera {camera.width}x{camera.height} '
            'differ in size; resize them to one size first')
    z = depth[::stride, ::stride]
    cloud = np.zeros(z.shape, CLOUD_DTYPE)
    if camera.distortion is None:
        # x and y vary along one axis each, so two vectors are all the rays there are.
        cloud['x'] = z * ((np.arange(0, camera.width, stride) - camera.cx)
                          / camera.fx).astype(np.float32)
        cloud['y'] = z * ((np.arange(0, camera.height, stride) - camera.cy)
                          / camera.fy).astype(np.float32)[:, None]
        cloud['z'] = z
    else:
        rays = camera.rays()[::stride, ::stride]
        for axis, name in enumerate('xyz'):
            cloud[name] = z * rays[..., axis]
    colour = dict(CLOUD_FIELDS)['rgb']
    points = cloud.view(np.uint8).reshape(*z.shape, POINT_STEP)
    points[..., colour:colour + 3] = rgb[::stride, ::stride, ::-1]
    return cloud
