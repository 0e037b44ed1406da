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
"""Between pixels, the rays through them, and points in space."""

from __future__ import annotations

from dataclasses import replace

from lstm_depth.geometry import Camera
import numpy as np


def unit_rays(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Return (N, 3) float64 unit vectors in the camera's frame towards (N, 2) pixels."""
    rays = np.ones((len(pixels), 3))
    x, y = (pixels[:, 0] - camera.cx) / camera.fx, (pixels[:, 1] - camera.cy) / camera.fy
    if camera.distortion is not None:
        straight = camera.distortion.undistort(x, y)
        # At the rim, where the lens sees nothing in front of it, no landmark will fit.
        x, y = np.where(np.isfinite(straight).all(axis=0), straight, [x, y])
    rays[:, 0], rays[:, 1] = x, y
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def to_camera(points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Return (N, 3) points of the odometry frame in the frame of the camera at *pose*."""
    return (points - pose[:3, 3]) @ pose[:3, :3]


def straightened(camera: Camera, pixels: np.ndarray) -> tuple[Camera, np.ndarray]:
    """Return the camera without its distortion, and (N, 2) where it would see *pixels*."""
    if camera.distortion is None:
        return camera, pixels
    rays = unit_rays(camera, pixels)
    plain = replace(camera, distortion=None)
    return plain, plain.project(rays)
