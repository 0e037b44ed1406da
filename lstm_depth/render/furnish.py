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
"""Plans of random rooms: a purpose, furniture that goes with it, lamps and windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_depth.render import equipment, fixtures, furniture, layout
from lstm_depth.render.atlas import Atlas
from lstm_depth.render.config import RoomConfig
from lstm_depth.render.layout import Footprint, Layout
from lstm_depth.render.lights import Light
from lstm_depth.render.solids import box, Finish, move_all, Solid, turned
from lstm_depth.render.style import Style
import numpy as np

# What a room of each purpose holds: at walls in this order, then free-standing.
_PURPOSES = {
    'living': ((layout.lounge, equipment.tv_bench, furniture.bookshelf, furniture.sofa,
                furniture.dresser, furniture.floor_lamp),
               (layout.dining_set, furniture.sofa, furniture.stool, furniture.coffee_table)),
    'bedroom': ((layout.sleeping_place, furniture.wardrobe, furniture.dresser,
                 layout.work_place, furniture.bookshelf),
                (furniture.stool, furniture.sofa)),
    'office': ((layout.work_place, layout.work_place, furniture.bookshelf, furniture.wardrobe,
                furniture.bookshelf, layout.work_place),
               (layout.dining_set, furniture.office_chair)),
    'kitchen': ((equipment.kitchen, furniture.dresser, furniture.bookshelf),
                (layout.dining_set, furniture.stool, furniture.stool, furniture.chair)),
    'storage': ((furniture.bookshelf, furniture.wardrobe, furniture.bookshelf,
                 furniture.dresser, furniture.wardrobe, furniture.bed),
                (equipment.clutter_box, equipment.clutter_box, equipment.clutter_box,
                 furniture.table)),
}
_SMALL = (equipment.plant, equipment.bin_, equipment.clutter_box, equipment.ball,
          furniture.floor_lamp, furniture.stool, furniture.chair, equipment.plant)


@dataclass(frozen=True, eq=False)
class RoomPlan:
    """
    Everything that makes a room.

    *size*: (3,) metres. *shell*: the finishes of the four walls, floor and ceiling.
    *reflectance*: the mean share of light that surfaces return, which sets how bright
    shadows are. *purpose* is the kind of room, in words.
    """

    size: np.ndarray
    shell: Sequence[Finish]
    solids: Sequence[Solid]
    lights: Sequence[Light]
    atlas: Atlas
    reflectance: float = 0.4
    purpose: str = ''


def plan_room(rng: np.random.Generator, config: RoomConfig,
              furniture_share: float) -> RoomPlan:
    """Return a random room with furniture on about *furniture_share* of its floor."""
    style = Style(rng, config.clutter)
    size = np.array([rng.uniform(*config.width_m), rng.uniform(*config.length_m),
                     rng.uniform(*config.height_m)])
    room = Layout(size, style)
    wall = style.wall()
    walls = [wall] * 4
    if style.chance(0.35):
        walls[rng.integers(4)] = style.wall()
    ceiling = Finish('plain', (style.between(0.88, 1.0),) * 3)
    if style.chance(0.3):
        _corner_block(room, wall)
    _trim(room)
    room.hang(fixtures.door(style), keep_clear=0.75)
    by_day = style.chance(0.65)
    lights = _windows(room, by_day)
    purpose = style.pick(*_PURPOSES)
    _furnish(room, purpose, furniture_share)
    _decorate(room)
    lights += _lamps(room, config, by_day and len(lights) > 0)
    shell = [*walls, style.floor(), ceiling]
    return RoomPlan(size, shell, room.solids, lights, style.atlas(), style.between(0.22, 0.48),
                    purpose)


def _corner_block(room: Layout, wall: Finish) -> None:
    """Cut one corner off the room, which makes it L-shaped or gives it a chimney."""
    half = np.array([room.style.between(0.15, 0.14 * side) for side in room.size[:2]])
    side = room.style.rng.integers(0, 2, 2)
    centre = np.where(side == 0, half, room.size[:2] - half)
    low, high = centre - half, centre + half
    room.solids.append(box((low[0], high[0]), (low[1], high[1]), (0, room.size[2]), wall))
    room.floor.append(Footprint(*centre, *half))
    for index, edge in ((0 if side[1] == 0 else 2, 0), (3 if side[0] == 0 else 1, 1)):
        room.walls[index].append((low[edge] - 0.02, high[edge] + 0.02, 0, room.size[2]))


def _trim(room: Layout) -> None:
    """Add skirting boards and sometimes panelling."""
    style = room.style
    board = style.body()
    panel = style.wall() if style.chance(0.15) else None
    height = style.between(0.5, 0.7)
    for wall in range(4):
        length = room.wall_length(wall)
        pieces = fixtures.skirting(length, board) if style.chance(0.97) else []
        if panel is not None:
            pieces = pieces + fixtures.panelling(style, length, height, panel)
        if pieces:
            occupied = list(room.walls[wall])
            room.hang(pieces, wall=wall, along=length / 2)
            room.walls[wall] = occupied


def _windows(room: Layout, by_day: bool) -> list[Light]:
    """Hang up to three windows with curtains and radiators; return their light."""
    style, lights = room.style, []
    glow = style.between(1.4, 3.0) if by_day else style.between(0.02, 0.15)
    sky = np.array([style.between(0.8, 1.0), 0.95, style.between(0.95, 1.2)])
    for _ in range(style.pick(0, 1, 1, 2, 2, 3)):
        wide = style.between(0.7, min(2.0, 0.5 * float(room.size[:2].min())))
        low, high = style.between(0.75, 1.0), style.between(1.9, min(2.15, room.size[2] - 0.15))
        found = room.hang(fixtures.window(style, glow, wide, low, high))
        if found is None:
            continue
        wall, along = found
        if style.chance(0.5):
            bottom = style.pick(0.03, low - 0.1)
            room.hang(fixtures.curtains(style, wide, high + 0.09, bottom), wall=wall, along=along)
        if style.chance(0.4):
            room.hang(fixtures.radiator(style), wall=wall, along=along)
        if by_day:
            rotation, origin = room.wall_frame(wall, along)
            spot = origin + rotation @ (0, 0.3, (low + high) / 2)
            strength = wide * (high - low) * style.between(0.4, 1.3)
            lights.append(Light(tuple(spot), tuple(strength * sky), 0.5, tuple(rotation[:, 1])))
    return lights


def _furnish(room: Layout, purpose: str, share: float) -> None:
    """Place furniture until its *share* of the floor is covered."""
    style = room.style
    limit = share * room.size[0] * room.size[1]
    at_walls, free = _PURPOSES[purpose]
    if style.chance(0.6):
        room.lay_rug()
    # Large rooms hold everything twice.
    for _ in range(1 + (limit > 8)):
        for piece in at_walls:
            if room.covered < limit * 0.75 and style.chance(0.85):
                room.stand_at_wall(piece(style), corner=style.chance(0.3))
        for piece in free:
            if room.covered < limit and style.chance(0.7):
                room.stand_free(piece(style))
    for _ in range(round(12 * style.clutter)):
        if room.covered < limit:
            piece = style.pick(*_SMALL)(style)
            if style.chance(0.6):
                room.stand_at_wall(piece, corner=style.chance(0.4))
            else:
                room.stand_free(piece, aligned=False)


def _decorate(room: Layout) -> None:
    """Hang pictures, shelves and clocks over what stands at the walls."""
    style = room.style
    for _ in range(style.rng.integers(2, 8)):
        room.hang(fixtures.painting(style))
    for piece in (fixtures.wall_shelf, fixtures.wall_shelf, fixtures.clock):
        if style.chance(0.45):
            room.hang(piece(style))


def _lamps(room: Layout, config: RoomConfig, by_day: bool) -> list[Light]:
    """Hang lamps from the ceiling; by day they are weak or off."""
    style, lights = room.style, []
    on = not by_day or style.chance(0.5)
    glow = style.between(1.5, 3.0) if on else 0.0
    count = int(style.rng.integers(config.lights[0], config.lights[1] + 1))
    warm = style.between(0.0, 1.0)
    colour = np.array([1.0, 0.93 - 0.1 * warm, 0.88 - 0.3 * warm])
    seed = style.rng.integers(1 << 32)
    for index in range(count):
        lamp = equipment.pendant(style.twin(seed), float(room.size[2]), glow)
        along = int(room.size[1] > room.size[0])
        share = np.full(2, 0.5)
        share[along] = (index + 0.5) / count
        spot = (share + style.rng.uniform(-0.08, 0.08, 2)) * room.size[:2]
        lowest = min(float(solid.corners()[:, 2].min()) for solid in lamp)
        room.solids += move_all(lamp, turned(), (*spot, 0))
        strength = style.between(0.5, 1.0) * (0.5 if by_day else 1.2) / count ** 0.5
        if on:
            lights.append(Light((*spot, lowest - 0.12), tuple(strength * colour)))
    return lights
