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
"""Camera poses of a recording: from its transforms, its odometry, or a trajectory file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import common
from lstm_depth.media.bag.reader import BagReader
from lstm_depth.msgs.transforms import rigid_transform, Transforms
import numpy as np

_TF, _TF_STATIC = '/tf', '/tf_static'
_ODOMETRY = 'nav_msgs/msg/Odometry'
# Frames that poses are wanted in, the best first: odom drifts, but never jumps.
_WORLDS = ('odom', 'odom_combined', 'map', 'world')
_CAMERA = 'camera of the trajectory'


@dataclass(frozen=True, eq=False)
class Poses:
    """
    Where the camera was.

    *transforms*: the tree of frames. *world*: the frame poses are in, empty to choose
    ``odom``, else ``map``, else the topmost. *camera*: the camera's frame, empty for the
    image's own. *name*: where they come from, for people. *offset_s*: added to the stamp of
    an image to find its pose.
    """

    transforms: Transforms
    name: str
    world: str = ''
    camera: str = ''
    offset_s: float = 0.0

    def at(self, frame: CameraFrame) -> np.ndarray | None:
        """Return the (4, 4) camera to world at the stamp of *frame*, None where unknown."""
        return self.at_stamp(frame.stamp_ns, frame.frame_id)

    def at_stamp(self, stamp_ns: int, frame_id: str) -> np.ndarray | None:
        """Return the (4, 4) camera to world for an image of *frame_id* and such a stamp."""
        camera = self.camera or frame_id
        world = self.world or world_above(self.transforms, camera)
        return (self.transforms.between(camera, world, stamp_ns + round(self.offset_s * 1e9))
                if world else None)


def world_above(transforms: Transforms, camera: str) -> str | None:
    """Return the frame that poses of *camera* are best given in, None where none is above."""
    above = transforms.parents(camera)
    return next((name for name in _WORLDS if name in above), above[-1] if above else None)


def open_poses(place: str | Path, *, trajectory: str | Path | None = None,
               odometry_topic: str | None = None, world: str = '',
               offset_s: float = 0.0) -> Poses | None:
    """
    Return the camera poses of the recording at *place*, None where it has none.

    *trajectory*: a TUM file of them instead. *odometry_topic*: a nav_msgs/Odometry of the
    bag that is used beside its transforms; where /tf has nothing above a frame, the only one
    is. *world*: the frame poses are in, such as ``odom``. *offset_s*: added to the stamp of an
    image to find its pose. DataError for a trajectory that
    cannot be read and a topic that is not there.
    """
    if trajectory is not None:
        return replace(read_trajectory(Path(trajectory)), offset_s=offset_s)
    if not common.is_bag(Path(place)):
        return None
    with BagReader(place) as bag:
        transforms = Transforms()
        odometry = _odometry_topic(bag, odometry_topic)
        topics = [topic for topic in (_TF, _TF_STATIC, odometry) if topic and topic in bag.topics]
        for topic, _, message in bag.messages(*topics) if topics else ():
            if topic == odometry:
                transforms.add_odometry(message)
            else:
                transforms.add(message, static=topic == _TF_STATIC)
    return (Poses(transforms, f'{place} {", ".join(topics)}', world, offset_s=offset_s)
            if topics else None)


def _odometry_topic(bag: BagReader, wanted: str | None) -> str | None:
    """Return the topic of odometry to use; DataError for one that is none."""
    found = [name for name, topic in bag.topics.items() if topic.msgtype == _ODOMETRY]
    if wanted and wanted not in found:
        raise DataError(f'bag {bag.path} has no odometry {wanted}; it has '
                        f'{", ".join(found) or "none"}')
    return wanted or (found[0] if len(found) == 1 and _TF not in bag.topics else None)


def read_trajectory(path: Path) -> Poses:
    """
    Return the camera poses of a TUM file: lines ``stamp tx ty tz qx qy qz qw``.

    Poses are of the camera's optical frame. DataError for a file that is none.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding='utf-8').splitlines()]
        rows = [line for line in lines if line and not line[0].startswith('#')]
        values = np.array(rows, np.float64)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} is no trajectory: {error}') from error
    if values.ndim != 2 or values.shape[1] != 8 or not np.isfinite(values).all():
        raise DataError(f'{path} is no trajectory: give lines "stamp tx ty tz qx qy qz qw"')
    transforms = Transforms()
    for (text, *_), row in zip(rows, values):
        matrix = rigid_transform(row[4:], row[1:4])
        if matrix is None:
            raise DataError(f'{path}: the rotation at {text} is no quaternion')
        transforms.put(_CAMERA, 'world', _nanoseconds(text), matrix)
    return Poses(transforms, str(path), 'world', _CAMERA)


def _nanoseconds(seconds: str) -> int:
    """Return a decimal number of seconds in nanoseconds, without the rounding of a float."""
    if not seconds.replace('.', '', 1).isdecimal():
        return round(float(seconds) * 1e9)
    whole, _, rest = seconds.partition('.')
    return int(whole or 0) * 10**9 + int((rest + '0' * 9)[:9])
