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
What a pinhole camera sees of a scene: the nearest surface on every ray.

On the ray ``origin + z * (x, y, 1)`` in camera axes, the plane ``n . p = h`` lies
at ``1/z = n . (x, y, 1) / (h - n . origin)``: inverse depth is affine in the image.
A ray enters a convex polyhedron at the least inverse depth of its front planes and
leaves it at the largest of its back planes, so a body costs a few additions and
comparisons for the pixels of the rectangle that it can cover, and no division.
"""

from __future__ import annotations

from lstm_depth.render.scene import Scene, SHELL_FACES
import numpy as np

# Nearer parts of a body are not looked for; no camera path comes this close.
NEAR_M = 0.02
_EDGES = np.array([(a, b) for a in range(8) for b in range(a + 1, 8)
                   if bin(a ^ b).count('1') == 1])


def cast(scene: Scene, pose: np.ndarray, xs: np.ndarray, ys: np.ndarray, *,
         only: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the depth and the surface that every ray meets.

    *pose*: (4, 4) camera-to-world inside the room. *xs* (W,), *ys* (H,): ascending
    ray coordinates at depth 1. *only*: (B,) bool, the bodies to look at. Returns
    (H, W) float64 metres along z and (H, W) int32 surface numbers.
    """
    rotation, origin = pose[:3, :3], pose[:3, 3]
    gaps = scene.offsets - scene.normals @ origin
    gaps = np.where(np.abs(gaps) < 1e-9, 1e-9, gaps)
    slopes = (scene.normals @ rotation) / gaps[:, None]
    # Single precision finds the surface; its depth is computed anew in the end.
    single = slopes.astype(np.float32)
    columns = (single[:, :1] * xs.astype(np.float32))[:, None]
    rows = (single[:, 1:2] * ys.astype(np.float32) + single[:, 2:])[..., None]
    inverse, surface = _shell(rows, columns)
    rects = _rectangles(scene.corners, rotation, origin, xs, ys)
    wanted = np.nonzero((rects[:, 0] < rects[:, 1]) & (rects[:, 2] < rects[:, 3])
                        & (True if only is None else only))[0]
    polyhedra = len(scene.first) - 1
    inside = (gaps > 0).tolist()
    first = scene.first.tolist()
    for body in wanted.tolist():
        left, right, top, bottom = rects[body].tolist()
        if body >= polyhedra:
            window = (slice(top, bottom), slice(left, right))
            _ellipsoid(scene.ellipsoids[body - polyhedra], rotation, origin, xs[left:right],
                       ys[top:bottom], first[-1] + body - polyhedra,
                       inverse[window], surface[window])
            continue
        planes = range(first[body], first[body + 1])
        _polyhedron([p for p in planes if not inside[p]], [p for p in planes if inside[p]],
                    rows[:, top:bottom], columns[..., left:right],
                    inverse[top:bottom, left:right], surface[top:bottom, left:right])
    return _exact_depth(slopes, xs, ys, inverse, surface), surface


def _shell(rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return inverse depth and number of the shell face behind every pixel."""
    inverse = rows[0] + columns[0]
    surface = np.zeros(inverse.shape, np.int32)
    for face in range(1, SHELL_FACES):
        # The ray leaves the room through the plane that it reaches first.
        candidate = rows[face] + columns[face]
        nearer = candidate > inverse
        np.maximum(inverse, candidate, out=inverse)
        surface[nearer] = face
    return inverse, surface


def _polyhedron(fronts: list[int], backs: list[int], rows: np.ndarray, columns: np.ndarray,
                inverse: np.ndarray, surface: np.ndarray) -> None:
    """Draw one convex polyhedron into its rectangle of *inverse* and *surface*."""
    if not fronts:
        return
    enter = rows[fronts[0]] + columns[fronts[0]]
    others = [rows[plane] + columns[plane] for plane in fronts[1:]]
    for other in others:
        np.minimum(enter, other, out=enter)
    hit = enter > inverse
    if not hit.any():
        return
    leave = rows[backs[0]] + columns[backs[0]]
    for plane in backs[1:]:
        np.maximum(leave, rows[plane] + columns[plane], out=leave)
    hit &= enter > leave
    np.copyto(inverse, enter, where=hit)
    np.copyto(surface, fronts[0], where=hit)
    for plane, other in zip(fronts[1:], others):
        np.copyto(surface, plane, where=hit & (other == enter))


def _ellipsoid(body: tuple[np.ndarray, np.ndarray], rotation: np.ndarray, origin: np.ndarray,
               xs: np.ndarray, ys: np.ndarray, number: int, inverse: np.ndarray,
               surface: np.ndarray) -> None:
    """Draw one ellipsoid: a quadratic equation in inverse depth."""
    bulge, centre = body
    axes = bulge @ rotation
    start = bulge @ (origin - centre)
    outside = start @ start - 1
    if outside <= 0:
        return
    ray = [axes[i, 0] * xs[None] + (axes[i, 1] * ys[:, None] + axes[i, 2]) for i in range(3)]
    square = ray[0] ** 2 + ray[1] ** 2 + ray[2] ** 2
    towards = -(ray[0] * start[0] + ray[1] * start[1] + ray[2] * start[2])
    root = towards ** 2 - square * outside
    with np.errstate(invalid='ignore'):
        enter = (towards + np.sqrt(root)) / outside
    hit = (root > 0) & (towards > 0) & (enter > inverse)
    np.copyto(inverse, enter, where=hit, casting='same_kind')
    np.copyto(surface, number, where=hit)


def _exact_depth(slopes: np.ndarray, xs: np.ndarray, ys: np.ndarray, inverse: np.ndarray,
                 surface: np.ndarray) -> np.ndarray:
    """Return float64 depth, computed anew from the plane that each pixel sees."""
    depth = inverse.astype(np.float64)
    flat = surface < len(slopes)
    numbers = np.minimum(surface, len(slopes) - 1)
    exact = slopes[:, 0][numbers] * xs
    exact += slopes[:, 1][numbers] * ys[:, None]
    exact += slopes[:, 2][numbers]
    np.copyto(depth, exact, where=flat)
    return np.reciprocal(depth, out=depth)


def _rectangles(corners: np.ndarray, rotation: np.ndarray, origin: np.ndarray, xs: np.ndarray,
                ys: np.ndarray) -> np.ndarray:
    """Return (B, 4) pixel ranges left, right, top, bottom that each body can cover."""
    local = (corners - origin) @ rotation
    start, end = local[:, _EDGES[:, 0]], local[:, _EDGES[:, 1]]
    # Cut every edge of the box at the near plane.
    rise = end[..., 2] - start[..., 2]
    with np.errstate(divide='ignore', invalid='ignore'):
        cut = np.clip((NEAR_M - start[..., 2]) / np.where(rise == 0, np.inf, rise), 0, 1)
    crossing = start + cut[..., None] * (end - start)
    points = np.concatenate([local, crossing], axis=1)
    seen = points[..., 2] >= NEAR_M * 0.999
    scale = 1 / np.maximum(points[..., 2], NEAR_M * 0.999)
    rects = np.zeros((len(corners), 4), np.int64)
    for axis, coordinates in enumerate((xs, ys)):
        position = points[..., axis] * scale
        low = np.where(seen, position, np.inf).min(axis=1, initial=np.inf)
        high = np.where(seen, position, -np.inf).max(axis=1, initial=-np.inf)
        rects[:, 2 * axis] = np.searchsorted(coordinates, low - 1e-6, side='left')
        rects[:, 2 * axis + 1] = np.searchsorted(coordinates, high + 1e-6, side='right')
    return rects
