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
import math
from pathlib import Path

from lstm_depth.data.reader import Reader
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import atomic_path, map_array
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.render import PathConfig, sample_frames
import numpy as np

ROOMS_PREFIX = 'rooms:'
ROOMS_EXAMPLE = 'rooms:4,seed=100,frames=90,size=160x120,still_from=0.5'
_CAMERA_FIELDS = ('width', 'height', 'fx', 'fy', 'cx', 'cy')


@dataclass(frozen=True)
class RoomSequence(FrameSequence):
    """
    *count* frames of the room of *seed*, rendered at first use and kept by the process.

    *folder*: where they are kept in files instead, for all processes; None for nowhere.
    *still_from_s*: when the camera stops for good, seconds after the first frame.
    """

    name: str
    scene: str
    seed: int
    count: int
    width: int
    height: int
    folder: str | None = None
    still_from_s: float = math.inf
    video: bool = True

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.count

    def read(self, index: int) -> CameraFrame:
        """Return one frame with its pose; DataError where its file is damaged."""
        if self.folder is None:
            return _render(self)[index]
        still = f'_{self.still_from_s:g}' if math.isfinite(self.still_from_s) else ''
        path = Path(self.folder) / f'{self.name}_{self.count}x{self.width}x{self.height}{still}'
        if not path.exists():
            _write(path, _render(self))
        return _read(path, index)


def room_sequences(rooms: int, *, seed: int = 0, frames: int = 24, width: int = 320,
                   height: int = 240, folder: str | None = None,
                   still_from_s: float = math.inf) -> list[FrameSequence]:
    """
    Return *rooms* rooms of *frames* frames at 30 Hz; nothing is rendered yet.

    *seed*: of the first, counted up. The rest as in RoomSequence. ConfigError for what cannot
    be rendered.
    """
    if rooms < 1 or frames < 1:
        raise ConfigError(f'{rooms} rooms of {frames} frames cannot be rendered')
    if seed < 0 or min(width, height) < 8 or not still_from_s >= 0:
        raise ConfigError(f'rooms need a seed and a still time of 0 or more and 8x8 pixels, not '
                          f'{seed}, {still_from_s:g} and {width}x{height}')
    return [RoomSequence(f'room_{number}', f'room_{number}', number, frames, width, height,
                         folder, still_from_s) for number in range(seed, seed + rooms)]


def rooms_of(text: str) -> list[FrameSequence]:
    """
    Return the rooms that *text* describes: how many, then options, separated by commas.

    ``4,seed=100,frames=90,size=160x120,still_from=0.5``; the options are those of
    `room_sequences`, *still_from* in seconds. DataError for anything else.
    """
    number, *settings = text.split(',')
    options: dict[str, int | float] = {}
    try:
        for setting in settings:
            name, _, value = setting.partition('=')
            if name == 'size':
                options['width'], options['height'] = map(int, value.split('x'))
            elif name == 'still_from':
                options['still_from_s'] = float(value)
            elif name in ('seed', 'frames'):
                options[name] = int(value)
            else:
                raise ValueError
        return room_sequences(int(number), **options)
    except ValueError as error:
        cause = f' ({error})' if isinstance(error, ConfigError) else ''
        raise DataError(f'rooms:{text} cannot be rendered{cause}; say how many rooms, such as '
                        f'rooms:8, or more, such as {ROOMS_EXAMPLE}') from error


# A clip's frames are asked for one by one; rendering is slower than a training step.
@lru_cache(maxsize=16)
def _render(room: RoomSequence) -> list[CameraFrame]:
    """Return all frames of a room."""
    path = PathConfig() if math.isinf(room.still_from_s) else PathConfig(
        still_from_s=room.still_from_s, still_for_s=math.inf)
    return list(sample_frames(room.count, room.seed, width=room.width, height=room.height,
                              path_config=path))


def _write(path: Path, frames: list[CameraFrame]) -> None:
    """Keep *frames*, all of one camera, in a folder."""
    camera = frames[0].camera
    with atomic_path(path) as partial:
        partial.mkdir(parents=True)
        for name, values in (
                ('rgb', [frame.rgb for frame in frames]),
                ('depth', [frame.depth for frame in frames]),
                ('pose', [frame.pose for frame in frames]),
                ('stamp_ns', [frame.stamp_ns for frame in frames]),
                ('camera', [getattr(camera, name) for name in _CAMERA_FIELDS])):
            np.save(partial / f'{name}.npy', np.array(values))


def _read(path: Path, index: int) -> CameraFrame:
    """Return one frame of a folder of `_write`; DataError where it is damaged."""
    try:
        # Mapped, so that one frame is read; copied, so that it does not keep the others.
        rgb, depth, pose, stamp, camera = (
            map_array(path / f'{name}.npy')
            for name in ('rgb', 'depth', 'pose', 'stamp_ns', 'camera'))
        width, height, *lens = camera.tolist()
        return CameraFrame(np.array(rgb[index]), int(stamp[index]),
                           camera=Camera(int(width), int(height), *lens),
                           depth=np.array(depth[index]), pose=np.array(pose[index]))
    except (OSError, ValueError, IndexError) as error:
        raise DataError(f'{path} is damaged ({error}); remove it, the room is rendered '
                        'again') from error


READER = Reader(
    'rendered rooms',
    'rooms:N for N rendered rooms; rooms:N,seed=S,frames=F,size=WxH,still_from=SECONDS',
    lambda place: place.startswith(ROOMS_PREFIX),
    lambda place, _: rooms_of(place[len(ROOMS_PREFIX):]))
