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
What depth was a moment ago, carried along with the camera.

Places of the last frame, at the depth that they were given, are seen again where the motion
of the camera puts them. There they count like points: what was known goes on being known for
a while, and depth that flickers is drawn to what it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.geometry import Camera
import numpy as np

# What is remembered is no better than this standard deviation of log depth.
_BEST_SIGMA = 0.08
# Depth of before draws the network's own to it with this share of the weight that the network
# has, where nothing better is known of it.
STEADY = 1.0


@dataclass(frozen=True, eq=False)
class Carried:
    """
    Places of before, seen now.

    *pixels*: (N, 2) of the tracked image, *depth*: (N,) metres, *information*: (N,) one over
    the variance of log depth that each place has by itself.
    """

    pixels: np.ndarray
    depth: np.ndarray
    information: np.ndarray


class DepthMemory:
    """Remember the depth of places until the camera's motion is unknown."""

    def __init__(self, memory_s: float) -> None:
        """Start without a place; what was known counts 1/e after *memory_s*."""
        self._memory_s = memory_s
        self.forget()

    def forget(self) -> None:
        """Forget all places."""
        self._points = np.empty((0, 3))
        self._information = np.empty(0)

    def carry(self, motion: np.ndarray | None, seconds: float, camera: Camera) -> Carried:
        """
        Return the places that are in view after the camera's *motion*.

        *motion*: (4, 4) from the camera's frame now to that of the last frame, None where it
        is not known, which forgets all. *seconds* since then.
        """
        if motion is None:
            self.forget()
        else:
            self._points = (self._points - motion[:3, 3]) @ motion[:3, :3]
            self._information = self._information * np.exp(-seconds / self._memory_s)
        points = self._points
        pixels = camera.project(points)
        with np.errstate(invalid='ignore'):
            seen = ((points[:, 2] > 0.05) & (pixels >= 0).all(axis=1)
                    & (pixels <= (camera.width - 1, camera.height - 1)).all(axis=1))
        return Carried(pixels[seen], points[seen, 2], self._information[seen])

    def remember(self, rays: np.ndarray, depth: np.ndarray, information: np.ndarray) -> None:
        """
        Take the places of this frame for those of before.

        *rays*: (N, 3) with z = 1, *depth*: (N,) metres, NaN where unknown, *information*: (N,).
        """
        known = np.isfinite(depth) & (depth > 0)
        self._points = rays[known] * depth[known, None]
        self._information = np.minimum(information[known], _BEST_SIGMA ** -2)
