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
"""Textures that fill one face: rugs, paintings, screens and the view from a window."""

from __future__ import annotations

from lstm_depth.render.textures import fbm, grid, hsv, mix, Texture, tinted
import numpy as np


def painting(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a landscape, an abstract or a portrait-like painting."""
    kind = rng.integers(3)
    if kind == 0:
        return _landscape(rng, size, haze=0.3)
    if kind == 1:
        return _blocks(rng, size)
    canvas = mix(0.5 + 0.3 * fbm(rng, size, roughness=2.2), *_two_colours(rng, 0.5, 0.8))
    for _ in range(rng.integers(2, 6)):
        canvas = _blob(rng, canvas)
    return canvas


def outdoors(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return what is seen through a window: sky, hills or houses, trees."""
    return _landscape(rng, size, haze=0.55)


def screen(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a monitor that is off (nearly black) or shows windows of text."""
    x, y = grid(size)
    if rng.random() < 0.4:
        return tinted(0.06 + 0.03 * (1 - y) + 0 * x)
    image = mix(y + 0 * x, hsv(rng.random(), 0.5, 0.6), hsv(rng.random(), 0.5, 0.3))
    for _ in range(rng.integers(1, 4)):
        left, top = rng.uniform(0.02, 0.5, 2)
        wide, high = rng.uniform(0.25, 0.48, 2)
        inside = (x > left) & (x < left + wide) & (y > top) & (y < top + high)
        line = (((y - top) * 28 % 1 < 0.5)
                & (x - left < wide * (0.3 + 0.65 * rng.random(64)[(y * 28).astype(int)]))
                & (x > left + 0.02))
        paper, ink = (0.93, 0.2) if rng.random() < 0.6 else (0.15, 0.7)
        image[inside] = np.where(line, ink, paper)[inside][:, None]
    return image


def rug(rng: np.random.Generator, size: int) -> np.ndarray:
    """Return a rug with borders and a mirrored field."""
    x, y = grid(size)
    edge = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    field_colours = _two_colours(rng, 0.35, 0.75)
    border_colours = _two_colours(rng, 0.25, 0.65)
    quarter = fbm(rng, size, roughness=1.6, coarsest=5)[:size // 2, :size // 2]
    half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    ornament = np.concatenate([half, half[::-1]], axis=0)
    image = mix(0.5 + 3 * ornament * (rng.random() < 0.7), *field_colours)
    in_border = edge < rng.uniform(0.08, 0.16)
    image[in_border] = mix(np.sin(edge * 220), *border_colours)[in_border]
    return image * (0.88 + 0.08 * fbm(rng, size, roughness=0.4))[..., None]


def spines(count: int = 24) -> Texture:
    """Return a row of *count* book spines, for shelves seen as one block."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        edges = np.cumsum(rng.uniform(0.5, 1.5, count))
        x, y = grid(size)
        book = np.searchsorted(edges / edges[-1], x[0], side='right').clip(0, count - 1)
        colours = np.array([hsv(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.25, 0.9))
                            for _ in range(count)])
        label = np.abs(y - rng.uniform(0.2, 0.6, count)[book]) < rng.uniform(0.02, 0.1,
                                                                             count)[book]
        return np.where(label[..., None], 0.8, np.broadcast_to(colours[book], (size, size, 3)))
    return texture


def _two_colours(rng: np.random.Generator, low: float, high: float) -> list:
    """Return two colours of one family, a dark and a light one."""
    hue = rng.random()
    return [hsv(hue, rng.uniform(0.2, 0.7), low),
            hsv(hue + rng.uniform(-0.15, 0.15), rng.uniform(0.1, 0.5), high)]


def _landscape(rng: np.random.Generator, size: int, *, haze: float) -> np.ndarray:
    """Draw a sky over rows of hills or roofs, each row darker and nearer."""
    x, y = grid(size)
    image = mix(y + 0.12 * fbm(rng, size, roughness=1.8, stretch=(2, 1)),
                (0.62, 0.76, 0.93), (0.93, 0.95, 0.97))
    rows = rng.integers(2, 5)
    horizon = rng.uniform(0.35, 0.6)
    for row in range(rows):
        height = horizon + row * (1 - horizon) / rows
        if rng.random() < 0.35:
            ridge = rng.uniform(-0.12, 0.06, 12)[np.floor(x * 12).astype(int)]
        else:
            ridge = 0.05 * fbm(rng, size, roughness=1.6)[:1]
        near = haze * (1 - row / rows)
        ground = mix(0.5 + 0.25 * fbm(rng, size, roughness=1.0),
                     hsv(rng.uniform(0.05, 0.4), 0.5, 0.25), hsv(rng.uniform(0.1, 0.35), 0.4, 0.6))
        ground = ground * (1 - near) + 0.8 * near
        image = np.where((y > height + ridge)[..., None], ground, image)
    return image


def _blocks(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw rectangles of colour."""
    x, y = grid(size)
    image = np.full((size, size, 3), rng.uniform(0.6, 0.95))
    for _ in range(rng.integers(4, 12)):
        (left, right), (top, bottom) = np.sort(rng.random((2, 2)), axis=1)
        inside = (x > left) & (x < right) & (y > top) & (y < bottom)
        image[inside] = hsv(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.95))
    return image


def _blob(rng: np.random.Generator, canvas: np.ndarray) -> np.ndarray:
    """Draw one soft ellipse on *canvas*."""
    x, y = grid(len(canvas))
    cx, cy = rng.uniform(0.15, 0.85, 2)
    rx, ry = rng.uniform(0.06, 0.35, 2)
    share = 8 * (1 - np.hypot((x - cx) / rx, (y - cy) / ry))
    colour = hsv(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.95))
    return mix(share, canvas, np.broadcast_to(np.asarray(colour), canvas.shape))
