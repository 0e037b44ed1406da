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
The bodies that rooms are made of: convex polyhedra and ellipsoids.

A frame of furniture has x to the right, y to the front and z up, with the floor
at z = 0; lengths are in metres.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
import math

import numpy as np

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """
    What a surface looks like.

    *texture* names an image of the room's texture set and *tint* multiplies it
    (both perceptual, 0 to 1). *gloss* is the strength of highlights and *glow* the
    light that the surface gives off. *fit* stretches one copy of the texture over
    the face; *grain* turns the texture's first axis along the face's longer side.
    """

    texture: str = 'plain'
    tint: Colour = (1.0, 1.0, 1.0)
    gloss: float = 0.0
    glow: float = 0.0
    fit: bool = False
    grain: bool = False


@dataclass(frozen=True, eq=False)
class Solid:
    """
    One convex body.

    A polyhedron is the set of points with ``normals @ p <= offsets``; *u_axes*,
    *v_axes* (metres, or faces when the finish is fitted) and *origins* place the
    texture on each of its F faces: ``u = u_axis . (p - origin)``. An ellipsoid has
    no faces; its surface is ``|bulge @ (p - centre)| = 1``. Shading blends the
    normal of a face with that of a round body, ``bulge.T @ bulge @ (p - centre)``,
    by *roundness* (F,), 0 to 1. *centre*, *half* and *rotation* are the enclosing
    box.
    """

    centre: np.ndarray
    half: np.ndarray
    rotation: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray
    u_axes: np.ndarray
    v_axes: np.ndarray
    origins: np.ndarray
    finishes: tuple[Finish, ...]
    roundness: np.ndarray
    bulge: np.ndarray
    casts_shadow: bool = True

    def moved(self, rotation: np.ndarray, translation: Sequence[float]) -> Solid:
        """Return the body turned by the (3, 3) *rotation* and then moved."""
        turn = np.asarray(rotation, np.float64)
        shift = np.asarray(translation, np.float64)
        normals = self.normals @ turn.T
        return replace(
            self, centre=turn @ self.centre + shift, rotation=turn @ self.rotation,
            normals=normals, offsets=self.offsets + normals @ shift,
            u_axes=self.u_axes @ turn.T, v_axes=self.v_axes @ turn.T,
            origins=self.origins @ turn.T + shift, bulge=self.bulge @ turn.T)

    def corners(self) -> np.ndarray:
        """Return the (8, 3) corners of the enclosing box."""
        return self.centre + (BOX_CORNERS * self.half) @ self.rotation.T


BOX_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_NO_FACES = np.zeros((0, 3))


def turned(yaw: float = 0.0, tilt: float = 0.0, lean: float = 0.0) -> np.ndarray:
    """Return the rotation by *lean* about y, then *tilt* about x, then *yaw* about z."""
    cy, sy, ct, st = math.cos(yaw), math.sin(yaw), math.cos(tilt), math.sin(tilt)
    cl, sl = math.cos(lean), math.sin(lean)
    about_z = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, ct, -st], [0, st, ct]])
    about_y = np.array([[cl, 0, sl], [0, 1, 0], [-sl, 0, cl]])
    return about_z @ about_x @ about_y


def move_all(solids: Iterable[Solid], rotation: np.ndarray,
             translation: Sequence[float]) -> list[Solid]:
    """Return every body turned by *rotation* and then moved by *translation*."""
    return [solid.moved(rotation, translation) for solid in solids]


def bounds(solids: Iterable[Solid]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest (3,) coordinates of the bodies' boxes."""
    corners = np.concatenate([solid.corners() for solid in solids])
    return corners.min(axis=0), corners.max(axis=0)


def box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], finish: Finish,
        *, front: Finish | None = None, bevel: float = 0.0, casts_shadow: bool = True) -> Solid:
    """
    Return the axis-aligned box between the given coordinates.

    *front* is a different finish for the +y face; *bevel* cuts every edge by that
    many metres, which reads as a cushion.
    """
    low = np.array([x[0], y[0], z[0]], np.float64)
    high = np.array([x[1], y[1], z[1]], np.float64)
    half, centre = (high - low) / 2, (high + low) / 2
    normals = [sign * np.eye(3)[axis] for axis in range(3) for sign in (-1, 1)]
    reach = [half[axis] for axis in range(3) for _ in range(2)]
    finishes = [finish] * 6
    finishes[3] = front or finish
    if bevel > 0:
        for axis in range(3):
            a, b = (axis + 1) % 3, (axis + 2) % 3
            for sign_a in (-1, 1):
                for sign_b in (-1, 1):
                    normal = np.zeros(3)
                    normal[a], normal[b] = sign_a * math.sqrt(0.5), sign_b * math.sqrt(0.5)
                    normals.append(normal)
                    reach.append((half[a] + half[b] - bevel) * math.sqrt(0.5))
                    finishes.append(finish)
    roundness = np.full(len(normals), 0.35 if bevel > 0 else 0.0)
    return _polyhedron(centre, half, np.array(normals), np.array(reach), finishes, roundness,
                       np.diag(half ** -0.5), casts_shadow)


def prism(centre: tuple[float, float], z: tuple[float, float], radii: tuple[float, float],
          finish: Finish, *, sides: int = 10, casts_shadow: bool = True) -> Solid:
    """
    Return an upright round body: *radii* at the bottom and at the top.

    It has *sides* flat sides that are shaded as if they were round.
    """
    bottom, top = radii
    angles = 2 * math.pi * np.arange(sides) / sides
    slope = (bottom - top) / (z[1] - z[0])
    normals = np.stack([np.cos(angles), np.sin(angles), np.full(sides, slope)], axis=1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals = np.concatenate([normals, [[0, 0, -1], [0, 0, 1]]])
    middle = np.array([centre[0], centre[1], (z[0] + z[1]) / 2])
    apothem = (bottom + top) / 2 * math.cos(math.pi / sides)
    half_height = (z[1] - z[0]) / 2
    reach = np.concatenate([apothem * np.hypot(normals[:sides, 0], normals[:sides, 1]),
                            [half_height, half_height]])
    widest = max(radii)
    roundness = (np.arange(sides + 2) < sides).astype(float)
    return _polyhedron(middle, np.array([widest, widest, half_height]), normals, reach,
                       [finish] * (sides + 2), roundness, np.diag([1, 1, 0]) / widest,
                       casts_shadow)


def ellipsoid(centre: Sequence[float], radii: Sequence[float], finish: Finish, *,
              casts_shadow: bool = True) -> Solid:
    """Return the ellipsoid with the given half axes."""
    radii = np.array(radii, np.float64)
    return Solid(np.array(centre, np.float64), radii, np.eye(3), _NO_FACES, np.zeros(0),
                 np.array([[1.0, 0, 0]]), np.array([[0, 0.3, -1.0]]),
                 np.array([centre], np.float64), (finish,), np.ones(1),
                 np.diag(1 / radii), casts_shadow)


def _polyhedron(centre: np.ndarray, half: np.ndarray, normals: np.ndarray, reach: np.ndarray,
                finishes: Sequence[Finish], roundness: np.ndarray, bulge: np.ndarray,
                casts_shadow: bool) -> Solid:
    """Build a body from the distances *reach* of its faces to its centre."""
    u_axes, v_axes, origins = [], [], []
    for normal, finish in zip(normals, finishes):
        u, v = _face_axes(normal)
        spans = 2 * np.abs(u) @ half, 2 * np.abs(v) @ half
        if finish.fit:
            corner = centre - u * spans[0] / 2 - v * spans[1] / 2
            u, v = u / spans[0], v / spans[1]
        else:
            corner = centre
            if finish.grain and spans[1] > spans[0]:
                u, v = v, u
        u_axes.append(u)
        v_axes.append(v)
        origins.append(corner)
    return Solid(centre, half, np.eye(3), normals, normals @ centre + reach, np.array(u_axes),
                 np.array(v_axes), np.array(origins), tuple(finishes), roundness, bulge,
                 casts_shadow)


def _face_axes(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the axes of a face as seen from outside: u to the right, v down."""
    if abs(normal[2]) > 0.9:
        return np.array([1.0, 0, 0]), np.array([0, -1.0, 0])
    u = np.array([-normal[1], normal[0], 0])
    u /= np.linalg.norm(u)
    return u, np.cross(u, normal)
