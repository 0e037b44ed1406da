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
Things on walls: doors, windows, pictures, shelves, radiators.

In a fixture's own frame the wall is the plane y = 0, the room lies towards +y, x
runs along the wall with the middle at 0, and z is the height over the floor.
"""

from __future__ import annotations

from lstm_depth.render.smallthings import books_in_row
from lstm_depth.render.solids import box, Finish, move_all, prism, Solid, turned
from lstm_depth.render.style import Style


def door(style: Style) -> list[Solid]:
    """Return a closed door with its frame, two panels and a handle."""
    half, height = style.between(0.38, 0.46), style.between(1.98, 2.08)
    leaf, frame = style.body(), style.body()
    solids = [box((-half, half), (0.001, 0.03), (0.005, height), leaf)]
    for x in (-half - 0.07, half):
        solids.append(box((x, x + 0.07), (0.001, 0.05), (0, height + 0.07), frame))
    solids.append(box((-half, half), (0.001, 0.05), (height, height + 0.07), frame))
    if style.chance(0.65):
        for low, high in ((0.2, 0.9), (1.1, height - 0.15)):
            solids.append(box((0.12 - half, half - 0.12), (0.03, 0.04), (low, high), leaf))
    knob = half - 0.07
    solids.append(box((knob - 0.1, knob), (0.055, 0.07), (1.0, 1.025), style.metal()))
    solids.append(box((knob - 0.015, knob), (0.03, 0.055), (1.0, 1.025), style.metal()))
    return solids


def window(style: Style, glow: float, wide: float, low: float, high: float) -> list[Solid]:
    """Return a window *wide* metres wide from *low* to *high*; its pane shines with *glow*."""
    half, frame = wide / 2, Finish('plain', (style.between(0.85, 0.97),) * 3, gloss=0.1)
    pane = box((-half, half), (0.001, 0.015), (low, high), frame, front=style.view(glow),
               casts_shadow=False)
    bars = [box((-half - 0.06, half + 0.06), (0.001, 0.05), (high, high + 0.06), frame),
            box((-half - 0.1, half + 0.1), (0.001, 0.14), (low - 0.04, low), frame)]
    for x in (-half - 0.06, half):
        bars.append(box((x, x + 0.06), (0.001, 0.05), (low, high), frame))
    for k in range(1, 1 + round(wide / 0.65)):
        x = -half + k * wide / (1 + round(wide / 0.65))
        bars.append(box((x - 0.025, x + 0.025), (0.015, 0.045), (low, high), frame))
    if style.chance(0.4):
        z = low + (high - low) * style.between(0.6, 0.72)
        bars.append(box((-half, half), (0.016, 0.04), (z - 0.018, z + 0.018), frame))
    return [pane, *bars]


def curtains(style: Style, wide: float, top: float, bottom: float) -> list[Solid]:
    """Return two curtains in folds beside a window and their rod."""
    cloth, half = style.cloth(), wide / 2
    rod = box((-half - 0.35, half + 0.35), (0.19, 0.21), (top, top + 0.02), style.metal())
    solids = [rod]
    drawn = style.between(0.0, 0.3) * half
    for side in (-1, 1):
        x = half + 0.3
        while x > half - drawn:
            radius = style.between(0.03, 0.05)
            solids.append(prism((side * (x - radius), 0.2), (bottom, top), (radius, radius * 0.9),
                                cloth, sides=8))
            x -= 1.7 * radius
    return solids


def radiator(style: Style) -> list[Solid]:
    """Return a ribbed radiator."""
    finish, half = Finish('plain', (0.93, 0.92, 0.9), gloss=0.15), style.between(0.35, 0.6)
    low, high = 0.12, style.between(0.55, 0.72)
    solids = [box((-half, half), (0.03, 0.06), (low + 0.02, high - 0.02), finish)]
    ribs = round(2 * half / 0.075)
    for rib in range(ribs):
        x = -half + (rib + 0.5) * 2 * half / ribs
        solids.append(box((x - 0.025, x + 0.025), (0.06, 0.11), (low, high), finish))
    return solids


def painting(style: Style) -> list[Solid]:
    """Return a framed picture, its middle near eye height."""
    half_x, half_z = style.between(0.12, 0.5), style.between(0.12, 0.38)
    z, rim = style.between(1.4, 1.65), style.between(0.015, 0.05)
    frame = style.pick(style.wood(), style.dark(), style.metal())
    solids = [box((-half_x, half_x), (0.001, 0.02), (z - half_z, z + half_z), frame)]
    mount = rim
    if style.chance(0.4):
        mount = rim + style.between(0.02, 0.05)
        solids.append(box((rim - half_x, half_x - rim), (0.02, 0.023),
                          (z - half_z + rim, z + half_z - rim), Finish('plain', (0.95,) * 3)))
    if min(half_x, half_z) - mount < 0.04:
        mount = rim
    solids.append(box((mount - half_x, half_x - mount), (0.02, 0.027),
                      (z - half_z + mount, z + half_z - mount), frame, front=style.picture()))
    return solids


def wall_shelf(style: Style) -> list[Solid]:
    """Return a board on the wall with books."""
    half, z, finish = style.between(0.3, 0.6), style.between(1.3, 1.6), style.body()
    board = box((-half, half), (0.001, 0.22), (z, z + 0.025), finish)
    row = books_in_row(style, 2 * half, 0.16, 0.28)
    return [board, *move_all(row, turned(), (0, 0.11, z + 0.025))]


def clock(style: Style) -> list[Solid]:
    """Return a square wall clock."""
    half, z, rim = style.between(0.1, 0.18), style.between(1.7, 2.0), style.metal()
    face = Finish('plain', (0.95, 0.95, 0.93))
    return [box((-half, half), (0.001, 0.03), (z - half, z + half), rim),
            box((0.015 - half, half - 0.015), (0.03, 0.034),
                (z - half + 0.015, z + half - 0.015), face),
            box((-0.006, 0.006), (0.034, 0.038), (z - 0.01, z + half * 0.7), style.dark()),
            box((-0.01, half * 0.5), (0.038, 0.041), (z - 0.008, z + 0.008), style.dark())]


def panelling(style: Style, length: float, height: float, finish: Finish) -> list[Solid]:
    """Return a wainscot of *length* x *height* metres with a rail on top."""
    half = length / 2
    return [box((-half, half), (0.0005, 0.018), (0, height), finish),
            box((-half, half), (0.0005, 0.035), (height, height + 0.04), style.body())]


def skirting(length: float, finish: Finish) -> list[Solid]:
    """Return the board along the foot of a wall of *length* metres."""
    return [box((-length / 2, length / 2), (0.0005, 0.026), (0, 0.085), finish)]
