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
"""Corners followed from frame to frame (Shi and Tomasi 1994, Lucas and Kanade 1981)."""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.geometry import Camera
import numpy as np

# Levels of halved images in which a corner is looked for, where nothing and where something is
# known of its motion.
_WINDOW, _LEVELS, _GUIDED_LEVELS = (15, 15), 3, 2
_QUALITY, _SPACING_PX = 0.01, 8
# New corners are looked for when fewer than this share of the wanted ones are left.
_REFILL = 0.75
_CRITERIA = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)


@dataclass(frozen=True, eq=False)
class Tracks:
    """
    The corners of one frame, those followed from the last one first.

    *points*: (N, 2) float32 pixels of the tracked image. *kept*: (K,) the places, among the
    last frame's corners, of the first K.
    """

    points: np.ndarray
    kept: np.ndarray


def tracked_image(rgb: np.ndarray, camera: Camera,
                  config: AnchorConfig) -> tuple[np.ndarray, Camera]:
    """Return the image in which corners are followed, (h, w) uint8, and its camera."""
    height, width = rgb.shape[:2]
    halve = math.ceil(width / config.track_width)
    small = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if halve > 1:
        small = cv2.resize(small, (width // halve, height // halve),
                           interpolation=cv2.INTER_AREA)
    return small, camera.resized(small.shape[1], small.shape[0])


class Tracker:
    """
    Follow corners forward, check them backward, and look for new ones where few are left.

    *back_levels*: of halved images that the check begins in. On the finest alone it costs least,
    but there the next tile of a pattern may fit as well.
    """

    def __init__(self, config: AnchorConfig, back_levels: int = _LEVELS) -> None:
        """Start without a corner."""
        self._config = config
        self._back_levels = back_levels
        self.reset()

    def reset(self) -> None:
        """Forget the last frame."""
        self._gray: np.ndarray | None = None
        self._points = np.empty((0, 2), np.float32)

    def advance(self, gray: np.ndarray, guess: np.ndarray | None = None) -> Tracks:
        """
        Return the corners of the next frame.

        *gray*: (h, w) uint8. *guess*: (N, 2) where the last frame's corners are expected.
        """
        if self._gray is None or not len(self._points):
            points, kept = np.empty((0, 2), np.float32), np.empty(0, np.intp)
        else:
            points, kept = self._follow(gray, guess)
        if len(points) < _REFILL * self._config.tracks:
            points = np.concatenate([points, self._new_corners(gray, points)])
        self._gray, self._points = gray, points
        return Tracks(points, kept)

    def _follow(self, gray: np.ndarray,
                guess: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the corners that were found again, and which they are."""
        before = self._points
        start = before.copy() if guess is None else guess.astype(np.float32)
        points, found = _flow(self._gray, gray, before, start,
                              _LEVELS if guess is None else _GUIDED_LEVELS)
        inside = ((points >= 0) & (points <= (gray.shape[1] - 1, gray.shape[0] - 1))).all(axis=1)
        kept = np.flatnonzero(found & inside)
        if not len(kept):
            return np.empty((0, 2), np.float32), kept
        back, found = _flow(gray, self._gray, points[kept], before[kept].copy(),
                            self._back_levels)
        miss = np.linalg.norm(back - before[kept], axis=1)
        kept = kept[found & (miss < self._config.forward_backward_px)]
        return points[kept], kept

    def _new_corners(self, gray: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return (M, 2) corners away from *points*, as many as are missing."""
        mask = np.full(gray.shape, 255, np.uint8)
        for x, y in np.rint(points).astype(int).tolist():
            cv2.circle(mask, (x, y), _SPACING_PX, 0, -1)
        corners = cv2.goodFeaturesToTrack(gray, self._config.tracks - len(points), _QUALITY,
                                          _SPACING_PX, mask=mask)
        return np.empty((0, 2), np.float32) if corners is None else corners.reshape(-1, 2)


def _flow(before: np.ndarray, after: np.ndarray, points: np.ndarray, start: np.ndarray,
          levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where *points* of one image are in the other, and which were found."""
    result, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points.reshape(-1, 1, 2), start.reshape(-1, 1, 2), winSize=_WINDOW,
        maxLevel=levels, criteria=_CRITERIA, flags=cv2.OPTFLOW_USE_INITIAL_FLOW)
    return result.reshape(-1, 2), status.reshape(-1) == 1
