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

import cv2
from lstm_depth.frames import CameraFrame
from lstm_depth.render import PathConfig, sample_frames
import numpy as np

WRONG_SCALE = 1.3


@lru_cache(maxsize=4)
def walk(seed: int = 7, frames: int = 75) -> list[CameraFrame]:
    """Return a walk through a rendered room, 240x180 at 15 Hz."""
    path = PathConfig(speed_mps=(0.3, 0.8), turn_rate=0.4)
    return list(sample_frames(frames, seed, width=240, height=180, rate_hz=15,
                              path_config=path))


def fake_network(frame: CameraFrame, index: int, scale: float = WRONG_SCALE) -> np.ndarray:
    """Return the exact depth under a wrong scale, a wrong smooth field and a flicker."""
    shape = frame.depth.shape
    rng = np.random.default_rng(index)
    field = cv2.resize(np.random.default_rng(1).normal(0, 0.12, (3, 4)), shape[::-1],
                       interpolation=cv2.INTER_CUBIC)
    flicker = rng.normal(0, 0.02) + cv2.resize(rng.normal(0, 0.03, (6, 8)), shape[::-1])
    depth = np.nan_to_num(frame.depth, nan=5.0)
    return (depth * scale * np.exp(field + flicker)).astype(np.float32)


def abs_rel(depth: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean relative error where there is ground truth."""
    known = np.isfinite(truth) & (truth > 0)
    return float(np.mean(np.abs(depth[known] - truth[known]) / truth[known]))


def errors(depths: Iterable[np.ndarray], frames: Iterable[CameraFrame]) -> np.ndarray:
    """Return the mean relative error of every frame."""
    return np.array([abs_rel(depth, frame.depth) for depth, frame in zip(depths, frames)])
