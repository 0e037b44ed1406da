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
Furniture from boxes, prisms and ellipsoids.

Every function returns the bodies of one piece in its own frame: the floor at
z = 0, the middle at x = y = 0 and the front towards +y.
"""

from __future__ import annotations

from lstm_depth.render.smallthings import books_in_row, dress
from lstm_depth.render.solids import box, ellipsoid, Finish, move_all, prism, Solid, turned
from lstm_depth.render.style import Style


def _legs(style: Style, half_x: float, half_y: float, height: float, finish: Finish,
          thickness: float) -> list[Solid]:
    """Return four legs under a rectangle of half sizes *half_x*, *half_y*."""
    round_ = style.chance(0.3)
    solids = []
    for x in (-half_x, half_x):
        for y in (-half_y, half_y):
            if round_:
                solids.append(prism((x, y), (0, height), (thickness * 0.4, thickness * 0.55),
                                    finish, sides=8))
            else:
                solids.append(box((x - thickness / 2, x + thickness / 2),
                                  (y - thickness / 2, y + thickness / 2), (0, height), finish))
    return solids


def table(style: Style) -> list[Solid]:
    """Return a dining table with things on it; sometimes round on one foot."""
    height, top = style.between(0.7, 0.77), style.between(0.025, 0.05)
    finish = style.wood()
    if style.chance(0.2):
        radius = style.between(0.42, 0.6)
        solids = [prism((0, 0), (height - top, height), (radius, radius), finish, sides=20),
                  prism((0, 0), (0.04, height - top), (0.06, 0.05), finish),
                  prism((0, 0), (0, 0.04), (0.3, 0.28), finish, sides=14)]
        return solids + dress(style, radius * 1.2, radius * 1.2, height)
    x, y = style.between(0.5, 0.95), style.between(0.35, 0.48)
    thick = style.between(0.045, 0.08)
    solids = [box((-x, x), (-y, y), (height - top, height), finish)]
    solids += _legs(style, x - thick, y - thick, height - top, finish, thick)
    apron = (height - top - 0.09, height - top - 0.002)
    for side in (-1, 1):
        across, along = side * (y - thick), side * (x - thick)
        solids.append(box((thick - x, x - thick), (across - 0.01, across + 0.01), apron, finish))
        solids.append(box((along - 0.01, along + 0.01), (thick - y, y - thick), apron, finish))
    return solids + dress(style, 2 * x, 2 * y, height)


def coffee_table(style: Style) -> list[Solid]:
    """Return a low table with a shelf under its top."""
    height, x, y = style.between(0.36, 0.48), style.between(0.35, 0.6), style.between(0.25, 0.38)
    finish = style.body()
    solids = [box((-x, x), (-y, y), (height - 0.035, height), finish)]
    solids += _legs(style, x - 0.04, y - 0.04, height - 0.035, finish, 0.05)
    if style.chance(0.5):
        solids.append(box((0.07 - x, x - 0.07), (0.07 - y, y - 0.07), (0.12, 0.14), finish))
    return solids + dress(style, 2 * x, 2 * y, height)


def chair(style: Style) -> list[Solid]:
    """Return a dining chair: seat, legs, a back of slats or one board."""
    finish = style.wood()
    seat, half = style.between(0.43, 0.48), style.between(0.2, 0.23)
    thick = style.between(0.03, 0.045)
    back = style.between(0.82, 1.02)
    padded = style.chance(0.4)
    solids = [box((-half, half), (-half, half), (seat - 0.035, seat), finish)]
    if padded:
        solids.append(box((0.015 - half, half - 0.015), (0.03 - half, half - 0.01),
                          (seat, seat + 0.045), style.cloth(), bevel=0.02))
    for x in (-half + thick / 2, half - thick / 2):
        solids.append(box((x - thick / 2, x + thick / 2), (half - thick, half),
                          (0, seat - 0.035), finish))
        solids.append(box((x - thick / 2, x + thick / 2), (-half - 0.002, thick - half),
                          (0, seat - 0.035), finish))
        solids.append(box((x - thick / 2, x + thick / 2), (-half, thick - half),
                          (seat, back), finish))
    inner = half - thick
    if style.chance(0.5):
        for z in (seat + 0.18, seat + 0.32, back - 0.06):
            solids.append(box((-inner, inner), (0.008 - half, 0.026 - half), (z - 0.035, z + 0.03),
                              finish))
    else:
        solids.append(box((-inner, inner), (0.008 - half, 0.03 - half), (seat + 0.15, back - 0.01),
                          style.cloth() if padded else finish))
    return solids


def office_chair(style: Style) -> list[Solid]:
    """Return a swivel chair: star foot, column, padded seat and back."""
    cloth, metal = style.cloth(), style.dark()
    solids = [prism((0, 0), (0.1, 0.44), (0.03, 0.025), metal, sides=8)]
    for k in range(5):
        spoke = box((0.02, 0.3), (-0.02, 0.02), (0.05, 0.09), metal)
        foot = prism((0.28, 0), (0, 0.05), (0.03, 0.03), metal, sides=6)
        solids += move_all([spoke, foot], turned(yaw=2 * 3.14159265 * k / 5), (0, 0, 0))
    solids.append(box((-0.24, 0.24), (-0.23, 0.25), (0.44, 0.53), cloth, bevel=0.035))
    back = box((-0.22, 0.22), (-0.04, 0.04), (0, 0.5), cloth, bevel=0.03)
    solids.append(back.moved(turned(tilt=0.12), (0, -0.25, 0.56)))
    solids.append(box((-0.03, 0.03), (-0.245, -0.225), (0.42, 0.7), metal))
    return solids


def stool(style: Style) -> list[Solid]:
    """Return a round stool or a pouffe."""
    if style.chance(0.4):
        return [prism((0, 0), (0, style.between(0.35, 0.45)), (0.25, 0.24), style.cloth(),
                      sides=16)]
    finish, height = style.wood(), style.between(0.44, 0.68)
    return ([prism((0, 0), (height - 0.04, height), (0.17, 0.17), finish, sides=14)]
            + _legs(style, 0.1, 0.1, height - 0.04, finish, 0.035))


def bed(style: Style) -> list[Solid]:
    """Return a bed with headboard, mattress, blanket and pillows."""
    half = style.between(0.45, 0.9)
    length, base = 1.02, style.between(0.22, 0.34)
    frame, blanket = style.body(), style.cloth()
    mattress = base + style.between(0.16, 0.24)
    solids = [box((-half, half), (-length, length), (0.08, base), frame),
              box((0.03 - half, half - 0.03), (0.03 - length, length - 0.03), (base, mattress),
                  style.linen(), bevel=0.03),
              box((-half, half), (-length - 0.06, -length), (0, style.between(0.8, 1.2)),
                  style.cloth() if style.chance(0.3) else frame)]
    solids += _legs(style, half - 0.06, length - 0.06, 0.08, frame, 0.06)
    solids.append(box((0.005 - half, half - 0.005), (style.between(-0.3, 0.3), length - 0.01),
                      (base + 0.03, mattress + 0.035), blanket, bevel=0.025))
    if style.chance(0.6):
        throw = style.between(0.2, 0.6)
        solids.append(box((-half - 0.005, half + 0.005), (length - throw - 0.25, length - 0.25),
                          (base + 0.02, mattress + 0.047), style.cloth(), bevel=0.02))
    pillows = (-half / 2, half / 2) if half > 0.6 else (0.0,)
    for x in pillows:
        pillow = box((-0.3, 0.3), (-0.2, 0.2), (-0.06, 0.06), style.linen(), bevel=0.045)
        solids.append(pillow.moved(turned(yaw=style.between(-0.15, 0.15), tilt=0.3),
                                   (x, 0.28 - length, mattress + 0.125)))
    return solids


def nightstand(style: Style) -> list[Solid]:
    """Return a bedside cabinet with drawers and often a lamp."""
    return chest(style, half=style.between(0.19, 0.27), depth=0.19,
                 height=style.between(0.42, 0.6), rows=2, lamp=0.7)


def dresser(style: Style) -> list[Solid]:
    """Return a chest of drawers or a sideboard."""
    return chest(style, half=style.between(0.38, 0.8), depth=style.between(0.2, 0.26),
                 height=style.between(0.65, 1.05), rows=int(style.rng.integers(2, 5)), lamp=0.3)


def chest(style: Style, *, half: float, depth: float, height: float, rows: int,
          lamp: float) -> list[Solid]:
    """Return a chest of *rows* of drawers; *lamp* is the chance of a lamp on it."""
    body, metal = style.body(), style.metal()
    front = body if style.chance(0.6) else style.body()
    solids = [box((-half, half), (-depth, depth), (0.05, height), body),
              box((0.03 - half, half - 0.03), (0.03 - depth, depth - 0.03), (0, 0.05),
                  style.dark())]
    columns = 1 if half < 0.5 else 2
    step_x, step_z = 2 * half / columns, (height - 0.09) / rows
    for column in range(columns):
        for row in range(rows):
            x, z = -half + column * step_x, 0.07 + row * step_z
            solids.append(box((x + 0.012, x + step_x - 0.012), (depth, depth + 0.015),
                              (z + 0.006, z + step_z - 0.006), front))
            middle = x + step_x / 2
            solids.append(box((middle - 0.05, middle + 0.05), (depth + 0.015, depth + 0.035),
                              (z + step_z / 2 - 0.007, z + step_z / 2 + 0.007), metal))
    if style.chance(lamp):
        solids += move_all(table_lamp(style), turned(), (style.between(-half, half) * 0.4,
                                                         -0.02, height))
        return solids
    return solids + dress(style, 2 * half, 2 * depth, height)


def table_lamp(style: Style) -> list[Solid]:
    """Return a small lamp whose shade glows a little."""
    foot = style.ceramic()
    shade = Finish('fabric', (1.0, 0.93, 0.78), glow=style.between(0.3, 1.2))
    height = style.between(0.2, 0.32)
    return [ellipsoid((0, 0, height * 0.4), (0.07, 0.07, height * 0.4), foot),
            prism((0, 0), (height * 0.78, height), (0.012, 0.012), style.metal(), sides=6),
            prism((0, 0), (height, height + 0.2), (0.14, 0.09), shade, sides=14,
                  casts_shadow=False)]


def floor_lamp(style: Style) -> list[Solid]:
    """Return a standing lamp."""
    metal, height = style.metal(), style.between(1.3, 1.65)
    shade = Finish('fabric', (1.0, 0.94, 0.82), glow=style.between(0.4, 1.4))
    return [prism((0, 0), (0, 0.025), (0.15, 0.14), metal, sides=16),
            prism((0, 0), (0.025, height - 0.02), (0.014, 0.012), metal, sides=6),
            prism((0, 0), (height - 0.25, height), (0.2, 0.13), shade, sides=16,
                  casts_shadow=False)]


def wardrobe(style: Style) -> list[Solid]:
    """Return a wardrobe with doors and handles, sometimes boxes on its top."""
    half, depth = style.between(0.4, 1.0), style.between(0.27, 0.31)
    height, metal = style.between(1.8, 2.2), style.metal()
    body, doors = style.body(), max(2, round(half / 0.25))
    front = body if style.chance(0.5) else style.body()
    solids = [box((-half, half), (-depth, depth), (0, height), body)]
    step = 2 * half / doors
    for door in range(doors):
        x = -half + door * step
        solids.append(box((x + 0.008, x + step - 0.008), (depth, depth + 0.02),
                          (0.08, height - 0.03), front))
        handle = x + (0.05 if door % 2 else step - 0.05)
        solids.append(box((handle - 0.008, handle + 0.008), (depth + 0.02, depth + 0.045),
                          (0.95, 1.15), metal))
    if style.chance(0.4):
        x = style.between(-half + 0.25, half - 0.25)
        solids.append(box((x - 0.2, x + 0.2), (-0.18, 0.15), (height, height + 0.18),
                          Finish('plain', (0.72, 0.58, 0.42))))
    return solids


def bookshelf(style: Style) -> list[Solid]:
    """Return open shelves with books and small things."""
    half, depth = style.between(0.35, 0.7), style.between(0.13, 0.17)
    height, board = style.between(1.2, 2.1), 0.022
    finish = style.body()
    back = box((-half, half), (-depth, 0.012 - depth), (0, height), finish)
    solids = [back, box((-half, board - half), (0.012 - depth, depth), (0, height), finish),
              box((half - board, half), (0.012 - depth, depth), (0, height), finish)]
    count = max(3, round(height / style.between(0.32, 0.42)))
    inner = half - board
    for shelf in range(count + 1):
        z = 0.05 + shelf * (height - 0.05 - board) / count
        solids.append(box((-inner, inner), (0.012 - depth, depth - 0.004), (z, z + board), finish))
        space = (height - 0.05 - board) / count - board
        if shelf < count and style.chance(0.9):
            row = books_in_row(style, 2 * inner, 2 * depth - 0.05, space)
            solids += move_all(row, turned(), (0, -0.01, z + board))
    return solids


def sofa(style: Style) -> list[Solid]:
    """Return a sofa or an armchair with cushions."""
    seats = int(style.rng.integers(1, 4))
    cloth, wide = style.cloth(), style.between(0.55, 0.68)
    half, depth = seats * wide / 2, style.between(0.4, 0.47)
    arm, seat, back = style.between(0.1, 0.2), style.between(0.38, 0.45), style.between(0.72, 0.9)
    solids = [box((-half, half), (0.16 - depth, depth), (0.07, seat - 0.12), cloth),
              box((-half, half), (-depth, 0.16 - depth), (0.07, back), cloth, bevel=0.04)]
    for x in (-half - arm, half):
        solids.append(box((x, x + arm), (-depth, depth), (0.07, seat + style.between(0.14, 0.2)),
                          cloth, bevel=0.03))
    solids += _legs(style, half, depth - 0.06, 0.07, style.dark(), 0.05)
    for index in range(seats):
        x = -half + index * wide
        solids.append(box((x + 0.004, x + wide - 0.004), (0.2 - depth, depth + 0.02),
                          (seat - 0.12, seat + 0.02), cloth, bevel=0.035))
        pad = box((-wide / 2 + 0.01, wide / 2 - 0.01), (-0.07, 0.07), (0, back - seat), cloth,
                  bevel=0.05)
        solids.append(pad.moved(turned(tilt=0.16), (x + wide / 2, 0.28 - depth, seat + 0.03)))
        if style.chance(0.45):
            cushion = box((-0.2, 0.2), (-0.06, 0.06), (-0.2, 0.2), style.cloth(), bevel=0.045)
            solids.append(cushion.moved(turned(yaw=style.between(-0.5, 0.5), tilt=0.35),
                                        (x + wide / 2, 0.5 - depth, seat + 0.22)))
    return solids
