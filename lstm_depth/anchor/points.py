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
        seen = ~hidden(pixels, depth, view.camera.width)
        return Anchors(pixels[seen], depth[seen], np.full(np.count_nonzero(seen), _SIGMA))


def hidden(pixels: np.ndarray, depth: np.ndarray, width: int) -> np.ndarray:
    """Return (N,) which points at (N, 2) *pixels* are well behind another of their cell."""
    column, row = (pixels // _CELL_PX).astype(np.intp).T
    cell = row * (width // _CELL_PX + 1) + column
    nearest = np.full(cell.max() + 1, np.inf)
    np.minimum.at(nearest, cell, depth)
    return depth > _HIDDEN * nearest[cell]
