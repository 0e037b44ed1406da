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
"""Where things go: groups of furniture on the floor, fixtures on the walls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
import math

from lstm_depth.render import equipment, furniture
from lstm_depth.render.scene import shell_normals
from lstm_depth.render.solids import bounds, move_all, Solid, turned
from lstm_depth.render.style import Style
import numpy as np

_GAP_M = 0.05


@dataclass(frozen=True)
class Footprint:
    """A rectangle on the floor: centre and half sizes in metres, yaw in radians."""

    x: float
    y: float
    half_x: float
    half_y: float
    yaw: float = 0.0

    def overlaps(self, other: Footprint) -> bool:
        """Return whether two rectangles intersect (separating axes)."""
        axes = np.array([[math.cos(a), math.sin(a)] for yaw in (self.yaw, other.yaw)
                         for a in (yaw, yaw + math.pi / 2)])
        mine, theirs = self.corners() @ axes.T, other.corners() @ axes.T
        return bool(np.all((mine.min(0) < theirs.max(0)) & (theirs.min(0) < mine.max(0))))

    def corners(self) -> np.ndarray:
        """Return the (4, 2) corners."""
        signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (self.half_x, self.half_y)
        turn = turned(self.yaw)[:2, :2]
        return signs @ turn.T + (self.x, self.y)


@dataclass
class Layout:
    """
    A room being furnished.

    *size*: (3,) metres. *walls* lists for each wall the occupied rectangles (start,
    end, low, high); *floor* the occupied footprints; *solids* everything placed.
    """

    size: np.ndarray
    style: Style
    solids: list[Solid] = field(default_factory=list)
    floor: list[Footprint] = field(default_factory=list)
    walls: list[list[tuple[float, float, float, float]]] = field(
        default_factory=lambda: [[], [], [], []])
    covered: float = 0.0

    def wall_length(self, wall: int) -> float:
        """Return the length of a wall in metres."""
        return float(self.size[0] if wall in (0, 2) else self.size[1])

    def wall_frame(self, wall: int, along: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the rotation and origin of a frame whose y leaves *wall* at *along*."""
        normal = shell_normals()[wall]
        yaw = math.atan2(-normal[0], normal[1])
        corner = {0: (along, 0), 1: (self.size[0], along), 2: (along, self.size[1]),
                  3: (0, along)}[wall]
        return turned(yaw), np.array([*corner, 0.0])

    def wall_is_free(self, wall: int, rectangle: tuple[float, float, float, float]) -> bool:
        """Return whether (start, end, low, high) touches nothing on *wall*."""
        start, end, low, high = rectangle
        return all(end <= a or b <= start or high <= c or d <= low
                   for a, b, c, d in self.walls[wall])

    def floor_is_free(self, footprint: Footprint) -> bool:
        """Return whether *footprint* lies in the room and touches nothing."""
        corners = footprint.corners()
        inside = np.all((corners > 0) & (corners < self.size[:2]))
        return bool(inside) and not any(footprint.overlaps(other) for other in self.floor)

    def hang(self, solids: Sequence[Solid], *, wall: int | None = None,
             along: float | None = None, keep_clear: float = 0.0) -> tuple[int, float] | None:
        """
        Put a fixture on a wall, at a free place unless *wall* and *along* are given.

        *keep_clear*: metres of floor before it to leave empty. Returns (wall, along)
        or None when no place was found.
        """
        low, high = bounds(solids)
        half = (high[0] - low[0]) / 2
        for _ in range(12):
            side = int(self.style.rng.integers(4)) if wall is None else wall
            length = self.wall_length(side)
            if length < 2 * half + 0.3 or high[2] > self.size[2] - 0.02:
                continue
            place = self.style.between(half + 0.12, length - half - 0.12)
            place = place if along is None else along
            rectangle = (place - half - _GAP_M, place + half + _GAP_M, low[2], high[2])
            if along is None and not self.wall_is_free(side, rectangle):
                continue
            rotation, origin = self.wall_frame(side, place)
            moved = move_all(solids, rotation, origin)
            if keep_clear:
                middle = origin + rotation @ (0, keep_clear / 2, 0)
                zone = Footprint(middle[0], middle[1], half, keep_clear / 2,
                                 math.atan2(rotation[1, 0], rotation[0, 0]))
                if any(zone.overlaps(other) for other in self.floor):
                    continue
                self.floor.append(zone)
            self.walls[side].append(rectangle)
            self.solids += moved
            return side, place
        return None

    def stand_at_wall(self, solids: Sequence[Solid], *, corner: bool = False) -> bool:
        """Place furniture with its back to a wall; return whether it found a place."""
        low, high = bounds(solids)
        half = (high[:2] - low[:2]) / 2
        for _ in range(25):
            wall = int(self.style.rng.integers(4))
            length = self.wall_length(wall)
            if length < 2 * half[0] + 0.12:
                continue
            along = self.style.between(half[0] + _GAP_M, length - half[0] - _GAP_M)
            if corner:
                along = self.style.pick(half[0] + _GAP_M, length - half[0] - _GAP_M)
            gap = self.style.between(0.03, 0.06)
            if not self.wall_is_free(wall, (along - half[0], along + half[0], 0, high[2])):
                continue
            rotation, origin = self.wall_frame(wall, along)
            if self._stand(solids, rotation, origin + rotation @ (
                    -(low[0] + high[0]) / 2, gap - low[1], 0)):
                self.walls[wall].append((along - half[0], along + half[0], 0, high[2]))
                return True
        return False

    def stand_free(self, solids: Sequence[Solid], *, aligned: bool = True) -> bool:
        """Place furniture anywhere on the floor; return whether it found a place."""
        for _ in range(25):
            yaw = self.style.pick(0, 0.5, 1, 1.5) * math.pi
            yaw += self.style.between(-0.1, 0.1) if aligned else self.style.between(-0.8, 0.8)
            spot = (*(self.style.between(0.3, side - 0.3) for side in self.size[:2]), 0)
            if self._stand(solids, turned(yaw), np.array(spot)):
                return True
        return False

    def _stand(self, solids: Sequence[Solid], rotation: np.ndarray, origin: np.ndarray) -> bool:
        """Add *solids* when their footprint is free."""
        low, high = bounds(solids)
        middle = origin + rotation @ np.array([*(low[:2] + high[:2]) / 2, 0])
        half = (high[:2] - low[:2]) / 2
        footprint = Footprint(middle[0], middle[1], half[0] + 0.01, half[1] + 0.01,
                              math.atan2(rotation[1, 0], rotation[0, 0]))
        if not self.floor_is_free(footprint):
            return False
        self.floor.append(footprint)
        self.covered += 4 * half[0] * half[1]
        self.solids += move_all(solids, rotation, origin)
        return True

    def lay_rug(self) -> None:
        """Lay one rug where it fits between the walls; furniture may stand on it."""
        rug = equipment.rug(self.style)
        low, high = bounds(rug)
        reach = math.hypot(high[0], high[1]) + 0.05
        if 2 * reach < min(self.size[:2]):
            spot = [self.style.between(reach, side - reach) for side in self.size[:2]]
            yaw = self.style.pick(0, math.pi / 2) + self.style.between(-0.12, 0.12)
            self.solids += move_all(rug, turned(yaw), (*spot, 0))


def dining_set(style: Style) -> list[Solid]:
    """Return a table with chairs pushed in by different amounts."""
    solids = furniture.table(style)
    _, high = bounds(solids[:1])
    seed = style.rng.integers(1 << 32)
    places = [(x, side) for side in (-1, 1) for x in ((-0.45, 0.45) if high[0] > 0.75 else (0,))]
    for x, side in places:
        if style.chance(0.85):
            # The same seed gives the same design for every chair of the set.
            chair = furniture.chair(style.twin(seed))
            away = high[1] + style.between(-0.02, 0.2)
            yaw = (math.pi if side > 0 else 0) + style.between(-0.2, 0.2)
            solids += move_all(chair, turned(yaw), (x * high[0] / 0.95, side * away, 0))
    return solids


def work_place(style: Style) -> list[Solid]:
    """Return a desk with its chair."""
    solids = equipment.desk(style)
    _, high = bounds(solids[:1])
    seat = furniture.office_chair(style) if style.chance(0.7) else furniture.chair(style)
    yaw = math.pi + style.between(-0.7, 0.7)
    return solids + move_all(seat, turned(yaw), (style.between(-0.1, 0.2),
                                                 high[1] + style.between(0.15, 0.35), 0))


def lounge(style: Style) -> list[Solid]:
    """Return a sofa with a coffee table before it."""
    solids = furniture.sofa(style)
    _, high = bounds(solids)
    low_table = furniture.coffee_table(style)
    return solids + move_all(low_table, turned(), (style.between(-0.2, 0.2),
                                                   high[1] + style.between(0.65, 0.8), 0))


def sleeping_place(style: Style) -> list[Solid]:
    """Return a bed with bedside cabinets."""
    solids = furniture.bed(style)
    low, high = bounds(solids)
    for side in (-1, 1):
        if style.chance(0.65):
            cabinet = furniture.nightstand(style)
            reach, _ = bounds(cabinet)
            solids += move_all(cabinet, turned(), (side * (high[0] - reach[0] + 0.04),
                                                   low[1] - reach[1], 0))
    return solids
