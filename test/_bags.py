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
"""Bags of a few small frames, and what must come out of them."""

from __future__ import annotations

from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagWriter
import numpy as np

CAMERA = Camera(32, 24, 30.0, 31.0, 15.5, 11.5)
PERIOD_NS = 100_000_000
IMAGE, INFO, DEPTH = '/camera/color/image_raw', '/camera/color/camera_info', '/camera/depth/image'


def picture(seed):
    return np.random.default_rng(seed).integers(0, 256, (24, 32, 3), np.uint8)


def distance(seed):
    depth = np.random.default_rng(seed).uniform(0.5, 8, (24, 32)).astype(np.float32)
    depth[0, 0] = np.nan
    return depth


def write_bag(path, frames=5, depth_shift_ns=0, **options):
    """Write a bag of *frames* images, camera_infos and depths at 10 Hz."""
    with BagWriter(path, **options) as bag:
        for index in range(frames):
            stamp = (index + 1) * PERIOD_NS
            bag.write_image(IMAGE, picture(index), 'rgb8', stamp, 'cam')
            bag.write_camera_info(INFO, CAMERA, stamp, 'cam')
            bag.write_image(DEPTH, distance(index), '32FC1', stamp + depth_shift_ns, 'cam')
    return path


def assert_frames(frames, count=5, depth=True):
    assert len(frames) == count
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.rgb, picture(index))
        assert (frame.stamp_ns, frame.frame_id) == ((index + 1) * PERIOD_NS, 'cam')
        assert frame.camera == CAMERA
        if depth:
            np.testing.assert_array_equal(frame.depth, distance(index))
        else:
            assert frame.depth is None


def big_bag(path):
    """Write forty images of 230 kB."""
    with BagWriter(path) as bag:
        for stamp in range(40):
            bag.write_image('/image', np.zeros((240, 320, 3), np.uint8), 'rgb8', stamp, 'cam')
    return path
