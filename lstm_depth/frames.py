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
"""The frame that every source of video gives and every consumer takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lstm_depth.geometry import Camera
import numpy as np

# A recording with a longer pause is two recordings.
MAX_GAP_S = 0.5


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """
    One colour image and what is known about it.

    *rgb*: (H, W, 3) uint8. *stamp_ns*: nanoseconds, any epoch. *camera*: the
    intrinsics, None when unknown; *info*: the CameraInfo fields that they come from, scaled to
    the image, where there was such a message or file. *depth*: (H, W) float32 metres along z, NaN
    where invalid, None when there is no ground truth. *pose*: (4, 4) float64
    camera-to-world transform in metres, None when unknown.
    """

    rgb: np.ndarray
    stamp_ns: int
    frame_id: str = 'camera_optical_frame'
    camera: Camera | None = None
    depth: np.ndarray | None = None
    pose: np.ndarray | None = None
    info: Mapping[str, Any] | None = None

    @property
    def stamp_s(self) -> float:
        """Return the stamp in seconds."""
        return self.stamp_ns * 1e-9
