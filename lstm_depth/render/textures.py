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
Procedural textures: tileable images made of noise and patterns.

A texture function takes a random generator and a size in texels and returns a
(size, size, 3) float array of perceptual colour, 0 to 1, that repeats without a
seam in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
import colorsys

from lstm_depth.render.solids import Colour
import numpy as np

Texture = Callable[[np.random.Generator, int], np.ndarray]


def fbm(rng: np.random.Generator, size: int, *, roughness: float = 1.4,
        stretch: tuple[float, float] = (1.0, 1.0), coarsest: float = 1.0) -> np.ndarray:
    """
    Return (size, size) tileable fractal noise with mean 0 and standard deviation 1.

    White noise is shaped in the Fourier domain to an amplitude of
    ``1 / frequency ** roughness``. *stretch* lengthens the features along x and y;
    frequencies below *coarsest* cycles per tile are damped.
    """
    fy = np.fft.fftfreq(size, 1 / size)[:, None] * stretch[1]
    fx = np.fft.rfftfreq(size, 1 / size)[None] * stretch[0]
    gain = (fx ** 2 + fy ** 2 + coarsest ** 2) ** (-roughness / 2)
    gain[0, 0] = 0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * gain, (size, size))
    return noise / noise.std()


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (1, size) x and (size, 1) y of the texel centres, 0 to 1."""
    centres = (np.arange(size) + 0.5) / size
    return centres[None], centres[:, None]


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return the RGB colour of a hue, saturation and value, each 0 to 1."""
    return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


def mix(share: np.ndarray, low: Colour | np.ndarray, high: Colour | np.ndarray) -> np.ndarray:
    """Return *low* where *share* is 0 and *high* where it is 1, as (H, W, 3)."""
    share = np.clip(share, 0, 1)[..., None]
    return (1 - share) * np.asarray(low) + share * np.asarray(high)


def tinted(brightness: np.ndarray, colour: Colour = (1, 1, 1)) -> np.ndarray:
    """Return (H, W, 3): *colour* times the (H, W) *brightness*."""
    return brightness[..., None] * np.asarray(colour)


def paint(rng: np.random.Generator, size: int) -> np.ndarray:
    """Painted plaster: nearly even."""
    return tinted(0.95 + 0.012 * fbm(rng, size, roughness=0.7, coarsest=4))


def plaster(rng: np.random.Generator, size: int) -> np.ndarray:
    """Rough plaster or woodchip wallpaper."""
    return tinted(0.91 + 0.035 * fbm(rng, size, roughness=0.6, coarsest=20))


def wood(rng: np.random.Generator, size: int) -> np.ndarray:
    """Wood grain along x, bright enough to be tinted."""
    x, y = grid(size)
    warp = fbm(rng, size, roughness=2.0, stretch=(5, 1))
    rings = np.sin(2 * np.pi * (8 * y + 1.1 * warp))
    fibres = fbm(rng, size, roughness=0.8, stretch=(24, 1), coarsest=8)
    return tinted(0.82 + 0.07 * rings + 0.055 * fibres, (1, 0.99, 0.97))


def fabric(rng: np.random.Generator, size: int) -> np.ndarray:
    """Woven cloth."""
    x, y = grid(size)
    weave = np.sin(2 * np.pi * 64 * x) * np.sin(2 * np.pi * 64 * y)
    return tinted(0.86 + 0.05 * weave + 0.045 * fbm(rng, size, roughness=0.7))


def carpet(rng: np.random.Generator, size: int) -> np.ndarray:
    """Short pile with faint traffic marks."""
    pile, marks = fbm(rng, size, roughness=0.35), fbm(rng, size, roughness=1.8)
    return tinted(0.83 + 0.1 * pile + 0.02 * marks)


def stone(rng: np.random.Generator, size: int) -> np.ndarray:
    """Concrete or terrazzo."""
    clouds, grains = fbm(rng, size, roughness=1.2, coarsest=2), fbm(rng, size, roughness=0.2)
    return tinted(0.85 + 0.025 * clouds + 0.025 * grains)


def marble(rng: np.random.Generator, size: int) -> np.ndarray:
    """Veined stone."""
    veins = np.exp(-6 * np.abs(fbm(rng, size, roughness=1.7)))
    return tinted(0.93 - 0.35 * veins + 0.02 * fbm(rng, size))


def leaves(rng: np.random.Generator, size: int) -> np.ndarray:
    """Foliage from near: dark gaps between bright leaves."""
    light = fbm(rng, size, roughness=1.0, coarsest=9)
    return mix(0.5 + 0.4 * light, (0.10, 0.20, 0.08), (0.42, 0.62, 0.25))


def bricks(colour: Colour, rows: int = 8, columns: int = 4, mortar: float = 0.08) -> Texture:
    """Return a texture of *rows* x *columns* bricks or tiles, every second row shifted."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        return _courses(rng, size, rows, columns, mortar, shift=0.5, colour=colour, jitter=0.13,
                        rough=0.05)
    return texture


def tiles(colour: Colour, count: int = 4, joint: float = 0.03) -> Texture:
    """Return a texture of *count* x *count* ceramic tiles."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        return _courses(rng, size, count, count, joint, shift=0.0, colour=colour, jitter=0.03,
                        rough=0.02)
    return texture


def _courses(rng: np.random.Generator, size: int, rows: int, columns: int, joint: float, *,
             shift: float, colour: Colour, jitter: float, rough: float) -> np.ndarray:
    """Draw rows of rectangles with joints between them."""
    x, y = grid(size)
    row = np.floor(y * rows).astype(int)
    along = (x * columns + shift * (row % 2)) % columns
    column = np.floor(along).astype(int)
    vertical = (0.5 - np.abs(along % 1 - 0.5)) * rows / columns
    horizontal = 0.5 - np.abs(y * rows % 1 - 0.5)
    share = np.clip(np.minimum(vertical, horizontal) / max(joint, 1e-3) - 0.5, 0, 1)
    value = 1 + jitter * rng.standard_normal((rows, columns))[row, column]
    value = value + rough * fbm(rng, size, roughness=0.9)
    return mix(share, (rng.uniform(0.55, 0.85),) * 3, tinted(value, colour))


def planks(colour: Colour, rows: int = 8, columns: int = 1) -> Texture:
    """Return a texture of floor boards along x, staggered."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        x, y = grid(size)
        row = np.floor(y * rows).astype(int)
        along = (x * columns + rng.random(rows)[row]) % columns
        column = np.floor(along).astype(int)
        grain = wood(rng, size)[..., 0]
        rolled = np.empty_like(grain)
        for index, step in enumerate(rng.integers(0, size, rows)):
            band = row[:, 0] == index
            rolled[band] = np.roll(grain, (step, step // 3), axis=(1, 0))[band]
        value = 1 + 0.09 * rng.standard_normal((rows, columns))[row, column]
        edge = np.minimum((0.5 - np.abs(along % 1 - 0.5)) * rows / columns,
                          0.5 - np.abs(y * rows % 1 - 0.5))
        gap = np.clip(edge / 0.022, 0.35, 1)
        return tinted(rolled * value * gap * 1.15, colour)
    return texture


def checker(first: Colour, second: Colour, count: int = 4) -> Texture:
    """Return a texture of *count* x *count* squares (an even number) in two colours."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        x, y = grid(size)
        odd = (np.floor(x * count) + np.floor(y * count)) % 2
        return mix(odd, first, second) * (0.96 + 0.03 * fbm(rng, size))[..., None]
    return texture


def stripes(first: Colour, second: Colour, count: int = 6, share: float = 0.5) -> Texture:
    """Return a texture of *count* vertical stripes."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        x, y = grid(size)
        wave = np.abs(x * count % 1 - 0.5) * 2 - (1 - share)
        return (mix(0.5 + wave * size / count / 4 + 0 * y, first, second)
                * (0.97 + 0.02 * fbm(rng, size))[..., None])
    return texture


def dots(first: Colour, second: Colour, count: int = 6, radius: float = 0.22) -> Texture:
    """Return wallpaper with dots in staggered rows (*count* even)."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        x, y = grid(size)
        row = np.floor(y * count)
        dx = (x * count + 0.5 * (row % 2)) % 1 - 0.5
        dy = y * count % 1 - 0.5
        inside = (radius - np.hypot(dx, dy)) * size / count / 2
        return mix(0.5 + inside, first, second) * (0.97 + 0.02 * fbm(rng, size))[..., None]
    return texture


def plaid(first: Colour, second: Colour, count: int = 4) -> Texture:
    """Return a checked cloth."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        x, y = grid(size)
        bands = 0.5 * (x * count % 1 < 0.45) + 0.5 * (y * count % 1 < 0.45)
        thin = np.maximum(np.abs(x * count % 1 - 0.72) < 0.03,
                          np.abs(y * count % 1 - 0.72) < 0.03)
        cloth = mix(bands * (1 - 0.6 * thin), first, second)
        return cloth * (0.96 + 0.04 * fbm(rng, size, roughness=0.6))[..., None]
    return texture


def damask(first: Colour, second: Colour) -> Texture:
    """Return wallpaper with a mirrored ornament."""
    def texture(rng: np.random.Generator, size: int) -> np.ndarray:
        quarter = fbm(rng, size, roughness=1.8, coarsest=4)[:size // 4, :size // 4]
        half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
        motif = np.concatenate([half, half[::-1]], axis=0)
        ornament = np.tile(motif, (2, 2))
        return (mix(0.5 + 4 * (np.abs(ornament) - 0.45), first, second)
                * (0.97 + 0.02 * fbm(rng, size))[..., None])
    return texture
