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
No odometry at all: motion from the stream's own depth and tracks.

The camera's motion is what makes the landmarks, placed at the network's depth, project to
their tracks. Scale is the network's own, averaged over the seconds that landmarks remember,
so that depth agrees with itself over time.
"""

from __future__ import annotations

from dataclasses import replace

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.motion import inverse, refine_pose
from lstm_depth.anchor.odometry import OdometrySource
from lstm_depth.anchor.rays import straightened
from lstm_depth.anchor.source import Anchors, register, View
from lstm_depth.anchor.tracks import Tracker
import numpy as np

_MIN_POINTS = 20
# Between frames a hand-held camera turns and moves by about this much.
_TURN_SIGMA, _SHIFT_SIGMA = 0.1, 0.1
_DEPTH_SIGMA = 0.2
# Seconds in which the landmarks take over the network's scale.
_SCALE_S = 2.0


@register('visual')
class VisualSource(OdometrySource):
    """Corners seen from a camera whose motion they tell themselves."""

    needs_pose = False
    relative = True

    def __init__(self, config: AnchorConfig) -> None:
        """Start without a corner."""
        super().__init__(config)
        # Corners that slip do not agree with the motion that most of them tell.
        self._tracker = Tracker(config, back_levels=0)
        self._step = np.eye(4)

    def reset(self) -> None:
        """Forget corners, landmarks and motion."""
        super().reset()
        self._seen_from = np.eye(4)
        self._step = np.eye(4)
        self._last_s: float | None = None

    def observe(self, view: View, scale: float) -> Anchors:
        """Return the landmarks in view, in the network's scale."""
        expected = self._seen_from @ self._step
        tracks = self._tracker.advance(view.gray, self._guess(view.camera, expected))
        self._landmarks.keep(tracks.kept)
        pose = self._moved(view, expected, tracks.points[:len(tracks.kept)])
        if pose is None:
            self.reset()
            return Anchors(note='too few corners follow the motion')
        self._step = inverse(self._seen_from) @ pose
        self._seen_from = pose
        view = replace(view, pose=pose)
        self._observe(view, tracks.points, 1.0)
        self._take_over_scale(view, tracks.points)
        return replace(self._anchors(view, tracks.points), motion=self._step)

    def _moved(self, view: View, expected: np.ndarray, pixels: np.ndarray) -> np.ndarray | None:
        """Return the pose from which the landmarks are seen, None where they do not say."""
        if self._last_s is None:
            return expected
        if len(pixels) < _MIN_POINTS:
            return None
        landmarks = self._landmarks
        reach = np.maximum(np.linalg.norm(landmarks.points - expected[:3, 3], axis=1), 0.1)
        sigma = np.minimum(landmarks.sigma(expected[:3, 3], view.camera.fx), _DEPTH_SIGMA)
        shift = np.linalg.norm(self._step[:3, 3]) + 0.01
        camera, pixels = straightened(view.camera, pixels)
        found = refine_pose(
            expected, landmarks.points, pixels,
            np.hypot(self.config.pixel_sigma, camera.fx * shift / reach * sigma), camera,
            _TURN_SIGMA, _SHIFT_SIGMA)
        return found.pose if found.inliers.mean() > 0.5 else None

    def _take_over_scale(self, view: View, pixels: np.ndarray) -> None:
        """Bring the landmarks nearer to the network's scale, which they have for a while."""
        seconds = 0.0 if self._last_s is None else view.stamp_s - self._last_s
        self._last_s = view.stamp_s
        depth = ((self._landmarks.points - view.pose[:3, 3]) @ view.pose[:3, :3])[:, 2]
        network = view.network_depth(pixels)
        with np.errstate(invalid='ignore', divide='ignore'):
            ratio = np.log(depth / network)
        ratio = ratio[np.isfinite(ratio)]
        if len(ratio):
            share = 1 - np.exp(-seconds / _SCALE_S)
            self._landmarks.rescale(float(np.exp(-share * np.median(ratio))), view.pose[:3, 3])
