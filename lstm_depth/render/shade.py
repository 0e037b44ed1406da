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
"""From surfaces to colour: textures, lamps, shadows, highlights, and the camera's response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_depth.render.atlas import Atlas
from lstm_depth.render.config import ImageConfig
from lstm_depth.render.lights import Crevices, Light, ShadowMap
from lstm_depth.render.scene import Scene
import numpy as np

# Pixels shaded at a time: their temporary arrays stay in the processor's cache.
_BLOCK = 1 << 14
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_RESPONSE_STEPS = 4096


@dataclass(frozen=True, eq=False)
class Lighting:
    """
    All light of a room.

    *ambient_up* and *ambient_down* are the linear RGB light that faces looking up
    and down receive from everywhere, *shadows* one map per light or None. A surface
    with a glow of 1 shines as if it received *glow_unit* more.
    """

    lights: Sequence[Light]
    shadows: Sequence[ShadowMap | None]
    crevices: Crevices
    ambient_up: np.ndarray
    ambient_down: np.ndarray
    glow_unit: float


def shade(scene: Scene, atlas: Atlas, lighting: Lighting, pose: np.ndarray, ray_x: np.ndarray,
          ray_y: np.ndarray, depth: np.ndarray, surface: np.ndarray, pixel: float) -> np.ndarray:
    """
    Return the (N, 3) float32 linear light that reaches the camera along N rays.

    *pose*: (4, 4) camera-to-world. *ray_x*, *ray_y* (N,): ray coordinates at depth 1;
    *depth*, *surface* (N,): what the rays met, from `raster.cast`. *pixel*: the width
    of a pixel at depth 1.
    """
    rays = [np.asarray(values, np.float32) for values in (ray_x, ray_y, depth)]
    light = np.empty((len(surface), 3), np.float32)
    for start in range(0, len(surface), _BLOCK):
        block = slice(start, start + _BLOCK)
        light[block] = _shade_block(scene, atlas, lighting, pose, *[r[block] for r in rays],
                                    surface[block], np.float32(pixel))
    return light


def _shade_block(scene: Scene, atlas: Atlas, lighting: Lighting, pose: np.ndarray,
                 ray_x: np.ndarray, ray_y: np.ndarray, depth: np.ndarray, numbers: np.ndarray,
                 pixel: np.float32) -> np.ndarray:
    """Return the (N, 3) light of N pixels."""
    turn, origin = pose[:3, :3].astype(np.float32), pose[:3, 3].astype(np.float32)
    rays = [turn[i, 0] * ray_x + (turn[i, 1] * ray_y + turn[i, 2]) for i in range(3)]
    points = [rays[i] * depth + origin[i] for i in range(3)]
    column = {name: values[numbers] for name, values in scene.columns.items()
              if name[0] in 'uvltg' or name in ('nx', 'ny', 'nz')}
    normals = _normals(scene, points, [column['nx'], column['ny'], column['nz']], numbers)
    inverse_length = 1 / np.sqrt(rays[0] ** 2 + rays[1] ** 2 + rays[2] ** 2)
    to_eye = [-ray * inverse_length for ray in rays]
    facing = np.maximum(_dot(normals, to_eye), np.float32(0.05))
    u = _dot(points, [column['ux'], column['uy'], column['uz']]) + column['u_start']
    v = _dot(points, [column['vx'], column['vy'], column['vz']]) + column['v_start']
    # The pixel's footprint is stretched by 1 / facing in one direction: take the mean.
    lod = np.log2(depth * pixel) + column['log_density'] - np.float32(0.5) * np.log2(facing)
    colour = atlas.sample(scene.texture[numbers], u, v, lod)
    colour *= np.stack([column['tx'], column['ty'], column['tz']], axis=1)
    received, highlight = _received(lighting, points, normals, to_eye, column['gloss'])
    received += column['glow'][:, None] * np.float32(lighting.glow_unit)
    return colour * received + highlight


def _normals(scene: Scene, points: Sequence[np.ndarray], flat: list[np.ndarray],
             numbers: np.ndarray) -> list[np.ndarray]:
    """Return the unit shading normals: flat faces keep theirs, round bodies bulge."""
    roundness = scene.columns['roundness'][numbers]
    where = np.nonzero(roundness)[0]
    if not len(where):
        return flat
    owner, share = numbers[where], roundness[where]
    offset = np.stack([points[i][where] - scene.columns['c' + name][owner]
                       for i, name in enumerate('xyz')], axis=1)
    round_ = np.einsum('nij,nj->ni', scene.bulge[owner], offset) * share[:, None]
    for i in range(3):
        round_[:, i] += (1 - share) * flat[i][where]
    round_ /= np.linalg.norm(round_, axis=1, keepdims=True)
    for i in range(3):
        flat[i][where] = round_[:, i]
    return flat


def _received(lighting: Lighting, points: Sequence[np.ndarray], normals: Sequence[np.ndarray],
              to_eye: Sequence[np.ndarray], gloss: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N, 3) light that falls on the points and their (N, 3) highlights."""
    up = (normals[2] * np.float32(0.5) + np.float32(0.5))[:, None]
    open_ = lighting.crevices.openness(points, normals)[:, None]
    total = open_ * (lighting.ambient_down + up * (lighting.ambient_up - lighting.ambient_down))
    highlight = np.zeros_like(total)
    shiny = gloss.any()
    for light, shadow in zip(lighting.lights, lighting.shadows):
        away = [points[i] - np.float32(light.position[i]) for i in range(3)]
        square = _dot(away, away)
        inverse = 1 / np.sqrt(square + np.float32(1e-6))
        lambert = np.maximum(-_dot(normals, away) * inverse, 0)
        strength = 1 / (square + np.float32(light.size_m ** 2))
        if light.normal is not None:
            leaving = _dot(away, np.asarray(light.normal, np.float32)) * inverse
            strength *= np.maximum(leaving, 0)
        if shadow is not None:
            strength *= shadow.visible(*away)
        colour = np.asarray(light.colour, np.float32)
        total += (lambert * strength)[:, None] * colour
        if shiny:
            half = [to_eye[i] - away[i] * inverse for i in range(3)]
            cosine = _dot(normals, half) / np.sqrt(_dot(half, half) + np.float32(1e-6))
            lobe = np.maximum(cosine, 0) ** 2
            for _ in range(4):
                lobe *= lobe
            highlight += (gloss * lobe * strength * (lambert > 0))[:, None] * colour
    return total, highlight


def _dot(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> np.ndarray:
    """Return the dot products of vectors given as x, y and z arrays."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def mean_luminance(light: np.ndarray) -> float:
    """Return the mean brightness of (H, W, 3) linear light, bright sources cut off."""
    luminance = light[::4, ::4] @ _LUMA
    return float(np.minimum(luminance, 4 * np.median(luminance) + 1e-6).mean())


def develop(light: np.ndarray, exposure: float, config: ImageConfig,
            rng: np.random.Generator | None) -> np.ndarray:
    """
    Return the (H, W, 3) uint8 image of linear light.

    Lens softness, vignette, exposure, highlight roll-off, the sRGB curve and, with
    *rng*, sensor noise.
    """
    image = _softened(light, config.softness)
    height, width = image.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32) ** 2
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    image *= (np.float32(exposure) * (1 - np.float32(config.vignette / 2) * (x + y)))[..., None]
    # Photographic shoulder: half of what a linear sensor shows above mid-grey is kept.
    image = image / (1 + np.float32(0.35) * image)
    steps = np.minimum(image * np.float32(_RESPONSE_STEPS - 1), _RESPONSE_STEPS - 1)
    grey = _srgb_table()[steps.astype(np.int16)]
    if rng is not None and config.noise > 0:
        grey += rng.standard_normal(grey.shape, dtype=np.float32) * np.float32(config.noise)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)


def _softened(light: np.ndarray, share: float) -> np.ndarray:
    """Return *light* with *share* of every pixel spread to its neighbours along each axis."""
    if share == 0:
        return light
    side, middle = np.float32(share / 2), np.float32(1 - share)
    padded = np.pad(light, ((1, 1), (1, 1), (0, 0)), mode='edge')
    across = middle * padded[:, 1:-1] + side * (padded[:, :-2] + padded[:, 2:])
    return middle * across[1:-1] + side * (across[:-2] + across[2:])


def _srgb_table() -> np.ndarray:
    """Return the grey value of every step of linear light (IEC 61966-2-1)."""
    linear = np.linspace(0, 1, _RESPONSE_STEPS)
    curve = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (255 * curve).astype(np.float32)
