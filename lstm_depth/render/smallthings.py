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
"""Small things that stand on furniture: books, crockery, screens, boxes."""

from __future__ import annotations

from collections.abc import Callable

from lstm_depth.render.solids import box, ellipsoid, Finish, move_all, prism, Solid, turned
from lstm_depth.render.style import Style


def dress(style: Style, width: float, depth: float, height: float) -> list[Solid]:
    """
    Return things on a top of *width* x *depth* metres at *height*, centred at x = y = 0.

    The top is divided into cells of about 25 cm so that things do not overlap.
    """
    columns, rows = max(1, int(width / 0.27)), max(1, int(depth / 0.24))
    solids: list[Solid] = []
    for column in range(columns):
        for row in range(rows):
            if not style.chance(style.clutter * 0.5):
                continue
            x = (column + 0.5) * width / columns - width / 2 + style.between(-0.02, 0.02)
            y = (row + 0.5) * depth / rows - depth / 2 + style.between(-0.02, 0.02)
            thing: Callable[[Style], list[Solid]] = style.pick(
                vase, mug, pile_of_books, bowl, laptop, small_box, bottle, plate)
            solids += move_all(thing(style), turned(yaw=style.between(-0.6, 0.6)), (x, y, height))
    return solids


def vase(style: Style) -> list[Solid]:
    """Return a vase, sometimes with flowers."""
    finish, height = style.ceramic(), style.between(0.12, 0.26)
    solids = [prism((0, 0), (0, height * 0.7), (0.035, 0.06), finish),
              prism((0, 0), (height * 0.7, height), (0.06, 0.03), finish)]
    if style.chance(0.5):
        solids.append(ellipsoid((0, 0, height + 0.08), (0.08, 0.08, 0.09),
                                Finish('leaves', (1, 0.9, 0.8))))
    return solids


def mug(style: Style) -> list[Solid]:
    """Return a mug or a glass."""
    return [prism((0, 0), (0, style.between(0.08, 0.12)), (0.035, 0.04), style.ceramic())]


def bottle(style: Style) -> list[Solid]:
    """Return a bottle."""
    finish = style.ceramic()
    return [prism((0, 0), (0, 0.18), (0.035, 0.035), finish),
            prism((0, 0), (0.18, 0.23), (0.035, 0.013), finish),
            prism((0, 0), (0.23, 0.28), (0.013, 0.013), finish, sides=8)]


def plate(style: Style) -> list[Solid]:
    """Return a plate."""
    return [prism((0, 0), (0.001, 0.018), (0.06, 0.11), style.ceramic(), sides=16)]


def bowl(style: Style) -> list[Solid]:
    """Return a bowl of fruit."""
    solids = [prism((0, 0), (0, 0.06), (0.05, 0.1), style.ceramic(), sides=14)]
    for x, y in ((-0.03, 0.02), (0.04, 0.03), (0.0, -0.04)):
        solids.append(ellipsoid((x, y, 0.075), (0.037, 0.037, 0.035),
                                Finish('plain', style.any_colour(), gloss=0.3)))
    return solids


def pile_of_books(style: Style) -> list[Solid]:
    """Return books lying on each other."""
    solids, z = [], 0.0
    for _ in range(style.rng.integers(1, 5)):
        x, y, thick = style.between(0.07, 0.1), style.between(0.09, 0.13), style.between(0.012,
                                                                                         0.04)
        book = box((-x, x), (-y, y), (z, z + thick), Finish('plain', style.any_colour()))
        solids.append(book.moved(turned(yaw=style.between(-0.35, 0.35)), (0, 0, 0)))
        z += thick
    return solids


def laptop(style: Style) -> list[Solid]:
    """Return an open laptop."""
    grey = Finish('plain', (style.between(0.15, 0.8),) * 3, gloss=0.3)
    lid = box((-0.16, 0.16), (-0.005, 0.005), (0, 0.21), grey,
              front=style.picture(glow=0.5))
    return [box((-0.16, 0.16), (-0.11, 0.11), (0, 0.018), grey),
            lid.moved(turned(tilt=0.3), (0, -0.11, 0.02))]


def small_box(style: Style) -> list[Solid]:
    """Return a box, a clock or a picture frame on its foot."""
    if style.chance(0.4):
        frame = box((-0.08, 0.08), (-0.008, 0.008), (0, 0.2), style.wood(),
                    front=style.picture())
        return [frame.moved(turned(tilt=0.15), (0, 0, 0.002))]
    x, y = style.between(0.04, 0.1), style.between(0.03, 0.09)
    return [box((-x, x), (-y, y), (0, style.between(0.04, 0.18)),
                Finish('plain', style.any_colour()))]


def screen_on_foot(style: Style) -> list[Solid]:
    """Return a monitor, its screen towards +y."""
    wide, tall, dark = style.between(0.22, 0.32), style.between(0.15, 0.19), style.dark()
    return [prism((0, 0), (0, 0.012), (0.11, 0.11), dark, sides=14),
            box((-0.02, 0.02), (-0.03, -0.015), (0.012, 0.2), dark),
            box((-wide, wide), (-0.015, 0.012), (0.11, 0.11 + 2 * tall), dark),
            box((0.012 - wide, wide - 0.012), (0.012, 0.016), (0.122, 0.098 + 2 * tall), dark,
                front=style.picture(glow=style.pick(0.03, 0.6)))]


def cardboard(style: Style, largest: float = 0.3) -> list[Solid]:
    """Return one cardboard box with tape."""
    x, y, z = (style.between(largest * 0.5, largest) for _ in range(3))
    brown = Finish('plain', (style.between(0.6, 0.8), style.between(0.48, 0.6), 0.4))
    return [box((-x, x), (-y, y), (0, 1.5 * z), brown),
            box((-x - 0.002, x + 0.002), (-0.03, 0.03), (0.6 * z, 1.5 * z + 0.002),
                Finish('plain', (0.8, 0.72, 0.55), gloss=0.3))]


def books_in_row(style: Style, width: float, depth: float, space: float) -> list[Solid]:
    """
    Return what stands on one board, its middle at x = y = 0.

    *width*, *depth* and *space* (the height up to the next board) in metres. Single
    books at the ends, a block of them in the middle where the row is long.
    """
    solids, x = [], -width / 2 + 0.005
    limit = width / 2 - style.between(0.0, 0.5) * width
    while x < limit - 0.06:
        if style.chance(0.35) and limit - x > 0.3:
            wide, tall = style.between(0.2, min(0.45, limit - x)), style.between(0.55, 0.8) * space
            solids.append(box((x, x + wide), (-depth / 2, depth / 2 - style.between(0.0, 0.03)),
                              (0, tall), Finish('plain', (0.8, 0.77, 0.7)), front=style.spines()))
            x += wide + 0.004
        elif style.chance(0.12):
            thing = style.pick(vase, mug, small_box)(style)
            top = max(float(s.centre[2] + s.half[2]) for s in thing)
            if top < space and limit - x > 0.2:
                solids += move_all(thing, turned(), (x + 0.1, 0, 0))
            x += 0.2
        else:
            thick = style.between(0.015, 0.05)
            solids.append(box((x, x + thick), (-depth / 2, depth / 2 - style.between(0, 0.05)),
                              (0, style.between(0.5, 0.92) * space),
                              Finish('plain', style.any_colour())))
            x += thick + 0.002
    return solids
