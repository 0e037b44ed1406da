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
"""Where the sensors of a robot are: the static transforms between its frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class StaticTransforms:
    """
    The tree of frames that ``/tf_static`` describes.

    Messages are duck-typed: anything with the fields of ``tf2_msgs/TFMessage``.
    """

    def __init__(self) -> None:
        """Start with no frame."""
        self._parents: dict[str, tuple[str, np.ndarray]] = {}

    def add(self, message: Any) -> None:
        """Take the transforms of one message; those that are no rigid motion are left out."""
        for item in message.transforms:
            matrix = matrix_of(item.transform)
            if matrix is not None:
                self._parents[_name(item.child_frame_id)] = (_name(item.header.frame_id), matrix)

    def between(self, source: str, target: str) -> np.ndarray | None:
        """Return the (4, 4) from coordinates in *source* to those in *target*, metres."""
        if _name(source) == _name(target):
            return np.eye(4)
        up, down = self._ancestors(source), self._ancestors(target)
        for frame, matrix in up.items():
            if frame in down:
                return np.linalg.inv(down[frame]) @ matrix
        return None

    def _ancestors(self, frame: str) -> dict[str, np.ndarray]:
        """Return *frame* and all above it, with the transform from *frame* to each."""
        name, matrix = _name(frame), np.eye(4)
        found = {name: matrix}
        while name in self._parents:
            name, step = self._parents[name]
            if name in found:
                break
            matrix = step @ matrix
            found[name] = matrix
        return found


def _name(frame: str) -> str:
    """Return a frame's name without the leading slash that ROS 1 may give it."""
    return frame.lstrip('/')


def matrix_of(transform: Any) -> np.ndarray | None:
    """Return the (4, 4) float64 of a geometry_msgs/Transform, None for an impossible one."""
    turn, place = transform.rotation, transform.translation
    return rigid_transform((turn.x, turn.y, turn.z, turn.w), (place.x, place.y, place.z))


def rigid_transform(rotation: Sequence[float], translation: Sequence[float]) \
        -> np.ndarray | None:
    """Return the (4, 4) float64 of a quaternion x y z w and a shift, None if impossible."""
    quaternion, moved = np.array(rotation, np.float64), np.array(translation, np.float64)
    norm = np.linalg.norm(quaternion)
    if not (np.isfinite(norm) and norm > 1e-6 and np.isfinite(moved).all()):
        return None
    x, y, z, w = quaternion / norm
    result = np.eye(4)
    result[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)]]
    result[:3, 3] = moved
    return result
