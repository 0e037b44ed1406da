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
Do images and camera poses belong together? The time between them, and the camera's mount.

A corner that is seen from two poses lies on the second's epipolar line, between the image of
infinity and that of something near. How far off it is, is the residual of a pair of poses; it
needs no depth, and is least where the poses are those of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.motion import motion
from lstm_depth.anchor.rays import unit_rays
from lstm_depth.anchor.tracks import tracked_image, Tracker
from lstm_depth.geometry import Camera
import numpy as np

PoseAt = Callable[[int], 'np.ndarray | None']

# Pairs of images so far apart show motion and still share corners [s].
_APART_S = (0.12, 0.5)
_MOST_PAIRS, _MOST_TRACKS, _FEWEST_TRACKS = 120, 60, 12
# Nothing is nearer [m]; tracks that are off by more have slipped, or what they are on moves [px].
_NEAREST, _OUTLIER_PX = 0.3, 5.0
_COARSE_S = 0.01
# What the residual has to rise, as a share and in pixels, towards both ends of what is looked at.
_RISE, _RISE_PX = 1.1, 0.02
# Axes of an optical frame (z ahead, x right) in a body frame (x ahead, y left), REP-103.
BODY_FROM_OPTICAL = np.array([[0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)


@dataclass(frozen=True, eq=False)
class Pair:
    """Rays, (N, 3) with z of 1, of corners in one image, and where they are in a later one."""

    first_ns: int
    second_ns: int
    rays: np.ndarray
    seen: np.ndarray


@dataclass(frozen=True)
class OffsetFit:
    """
    The time offset that fits best.

    *offset_s*: to be added to the stamp of an image to find its pose. *residual_px*: with it,
    *as_is_px* without. *told*: whether the motion tells an offset at all; *curve*: residuals
    by offset.
    """

    offset_s: float
    residual_px: float
    as_is_px: float
    told: bool
    curve: dict[float, float] = field(default_factory=dict)


class MotionPairs:
    """Pairs of images and the corners that both see."""

    def __init__(self, config: AnchorConfig | None = None) -> None:
        """Start without an image."""
        self._config = config or AnchorConfig()
        self._tracker = Tracker(self._config)
        self._begun: list[tuple[int, np.ndarray, np.ndarray]] = []
        self._last_ns: int | None = None
        self.pairs: list[Pair] = []
        self.focal = 0.0

    def add(self, rgb: np.ndarray, camera: Camera, stamp_ns: int) -> None:
        """Take an image, (H, W, 3) uint8, of a calibrated *camera*, in the order of the stamps."""
        gray, camera = tracked_image(rgb, camera, self._config)
        low, high = (int(seconds * 1e9) for seconds in _APART_S)
        if self._last_ns is not None and not 0 < stamp_ns - self._last_ns < high:
            self._tracker.reset()
            self._begun.clear()
        self._last_ns = stamp_ns
        tracks = self._tracker.advance(gray)
        rays = unit_rays(camera, tracks.points)
        rays = rays / rays[:, 2:]
        self.focal = camera.fx
        # Where each corner of an earlier image is in this one, -1 for lost.
        place = np.full(int(tracks.kept.max(initial=-1)) + 2, -1)
        place[tracks.kept] = np.arange(len(tracks.kept))
        begun = []
        for first_ns, first, at in self._begun:
            at = np.where(at >= 0, place[np.minimum(at, len(place) - 1)], -1)
            if stamp_ns - first_ns >= low:
                self._pair(first_ns, stamp_ns, first, rays, at)
            else:
                begun.append((first_ns, first, at))
        self._begun = [*begun, (stamp_ns, rays, np.arange(len(rays)))]

    def _pair(self, first_ns: int, second_ns: int, first: np.ndarray, second: np.ndarray,
              at: np.ndarray) -> None:
        """Keep a pair; of too many, every second one."""
        found = np.flatnonzero(at >= 0)
        found = found[::max(1, len(found) // _MOST_TRACKS)]
        if len(found) < _FEWEST_TRACKS:
            return
        self.pairs.append(Pair(first_ns, second_ns, first[found], second[at[found], :2]))
        if len(self.pairs) > 2 * _MOST_PAIRS:
            self.pairs = self.pairs[::2]

    def steps(self, pose_at: PoseAt, offset_s: float = 0.0) -> np.ndarray:
        """
        Return (P, 2, 4, 4) the poses of all pairs, NaN where one is not known.

        *pose_at*: the (4, 4) camera to world at a stamp in nanoseconds, None where unknown.
        *offset_s*: added to the stamps.
        """
        shift = round(offset_s * 1e9)
        stamps = {stamp for pair in self.pairs for stamp in (pair.first_ns, pair.second_ns)}
        found = {stamp: pose_at(stamp + shift) for stamp in stamps}
        known = {stamp: np.full((4, 4), np.nan) if pose is None else pose
                 for stamp, pose in found.items()}
        return np.array([[known[pair.first_ns], known[pair.second_ns]] for pair in self.pairs])

    def residuals(self, steps: np.ndarray, mount: np.ndarray | None = None) -> np.ndarray:
        """
        Return (M, 2) how far off all corners are, in pixels, NaN where a pose is not known.

        *steps*: from `steps`. *mount*: (4, 4) put between pose and camera.
        """
        if not self.pairs:
            return np.empty((0, 2))
        poses = steps if mount is None else steps @ mount
        turn = np.swapaxes(poses[:, 1, :3, :3], 1, 2)
        step = np.zeros((len(poses), 3, 4))
        step[:, :, :3] = turn @ poses[:, 0, :3, :3]
        step[:, :, 3] = np.einsum('pij,pj->pi', turn, poses[:, 0, :3, 3] - poses[:, 1, :3, 3])
        count = [len(pair.rays) for pair in self.pairs]
        rays, seen = (np.concatenate([getattr(pair, name) for pair in self.pairs])
                      for name in ('rays', 'seen'))
        return self.focal * _off(np.repeat(step, count, axis=0), rays, seen)

    def residual_px(self, steps: np.ndarray, mount: np.ndarray | None = None) -> float:
        """Return the mean residual, outliers counted as five pixels; NaN without poses."""
        length = np.linalg.norm(self.residuals(steps, mount), axis=1)
        length = length[np.isfinite(length)]
        return float(np.minimum(length, _OUTLIER_PX).mean()) if len(length) else float('nan')

    def fit_offset(self, pose_at: PoseAt, limit_s: float = 0.1) -> OffsetFit:
        """Return the time offset within *limit_s* that fits best."""
        offsets = np.round(np.arange(-limit_s, limit_s + _COARSE_S / 2, _COARSE_S), 6)
        values = np.array([self.residual_px(self.steps(pose_at, offset))
                           for offset in offsets.tolist()])
        curve = dict(zip(offsets.tolist(), values.tolist()))
        as_is = curve[0.0]
        if not np.isfinite(values).any():
            return OffsetFit(0.0, np.nan, as_is, False, curve)
        best = int(np.nanargmin(values))
        limit = _RISE * values[best] + _RISE_PX
        told = all(np.nanmax(side, initial=0.0) > limit
                   for side in (values[:best], values[best + 1:]))
        found = offsets[best] + _COARSE_S * _lowest(values[max(best - 2, 0):best + 3])
        return OffsetFit(float(found) if told else 0.0,
                         float(values[best]) if told else as_is, as_is, told, curve)

    def fit_mount(self, steps: np.ndarray) -> tuple[np.ndarray, float]:
        """
        Return the (3,) rotation of the camera in its frame that fits best, and the residual.

        *steps*: from `steps`. Gauss-Newton with weights of Geman and McClure (1987), from no
        rotation; radians, pixels. Where no pose is known, no rotation.
        """
        turn, small = np.zeros(3), 1e-3
        for _ in range(8):
            now = self._turned(steps, turn)
            if not len(now):
                break
            jacobian = np.stack([(self._turned(steps, turn + change) - now) / small
                                 for change in small * np.eye(3)], axis=-1)
            weight = 1 / (1 + np.sum(now ** 2, axis=1) / 4) ** 2
            rows = (jacobian * weight[:, None, None]).reshape(-1, 3)
            hessian = rows.T @ jacobian.reshape(-1, 3)
            # What the motion does not tell stays as it is.
            hessian += 0.01 * max(np.trace(hessian), 1e-9) * np.eye(3)
            change = -np.linalg.solve(hessian, rows.T @ now.reshape(-1))
            turn = turn + np.clip(change, -0.1, 0.1)
            if np.abs(change).max() < 1e-4:
                break
        return turn, self.residual_px(steps, _turn(turn))

    def _turned(self, steps: np.ndarray, turn: np.ndarray) -> np.ndarray:
        """Return (K, 2) the residuals that are known, of a camera that is turned in its mount."""
        found = self.residuals(steps, _turn(turn))
        return found[np.isfinite(found).all(axis=1)]


def _turn(vector: np.ndarray) -> np.ndarray:
    """Return the (4, 4) of a rotation vector."""
    return motion(np.concatenate([vector, np.zeros(3)]))


def _off(step: np.ndarray, rays: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """
    Return (M, 2) how far off corners are, at a depth of 1.

    *step*: (M, 3, 4) from the first camera's frame to the second's.
    """
    far, shift = np.einsum('mij,mj->mi', step[:, :, :3], rays), step[:, :, 3]
    # seen = (far + near shift) / z, solved for near, 1 over the depth in the first image.
    slope = shift[:, :2] - seen * shift[:, 2:]
    miss = seen * far[:, 2:] - far[:, :2]
    near = np.sum(slope * miss, axis=1) / np.maximum(np.sum(slope ** 2, axis=1), 1e-12)
    point = far + np.clip(near, 0, 1 / _NEAREST)[:, None] * shift
    return point[:, :2] / np.maximum(point[:, 2:], 0.05) - seen


def _lowest(values: np.ndarray) -> float:
    """Return how far from the middle of five values the parabola through them is lowest."""
    if len(values) != 5 or not np.isfinite(values).all():
        return 0.0
    curve, slope, _ = np.polyfit(np.arange(-2, 3), values, 2)
    return float(np.clip(-slope / (2 * curve), -1, 1)) if curve > 0 else 0.0
