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
"""Sample bags: the video of a rendered room as a rosbag2 recording."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
import time

from lstm_depth.errors import ConfigError
from lstm_depth.media.bag import BagWriter
from lstm_depth.msgs.image import depth_to_encoding
from lstm_depth.render.config import ImageConfig, PathConfig, RoomConfig
from lstm_depth.render.footage import sample_frames
from tqdm import tqdm

IMAGE_TOPIC = '/camera/color/image_raw'
DEPTH_TOPIC = '/camera/aligned_depth_to_color/image_raw'
# Each image topic has a camera_info beside it.
INFO_TOPICS = ('/camera/color/camera_info', '/camera/aligned_depth_to_color/camera_info')
POSE_TOPIC = '/camera/pose'
MAP_FRAME = 'map'


@dataclass(frozen=True)
class SampleReport:
    """What was written: *path* of the bag, its frames and their size, *seconds* it took."""

    path: str
    frames: int
    seed: int
    width: int
    height: int
    rate_hz: float
    depth_encoding: str
    seconds: float


def write_sample(path: str | Path, frames: int, seed: int, *, width: int = 320,
                 height: int = 240, rate_hz: float = 30.0, depth_encoding: str = '32FC1',
                 overwrite: bool = True, room_config: RoomConfig | None = None,
                 path_config: PathConfig | None = None,
                 image_config: ImageConfig | None = None) -> SampleReport:
    """
    Render *frames* frames of the room of *seed* into the rosbag2 folder *path*.

    The bag holds colour, exact depth as *depth_encoding* ('32FC1' metres or '16UC1'
    millimetres), their camera_info, the camera's pose in the frame ``map``, and the
    same as a transform. An older bag at *path* is replaced unless *overwrite* is
    false. Raises ConfigError for impossible sizes and DataError where *path* cannot
    be written.
    """
    if frames < 1:
        raise ConfigError(f'a sample has at least one frame, not {frames}')
    started = time.perf_counter()
    footage = sample_frames(frames, seed, width, height, rate_hz, room_config=room_config,
                            path_config=path_config, image_config=image_config)
    with BagWriter(path, overwrite=overwrite) as bag:
        for frame in tqdm(footage, total=frames, desc='rendering', unit='frame'):
            stamp, name = frame.stamp_ns, frame.frame_id
            bag.write_image(IMAGE_TOPIC, frame.rgb, 'rgb8', stamp, name)
            depth = depth_to_encoding(frame.depth, depth_encoding)
            bag.write_image(DEPTH_TOPIC, depth, depth_encoding, stamp, name)
            for topic in INFO_TOPICS:
                bag.write_camera_info(topic, frame.camera, stamp, name)
            bag.write_pose(POSE_TOPIC, frame.pose, stamp, MAP_FRAME)
            bag.write_transform('/tf', frame.pose, stamp, MAP_FRAME, name)
    return SampleReport(str(path), frames, seed, width, height, rate_hz, depth_encoding,
                        time.perf_counter() - started)
