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
"""The taste of one room: its woods, cloths, paints and the textures behind them."""

from __future__ import annotations

import copy
from functools import cache

from lstm_depth.render import pictures, textures
from lstm_depth.render.atlas import Atlas, mip_chain
from lstm_depth.render.solids import Colour, Finish
from lstm_depth.render.textures import hsv, Texture
import numpy as np

# Textures that every room shares, to be tinted: function, texels, metres per copy.
_STOCK: dict[str, tuple[Texture, int, float]] = {
    'plain': (textures.paint, 128, 0.8),
    'plaster': (textures.plaster, 256, 0.9),
    'wood': (textures.wood, 256, 0.9),
    'fabric': (textures.fabric, 256, 0.5),
    'carpet': (textures.carpet, 256, 1.0),
    'stone': (textures.stone, 256, 1.2),
    'marble': (textures.marble, 256, 1.3),
    'leaves': (textures.leaves, 128, 0.5),
}


@cache
def _stock_chain(name: str) -> np.ndarray:
    """Return the mip chain of a shared texture, the same in every process."""
    function, size, _ = _STOCK[name]
    return mip_chain(function(np.random.default_rng(sorted(_STOCK).index(name)), size))


class Style:
    """
    Colours and materials that go together, drawn from *rng*.

    Methods return a `Finish`; those that need a texture of this room alone bake it
    and keep it until `atlas` is called.
    """

    def __init__(self, rng: np.random.Generator, clutter: float = 0.7) -> None:
        """Choose the room's palette; *clutter* (0 to 1) is how full tops are."""
        self.rng = rng
        self.clutter = clutter
        self._chains = {name: _stock_chain(name) for name in _STOCK}
        self._metres = {name: entry[2] for name, entry in _STOCK.items()}
        dark = rng.uniform(0.35, 0.95, 2)
        self._woods = [hsv(rng.uniform(0.05, 0.11), rng.uniform(0.2, 0.62), value)
                       for value in dark]
        if rng.random() < 0.4:
            self._woods[1] = (0.93, 0.92, 0.9)
        hue = rng.random()
        spread = rng.uniform(0.04, 0.3)
        self._accents = [hsv(hue + spread * k, rng.uniform(0.15, 0.75), rng.uniform(0.3, 0.9))
                         for k in range(3)]
        grey = rng.uniform(0.25, 0.8)
        self._accents.append((grey, grey * 0.98, grey * 0.94))

    def twin(self, seed: int) -> Style:
        """Return a style that differs only in its dice: the same *seed*, the same choices."""
        other = copy.copy(self)
        other.rng = np.random.default_rng(seed)
        return other

    def bake(self, texture: Texture, size: int, metres: float) -> str:
        """Bake a texture of this room; return its name."""
        name = f'room{len(self._chains)}'
        self._chains[name] = mip_chain(texture(self.rng, size))
        self._metres[name] = metres
        return name

    def atlas(self) -> Atlas:
        """Return all textures baked so far and the shared ones."""
        return Atlas(self._chains, self._metres)

    def chance(self, probability: float) -> bool:
        """Return True with *probability*."""
        return bool(self.rng.random() < probability)

    def pick(self, *values: object) -> object:
        """Return one of *values*."""
        return values[self.rng.integers(len(values))]

    def between(self, low: float, high: float) -> float:
        """Return a number from *low* to *high*."""
        return float(self.rng.uniform(low, high))

    def accent(self) -> Colour:
        """Return one of the room's colours, slightly varied."""
        colour = np.array(self._accents[self.rng.integers(len(self._accents))])
        return tuple(np.clip(colour * self.rng.uniform(0.88, 1.12), 0.05, 1))

    def any_colour(self) -> Colour:
        """Return any colour, for small things."""
        return hsv(self.rng.random(), self.between(0.05, 0.85), self.between(0.2, 0.95))

    def wood(self) -> Finish:
        """Return the finish of wooden furniture."""
        tint = np.array(self.pick(*self._woods)) * self.rng.uniform(0.9, 1.08)
        return Finish('wood', tuple(np.clip(tint, 0, 1)), gloss=self.between(0.0, 0.25),
                      grain=True)

    def lacquer(self) -> Finish:
        """Return painted wood or board."""
        tint = self.accent() if self.chance(0.4) else (self.between(0.82, 0.95),) * 3
        return Finish('plain', tint, gloss=self.between(0.0, 0.3))

    def body(self) -> Finish:
        """Return what a cupboard is made of: wood or lacquer."""
        return self.wood() if self.chance(0.62) else self.lacquer()

    def metal(self) -> Finish:
        """Return steel, brass or black metal."""
        tint = self.pick((0.72, 0.73, 0.75), (0.15, 0.15, 0.16), (0.75, 0.62, 0.38))
        return Finish('plain', tint, gloss=0.8)

    def cloth(self) -> Finish:
        """Return upholstery or bedding: mostly plain weave, sometimes a pattern."""
        if self.chance(0.25):
            first, second = self.accent(), self.accent()
            pattern = self.pick(textures.plaid(first, second, 6),
                                textures.stripes(first, second, 8),
                                textures.dots(first, second, 8))
            return Finish(self.bake(pattern, 128, self.between(0.4, 0.9)))
        return Finish('fabric', self.accent())

    def linen(self) -> Finish:
        """Return white or pale cloth."""
        return Finish('fabric', (self.between(0.85, 1.0), self.between(0.85, 0.98),
                                 self.between(0.8, 0.97)))

    def ceramic(self) -> Finish:
        """Return glazed pottery."""
        return Finish('plain', self.any_colour(), gloss=0.5)

    def dark(self) -> Finish:
        """Return the plastic of appliances."""
        grey = self.between(0.1, 0.25)
        return Finish('plain', (grey, grey, grey), gloss=0.3)

    def picture(self, glow: float = 0.0) -> Finish:
        """Return a painting, or with *glow* a screen that is on."""
        texture = pictures.painting if glow == 0 else pictures.screen
        return Finish(self.bake(texture, 128, 1), gloss=0.0 if glow == 0 else 0.15, glow=glow,
                      fit=True)

    def rug(self) -> Finish:
        """Return the top of a rug."""
        return Finish(self.bake(pictures.rug, 256, 1), fit=True)

    def view(self, glow: float) -> Finish:
        """Return a window pane that shows the outdoors."""
        return Finish(self.bake(pictures.outdoors, 256, 1), glow=glow, fit=True)

    def spines(self) -> Finish:
        """Return a row of books seen as one block."""
        return Finish(self.bake(pictures.spines(int(self.rng.integers(12, 30))), 128, 1), fit=True)

    def wall(self) -> Finish:
        """Return paint, wallpaper, bricks, boards or concrete for walls."""
        pale = hsv(self.rng.random(), self.between(0.02, 0.28), self.between(0.72, 0.97))
        near = tuple(np.clip(np.array(pale) * self.rng.uniform(0.8, 0.93), 0, 1))
        kind = self.rng.random()
        if kind < 0.45:
            return Finish('plain', pale)
        if kind < 0.6:
            return Finish('plaster', pale)
        if kind < 0.7:
            count = int(self.rng.integers(4, 10))
            return Finish(self.bake(textures.stripes(pale, near, count), 256, 1.1))
        if kind < 0.76:
            return Finish(self.bake(textures.dots(pale, near, 6), 256, self.between(0.7, 1.2)))
        if kind < 0.84:
            return Finish(self.bake(textures.damask(pale, near), 256, self.between(1.0, 1.6)))
        if kind < 0.93:
            red = hsv(self.between(0.0, 0.06), self.between(0.35, 0.6), self.between(0.5, 0.75))
            colour = red if self.chance(0.6) else (0.9, 0.89, 0.87)
            return Finish(self.bake(textures.bricks(colour, 12, 4), 512, 0.95))
        if kind < 0.97:
            return Finish(self.bake(textures.planks(self._woods[0], 8), 512, 1.2))
        return Finish('stone', (0.8, 0.8, 0.79))

    def floor(self) -> Finish:
        """Return boards, tiles, carpet, checks or stone for the floor."""
        kind = self.rng.random()
        if kind < 0.5:
            wood = hsv(self.between(0.05, 0.1), self.between(0.25, 0.6), self.between(0.4, 0.9))
            return Finish(self.bake(textures.planks(wood, int(self.pick(8, 12, 16))), 512,
                                    self.between(1.4, 2.2)), gloss=self.between(0, 0.18))
        if kind < 0.68:
            colour = hsv(self.rng.random(), self.between(0.02, 0.3), self.between(0.45, 0.9))
            return Finish(self.bake(textures.tiles(colour, 4), 512, self.between(1.2, 2.4)),
                          gloss=self.between(0.05, 0.3))
        if kind < 0.84:
            return Finish('carpet', hsv(self.rng.random(), self.between(0.05, 0.45),
                                        self.between(0.35, 0.85)))
        if kind < 0.92:
            return Finish(self.bake(textures.checker(self.accent(), (0.9, 0.89, 0.86)), 256,
                                    self.between(1.0, 2.0)), gloss=0.15)
        return Finish(self.pick('stone', 'marble'), (self.between(0.6, 0.95),) * 3, gloss=0.2)
