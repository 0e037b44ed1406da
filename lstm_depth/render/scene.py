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
"""The bodies of a room as arrays, ready for casting rays and for shading."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_depth.render.atlas import Atlas
from lstm_depth.render.solids import Finish, Solid
import numpy as np

SHELL_FACES = 6
# Walls in the order of `shell_normals`, then floor and ceiling.
FLOOR, CEILING = 4, 5


def shell_normals() -> np.ndarray:
    """Return the (6, 3) inward normals: walls at y=0, x=W, y=L, x=0, the floor, the ceiling."""
    return np.array([[0, 1, 0], [-1, 0, 0], [0, -1, 0], [1, 0, 0], [0, 0, 1], [0, 0, -1]], float)


class Scene:
    """
    A closed box-shaped room and its bodies.

    Surfaces are numbered: the six faces of the shell, the faces of all polyhedra,
    the ellipsoids. *normals* (P, 3) and *offsets* (P,) are the planes of shell and
    polyhedra (``normal . p = offset``), *first* (S + 1,) the first plane of each
    polyhedron, *ellipsoids* a list of (bulge, centre). *corners* (B, 8, 3) are the
    boxes round polyhedra and then ellipsoids. *columns* holds one float32 array of
    surface properties per name, *texture* (N,) the index into the atlas, *bulge* (N,
    3, 3) the matrices that give a round body's normals (see `Solid`).
    """

    def __init__(self, size: np.ndarray, shell: Sequence[Finish], solids: Sequence[Solid],
                 atlas: Atlas, rng: np.random.Generator) -> None:
        """Lay out *solids* in the room of (3,) *size*; *rng* shifts their textures."""
        self.size = np.asarray(size, np.float64)
        faceted = [solid for solid in solids if len(solid.offsets)]
        round_ = [solid for solid in solids if not len(solid.offsets)]
        self.boxes = faceted + round_
        inward = shell_normals()
        width, length, height = self.size
        walls = np.array([0, -width, -length, 0, 0, -height])
        self.normals = np.concatenate([inward] + [solid.normals for solid in faceted])
        self.offsets = np.concatenate([walls] + [solid.offsets for solid in faceted])
        counts = [SHELL_FACES] + [len(solid.offsets) for solid in faceted]
        self.first = np.cumsum(counts)
        self.ellipsoids = [(solid.bulge, solid.centre) for solid in round_]
        self.corners = np.array([solid.corners() for solid in self.boxes]).reshape(-1, 8, 3)
        self.casts_shadow = np.array([solid.casts_shadow for solid in self.boxes], bool)
        self._describe(shell, atlas, rng)

    def _describe(self, shell: Sequence[Finish], atlas: Atlas,
                  rng: np.random.Generator) -> None:
        """Fill the surface properties."""
        finishes = [*shell, *(finish for solid in self.boxes for finish in solid.finishes)]
        counts = [len(solid.finishes) for solid in self.boxes]
        owner = np.repeat(np.arange(-1, len(counts)), [SHELL_FACES, *counts])
        self.texture = np.array([atlas.names[f.texture] for f in finishes], np.int32)
        shell_u, shell_v, shell_origins = _shell_axes(self.size)
        u_axes = np.vstack([shell_u, *(solid.u_axes for solid in self.boxes)])
        v_axes = np.vstack([shell_v, *(solid.v_axes for solid in self.boxes)])
        origins = np.vstack([shell_origins, *(solid.origins for solid in self.boxes)])
        texels = atlas.sizes[self.texture].astype(float)
        fitted = np.array([finish.fit for finish in finishes])
        density = np.where(fitted, texels, texels / atlas.metres[self.texture])[:, None]
        u_axes, v_axes = u_axes * density, v_axes * density
        # Bodies of one design do not show the same part of a texture, nor do their faces.
        shift = np.vstack([np.zeros((1, 2)), rng.random((len(counts), 2))])[owner + 1]
        shift = (shift + 0.37 * np.arange(len(owner))[:, None]) * (owner >= 0)[:, None]
        shift = np.where(fitted[:, None], 0, shift % 1 * texels[:, None])
        scale = np.sqrt(np.linalg.norm(u_axes, axis=1) * np.linalg.norm(v_axes, axis=1))
        values = {
            'u_start': shift[:, 0] - (u_axes * origins).sum(axis=1),
            'v_start': shift[:, 1] - (v_axes * origins).sum(axis=1),
            'log_density': np.log2(scale),
            'glow': np.array([finish.glow for finish in finishes]),
            'gloss': np.array([finish.gloss for finish in finishes]),
        }
        for axis, name in enumerate('xyz'):
            values['u' + name], values['v' + name] = u_axes[:, axis], v_axes[:, axis]
            values['t' + name] = np.array([finish.tint[axis] for finish in finishes]) ** 2
        values.update(self._shapes(owner))
        self.columns = {name: column.astype(np.float32) for name, column in values.items()}

    def _shapes(self, owner: np.ndarray) -> dict[str, np.ndarray]:
        """Return the normals, centres and roundness of all surfaces; keep their bulges."""
        ellipsoids = np.zeros((len(self.ellipsoids), 3))
        normals = np.concatenate([self.normals, ellipsoids])
        centres = np.array([self.size / 2] + [solid.centre for solid in self.boxes])[owner + 1]
        bulges = [np.zeros((3, 3))] + [solid.bulge.T @ solid.bulge for solid in self.boxes]
        self.bulge = np.array(bulges, np.float32)[owner + 1]
        values = {'roundness': np.concatenate(
            [np.zeros(SHELL_FACES)] + [solid.roundness for solid in self.boxes])}
        for axis, name in enumerate('xyz'):
            values['n' + name], values['c' + name] = normals[:, axis], centres[:, axis]
        return values


def _shell_axes(size: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the texture axes of the shell: u to the right as seen from inside, v down."""
    normals = shell_normals()
    u_axes = np.stack([-normals[:, 1], normals[:, 0], np.zeros(SHELL_FACES)], axis=1)
    u_axes[FLOOR] = u_axes[CEILING] = (1, 0, 0)
    v_axes = np.tile([0, 0, -1.0], (SHELL_FACES, 1))
    v_axes[FLOOR] = v_axes[CEILING] = (0, -1, 0)
    # A texture starts at the top of a wall, so that tiles are cut at the skirting.
    origins = np.tile([0, 0, size[2]], (SHELL_FACES, 1))
    return u_axes, v_axes, origins
