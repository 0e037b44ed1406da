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
"""Desks, kitchens, screens, plants, lamps and loose things; frames as in `furniture`."""

from __future__ import annotations

import math

from lstm_depth.render.smallthings import cardboard, dress, screen_on_foot
from lstm_depth.render.solids import box, ellipsoid, Finish, move_all, prism, Solid, turned
from lstm_depth.render.style import Style


def desk(style: Style) -> list[Solid]:
    """Return a desk with a drawer unit, a screen and a keyboard."""
    half, depth, height = style.between(0.55, 0.85), style.between(0.3, 0.4), 0.74
    finish, legs = style.body(), style.body()
    solids = [box((-half, half), (-depth, depth), (height - 0.03, height), finish)]
    for x in (-half + 0.02, half - 0.05):
        solids.append(box((x, x + 0.03), (0.04 - depth, depth - 0.04), (0, height - 0.03), legs))
    if style.chance(0.7):
        side = -half + 0.06
        solids.append(box((side, side + 0.38), (0.05 - depth, depth - 0.06), (0.06, 0.6), legs))
        for z in (0.08, 0.26, 0.44):
            solids.append(box((side + 0.01, side + 0.37), (depth - 0.06, depth - 0.045),
                              (z, z + 0.16), finish))
    solids += move_all(screen_on_foot(style), turned(), (style.between(-0.2, 0.2),
                                                         0.15 - depth, height))
    grey = Finish('plain', (style.between(0.1, 0.9),) * 3)
    solids.append(box((-0.22, 0.22), (depth - 0.24, depth - 0.1), (height, height + 0.02), grey))
    solids.append(ellipsoid((0.32, depth - 0.16, height + 0.012), (0.03, 0.05, 0.02), grey))
    aside = dress(style, 0.3, depth, height)
    return solids + move_all(aside, turned(), (half - 0.2, 0, 0))


def tv_bench(style: Style) -> list[Solid]:
    """Return a low cabinet with a television."""
    half, height, finish = style.between(0.55, 0.9), style.between(0.38, 0.55), style.body()
    solids = [box((-half, half), (-0.2, 0.2), (0.06, height), finish),
              box((0.05 - half, half - 0.05), (-0.17, 0.17), (0, 0.06), style.dark())]
    for x in (-half, 0):
        solids.append(box((x + 0.01, x + half - 0.01), (0.2, 0.215), (0.075, height - 0.02),
                          style.body()))
    wide = style.between(0.38, min(0.65, half))
    tall = wide * 9 / 16
    solids += [box((-0.18, 0.18), (-0.1, 0.08), (height, height + 0.015), style.dark()),
               box((-0.04, 0.04), (-0.03, 0), (height + 0.015, height + 0.1), style.dark()),
               box((-wide, wide), (-0.02, 0.02), (height + 0.08, height + 0.08 + 2 * tall),
                   style.dark()),
               box((0.015 - wide, wide - 0.015), (0.02, 0.026),
                   (height + 0.1, height + 0.065 + 2 * tall), style.dark(),
                   front=style.picture(glow=style.pick(0.02, 0.5)))]
    return solids


def kitchen(style: Style) -> list[Solid]:
    """Return a kitchen counter with cupboards over it and sometimes a refrigerator."""
    units = int(style.rng.integers(2, 5))
    wide, body, metal = 0.6, style.body(), style.metal()
    top = Finish('marble' if style.chance(0.4) else 'stone', (style.between(0.3, 0.95),) * 3,
                 gloss=0.3)
    half = units * wide / 2
    solids = [box((-half, half), (-0.3, 0.27), (0.1, 0.87), body),
              box((-half, half), (-0.3, 0.22), (0, 0.1), style.dark()),
              box((-half - 0.01, half + 0.01), (-0.3, 0.31), (0.87, 0.91), top)]
    upper = style.chance(0.75)
    if upper:
        solids.append(box((-half, half), (-0.3, 0.02), (1.42, 2.08), body))
    for unit in range(units):
        x = -half + unit * wide
        solids.append(box((x + 0.006, x + wide - 0.006), (0.27, 0.29), (0.12, 0.85), body))
        solids.append(box((x + 0.1, x + wide - 0.1), (0.29, 0.315), (0.78, 0.795), metal))
        if upper:
            solids.append(box((x + 0.006, x + wide - 0.006), (0.02, 0.04), (1.43, 2.07), body))
            solids.append(box((x + wide - 0.05, x + wide - 0.035), (0.04, 0.06), (1.46, 1.6),
                              metal))
    if style.chance(0.5):
        fridge = Finish('plain', style.pick((0.93, 0.93, 0.93), (0.66, 0.67, 0.69)), gloss=0.3)
        solids += [box((half + 0.03, half + 0.63), (-0.3, 0.28), (0.03, 1.75), fridge),
                   box((half + 0.035, half + 0.625), (0.28, 0.32), (0.05, 1.15), fridge),
                   box((half + 0.035, half + 0.625), (0.28, 0.32), (1.17, 1.74), fridge),
                   box((half + 0.07, half + 0.09), (0.32, 0.35), (0.75, 1.1), metal)]
    return solids + dress(style, 2 * half, 0.45, 0.91)


def plant(style: Style) -> list[Solid]:
    """Return a plant in a pot: a cloud of ellipsoids on a stem, or tall leaves."""
    pot, top = style.ceramic(), style.between(0.22, 0.38)
    radius, height = style.between(0.13, 0.2), style.between(0.7, 1.6)
    solids = [prism((0, 0), (0, top), (radius * 0.75, radius), pot, sides=14),
              prism((0, 0), (top, height * 0.75), (0.02, 0.015),
                    Finish('wood', (0.45, 0.33, 0.22)), sides=6)]
    for _ in range(style.rng.integers(6, 14)):
        green = Finish('leaves', (style.between(0.55, 1), style.between(0.8, 1), 0.7))
        angle, away = style.between(0, 2 * math.pi), style.between(0.05, 0.2)
        z = style.between(top + 0.12, height)
        leaf = ellipsoid((0, 0, 0), (style.between(0.06, 0.17), style.between(0.03, 0.08),
                                     style.between(0.02, 0.12)), green)
        solids.append(leaf.moved(turned(yaw=angle, lean=style.between(-0.7, 0.7)),
                                 (away * math.cos(angle), away * math.sin(angle), z)))
    return solids


def clutter_box(style: Style) -> list[Solid]:
    """Return cardboard boxes or crates, sometimes stacked."""
    solids = cardboard(style)
    if style.chance(0.4):
        height = max(float(solid.centre[2] + solid.half[2]) for solid in solids)
        second = [solid.moved(turned(yaw=style.between(-0.3, 0.3)), (0, 0, height))
                  for solid in cardboard(style, largest=0.2)]
        solids += second
    return solids


def bin_(style: Style) -> list[Solid]:
    """Return a waste bin or a laundry basket."""
    radius = style.between(0.12, 0.2)
    return [prism((0, 0), (0, style.between(0.28, 0.5)), (radius * 0.85, radius),
                  style.pick(style.metal(), style.lacquer(), style.wood()), sides=14)]


def ball(style: Style) -> list[Solid]:
    """Return a ball or a beanbag."""
    if style.chance(0.5):
        radius = style.between(0.09, 0.28)
        return [ellipsoid((0, 0, radius), (radius,) * 3, style.ceramic())]
    return [ellipsoid((0, 0, 0.26), (0.4, 0.4, 0.3), style.cloth())]


def rug(style: Style) -> list[Solid]:
    """Return a rug of one centimetre."""
    x, y = style.between(0.6, 1.3), style.between(0.45, 0.9)
    if style.chance(0.2):
        return [prism((0, 0), (0.001, 0.012), (x * 0.8, x * 0.8),
                      Finish('carpet', style.accent()), sides=28)]
    top = style.rug()
    return [box((-x, x), (-y, y), (0.001, 0.012), top)]


def pendant(style: Style, ceiling: float, glow: float) -> list[Solid]:
    """
    Return a lamp under the *ceiling* (metres): a bowl, a panel, a globe or a cone.

    *glow* is how bright it shines, 0 when it is off.
    """
    light = Finish('plain', (1.0, 0.97, 0.9), glow=glow)
    kind = style.rng.integers(4)
    if kind == 0:
        return [prism((0, 0), (ceiling - 0.09, ceiling - 0.002), (0.13, 0.2), light, sides=18,
                      casts_shadow=False)]
    if kind == 1:
        x, y = style.pick((0.6, 0.15), (0.3, 0.3), (0.6, 0.3))
        return [box((-x, x), (-y, y), (ceiling - 0.04, ceiling - 0.002), light,
                    casts_shadow=False)]
    drop = style.between(0.25, 0.55)
    cable = prism((0, 0), (ceiling - drop, ceiling - 0.002), (0.006, 0.006), style.dark(),
                  sides=5, casts_shadow=False)
    if kind == 2:
        return [cable, ellipsoid((0, 0, ceiling - drop - 0.12), (0.15, 0.15, 0.13), light,
                                 casts_shadow=False)]
    return [cable, prism((0, 0), (ceiling - drop - 0.16, ceiling - drop), (0.22, 0.06),
                         style.lacquer(), sides=16, casts_shadow=False),
            ellipsoid((0, 0, ceiling - drop - 0.16), (0.06, 0.06, 0.05), light,
                      casts_shadow=False)]
