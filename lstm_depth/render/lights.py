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
"""Lamps with soft shadows, and the darkness of corners, both worked out once a room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_depth.render.raster import cast
from lstm_depth.render.scene import Scene
from lstm_depth.render.solids import Colour
import numpy as np

# A face of the cube sees a little more than 90 degrees, so that blurring and
# interpolation never leave it.
_FACE_TAN = 1.06
# Share of the variance test that is taken for leaked light and cut off.
_LEAK = 0.3
_VOXEL_M = 0.1
_REACH_M = 0.22


@dataclass(frozen=True)
class Light:
    """
    One point light.

    *position* in metres, *colour* linear RGB intensity, *size_m* the radius within
    which brightness stops growing. With *normal*, a window: light leaves to that
    side only.
    """

    position: tuple[float, float, float]
    colour: Colour
    size_m: float = 0.5
    normal: tuple[float, float, float] | None = None


class ShadowMap:
    """
    How far a light reaches in every direction, blurred for soft edges.

    A cube of depth images holds mean and mean square of depth (variance shadow
    maps, Donnelly and Lauritzen 2006), packed as the real and imaginary parts of
    one complex array so that one look-up fetches both.
    """

    def __init__(self, scene: Scene, position: Sequence[float], size: int) -> None:
        """Cast *size* x *size* rays to each side of the cube round *position*."""
        self._size = size
        coordinates = ((np.arange(size) + 0.5) / size * 2 - 1) * _FACE_TAN
        faces = []
        for axis in range(3):
            right, down = ((1, 2), (0, 2), (0, 1))[axis]
            for sign in (1, -1):
                pose = np.eye(4)
                # Only the directions of the columns matter, not their handedness.
                pose[:3, :3] = np.eye(3)[:, [right, down, axis]] * (1, 1, sign)
                pose[:3, 3] = position
                depth, _ = cast(scene, pose, coordinates, coordinates, only=scene.casts_shadow)
                faces.append(_blurred(depth) + 1j * _blurred(depth ** 2))
        self._moments = np.stack(faces).astype(np.complex64).ravel()

    def visible(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return (N,) float32, 0 (shadow) to 1 (lit), of (N,) offsets from the light."""
        ax, ay, az = np.abs(x), np.abs(y), np.abs(z)
        in_z = (az >= ax) & (az >= ay)
        in_x = ~in_z & (ax >= ay)
        depth = np.where(in_z, az, np.where(in_x, ax, ay))
        negative = np.where(in_z, z, np.where(in_x, x, y)) < 0
        face = np.where(in_z, 4, np.where(in_x, 0, 2)) + negative
        size = self._size
        scale = np.float32(0.5 * size / _FACE_TAN) / depth
        column = np.where(in_x, y, x) * scale + np.float32(size / 2 - 0.5)
        row = np.where(in_z, y, z) * scale + np.float32(size / 2 - 0.5)
        c0, r0 = column.astype(np.int32), row.astype(np.int32)
        share_c, share_r = column - c0, row - r0
        start = (face * size + r0) * size + c0
        upper = self._moments[start]
        upper += share_c * (self._moments[start + 1] - upper)
        start += size
        lower = self._moments[start]
        lower += share_c * (self._moments[start + 1] - lower)
        upper += share_r * (lower - upper)
        mean = upper.real
        variance = np.maximum(upper.imag - mean * mean, np.float32(4e-4)) + mean * np.float32(1e-4)
        beyond = np.maximum(depth - mean - np.float32(0.02), 0)
        lit = variance / (variance + beyond * beyond)
        return np.clip((lit - np.float32(_LEAK)) / np.float32(1 - _LEAK), 0, 1)


class Crevices:
    """
    Ambient light lost near walls, floor and furniture.

    The share of solid matter within about 20 cm, on a grid of 10 cm, stands for
    ambient occlusion: half-open space is the norm, corners are darker.
    """

    def __init__(self, scene: Scene) -> None:
        """Fill the grid of *scene*."""
        counts = np.ceil(scene.size / _VOXEL_M).astype(int) + 8
        self._low = scene.size / 2 - counts * _VOXEL_M / 2
        axes = [self._low[i] + (np.arange(counts[i]) + 0.5) * _VOXEL_M for i in range(3)]
        solid = np.ones(counts, np.float32)
        inner = np.ix_(*[(axes[i] > 0) & (axes[i] < scene.size[i]) for i in range(3)])
        solid[inner] = 0
        for body, corners in enumerate(scene.corners):
            _fill(scene, body, corners, axes, solid)
        reach = np.arange(-5, 6) * _VOXEL_M / _REACH_M
        kernel = np.exp(-0.5 * reach ** 2).astype(np.float32)
        for axis in range(3):
            solid = _convolved(solid, kernel / kernel.sum(), axis)
        self._grid = solid.ravel()
        self._strides = (counts[1] * counts[2], counts[2], 1)
        self._limits = counts - 2

    def openness(self, points: Sequence[np.ndarray], normals: Sequence[np.ndarray]) -> np.ndarray:
        """Return (N,) float32, 0.2 (crevice) to 1 (open), of surface points x, y, z."""
        index, shares = 0, []
        for axis in range(3):
            position = (points[axis] + normals[axis] * np.float32(_REACH_M)
                        - np.float32(self._low[axis])) / np.float32(_VOXEL_M) - np.float32(0.5)
            position = np.clip(position, 0, np.float32(self._limits[axis]))
            cell = position.astype(np.int32)
            shares.append(position - cell)
            index = index + cell * self._strides[axis]
        sx, sy, _ = self._strides
        planes = []
        for corner in (index, index + sx):
            lines = []
            for line in (corner, corner + sy):
                near = self._grid[line]
                lines.append(near + shares[2] * (self._grid[line + 1] - near))
            planes.append(lines[0] + shares[1] * (lines[1] - lines[0]))
        matter = planes[0] + shares[0] * (planes[1] - planes[0])
        # A flat wall fills 16 % of the neighbourhood of a point one reach above it.
        return np.clip(1 - 1.7 * (matter - np.float32(0.17)), np.float32(0.2), 1)


def _fill(scene: Scene, body: int, corners: np.ndarray, axes: Sequence[np.ndarray],
          solid: np.ndarray) -> None:
    """Add one body to the voxel grid."""
    low, high = corners.min(axis=0) - _VOXEL_M, corners.max(axis=0) + _VOXEL_M
    window = [slice(*np.searchsorted(axes[i], (low[i], high[i]))) for i in range(3)]
    points = np.stack(np.meshgrid(*[axes[i][window[i]] for i in range(3)], indexing='ij'), -1)
    polyhedra = len(scene.first) - 1
    if body < polyhedra:
        planes = slice(scene.first[body], scene.first[body + 1])
        above = (points @ scene.normals[planes].T - scene.offsets[planes]).max(axis=-1)
        thickness = (high - low - 2 * _VOXEL_M).min()
    else:
        bulge, centre = scene.ellipsoids[body - polyhedra]
        distance = np.linalg.norm((points - centre) @ bulge.T, axis=-1)
        thickness = 2 / np.linalg.norm(bulge, axis=1).max()
        above = (distance - 1) * thickness / 2
    share = np.clip(0.5 - above / _VOXEL_M, 0, 1) * min(1.0, thickness / _VOXEL_M)
    solid[tuple(window)] = np.maximum(solid[tuple(window)], share)


def _blurred(image: np.ndarray) -> np.ndarray:
    """Return *image* blurred by a 5 x 5 binomial kernel; edges repeat."""
    kernel = np.array([1, 4, 6, 4, 1]) / 16
    return _convolved(_convolved(image, kernel, 0), kernel, 1)


def _convolved(array: np.ndarray, kernel: np.ndarray, axis: int) -> np.ndarray:
    """Return *array* convolved with an odd symmetric *kernel* along *axis*; edges repeat."""
    reach = len(kernel) // 2
    pad = [(reach, reach) if i == axis else (0, 0) for i in range(array.ndim)]
    padded = np.pad(array, pad, mode='edge')
    length = array.shape[axis]
    parts = [weight * np.take(padded, range(shift, shift + length), axis=axis)
             for shift, weight in enumerate(kernel)]
    return np.sum(parts, axis=0, dtype=array.dtype)
