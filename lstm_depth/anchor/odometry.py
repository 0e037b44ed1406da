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
"""Metric depth from camera poses: tracks of corners, triangulated along a known motion."""

from __future__ import annotations

from dataclasses import replace

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.landmarks import Landmarks
from lstm_depth.anchor.motion import angle_of, inverse, refine_pose
from lstm_depth.anchor.offset import TimeOffset
from lstm_depth.anchor.rays import straightened, to_camera, unit_rays
from lstm_depth.anchor.source import Anchors, AnchorSource, register, View
from lstm_depth.anchor.tracks import Tracker
from lstm_depth.geometry import Camera
import numpy as np

# A camera that moved less than this share of the scene's depth sees nothing new.
_MOVED = 0.004
_MIN_SEEN = 3
# An offset of poses and images is told when it is known so well [s].
_OFFSET_KNOWN_S = 0.01
# Seconds over which the share of fixed landmarks is averaged.
_SHARE_S = 0.6
# No robot is faster, metres and radians a second: such a step is a jump of its odometry.
_MAX_SPEED, _MAX_TURN = 5.0, 6.0
# Landmarks of this deviation are sure. They contradict the poses when what they see lies off
# by more than a share of the way and of their distance, summed over a while.
_SURE, _MIN_SURE, _MAX_SURE = 0.12, 15, 100
_DISAGREE, _SEEN_SHARE, _AGREE_S = 0.5, 0.015, 0.4


@register('odometry')
class OdometrySource(AnchorSource):
    """Corners seen from a camera that moves a known way."""

    needs_pose = True

    def __init__(self, config: AnchorConfig) -> None:
        """Start without a corner."""
        super().__init__(config)
        self._tracker = Tracker(config)
        self._landmarks = Landmarks(config.pixel_sigma, config.max_residual_px)
        self.offset = TimeOffset()
        self.reset()

    @property
    def offset_s(self) -> float | None:
        """Return the time offset as soon as it is known, None before."""
        known = self.needs_pose and self.offset.sigma_s < _OFFSET_KNOWN_S
        return self.offset.offset_s if known else None

    def reset(self) -> None:
        """Forget corners and landmarks, but not the time offset, which stays the robot's."""
        self._tracker.reset()
        self._landmarks.reset()
        self.offset.forget_motion()
        self._pixels = np.empty((0, 2))
        self._centre: np.ndarray | None = None
        self._told: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._told_s = self._seconds = self._travelled = 0.0
        self._suspect_s = -np.inf
        self._disagreement = np.zeros(3)
        self._stamp_s = self._share_s = 0.0
        self._share = 0.0

    def observe(self, view: View, scale: float) -> Anchors:
        """Return the landmarks in view whose depth the motion has fixed."""
        if view.pose is None:
            self.reset()
            return Anchors(note='no camera pose')
        step = self._step(view)
        if step is None:
            self.reset()
            self._told, self._told_s = view.pose, view.stamp_s
        else:
            view = replace(view, pose=self.offset.correct(view.pose, step, self._seconds))
        tracks = self._tracker.advance(view.gray, self._guess(view.camera, view.pose))
        self._landmarks.keep(tracks.kept)
        pixels, motion = tracks.points[:len(tracks.kept)], None
        if step is not None and self._last is not None:
            motion = inverse(self._last) @ view.pose
            self._learn_offset(view.camera, step, self._pixels[tracks.kept], pixels)
            if self._contradicted(view, pixels):
                self._landmarks.reset()
                self._suspect_s = view.stamp_s
        self._pixels, self._last = tracks.points, view.pose
        self._observe(view, tracks.points, scale)
        anchors = self._anchors(view, tracks.points)
        if view.stamp_s - self._suspect_s < self.config.patience_s:
            return Anchors(note='what is seen contradicts the motion that the poses tell')
        return replace(anchors, motion=motion)

    def _step(self, view: View) -> np.ndarray | None:
        """Return the (4, 4) motion since the last frame, None for one that no robot makes."""
        told, self._told = self._told, view.pose
        self._seconds, self._told_s = view.stamp_s - self._told_s, view.stamp_s
        if told is None:
            return np.eye(4)
        step = inverse(told) @ view.pose
        possible = (np.linalg.norm(step[:3, 3]) < _MAX_SPEED * self._seconds + 0.02
                    and angle_of(step[:3, :3]) < _MAX_TURN * self._seconds + 0.02)
        return step if possible else None

    def _learn_offset(self, camera: Camera, step: np.ndarray, before: np.ndarray,
                      pixels: np.ndarray) -> None:
        """Compare the turn of a *step* that poses tell with that of pixels seen *before*."""
        depth = to_camera(self._landmarks.points, self._last)[:, 2]
        front = depth > 0.05
        rays = unit_rays(camera, before[front])
        plain, pixels = straightened(camera, pixels[front])
        self.offset.observe(step, self._seconds, rays / rays[:, 2:] * depth[front, None], pixels,
                            plain)

    def _contradicted(self, view: View, pixels: np.ndarray) -> bool:
        """
        Return whether landmarks that are sure say that the camera has moved another way.

        Wheels that slip or stick are told so at both ends: by the landmarks of before, and
        when they hold again, by those that were seen meanwhile.
        """
        landmarks, centre = self._landmarks, view.pose[:3, 3]
        sure = ((landmarks.seen >= 2 * _MIN_SEEN)
                & (landmarks.sigma(centre, view.camera.fx) < _SURE))
        if np.count_nonzero(sure) < _MIN_SURE:
            self._disagreement, self._travelled = np.zeros(3), 0.0
            return False
        # A hundred of them say it as well as all, and cost less.
        sure = np.flatnonzero(sure)[::1 + np.count_nonzero(sure) // _MAX_SURE]
        points = landmarks.points[sure]
        camera, pixels = straightened(view.camera, pixels[sure])
        found = refine_pose(view.pose, points, pixels, 1.0, camera, 0.2, 0.5)
        keep = np.exp(-self._seconds / _AGREE_S)
        step, seen = (inverse(self._last) @ pose for pose in (view.pose, found.pose))
        self._disagreement = keep * self._disagreement + seen[:3, 3] - step[:3, 3]
        self._travelled = keep * self._travelled + max(np.linalg.norm(seen[:3, 3]),
                                                       np.linalg.norm(step[:3, 3]))
        reach = float(np.median(np.linalg.norm(points - centre, axis=1)))
        limit = _DISAGREE * self._travelled + _SEEN_SHARE * reach
        return (found.inliers.mean() > 0.5
                and bool(np.linalg.norm(self._disagreement) > limit))

    def _guess(self, camera: Camera, pose: np.ndarray) -> np.ndarray | None:
        """Return where the last frame's corners should be seen from *pose*."""
        if not len(self._landmarks):
            return None
        local = to_camera(self._landmarks.points, pose)
        guess = camera.project(local)
        usable = (local[:, 2] > 0.05) & (np.abs(guess) < 1e4).all(axis=1)
        return np.where(usable[:, None], guess, 0)

    def _observe(self, view: View, pixels: np.ndarray, scale: float) -> None:
        """Give the landmarks their rays."""
        rays = unit_rays(view.camera, pixels)
        depth = view.network_depth(pixels) * scale
        depth = np.where(np.isfinite(depth) & (depth > 0.05), depth, 1.0)
        centre = view.pose[:3, 3]
        if self._centre is not None:
            moved = np.linalg.norm(centre - self._centre)
            if moved < _MOVED * np.median(depth) and len(self._landmarks) == len(pixels):
                return
            self._landmarks.fade(np.exp(-(view.stamp_s - self._stamp_s) / self.config.memory_s))
        self._landmarks.observe(centre, rays @ view.pose[:3, :3].T, depth / rays[:, 2],
                                view.camera.fx)
        self._centre, self._stamp_s = centre.copy(), view.stamp_s

    def _anchors(self, view: View, pixels: np.ndarray) -> Anchors:
        """Return those landmarks that are fixed well enough, if most are."""
        config, landmarks = self.config, self._landmarks
        points = to_camera(landmarks.points, view.pose)
        sigma = landmarks.sigma(view.pose[:3, 3], view.camera.fx)
        miss = np.linalg.norm(view.camera.project(points) - pixels, axis=1)
        known = landmarks.seen >= _MIN_SEEN
        share = float(np.mean(sigma[known] < config.max_sigma)) if known.any() else 0.0
        gain = 1 - np.exp(-(view.stamp_s - self._share_s) / _SHARE_S)
        self._share += gain * (share - self._share)
        self._share_s = view.stamp_s
        if self._share < config.min_share:
            return Anchors(note=f'the motion fixes the depth of {self._share:.0%} of the tracks '
                                f'only; it takes {config.min_share:.0%}')
        with np.errstate(invalid='ignore'):
            good = (known & (sigma < config.max_sigma)
                    & (miss < max(config.max_residual_px, 2 * landmarks.noise_px))
                    & (points[:, 2] > config.min_depth) & (points[:, 2] < config.max_depth))
        return Anchors(pixels[good], points[good, 2], sigma[good],
                       '' if good.any() else 'no landmark is fixed well enough')
