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
"""Video and stills from rooms."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.render.config import ImageConfig, PathConfig, RoomConfig
from lstm_depth.render.path import CameraPath
from lstm_depth.render.room import random_room, Room
import numpy as np

# The stamp of every first frame: a fixed moment, because samples are reproducible.
FIRST_STAMP_NS = 1_700_000_000 * 10**9
# What the streams of random numbers drawn from one seed are for.
_PATH, _NOISE, _VIEWS = 1, 2, 3


def sample_frames(frames: int, seed: int, width: int = 320, height: int = 240,
                  rate_hz: float = 30.0, *, camera: Camera | None = None,
                  room_config: RoomConfig | None = None, path_config: PathConfig | None = None,
                  image_config: ImageConfig | None = None) -> Iterator[CameraFrame]:
    """
    Give *frames* frames of a camera that moves through the room of *seed*.

    The camera is *camera* or, without it, NYU Depth V2's field of view at *width* x
    *height*. Frames carry exact depth, the pose in the room's frame, intrinsics, and
    stamps 1/*rate_hz* apart. The same arguments give the same bytes. Raises
    ConfigError for impossible arguments.
    """
    if frames < 0 or not 0 < rate_hz <= 1e6 or seed < 0:
        raise ConfigError('frames and seed must not be negative and rate_hz must be positive, '
                          f'not {frames}, {seed} and {rate_hz}')
    camera = camera or NYU_CAMERA.resized(width, height)
    return _walk(frames, seed, camera, rate_hz, random_room(seed, room_config),
                 path_config or PathConfig(), image_config or ImageConfig())


def _walk(frames: int, seed: int, camera: Camera, rate_hz: float, room: Room,
          path_config: PathConfig, image_config: ImageConfig) -> Iterator[CameraFrame]:
    """Render the frames of one path."""
    path = CameraPath(room, np.random.default_rng([seed, _PATH]), path_config)
    for index in range(frames):
        pose = path.pose(index / rate_hz)
        noise = np.random.default_rng([seed, _NOISE, index])
        rgb, depth = room.render(pose, camera, config=image_config, rng=noise)
        stamp = FIRST_STAMP_NS + round(index * 1e9 / rate_hz)
        yield CameraFrame(rgb, stamp, camera=camera, depth=depth, pose=pose)


def random_views(views: int, seed: int, width: int = 320, height: int = 240, *,
                 views_per_room: int = 8, camera: Camera | None = None,
                 room_config: RoomConfig | None = None,
                 image_config: ImageConfig | None = None) -> Iterator[CameraFrame]:
    """
    Give *views* independent stills, *views_per_room* of each room, for training.

    Rooms have the seeds *seed*, *seed* + 1, ... Frames are as in `sample_frames`; their
    stamps count whole seconds. Arguments as there.
    """
    if views < 0 or views_per_room < 1 or seed < 0:
        raise ConfigError('views and seed must not be negative and views_per_room must be '
                          f'positive, not {views}, {seed} and {views_per_room}')
    camera = camera or NYU_CAMERA.resized(width, height)
    image_config = image_config or ImageConfig()
    for first in range(0, views, views_per_room):
        room_seed = seed + first // views_per_room
        room = random_room(room_seed, room_config)
        rng = np.random.default_rng([room_seed, _VIEWS])
        for index in range(first, min(first + views_per_room, views)):
            pose = room.random_pose(rng)
            rgb, depth = room.render(pose, camera, config=image_config, rng=rng)
            yield CameraFrame(rgb, FIRST_STAMP_NS + index * 10**9, camera=camera, depth=depth,
                              pose=pose)
