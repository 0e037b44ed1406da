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
"""Pair every depth frame of a raw scene with a colour frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import re

_NAME = re.compile(r'(?P<kind>[rda])-(?P<seconds>\d+(?:\.\d+)?)-\d+\.(?:ppm|pgm|dump)')


@dataclass(frozen=True)
class SyncedFrame:
    """
    One depth frame and its colour frame.

    *index*: place of the depth frame in the scene. *depth_stamp*, *rgb_stamp*: seconds as
    the file names spell them, because a float does not hold their microseconds exactly.
    """

    index: int
    depth_name: str
    rgb_name: str
    depth_stamp: str
    rgb_stamp: str

    @property
    def gap_s(self) -> float:
        """Return by how many seconds the colour frame is later than the depth frame."""
        return float(self.rgb_stamp) - float(self.depth_stamp)


def stamp_of(name: str) -> str | None:
    """Return the seconds in a raw file's *name*, None for a name that is none."""
    match = _NAME.fullmatch(name)
    return match['seconds'] if match else None


def synchronise(depth_names: Sequence[str], rgb_names: Sequence[str]) -> list[SyncedFrame]:
    """
    Return one pair a depth frame, as the toolbox's ``get_synched_frames.m`` makes them.

    Both lists are sorted by name first. A pointer into the colour frames only moves on:
    it does while the next one is at least as near in time, so a tie moves it, one colour
    frame may serve several depth frames, and no distance is too far. *rgb_names* must
    not be empty.
    """
    depth_names, rgb_names = sorted(depth_names), sorted(rgb_names)
    stamps = [stamp_of(name) for name in rgb_names]
    times = [float(stamp) for stamp in stamps]
    pairs, current = [], 0
    for index, name in enumerate(depth_names):
        stamp = stamp_of(name)
        time = float(stamp)
        while (current + 1 < len(times)
               and abs(time - times[current + 1]) <= abs(time - times[current])):
            current += 1
        pairs.append(SyncedFrame(index, name, rgb_names[current], stamp, stamps[current]))
    return pairs
