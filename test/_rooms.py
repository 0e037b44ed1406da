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
"""Plain rooms whose every distance is known."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_depth.render.furnish import RoomPlan
from lstm_depth.render.lights import Light
from lstm_depth.render.room import Room
from lstm_depth.render.solids import Finish, Solid
from lstm_depth.render.style import Style
import numpy as np

SIZE = np.array([4.0, 5.0, 2.5])


def plain_room(solids: Sequence[Solid] = (), *, lamp: tuple[float, float, float] = (2, 2.5, 2.3),
               shadow_size: int = 64) -> Room:
    """Return a 4 x 5 x 2.5 m room with grey walls, one lamp and *solids*."""
    rng = np.random.default_rng(0)
    plan = RoomPlan(SIZE, [Finish('plain', (0.8, 0.8, 0.8))] * 6, list(solids),
                    [Light(lamp, (1.0, 1.0, 1.0))], Style(rng).atlas())
    return Room(plan, rng, shadow_size=shadow_size)


def world_points(depth: np.ndarray, pose: np.ndarray, camera) -> np.ndarray:
    """Return the (H, W, 3) float64 points that a view shows, in the room's frame."""
    local = camera.backproject(depth).astype(np.float64)
    return local @ pose[:3, :3].T + pose[:3, 3]
