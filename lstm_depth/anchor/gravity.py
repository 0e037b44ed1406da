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
Which way is up, from the image alone: the vanishing point of vertical lines.

What people build is full of vertical edges, whose images meet in one point; the ray through
it is the vertical (Coughlan and Yuille 1999). The tilt that the network's depth gives a floor is
no measure of it: depth that is compressed tilts every plane.
"""

from __future__ import annotations

import cv2
from lstm_depth.anchor.rays import unit_rays
from lstm_depth.geometry import Camera
import numpy as np

# Lines that are looked at: their length in pixels, and how far from upright in the image.
_MIN_PX, _MAX_LEAN = 16, np.tan(np.radians(40))
# The camera may look up or down by so much.
_MAX_TILT = np.cos(np.radians(35))
_TRIES, _FIT, _INLIER = 300, 0.026, 0.035
_MIN_LINES, _MIN_SHARE = 4, 0.5
# Lines that it takes in all, seconds between two looks, and in which they are forgotten.
_ENOUGH, _EVERY_S, _MEMORY_S = 8, 0.3, 3.0


class SceneGravity:
    """Follow the vertical of the camera's frame; on a robot it hardly changes."""

    def __init__(self) -> None:
        """Start without a line."""
        self._detector = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
        self.reset()

    def reset(self) -> None:
        """Forget all lines."""
        self._sum, self._lines = np.zeros((3, 3)), 0.0
        self._stamp_s: float | None = None

    def up(self, gray: np.ndarray, camera: Camera, stamp_s: float) -> np.ndarray | None:
        """
        Return the (3,) unit vector up in the camera's frame, None while too few lines tell it.

        *gray*: (h, w) uint8, the image of *camera* at *stamp_s* seconds.
        """
        since = np.inf if self._stamp_s is None else stamp_s - self._stamp_s
        if since >= _EVERY_S:
            self._stamp_s = stamp_s
            keep = np.exp(-since / _MEMORY_S)
            self._sum, self._lines = keep * self._sum, keep * self._lines
            self._look(gray, camera)
        if self._lines < _ENOUGH:
            return None
        # What is across all lines' planes: the vertical lies in each.
        up = np.linalg.eigh(self._sum)[1][:, 0]
        return -up if up[1] > 0 else up

    def _look(self, gray: np.ndarray, camera: Camera) -> None:
        """Add the lines of one image, if most of those that stand meet in one point."""
        normals, length = self._planes(gray, camera)
        if len(normals) < _MIN_LINES:
            return
        one, two = np.random.default_rng(0).integers(0, len(normals), (2, _TRIES))
        ways = np.cross(normals[one], normals[two])
        size = np.linalg.norm(ways, axis=1)
        ways = ways[size > 0.02] / size[size > 0.02, None]
        ways = ways[np.abs(ways[:, 1]) > _MAX_TILT]
        if not len(ways):
            return
        votes = (np.abs(ways @ normals.T) < _FIT) @ length
        fits = np.abs(normals @ ways[np.argmax(votes)]) < _INLIER
        count = np.count_nonzero(fits)
        if count < _MIN_LINES or length[fits].sum() < _MIN_SHARE * length.sum():
            return
        weight = fits * length * count / length[fits].sum()
        self._sum = self._sum + (normals * weight[:, None]).T @ normals
        self._lines += count

    def _planes(self, gray: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Return (N, 3) normals of the planes through the camera and its lines, and lengths."""
        lines = self._detector.detect(gray)[0]
        lines = np.empty((0, 4)) if lines is None else lines.reshape(-1, 4).astype(np.float64)
        across, along = np.abs(lines[:, 2:] - lines[:, :2]).T
        length = np.hypot(across, along)
        stands = (length > _MIN_PX) & (across < _MAX_LEAN * along)
        ends = [unit_rays(camera, lines[stands, place:place + 2]) for place in (0, 2)]
        normals = np.cross(*ends)
        return normals / np.linalg.norm(normals, axis=1, keepdims=True), length[stands]
