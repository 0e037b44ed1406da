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
"""Networks whose every prediction is known beforehand."""

from __future__ import annotations

from pathlib import Path

import cv2
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.models.base import DepthModel, Features
from lstm_depth.models.config import ModelConfig
import numpy as np
import torch
from torch import Tensor

# Metres of red 255: true depth is drawn into images in steps of 4 cm.
REACH_M = 10.2


class ReadingModel(DepthModel):
    """Predict the depth that is drawn into the red channel, times *scale*."""

    def __init__(self, height: int = 48, width: int = 64, scale: float = 1.0,
                 depth_max: float = 10.0) -> None:
        super().__init__('reading', ModelConfig(input_height=height, input_width=width,
                                                depth_max=depth_max))
        self.scale = scale
        self.build_core(1)

    def extract(self, frames: Tensor) -> Features:
        """Return the red channel."""
        return Features(frames[:, :1], (), tuple(frames.shape[2:]))

    def decode(self, features: Features) -> Tensor:
        """Return it in metres."""
        return features.core * REACH_M * self.scale


class CountingModel(ReadingModel):
    """Predict 0.1 m for each frame since the state was zero."""

    @property
    def recurrent(self) -> bool:
        """Return that a state is carried."""
        return True

    def forward(self, frame, state=None):
        """Count one frame."""
        count = (state[0] if state else torch.zeros(1)) + 1
        return 0.1 * count.expand(frame.shape[0], 1, *frame.shape[2:]), (count,)

    def forward_clip(self, clip, state=None):
        """Count the frames of a clip."""
        depths = []
        for frame in clip.unbind(1):
            depth, state = self.forward(frame, state)
            depths.append(depth)
        return torch.stack(depths, dim=1), state


def steps(rng: np.random.Generator, height: int = 48, width: int = 64) -> np.ndarray:
    """Return (height, width) red values of smooth depth from about 1 to 9 m."""
    rows, columns = np.mgrid[:height, :width]
    slope = rng.uniform(0.5, 1, 2)
    return (25 + 100 * slope[0] * rows / height + 95 * slope[1] * columns / width).astype(np.uint8)


def drawn(red: np.ndarray) -> np.ndarray:
    """Return the (H, W, 3) image that `ReadingModel` reads *red* from."""
    return np.stack([red, 255 - red, np.zeros_like(red)], axis=-1)


class Video(FrameSequence):
    """A video at 10 Hz whose images show their depth; some frames may be *damaged*."""

    def __init__(self, count: int, *, name: str = 'video', video: bool = True,
                 stamped: bool = True, damaged: tuple[int, ...] = ()) -> None:
        self.name = self.scene = name
        self.video, self.count, self.stamped, self.damaged = video, count, stamped, damaged
        self.read_indices: list[int] = []

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> CameraFrame:
        self.read_indices.append(index)
        if index in self.damaged:
            raise DataError(f'frame {index} is damaged')
        red = steps(np.random.default_rng(index))
        return CameraFrame(drawn(red), 10**18 + index * 10**8 if self.stamped else 0,
                           depth=(red / 255 * REACH_M).astype(np.float32))


def write_stills(root: Path, runs: tuple[int, ...] = (2, 1), height: int = 48,
                 width: int = 64) -> Path:
    """Write rgb/ and depth/, runs of so many consecutive numbers, with depth in the images."""
    rng = np.random.default_rng(0)
    for folder in ('rgb', 'depth'):
        (root / folder).mkdir(parents=True)
    number = 0
    for length in runs:
        for _ in range(length):
            red = steps(rng, height, width)
            name = f'{number:05d}.png'
            cv2.imwrite(str(root / 'rgb' / name), drawn(red)[..., ::-1])
            cv2.imwrite(str(root / 'depth' / name), (red * np.uint16(40)))
            number += 1
        number += 3
    return root
