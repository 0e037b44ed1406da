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
Metric depth from the height of the camera: the floor that it sees is so far below.

A floor is level. Where gravity is known, by poses or by vertical lines in the image, the depth
of a floor pixel is height over the sine of its ray below the horizon, whatever the network
thinks of the floor's tilt; the predicted cloud only says which pixels are floor.
"""

from __future__ import annotations

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.gravity import SceneGravity
from lstm_depth.anchor.rays import unit_rays
from lstm_depth.anchor.source import Anchors, AnchorSource, register, View
from lstm_depth.errors import ConfigError
import numpy as np

_ROWS, _COLUMNS = 24, 32
_TRIES = 64
# A point is on the floor if it is off by less than this share of its depth.
_ON_FLOOR = 0.03
_MIN_SHARE, _MIN_PIXELS = 0.15, 20
# Nothing but noise lies below the floor.
_MAX_BELOW = 0.04
# Cosine of the tilt that the network may give a level floor.
_TILT = np.cos(np.radians(15))
# Standard deviations of gravity by poses and by lines [rad], and of the height, as a share:
# the robot's springs, a carpet.
_POSED, _SEEN, _SPRINGS = 0.02, 0.05, 0.05
# The share of what lines and the network's floor disagree by that may be the fault of the lines.
_DISAGREE = 0.8
# What is taken for the floor and is not, is above it: bed, table, stairs. Then the camera's
# height makes depth too large. No floor is believed that, in log depth, is farther than the
# network says by more than this, and no pixel of it by more than the other.
_RAISED, _PIXEL_RAISED = 0.06, 0.12
# The floor has to be nearer than the network says by so many standard deviations.
_CLEAR = 2.5


@register('camera_height')
class CameraHeightSource(AnchorSource):
    """The floor, which is as far below the camera as the robot says."""

    # The network errs otherwise at the floor than where walls are.
    doubt = 0.15

    def __init__(self, config: AnchorConfig) -> None:
        """Take the height; ConfigError without one."""
        super().__init__(config)
        if config.camera_height_m is None:
            raise ConfigError('anchor camera_height needs the height of the camera above the '
                              'floor (camera_height_m)')
        self._gravity = SceneGravity()

    def reset(self) -> None:
        """Forget where up was seen."""
        self._gravity.reset()

    def observe(self, view: View, scale: float) -> Anchors:
        """Return the pixels of the floor, with the depth that the camera's height gives them."""
        if view.pose is None:
            up = self._gravity.up(view.gray, view.camera, view.stamp_s)
        else:
            up = view.pose[2, :3]
        if up is None:
            return Anchors(note='no gravity: neither poses nor enough vertical lines')
        pixels = _grid(view)
        depth = view.network_depth(pixels)
        usable = np.isfinite(depth) & (depth > 0)
        pixels, depth = pixels[usable], depth[usable]
        if len(depth) < _ROWS * _COLUMNS / 4:
            return Anchors(note='no floor: the network gives too little depth')
        rays = unit_rays(view.camera, pixels)
        rays /= rays[:, 2:]
        floor = _floor(rays * depth[:, None], up)
        if floor is None:
            return Anchors(note='no floor in view')
        on, normal = floor
        tilt = _POSED
        if view.pose is None:
            # Lines and the network tell one thing in two ways.
            tilt = float(np.hypot(_SEEN, _DISAGREE * np.arccos(np.clip(normal @ up, -1, 1))))
        return self._below(pixels[on], rays[on], depth[on], up, tilt)

    def _below(self, pixels: np.ndarray, rays: np.ndarray, network: np.ndarray, up: np.ndarray,
               tilt_sigma: float) -> Anchors:
        """Return the floor's pixels, whose (N, 3) rays have z of 1, at the camera's height."""
        down = -(rays @ up)
        ahead = down > 0.05
        pixels, rays, network, down = pixels[ahead], rays[ahead], network[ahead], down[ahead]
        depth = self.config.camera_height_m / down
        raised = np.log(depth / network)
        if not len(raised) or np.median(raised) > _RAISED:
            return Anchors(note='the floor in view is nearer than the height of the camera says')
        # What tilts by a little moves far off by much.
        level = np.sqrt(np.maximum(np.sum(rays ** 2, axis=1) - down ** 2, 0))
        sigma = np.hypot(_SPRINGS, tilt_sigma * level / down)
        good = ((depth < self.config.max_depth) & (sigma < self.config.max_sigma)
                & (raised < _PIXEL_RAISED))
        if np.count_nonzero(good) < _MIN_PIXELS:
            return Anchors(note='no floor near enough')
        # What is not clearly wrong is not made better by a height and a tilt that are not exact.
        if np.median(raised[good]) > -_CLEAR * np.median(sigma[good]):
            return Anchors(pixels[good], network[good], sigma[good])
        return Anchors(pixels[good], depth[good], sigma[good])


def _grid(view: View) -> np.ndarray:
    """Return (N, 2) pixels spread over the tracked image."""
    x = (np.arange(_COLUMNS) + 0.5) * view.camera.width / _COLUMNS - 0.5
    y = (np.arange(_ROWS) + 0.5) * view.camera.height / _ROWS - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)


def _floor(points: np.ndarray, up: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """
    Return which of (N, 3) *points*, metres of the network, lie on the floor, and its normal.

    None without one.

    RANSAC (Fischler and Bolles 1981), the same every time.
    """
    rng = np.random.default_rng(0)
    low = np.flatnonzero(points @ up < np.median(points @ up))
    one, two, three = points[rng.choice(low, (3, _TRIES))]
    normals = np.cross(two - one, three - one)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    normals *= np.where(normals @ up < 0, -1.0, 1.0)[:, None]
    height = -np.einsum('ti,ti->t', normals, one)
    above = normals @ points.T + height[:, None]
    limit = _ON_FLOOR * points[:, 2]
    on = np.abs(above) < limit
    below = np.mean(above < -2 * limit, axis=1)
    usable = (normals @ up > _TILT) & (height > 0) & (below < _MAX_BELOW)
    share = np.where(usable, on.mean(axis=1), 0)
    best = int(np.argmax(share))
    return (on[best], normals[best]) if share[best] >= _MIN_SHARE else None
