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
"""Metric depth from sparse points of another sensor: laser scanner, range finder, landmarks."""

from __future__ import annotations

from lstm_depth.anchor.source import Anchors, AnchorSource, register, View
import numpy as np

# Of points that fall into one cell, those farther behind the nearest than this are hidden.
_CELL_PX, _HIDDEN = 10, 1.1
# What of a point's depth is not known to be the pixel's: calibration, and what lies between.
_SIGMA = 0.05
# A point so much (in log depth) behind what the camera sees, when most are not, is behind it.
_BEHIND = 0.4
# Rays on which what a wide beam hit is looked for, and the share of them that is nearer.
_BEAM_RINGS, _BEAM_SPOKES, _BEAM_NEAREST = 3, 8, 0.1


@register('points')
class PointsSource(AnchorSource):
    """Points that were measured, in the frame of the camera, seen where they project to."""

    needs_points = True
    # One beam of a range finder is enough for a scale.
    min_points = 1

    def reset(self) -> None:
        """Forget nothing: every frame brings its points."""

    def observe(self, view: View, scale: float) -> Anchors:
        """Return the points in view that nothing nearer hides."""
        if view.points is None or not len(view.points):
            return Anchors(note='no points')
        points = np.asarray(view.points, np.float64)
        if points.shape[1] > 3:
            points = np.concatenate([points[points[:, 3] <= 0, :3],
                                     *(_hit(view, beam) for beam in points[points[:, 3] > 0])])
        with np.errstate(invalid='ignore'):
            points = points[(points[:, 2] > self.config.min_depth)
                            & (points[:, 2] < self.config.max_depth)]
        pixels = view.camera.project(points)
        with np.errstate(invalid='ignore'):
            inside = ((pixels >= 0) & (pixels <= (view.camera.width - 1, view.camera.height - 1))
                      ).all(axis=1)
        pixels, depth = pixels[inside], points[inside, 2]
        if not len(depth):
            return Anchors(note='no point is in view of the camera')
        seen = ~(hidden(pixels, depth, view.camera.width) | _behind(view, pixels, depth))
        return Anchors(pixels[seen], depth[seen], np.full(np.count_nonzero(seen), _SIGMA))


def hidden(pixels: np.ndarray, depth: np.ndarray, width: int) -> np.ndarray:
    """Return (N,) which points at (N, 2) *pixels* are well behind another of their cell."""
    column, row = (pixels // _CELL_PX).astype(np.intp).T
    cell = row * (width // _CELL_PX + 1) + column
    nearest = np.full(cell.max() + 1, np.inf)
    np.minimum.at(nearest, cell, depth)
    return depth > _HIDDEN * nearest[cell]


def _behind(view: View, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """
    Return (N,) which points are well behind what the network sees there, unlike most.

    A sensor beside the camera looks past what hides the wall from the camera.
    """
    with np.errstate(invalid='ignore', divide='ignore'):
        ratio = np.log(depth) - np.log(view.network_depth(pixels))
    known = np.isfinite(ratio)
    if not known.any():
        return np.zeros(len(depth), bool)
    with np.errstate(invalid='ignore'):
        return ratio > np.median(ratio[known]) + _BEHIND


def _hit(view: View, beam: np.ndarray) -> np.ndarray:
    """
    Return (1, 3) the point that a wide beam has measured, (0, 3) where none is in view.

    *beam*: (4,) its end on the axis, and half of its angle. The nearest thing in the beam is
    at its distance, which is where the network sees the nearest: not the average of the
    beam, and often the floor beside the axis. The sensor is taken to be at the camera.
    """
    distance = float(np.linalg.norm(beam[:3]))
    axis = beam[:3] / max(distance, 1e-6)
    side = np.cross(axis, [0.0, 1.0, 0.0] if abs(axis[1]) < 0.9 else [1.0, 0.0, 0.0])
    side /= np.linalg.norm(side)
    other = np.cross(axis, side)
    around = np.arange(_BEAM_SPOKES) * 2 * np.pi / _BEAM_SPOKES
    ring = np.tan(beam[3] * np.arange(1, _BEAM_RINGS + 1) / _BEAM_RINGS)[:, None, None]
    spokes = np.cos(around)[:, None] * side + np.sin(around)[:, None] * other
    rays = np.concatenate([axis[None], (axis + ring * spokes).reshape(-1, 3)])
    rays = rays[rays[:, 2] > 0.05]
    pixels = view.camera.project(rays)
    length = np.linalg.norm(rays, axis=1) / rays[:, 2]
    far = view.network_depth(pixels) * length
    seen = np.isfinite(far)
    if not seen.any():
        return np.empty((0, 3))
    order = np.argsort(far[seen])
    nearest = np.flatnonzero(seen)[order[int(_BEAM_NEAREST * len(order))]]
    return (rays[nearest] / np.linalg.norm(rays[nearest]) * distance)[None]
