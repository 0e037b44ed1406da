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
The starter's clips: a drift over a still in the image plane, and colour changes over time.

Cheaper than the path in space of motion.py, and without its parallax. The move is a
similarity (shift, rotation, zoom) that drifts from frame to frame. Seen through one fixed
lens a zoom by z is a step forward: depth is divided by z, so that the metric scale keeps
belonging to the one focal length the model learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from lstm_depth.data.clip import Clip
from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame
import numpy as np
import torch


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """
    How clips are made.

    *width*, *height*: pixels of the model's input. *focal*: ``(fx / width,
    fy / height)`` of the one camera the depth scale is for. *max_zoom*: largest
    zoom; *max_rotation_deg*: largest roll; *shift*: largest shift as a share of
    the image; *motion*: how far these drift over a clip, as a share of their
    range; *colour*: strength of the colour changes, 0 to 1.
    """

    width: int
    height: int
    focal: tuple[float, float]
    max_zoom: float = 1.5
    max_rotation_deg: float = 5.0
    shift: float = 0.05
    motion: float = 0.15
    colour: float = 1.0

    def __post_init__(self) -> None:
        """Raise ConfigError for values that make no image."""
        if self.width < 1 or self.height < 1:
            raise ConfigError(f'clips of {self.width}x{self.height} pixels cannot be made')
        if self.max_zoom < 1:
            raise ConfigError(f'max_zoom must be at least 1, not {self.max_zoom}')


def clip_from_still(still: CameraFrame, length: int, config: ClipConfig,
                    rng: np.random.Generator) -> Clip:
    """Return *length* frames of a smooth random move over one still."""
    start = rng.uniform(-1, 1, 4)
    drift = rng.uniform(-1, 1, 4) * config.motion
    flip = rng.random() < 0.5
    frames, depths = [], []
    for t in np.linspace(0.0, 1.0, length) if length > 1 else [0.0]:
        zoom, roll, right, down = np.clip(start + t * drift, -1, 1)
        # Most clips zoom little, because that is where the images are sharp.
        zoom = config.max_zoom ** (((zoom + 1) / 2) ** 2)
        rgb, depth = _warp(still, config, zoom, roll * config.max_rotation_deg,
                           right * config.shift, down * config.shift)
        frames.append(rgb[:, ::-1] if flip else rgb)
        depths.append(depth[:, ::-1] if flip else depth)
    return _clip(_recolour(np.stack(frames), config.colour, rng), np.stack(depths))


def clip_from_frames(frames: Sequence[CameraFrame], config: ClipConfig,
                     rng: np.random.Generator) -> Clip:
    """Return consecutive frames with ground truth as a clip, flipped and recoloured at random."""
    rgb, depth = [], []
    for frame in frames:
        pair = _warp(frame, config, 1.0, 0.0, 0.0, 0.0)
        rgb.append(pair[0])
        depth.append(pair[1])
    images, depths = np.stack(rgb), np.stack(depth)
    if rng.random() < 0.5:
        images, depths = images[:, :, ::-1], depths[:, :, ::-1]
    return _clip(_recolour(images, config.colour, rng), depths)


def _clip(images: np.ndarray, depths: np.ndarray) -> Clip:
    """Return (T, H, W, 3) images and (T, H, W) depth, 0 where invalid, as a clip."""
    depth = torch.from_numpy(np.ascontiguousarray(depths)).unsqueeze(1)
    return Clip(torch.from_numpy(images).permute(0, 3, 1, 2), depth, depth > 0, camera=None,
                poses=None, stamps=torch.zeros(len(images), dtype=torch.float64))


def _warp(still: CameraFrame, config: ClipConfig, zoom: float, roll_deg: float,
          right: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the still as the clip's camera sees it after a zoom, roll and shift."""
    camera = still.camera
    sx, sy = config.width / camera.width * zoom, config.height / camera.height * zoom
    angle = np.deg2rad(roll_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    # Roll about the middle in square pixels, then scale to the output's pixels.
    linear = np.diag([sx, sy]) @ turn
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    target = np.array([(config.width - 1) / 2 + right * config.width,
                       (config.height - 1) / 2 + down * config.height])
    matrix = np.column_stack([linear, target - linear @ middle])
    size = (config.width, config.height)
    rgb = cv2.warpAffine(still.rgb, matrix, size, flags=cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REFLECT_101)
    depth = cv2.warpAffine(np.nan_to_num(still.depth), matrix, size, flags=cv2.INTER_NEAREST,
                           borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    # The still's own focal length, as the output image shows it, against the model's.
    fx, fy = camera.fx * sx / config.width, camera.fy * sy / config.height
    return rgb, depth / np.float32(np.sqrt(fx / config.focal[0] * fy / config.focal[1]))


def _recolour(frames: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Change gamma, brightness, saturation and tint, drifting slightly over the clip."""
    if strength <= 0:
        return np.ascontiguousarray(frames)
    count = len(frames)
    base = rng.uniform(-1, 1, 6) * strength
    flicker = rng.uniform(-1, 1, (count, 6)) * 0.1 * strength if count > 1 else np.zeros((1, 6))
    result = np.empty(frames.shape, np.uint8)
    for index, change in enumerate(base + flicker):
        gain = 1 + 0.2 * change[1] + 0.1 * change[3:6]                   # brightness and tint
        levels = (np.arange(256) / 255) ** np.exp(0.25 * change[0])      # gamma
        table = np.clip(levels[:, None] * gain * 255, 0, 255).astype(np.uint8)
        image = cv2.LUT(np.ascontiguousarray(frames[index]), table.reshape(1, 256, 3))
        grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        keep = 1 + 0.4 * change[2]                                       # saturation
        result[index] = cv2.addWeighted(image, keep, grey, 1 - keep, 0)
    return result
