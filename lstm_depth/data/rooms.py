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
"""Rendered rooms as training data: exact depth and poses, as much as is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame
from lstm_depth.render import sample_frames


@dataclass(frozen=True)
class RoomSequence(FrameSequence):
    """*count* frames of the room of *seed*, rendered at first use and kept by the process."""

    name: str
    scene: str
    seed: int
    count: int
    width: int
    height: int
    video: bool = True

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.count

    def read(self, index: int) -> CameraFrame:
        """Return one frame with its pose."""
        return _frames(self.seed, self.count, self.width, self.height)[index]


# A clip's frames are asked for one by one; rendering is slower than a training step.
@lru_cache(maxsize=16)
def _frames(seed: int, count: int, width: int, height: int) -> list[CameraFrame]:
    return list(sample_frames(count, seed, width=width, height=height))


def room_sequences(rooms: int, *, seed: int = 0, frames: int = 24, width: int = 320,
                   height: int = 240) -> list[FrameSequence]:
    """Return *rooms* rooms of *frames* frames at 30 Hz; nothing is rendered yet."""
    if rooms < 1 or frames < 1:
        raise ConfigError(f'{rooms} rooms of {frames} frames cannot be rendered')
    return [RoomSequence(f'room_{number}', f'room_{number}', number, frames, width, height)
            for number in range(seed, seed + rooms)]
