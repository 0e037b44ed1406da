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
Video from a still: a smooth random 6-DoF camera path through one frame with depth.

Every pixel becomes a point, the points are projected into the moving camera with a
z-buffer, and colour is looked up backwards through the depth found there, which keeps it
sharp. What the still does not show stays without depth, and its colour is that of what is
around it: the network sees a plausible image and is not scored there.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera, splat_depth
import numpy as np

# Points are made from an image this many times finer: no cracks up to this magnification.
_FINER = 2
# Neighbours that differ by more than this share are an edge, and what lies between them in
# filled or compressed depth is a point in the air.
_EDGE = 0.06


@dataclass(frozen=True, kw_only=True)
class MotionConfig:
    """
    How the camera moves, and what it sees.

    *shift_m*, *turn_deg*: how far it goes from the still at most, for each axis.
    *period_s*: range of the swings' periods; with the two it sets the speed. *rate_hz*: of
    the frames. *margin*: share of the image cut off each side, which the still keeps in
    reserve for the path.
    """

    shift_m: float = 0.10
    turn_deg: float = 4.0
    period_s: tuple[float, float] = (1.0, 4.0)
    rate_hz: float = 30.0
    margin: float = 0.06

    def __post_init__(self) -> None:
        """Raise ConfigError for values that make no path."""
        if self.shift_m < 0 or self.turn_deg < 0 or self.rate_hz <= 0:
            raise ConfigError('shift_m and turn_deg must not be negative, rate_hz positive')
        if not 0 < self.period_s[0] <= self.period_s[1]:
            raise ConfigError(f'period_s must be a range of seconds, not {self.period_s}')
        if not 0 <= self.margin < 0.4:
            raise ConfigError(f'margin must be within 0 to 0.4, not {self.margin}')


def random_path(count: int, config: MotionConfig, rng: np.random.Generator) -> np.ndarray:
    """
    Return (count, 4, 4) poses of the moving camera in the still's frame.

    Each of the six axes is a sum of two sines of random amplitude, period and phase: it
    has no corners, and however long the path is, it stays near the still.
    """
    seconds = np.arange(count)[:, None, None] / config.rate_hz
    reach = np.array([config.shift_m] * 3 + [math.radians(config.turn_deg)] * 3)
    amplitude = rng.uniform(-0.5, 0.5, (2, 6)) * reach
    rate = 2 * np.pi / rng.uniform(*config.period_s, (2, 6))
    phase = rng.uniform(0, 2 * np.pi, (2, 6))
    axes = (amplitude * np.sin(rate * seconds + phase)).sum(axis=1)         # (count, 6)
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, 3] = axes[:, :3]
    for pose, turn in zip(poses, axes[:, 3:]):
        pose[:3, :3] = cv2.Rodrigues(turn)[0]
    return poses


class StillView:
    """One frame with depth, ready to be seen from other places."""

    def __init__(self, still: CameraFrame, config: MotionConfig) -> None:
        """Make the points; DataError for a frame without depth or calibrated camera."""
        if still.depth is None or still.camera is None or not still.camera.calibrated:
            raise DataError('a clip from a still needs depth and a calibrated camera')
        self._still = still
        size = still.rgb.shape[1], still.rgb.shape[0]
        self.camera = _middle(still.camera, config.margin)
        depth = np.nan_to_num(still.depth)
        self._points = _points(np.where(_in_the_air(depth), 0, depth), still.camera, size)

    def seen_from(self, pose: np.ndarray) -> CameraFrame:
        """Return the frame a camera at *pose* in the still's frame would see."""
        inverse = np.linalg.inv(pose)
        depth = splat_depth(self._points @ inverse[:3, :3].T.astype(np.float32)
                            + inverse[:3, 3].astype(np.float32), self.camera)
        valid = depth > 0
        donors = _donors(depth)
        points = self.camera.rays() * depth.ravel()[donors][..., None]
        u, v = np.moveaxis(self._still.camera.project(
            points @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32), -1, 0)
        rgb = cv2.remap(self._still.rgb, u, v, cv2.INTER_LINEAR,
                        borderMode=cv2.BORDER_REFLECT_101)
        # Beyond the still's border its mirror image goes on best. Elsewhere a hole was
        # hidden by something nearer, whose colour is not the background's.
        height, width = self._still.depth.shape
        hidden = ~valid & (u >= 0) & (u <= width - 1) & (v >= 0) & (v <= height - 1)
        rgb[hidden] = rgb.reshape(-1, 3)[donors[hidden]]
        return CameraFrame(rgb, 0, camera=self.camera, pose=pose,
                           depth=np.where(valid, depth, np.float32(np.nan)))


def frames_from_still(still: CameraFrame, count: int, config: MotionConfig,
                      rng: np.random.Generator, *, start: int = 0, stop: int | None = None) \
        -> list[CameraFrame]:
    """
    Return frames *start* to *stop* of a path of *count* frames around a still.

    The path depends on *rng* and *count* alone, so parts of it join. Stamps begin at the
    still's; poses are in the still's frame.
    """
    view = StillView(still, config)
    poses = random_path(count, config, rng)
    frames = []
    for index in range(count)[start:stop]:
        seen = view.seen_from(poses[index])
        stamp = still.stamp_ns + round(index * 1e9 / config.rate_hz)
        frames.append(CameraFrame(seen.rgb, stamp, camera=seen.camera, depth=seen.depth,
                                  pose=seen.pose))
    return frames


def _middle(camera: Camera, margin: float) -> Camera:
    """Return the camera that sees the middle of an image at full size."""
    zoom = 1 / (1 - 2 * margin)
    left, top = camera.width * margin, camera.height * margin
    return Camera(camera.width, camera.height, camera.fx * zoom, camera.fy * zoom,
                  (camera.cx - left) * zoom, (camera.cy - top) * zoom)


def _points(depth: np.ndarray, camera: Camera, size: tuple[int, int]) -> np.ndarray:
    """Return (N, 3) float32 points of an image's depth, several a pixel."""
    finer = cv2.resize(depth, (size[0] * _FINER, size[1] * _FINER),
                       interpolation=cv2.INTER_NEAREST_EXACT)
    x = ((np.arange(finer.shape[1]) + 0.5) / _FINER - 0.5 - camera.cx) / camera.fx
    y = ((np.arange(finer.shape[0]) + 0.5) / _FINER - 0.5 - camera.cy) / camera.fy
    rows, columns = np.nonzero(finer)
    z = finer[rows, columns]
    return np.stack([x[columns] * z, y[rows] * z, z], axis=-1).astype(np.float32)


def _in_the_air(depth: np.ndarray) -> np.ndarray:
    """Return where depth lies between a near and a far surface, on neither."""
    kernel = np.ones((3, 3), np.uint8)
    known = np.where(depth > 0, depth, np.inf)
    near = cv2.erode(known.astype(np.float32), kernel)
    far = cv2.dilate(depth, kernel)
    return (depth / (1 + _EDGE) > near) & (depth < far / (1 + _EDGE))


def _donors(depth: np.ndarray) -> np.ndarray:
    """
    Return (H, W) for every pixel the place in flat *depth* of the valid one that stands for it.

    A valid pixel stands for itself. Holes are closed from all their rims at once, where
    two meet by the farther one: what comes into sight is background, but in photographs
    the rim of the foreground's colour lies beside that of its depth, and a hole that is
    all background would draw an outline there.
    """
    height, width = depth.shape
    if not depth.any():
        raise DataError('the still has no valid depth to make a clip from')
    # A frame of zeros saves the test for the border.
    reach = np.pad(depth, 1).ravel()
    donors = np.arange(reach.size)
    stride = width + 2
    around = np.array([dy * stride + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx])
    holes = np.flatnonzero(np.pad(depth == 0, 1).ravel())
    while len(holes):
        neighbours = holes[:, None] + around
        best = neighbours[np.arange(len(holes)), reach[neighbours].argmax(axis=1)]
        closed = reach[best] > 0
        donors[holes[closed]] = donors[best[closed]]
        reach[holes[closed]] = reach[best[closed]]
        holes = holes[~closed]
    rows, columns = np.divmod(donors.reshape(height + 2, stride)[1:-1, 1:-1], stride)
    return (rows - 1) * width + columns - 1
