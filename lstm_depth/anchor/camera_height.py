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
"""Metric depth from the height of the camera: the floor in the predicted cloud."""

from __future__ import annotations

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.rays import unit_rays
from lstm_depth.anchor.source import Anchors, AnchorSource, register, View
from lstm_depth.errors import ConfigError
import numpy as np

_ROWS, _COLUMNS = 24, 32
_TRIES = 64
# A point is on the floor if it is off by less than this share of its depth.
_ON_FLOOR = 0.03
_MIN_SHARE = 0.15
# Nothing but noise lies below the floor.
_MAX_BELOW = 0.04
# Cosine of the floor's tilt against gravity, or against the camera where that is not known.
_KNOWN_TILT, _GUESSED_TILT = np.cos(np.radians(8)), np.cos(np.radians(30))
# The floor's log depth: the height changes with the robot's springs, the plane with the network.
_SIGMA = 0.08


@register('camera_height')
class CameraHeightSource(AnchorSource):
    """The floor, which is as far below the camera as the robot says."""

    def __init__(self, config: AnchorConfig) -> None:
        """Take the height; ConfigError without one."""
        super().__init__(config)
        if config.camera_height_m is None:
            raise ConfigError('anchor camera_height needs the height of the camera above the '
                              'floor (camera_height_m)')

    def reset(self) -> None:
        """Forget nothing: every frame shows its floor, or does not."""

    def observe(self, view: View, scale: float) -> Anchors:
        """Return the pixels of the floor, with the depth that the camera's height gives them."""
        pixels = _grid(view)
        depth = view.network_depth(pixels)
        usable = np.isfinite(depth) & (depth > 0)
        pixels, depth = pixels[usable], depth[usable]
        if len(depth) < _ROWS * _COLUMNS / 4:
            return Anchors(note='no floor: the network gives too little depth')
        rays = unit_rays(view.camera, pixels)
        rays /= rays[:, 2:]
        floor = _floor(rays * depth[:, None], view.pose)
        if floor is None:
            return Anchors(note='no floor in view')
        normal, on = floor
        down = -(rays[on] @ normal)
        ahead = down > 0.05
        depth = self.config.camera_height_m / down[ahead]
        near = depth < self.config.max_depth
        return Anchors(pixels[on][ahead][near], depth[near], np.full(near.sum(), _SIGMA))


def _grid(view: View) -> np.ndarray:
    """Return (N, 2) pixels spread over the tracked image."""
    x = (np.arange(_COLUMNS) + 0.5) * view.camera.width / _COLUMNS - 0.5
    y = (np.arange(_ROWS) + 0.5) * view.camera.height / _ROWS - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _floor(points: np.ndarray, pose: np.ndarray | None) -> tuple[np.ndarray, np.ndarray] | None:
    """
    Return the upward normal of the floor and which points lie on it, None without a floor.

    *points*: (N, 3) metres of the network. *pose*: camera to a frame whose z is up (REP-105),
    None where gravity is not known. RANSAC (Fischler and Bolles 1981), the same every time.
    """
    up, tilt = ((np.array([0.0, -1.0, 0.0]), _GUESSED_TILT) if pose is None
                else (pose[2, :3], _KNOWN_TILT))
    rng = np.random.default_rng(0)
    low = np.flatnonzero(points @ up < np.median(points @ up))
    one, two, three = points[rng.choice(low, (3, _TRIES))]
    normals = np.cross(two - one, three - one)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals *= np.where(normals @ up < 0, -1.0, 1.0)[:, None]
    above = normals @ points.T - np.einsum('ti,ti->t', normals, one)[:, None]
    limit = _ON_FLOOR * points[:, 2]
    on = np.abs(above) < limit
    below = np.mean(above < -2 * limit, axis=1)
    height = -np.einsum('ti,ti->t', normals, one)
    usable = (normals @ up > tilt) & (height > 0) & (below < _MAX_BELOW)
    share = np.where(usable, on.mean(axis=1), 0)
    best = int(np.argmax(share))
    return (normals[best], on[best]) if share[best] >= _MIN_SHARE else None
