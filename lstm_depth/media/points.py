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
"""Metric points of a recording: what a laser scanner, a range finder or a VIO measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import common
from lstm_depth.media.bag.reader import BagReader
from lstm_depth.media.poses import Poses, world_above
from lstm_depth.msgs.points import SparsePoints
from lstm_depth.msgs.transforms import stamp_ns, Transforms
import numpy as np

_TYPES = (common.LASER_SCAN, common.POINT_CLOUD, common.RANGE)


class RecordedPoints:
    """
    The points of one topic of a bag, read on as frames ask for them.

    *topic*: its name. *why*: why the last frame had none, empty where it had. A frame that
    is earlier than the one before starts the reading again.
    """

    def __init__(self, place: str | Path, topic: str, poses: Poses | None) -> None:
        """Check that the topic is there; DataError with those that are where it is not."""
        self.topic = topic
        self.why = ''
        self._place = place
        self._transforms = poses.transforms if poses else Transforms()
        self._world = poses.world if poses else ''
        self._offset_ns = round(poses.offset_s * 1e9) if poses else 0
        if not common.is_bag(Path(place)):
            raise DataError(f'{place} is no bag: it has no topic {topic} of points')
        with BagReader(place) as bag:
            found = [name for name, each in bag.topics.items() if each.msgtype in _TYPES]
        if topic not in found:
            raise DataError(f'bag {place} has no LaserScan, PointCloud2 or Range {topic}; it has '
                            f'{", ".join(found) or "none"}')
        self._start()

    def at(self, frame: CameraFrame) -> np.ndarray | None:
        """Return (N, 3) or (N, 4) metres in the frame of the image, see `points_of`."""
        seen_ns = frame.stamp_ns + self._offset_ns
        if seen_ns < self._last_ns:
            self._start()
        self._last_ns = seen_ns
        while self._ahead is not None and stamp_ns(self._ahead) <= seen_ns:
            self._kept.add(self._ahead)
            self._ahead = next(self._messages, None)
        world = self._world or world_above(self._transforms, frame.frame_id) or ''
        points, self.why = self._kept.at(self._transforms, frame.frame_id, world, seen_ns)
        return points

    def _start(self) -> None:
        """Read from the start."""
        self._last_ns = -1
        self._kept = SparsePoints(self.topic)
        self._messages = self._read()
        self._ahead = next(self._messages, None)

    def _read(self) -> Iterator[Any]:
        """Yield the messages; the bag is closed at their end, or with the iterator."""
        with BagReader(self._place) as bag:
            for _, _, message in bag.messages(self.topic):
                yield message
