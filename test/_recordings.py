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
"""A made-up recording with exact depth, and a network small enough to answer it at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagWriter
from lstm_depth.models import create_model
import numpy as np

CAMERA = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
STEP_NS = 33_333_333


def camera_frames(count: int, with_depth: bool = True) -> Iterator[CameraFrame]:
    """Yield frames of noise before a slanted wall, without depth in one corner."""
    rng = np.random.default_rng(1)
    depth = np.tile(np.linspace(1, 5, 64, dtype=np.float32), (48, 1))
    depth[:5, :5] = np.nan
    for index in range(count):
        yield CameraFrame(
            rng.integers(0, 256, (48, 64, 3), np.uint8), 10**18 + index * STEP_NS,
            'camera_optical_frame', CAMERA, depth if with_depth else None)


def write_bag(path: Path, frames: Iterable[CameraFrame]) -> Path:
    """Write *frames* to a bag and return its path."""
    with BagWriter(path) as bag:
        for frame in frames:
            header = (frame.stamp_ns, frame.frame_id)
            bag.write_image('/camera/image', frame.rgb, 'rgb8', *header)
            bag.write_camera_info('/camera/camera_info', CAMERA, *header)
            if frame.depth is not None:
                bag.write_image('/camera/depth', frame.depth, '32FC1', *header)
    return path


def tiny_checkpoint(path: Path) -> Path:
    """Write a network that answers about 2.5 m everywhere, and return its path."""
    save_checkpoint(path, create_model('residual_lstm', input_height=32, input_width=32))
    return path
