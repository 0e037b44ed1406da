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
"""
What may go wrong with anchors, made in rendered rooms: images, poses and points that lie.

Each maker returns frames (with exact depth, and the pose that is told) and the index of the
first frame after which all is well again, None where it never is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from _anchoring import walk
import cv2
from lstm_depth.anchor.motion import motion
from lstm_depth.frames import CameraFrame
from lstm_depth.render import PathConfig, sample_frames
import numpy as np

Made = tuple[list[CameraFrame], int | None]
BEGIN, END = 25, 40


def nothing_wrong() -> Made:
    """Return a walk as it is."""
    return walk(), None


def moving_people() -> Made:
    """Let two tall bodies walk through the view, nearer than the room."""
    frames, size = [], 60
    cloth = np.random.default_rng(5).integers(0, 256, (180, size, 3)).astype(np.uint8)
    cloth = cv2.GaussianBlur(cloth, (0, 0), 2)
    for index, frame in enumerate(walk()):
        rgb, depth = frame.rgb.copy(), frame.depth.copy()
        for left, z in ((5 * index - 60, 0.9), (240 - 4 * index, 1.1)):
            low, high = max(left, 0), min(left + size, 240)
            if low < high:
                rgb[:, low:high] = cloth[:, low - left:high - left]
                depth[:, low:high] = z
        frames.append(replace(frame, rgb=rgb, depth=depth))
    return frames, None


def wheel_slip() -> Made:
    """Turn the wheels twice as far as the robot goes, for a second."""
    return _told(lambda step, index: _stretched(step, 2.0 if BEGIN <= index < END else 1.0)), END


def stuck_encoder() -> Made:
    """Say for a second that the robot stands."""
    return _told(lambda step, index: np.eye(4) if BEGIN <= index < END else step), END


def odometry_jump() -> Made:
    """Move the robot by a metre and thirty degrees at once, as a loop closure does."""
    jump = motion(np.array([0.0, 0.5, 0.0, 1.0, 0.0, 0.3]))
    return _told(lambda step, index: step @ jump if index in (20, 30, 40) else step), 41


def wrong_extrinsics() -> Made:
    """Mount the camera three degrees and five centimetres from where TF says."""
    off = motion(np.array([0.03, -0.04, 0.02, 0.05, 0.02, -0.03]))
    return [replace(frame, pose=frame.pose @ off) for frame in walk()], None


def late_odometry() -> Made:
    """Give every image the pose of the one before, 67 ms late."""
    frames = walk()
    return [frames[0], *(replace(frame, pose=before.pose)
                         for before, frame in zip(frames, frames[1:]))], None


def noisy_odometry() -> Made:
    """Put every pose off by a centimetre and half a degree."""
    rng = np.random.default_rng(2)
    return [replace(frame, pose=frame.pose @ motion(rng.normal(0, 0.01, 6)))
            for frame in walk()], None


def pure_rotation() -> Made:
    """Turn the camera only, with a pose that trembles by three millimetres."""
    rng = np.random.default_rng(3)
    path = PathConfig(speed_mps=(0.0, 0.0), turn_rate=1.0, tremor=0.0)
    frames = sample_frames(45, 21, width=240, height=180, rate_hz=15, path_config=path)
    return [replace(frame, pose=frame.pose @ motion(np.concatenate([
        rng.normal(0, 0.002, 3), rng.normal(0, 0.003, 3)]))) for frame in frames], None


def rolling_shutter() -> Made:
    """Take the lowest row 30 ms after the first."""
    frames, result = walk(), []
    rows, columns = np.mgrid[:180, :240].astype(np.float32)
    for before, frame in zip(frames, frames[1:]):
        turned = np.linalg.inv(before.pose[:3, :3]) @ frame.pose[:3, :3]
        vector = cv2.Rodrigues(turned)[0][:, 0] * 0.45
        late = rows / np.float32(180) - np.float32(0.5)
        result.append(replace(frame, rgb=cv2.remap(
            frame.rgb, columns + late * np.float32(vector[1] * frame.camera.fx),
            rows - late * np.float32(vector[0] * frame.camera.fy), cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE)))
    return result, None


def standing_still() -> Made:
    """Stand for two seconds with odometry that trembles."""
    rng, frames = np.random.default_rng(4), walk()[:30]
    pose = frames[-1].pose
    for index in range(30):
        noise = rng.normal(0, 3, frames[-1].rgb.shape)
        rgb = np.clip(frames[29].rgb + noise, 0, 255).astype(np.uint8)
        shake = motion(np.concatenate([rng.normal(0, 0.0005, 3), rng.normal(0, 0.002, 3)]))
        frames = [*frames, replace(frames[29], rgb=rgb, pose=pose @ shake,
                                   stamp_ns=frames[29].stamp_ns + (index + 1) * 66_666_667)]
    return frames, None


def repeated_texture() -> Made:
    """Show one tile again and again in half of the view, where corners slip to the next one."""
    tile = np.random.default_rng(6).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    wall = np.tile(cv2.GaussianBlur(tile, (0, 0), 1), (15, 10, 1))
    frames = []
    for index, frame in enumerate(walk()):
        rgb = frame.rgb.copy()
        # Moves by more than half a tile a frame, so that it seems to move the other way.
        rgb[:, 60:180] = np.roll(wall, 7 * index, axis=1)
        frames.append(replace(frame, rgb=rgb))
    return frames, None


def reflections() -> Made:
    """Mirror the room in a third of the view, where corners move as if behind the glass."""
    frames, result = walk(), []
    for index, frame in enumerate(frames):
        rgb = frame.rgb.copy()
        mirrored = frames[max(index - index // 3, 0)].rgb[:, ::-1]
        rgb[:, 80:160] = (0.3 * rgb[:, 80:160] + 0.7 * mirrored[:, 80:160]).astype(np.uint8)
        result.append(replace(frame, rgb=rgb))
    return result, None


def _told(change: Callable[[np.ndarray, int], np.ndarray]) -> list[CameraFrame]:
    """Return the walk with poses of which each step is changed."""
    frames = walk()
    told, result = frames[0].pose, [frames[0]]
    for index, (before, frame) in enumerate(zip(frames, frames[1:]), start=1):
        told = told @ change(np.linalg.inv(before.pose) @ frame.pose, index)
        result.append(replace(frame, pose=told))
    return result


def _stretched(step: np.ndarray, factor: float) -> np.ndarray:
    """Return a motion with *factor* times its translation."""
    step = step.copy()
    step[:3, 3] *= factor
    return step


HURTS: dict[str, Callable[[], Made]] = {
    maker.__name__: maker for maker in (
        nothing_wrong, moving_people, wheel_slip, stuck_encoder, odometry_jump, wrong_extrinsics,
        late_odometry, noisy_odometry, pure_rotation, rolling_shutter, standing_still,
        repeated_texture, reflections)}
