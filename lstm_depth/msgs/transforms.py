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
"""Where the sensors of a robot are: the transforms between its frames, static and over time."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
import math
from typing import Any

import cv2
import numpy as np

# Between transforms farther apart than this, nobody knows how the robot has moved.
_MAX_GAP_NS = 10**9


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


class Transforms:
    """
    The tree of frames that ``/tf_static``, ``/tf`` and odometry describe, at any time.

    Transforms that change are interpolated between the stamps around the one asked for, and
    never carried beyond the last. *keep_s*: how long they are remembered. Messages are
    duck-typed, as in `StaticTransforms`.
    """

    def __init__(self, keep_s: float = math.inf) -> None:
        """Start with no frame."""
        self._keep_ns = keep_s * 1e9
        self._moving: dict[str, tuple[str, _Track]] = {}
        self._static: dict[str, tuple[str, np.ndarray]] = {}

    def add(self, message: Any, static: bool = False) -> None:
        """Take the transforms of a tf2_msgs/TFMessage, those that are no rigid motion left out."""
        for item in message.transforms:
            matrix = matrix_of(item.transform)
            if matrix is not None:
                child, parent = _name(item.child_frame_id), _name(item.header.frame_id)
                if static:
                    self._static[child] = (parent, matrix)
                else:
                    self.put(child, parent, stamp_ns(item), matrix)

    def add_odometry(self, message: Any) -> None:
        """Take the pose of a nav_msgs/Odometry, of its child frame in its frame."""
        pose = message.pose.pose
        turn, place = pose.orientation, pose.position
        matrix = rigid_transform((turn.x, turn.y, turn.z, turn.w), (place.x, place.y, place.z))
        if matrix is not None:
            self.put(message.child_frame_id, message.header.frame_id, stamp_ns(message), matrix)

    def put(self, child: str, parent: str, stamp_ns: int, matrix: np.ndarray) -> None:
        """Take one (4, 4) from coordinates in *child* to those in *parent*."""
        child, parent = _name(child), _name(parent)
        known, track = self._moving.get(child, ('', None))
        if known != parent:
            track = _Track()
            self._moving[child] = (parent, track)
        track.put(stamp_ns, matrix, self._keep_ns)

    def clear_moving(self) -> None:
        """Forget what changes, as when time went back."""
        self._moving.clear()

    def between(self, source: str, target: str, stamp_ns: int) -> np.ndarray | None:
        """Return the (4, 4) from coordinates in *source* to those in *target*, metres."""
        up, down = self._chain(source, stamp_ns), self._chain(target, stamp_ns)
        for frame, matrix in up.items():
            if frame in down:
                return np.linalg.inv(down[frame]) @ matrix
        return None

    def across(self, source: str, source_ns: int, target: str, target_ns: int,
               fixed: str) -> np.ndarray | None:
        """
        Return the (4, 4) from *source* at one stamp to *target* at another, metres.

        *fixed*: the frame in which what is seen stands still meanwhile.
        """
        first = self.between(source, fixed, source_ns)
        second = self.between(target, fixed, target_ns)
        return None if first is None or second is None else np.linalg.inv(second) @ first

    def apart(self, source: str, target: str) -> str:
        """Return why *source* and *target* have nothing above them in common, for people."""
        above = [', '.join(self.parents(frame)) or 'nothing' for frame in (source, target)]
        return (f'{source} to {target}: no transform (above {source} is {above[0]}, above '
                f'{target} is {above[1]})')

    def parents(self, frame: str) -> list[str]:
        """Return the frames above *frame*, the nearest first, whatever their stamps."""
        name, found = _name(frame), []
        while name in self._moving or name in self._static:
            name = (self._moving.get(name) or self._static[name])[0]
            if name in found:
                break
            found.append(name)
        return found

    def missing(self, source: str, target: str, stamp_ns: int) -> str:
        """Return why there is no transform from *source* to *target*, for people."""
        if _name(target) not in [_name(source), *self.parents(source)]:
            above = ', '.join(self.parents(source)) or 'nothing'
            return f'{target} to {source}: no transform (above {source} is {above})'
        for child in [_name(source), *self.parents(source)]:
            if child in self._moving and self._moving[child][1].at(stamp_ns) is None:
                return f'{target} to {source}: {child} {self._moving[child][1].why(stamp_ns)}'
        return f'{target} to {source}: no transform'

    def newest_ns(self, source: str) -> int | None:
        """Return the stamp up to which all above *source* is known, None without any motion."""
        tracks = [self._moving[frame][1] for frame in [_name(source), *self.parents(source)]
                  if frame in self._moving]
        return min((track.stamps[-1] for track in tracks), default=None)

    def _chain(self, frame: str, stamp_ns: int) -> dict[str, np.ndarray]:
        """Return *frame* and all above it, with the transform from *frame* to each."""
        name, matrix = _name(frame), np.eye(4)
        found = {name: matrix}
        while True:
            if name in self._moving:
                name, track = self._moving[name]
                step = track.at(stamp_ns)
            else:
                name, step = self._static.get(name, ('', None))
            if step is None or name in found:
                return found
            matrix = step @ matrix
            found[name] = matrix


class _Track:
    """One transform over time."""

    def __init__(self) -> None:
        self.stamps: list[int] = []
        self._matrices: dict[int, np.ndarray] = {}

    def put(self, stamp_ns: int, matrix: np.ndarray, keep_ns: float) -> None:
        """Take the transform of one moment, and forget what is older than *keep_ns*."""
        if self.stamps and keep_ns < math.inf and stamp_ns < self.stamps[-1] - _MAX_GAP_NS:
            # Time went back: a bag that loops, a simulation that restarted.
            self.stamps.clear()
            self._matrices.clear()
        if stamp_ns not in self._matrices:
            insort(self.stamps, stamp_ns)
        self._matrices[stamp_ns] = matrix
        if self.stamps[-1] - self.stamps[0] > 2 * keep_ns:
            first = bisect_left(self.stamps, self.stamps[-1] - int(keep_ns))
            for old in self.stamps[:first]:
                del self._matrices[old]
            del self.stamps[:first]

    def at(self, stamp_ns: int) -> np.ndarray | None:
        """Return the transform at a moment, None before, after, and in a long gap."""
        if stamp_ns in self._matrices:
            return self._matrices[stamp_ns]
        after = bisect_left(self.stamps, stamp_ns)
        if after in (0, len(self.stamps)):
            return None
        low, high = self.stamps[after - 1], self.stamps[after]
        if high - low > _MAX_GAP_NS:
            return None
        return interpolated(self._matrices[low], self._matrices[high],
                            (stamp_ns - low) / (high - low))

    def why(self, stamp_ns: int) -> str:
        """Return why there is nothing at a moment."""
        if stamp_ns > self.stamps[-1]:
            return f'ends {(stamp_ns - self.stamps[-1]) * 1e-9:.3f} s before the image'
        if stamp_ns < self.stamps[0]:
            return f'begins {(self.stamps[0] - stamp_ns) * 1e-9:.3f} s after the image'
        return 'pauses for more than a second around the image'


def interpolated(low: np.ndarray, high: np.ndarray, share: float) -> np.ndarray:
    """Return the rigid (4, 4) at *share* (0 to 1) of the way from *low* to *high*."""
    result = np.eye(4)
    vector, _ = cv2.Rodrigues(low[:3, :3].T @ high[:3, :3])
    result[:3, :3] = low[:3, :3] @ cv2.Rodrigues(vector * share)[0]
    result[:3, 3] = (1 - share) * low[:3, 3] + share * high[:3, 3]
    return result


def stamp_ns(item: Any) -> int:
    """Return the header stamp of a message in nanoseconds."""
    return item.header.stamp.sec * 10**9 + item.header.stamp.nanosec


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
