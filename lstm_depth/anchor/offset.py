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
How late the poses of the odometry are against the images, learned from what is seen.

The rotation from frame to frame is seen in the tracks. Poses that are of another time than
the image tell another one wherever the camera's turning changes, by offset times the change
of its angular velocity: a regression that translation, scale and drift hardly enter.
"""

from __future__ import annotations

from lstm_depth.anchor.motion import motion, refine_pose, rotation_vector
from lstm_depth.geometry import Camera
import numpy as np

# No offset is believed beyond this, and this is what is usual [s].
LIMIT_S, _USUAL_S = 0.06, 0.02
# What a regression of noisy turns is off by beyond what it says itself [s].
_DOUBT_S = 0.005
# What is not the offset's of a frame's turn, at the least [rad].
_NOISE = 0.001
# Seconds in which what was seen fades.
_MEMORY_S = 30.0
_MIN_POINTS, _MAX_POINTS = 20, 100
# Between frames farther apart than this, a pose of before an image cannot be interpolated well
# enough to be better than that of a little later [s].
_MAX_GAP_S = 0.1
# How well the turn and, as a share, the way that poses tell are known.
_TURN_SIGMA, _SHIFT_SHARE, _SHIFT_SIGMA = 0.05, 0.3, 0.002


class TimeOffset:
    """
    Follow the offset of one stream of poses.

    *offset_s*: seconds by which the poses are later than the images, the best estimate, drawn
    to 0 where turns tell little. *sigma_s*: its standard deviation.
    """

    def __init__(self) -> None:
        """Start with poses in time."""
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.offset_s, self.sigma_s = 0.0, _USUAL_S
        self._information = self._product = 0.0
        self._variance = _NOISE ** 2
        self.forget_motion()

    def forget_motion(self) -> None:
        """Go on after a gap or a jump: the next step has no step before it."""
        self._velocities: list[np.ndarray] = []
        self._misses: list[np.ndarray] = []

    def correct(self, pose: np.ndarray, step: np.ndarray, seconds: float) -> np.ndarray:
        """
        Return the (4, 4) pose at the time of the image.

        *pose*, *step*: what was told, and the (4, 4) motion in the *seconds* to it.
        """
        offset_s = self.applied_s
        if seconds <= 0 or (offset_s > 0 and seconds > _MAX_GAP_S):
            return pose
        twist = np.concatenate([rotation_vector(step[:3, :3]), step[:3, 3]])
        return pose @ motion(-offset_s / seconds * twist)

    @property
    def applied_s(self) -> float:
        """Return the offset as far as it is significant (positive-part James and Stein 1961)."""
        doubt = (self.sigma_s ** 2 + _DOUBT_S ** 2) / max(self.offset_s ** 2, 1e-12)
        return self.offset_s * max(0.0, 1 - doubt)

    def observe(self, step: np.ndarray, seconds: float, points: np.ndarray, pixels: np.ndarray,
                camera: Camera) -> None:
        """
        Learn from one step.

        *step*: (4, 4) the motion that the poses tell, in *seconds*. *points*: (N, 3) metres in
        the camera's last frame, *pixels*: (N, 2) where they are seen now.
        """
        turn = self._seen_turn(step, points, pixels, camera)
        if turn is None or seconds <= 0:
            self.forget_motion()
            return
        told = rotation_vector(step[:3, :3]) / seconds
        self._velocities = [*self._velocities[-2:], told]
        self._misses = [*self._misses[-1:], turn]
        if len(self._velocities) == 3:
            # Central differences: of the step before this one.
            change = (self._velocities[2] - self._velocities[0]) / 2
            self._learn(-self._misses[0], change, seconds)

    def _seen_turn(self, step: np.ndarray, points: np.ndarray, pixels: np.ndarray,
                   camera: Camera) -> np.ndarray | None:
        """Return the (3,) rotation that is seen beyond *step*, None where too little is."""
        every = max(1, len(points) // _MAX_POINTS)
        points, pixels = points[::every], pixels[::every]
        if len(points) < _MIN_POINTS:
            return None
        shift = _SHIFT_SHARE * float(np.linalg.norm(step[:3, 3])) + _SHIFT_SIGMA
        found = refine_pose(step, points, pixels, 1.0, camera, _TURN_SIGMA,
                            shift)
        if found.inliers.mean() < 0.5:
            return None
        return rotation_vector(step[:3, :3].T @ found.pose[:3, :3])

    def _learn(self, miss: np.ndarray, change: np.ndarray, seconds: float) -> None:
        """Take the turn told beyond the one seen, (3,), and the change of angular velocity."""
        left = miss - self.offset_s * change
        self._variance += 0.1 * (min(float(np.mean(left ** 2)), 9 * self._variance)
                                 - self._variance)
        variance = max(self._variance, _NOISE ** 2)
        weight = 1 / (variance * max(1.0, float(np.mean(left ** 2)) / (9 * variance)))
        keep = np.exp(-seconds / _MEMORY_S)
        self._information = keep * self._information + weight * float(change @ change)
        self._product = keep * self._product + weight * float(change @ miss)
        total = self._information + _USUAL_S ** -2
        self.offset_s = float(np.clip(self._product / total, -LIMIT_S, LIMIT_S))
        self.sigma_s = total ** -0.5
