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
"""A robot whose depth camera is beside its colour camera, before a slanted wall."""

from __future__ import annotations

import cv2
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagWriter
import numpy as np

DEPTH_CAMERA = Camera(64, 48, 50.0, 52.0, 31.0, 24.0)
COLOUR_CAMERA = Camera(96, 80, 90.0, 88.0, 47.0, 41.0)


def rigid(rotation=(0, 0, 0), translation=(0, 0, 0)):
    """Return the (4, 4) of a rotation vector and a translation."""
    transform = np.eye(4)
    transform[:3, :3] = cv2.Rodrigues(np.array(rotation, np.float64))[0]
    transform[:3, 3] = translation
    return transform


def seen(camera, pose, normal, offset):
    """Return the depth of the plane normal . x = offset seen from the (4, 4) *pose*."""
    rays = camera.rays().astype(np.float64) @ pose[:3, :3].T
    return ((offset - pose[:3, 3] @ normal) / (rays @ normal)).astype(np.float32)


BASELINE = rigid(rotation=(0, 0.02, 0), translation=(0.05, 0, 0))


def write_robot_bag(path, transforms=True, encoding='16UC1', frames=3):
    """Write colour and unaligned depth of a plane, as a driver without alignment does."""
    depth = seen(DEPTH_CAMERA, np.eye(4), np.array([0.1, 0.0, 1.0]), 2.0)
    with BagWriter(path) as bag:
        if transforms:
            # Both cameras hang on the robot's base: depth to colour is colour^-1 depth.
            base = rigid((0.3, -0.2, 0.1), (1, 2, 3))
            bag.write_transform('/tf_static', base, 0, 'base', 'depth_frame')
            bag.write_transform('/tf_static', base @ np.linalg.inv(BASELINE), 0, 'base',
                                'colour_frame')
        for index in range(frames):
            stamp = (index + 1) * 10**8
            bag.write_image('/color/image_raw', np.full((80, 96, 3), index, np.uint8), 'rgb8',
                            stamp, 'colour_frame')
            bag.write_camera_info('/color/camera_info', COLOUR_CAMERA, stamp, 'colour_frame')
            header = (stamp + 10**6, 'depth_frame')
            bag.write_camera_info('/depth/camera_info', DEPTH_CAMERA, *header)
            if encoding == 'compressedDepth':
                png = cv2.imencode('.png', np.rint(depth * 1000).astype(np.uint16))[1].tobytes()
                bag.write_compressed('/depth/image_raw/compressedDepth', bytes(12) + png,
                                     '16UC1; compressedDepth png', *header)
            elif encoding == '16UC1':
                bag.write_image('/depth/image_raw', np.rint(depth * 1000).astype(np.uint16),
                                encoding, *header)
            else:
                bag.write_image('/depth/image_raw', depth, encoding, *header)
    return path
