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
"""Forward projection of points into a camera, the nearest of each pixel kept."""

from __future__ import annotations

from lstm_depth.geometry import Camera
import numpy as np


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
    u = np.rint(points[:, 0] / z * camera.fx + camera.cx)
    v = np.rint(points[:, 1] / z * camera.fy + camera.cy)
    inside = (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
    place = (v[inside] * camera.width + u[inside]).astype(np.intp)
    depth = nearest_per_place(place, z[inside].astype(np.float32), camera.width * camera.height)
    depth[np.isinf(depth)] = 0
    return depth.reshape(camera.height, camera.width)
