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
"""Rendered walks, and a network that is wrong in a known way, for the tests of anchoring."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import cv2
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import BagWriter
from lstm_depth.msgs.transforms import Transforms
from lstm_depth.render import PathConfig, sample_frames
import numpy as np

WRONG_SCALE = 1.3


@lru_cache(maxsize=4)
def walk(seed: int = 7, frames: int = 75) -> list[CameraFrame]:
    """Return a walk through a rendered room, 240x180 at 15 Hz."""
    path = PathConfig(speed_mps=(0.3, 0.8), turn_rate=0.4)
    return list(sample_frames(frames, seed, width=240, height=180, rate_hz=15,
                              path_config=path))


@lru_cache(maxsize=1)
def short_walk() -> list[CameraFrame]:
    """Return four seconds of a walk past things, 160x120 at 6 Hz, in a second of computing."""
    path = PathConfig(speed_mps=(0.4, 0.8), turn_rate=0.3)
    return list(sample_frames(24, 3, width=160, height=120, rate_hz=6, path_config=path))


def fake_network(frame: CameraFrame, index: int, scale: float = WRONG_SCALE) -> np.ndarray:
    """Return the exact depth under a wrong scale, a wrong smooth field and a flicker."""
    shape = frame.depth.shape
    rng = np.random.default_rng(index)
    field = cv2.resize(np.random.default_rng(1).normal(0, 0.12, (3, 4)), shape[::-1],
                       interpolation=cv2.INTER_CUBIC)
    flicker = rng.normal(0, 0.02) + cv2.resize(rng.normal(0, 0.03, (6, 8)), shape[::-1])
    depth = np.nan_to_num(frame.depth, nan=5.0)
    return (depth * scale * np.exp(field + flicker)).astype(np.float32)


# A laser that looks where the camera does: its x is the camera's z, its y minus the camera's x.
LASER_TO_CAMERA = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float)


def scan_fields(frame: CameraFrame, row: int | None = None) -> dict[str, object]:
    """Return the fields of a LaserScan of what the camera sees in one row, the middle one."""
    camera = frame.camera
    # The row in which the laser's plane, y = 0 of the camera, is seen.
    row = round(camera.cy) if row is None else row
    angles = np.arange(-0.4, 0.4, 0.01)
    columns = np.rint(camera.cx - np.tan(angles) * camera.fx).astype(int)
    ranges = frame.depth[row, columns] / np.cos(angles)
    return {'angle_min': -0.4, 'angle_max': 0.4, 'angle_increment': 0.01, 'time_increment': 0.0,
            'scan_time': 0.0, 'range_min': 0.1, 'range_max': 20.0,
            'ranges': np.nan_to_num(ranges, nan=np.inf).astype(np.float32)}


def write_walk(path: Path, frames: list[CameraFrame], late_s: float = 0.0) -> Path:
    """
    Write a bag of a walk on a robot that tells where it is at other times than its images.

    The camera stands on the robot and a laser before the camera; odom, base and both are
    connected by /tf and /tf_static, whose stamps are *late_s* seconds late.
    """
    mount, camera = np.eye(4), frames[0].frame_id
    mount[:3, 3] = 0.1, 0.05, 0.9
    with BagWriter(path) as bag:
        bag.write_transform('/tf_static', mount, 0, 'base', camera)
        bag.write_transform('/tf_static', LASER_TO_CAMERA, 0, camera, 'laser')
        poses = Transforms()
        for frame in frames:
            poses.put('base', 'odom', frame.stamp_ns, frame.pose @ np.linalg.inv(mount))
            header = (frame.stamp_ns, camera)
            bag.write_image('/camera/image', frame.rgb, 'rgb8', *header)
            bag.write_camera_info('/camera/camera_info', frame.camera, *header)
            bag.write_image('/camera/depth', frame.depth, '32FC1', *header)
            bag.write_scan('/scan', scan_fields(frame), frame.stamp_ns, 'laser')
        last = frames[-1].stamp_ns
        for stamp_ns in (*range(frames[0].stamp_ns, last, 20_000_000), last):
            bag.write_transform('/tf', poses.between('base', 'odom', stamp_ns),
                                stamp_ns + round(late_s * 1e9), 'odom', 'base')
    return path


def abs_rel(depth: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean relative error where there is ground truth."""
    known = np.isfinite(truth) & (truth > 0)
    return float(np.mean(np.abs(depth[known] - truth[known]) / truth[known]))


def errors(depths: Iterable[np.ndarray], frames: Iterable[CameraFrame]) -> np.ndarray:
    """Return the mean relative error of every frame."""
    return np.array([abs_rel(depth, frame.depth) for depth, frame in zip(depths, frames)])
