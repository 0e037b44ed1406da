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
"""Read camera frames from rosbags of ROS 1 and ROS 2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from lstm_depth.errors import DataError, MessageError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import common
from lstm_depth.media.bag import topics as bag_topics
from lstm_depth.media.bag.assembly import FrameAssembler
from lstm_depth.media.bag.salvage import open_reader, recorded_counts
from lstm_depth.media.bag.topics import FrameTopics, Topic
from lstm_depth.msgs.image import decode_depth, decode_rgb, holds_depth
from lstm_depth.msgs.registration import DepthRegistration
from lstm_depth.msgs.transforms import matrix_of, stamp_ns, StaticTransforms
import numpy as np

_TRANSFORM_TOPIC = '/tf_static'
_STAMPS_LOOKED_AT = 5


class BagReader:
    """
    Reader of one bag: a rosbag2 folder or storage file (MCAP, SQLite), or a ROS 1 .bag.

    *topics* maps names to Topic. *skipped* counts by cause the messages that the last
    frames() or messages() could not use. *truncated* is None, or says what is missing of a
    damaged bag; it may be set at the start or, by a damaged part, at the end of reading.
    *notes*: what else the reader of the last frames() should know, one sentence each. Use
    it as a context manager or close() it.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the bag; raises DataError where it is missing or unreadable."""
        self.path = common.bag_path(Path(path))
        if self.path.name.lower().endswith('.zstd') and self.path.is_file():
            raise DataError(f'{self.path} is one compressed file of a bag; give its folder with '
                            'metadata.yaml, or unpack it with "zstd -d"')
        if not common.is_bag(self.path):
            what = 'is not a bag' if self.path.exists() else 'does not exist'
            raise DataError(f'{self.path} {what}; give a rosbag2 folder or a file ending in '
                            f'{", ".join(common.BAG_SUFFIXES)}')
        self._reader, self.truncated = open_reader(self.path)
        self._closed = False
        self.skipped: Counter[str] = Counter()
        self._assembler: FrameAssembler | None = None
        readable = {connection.topic for connection in self._reader.connections}
        self.topics = {
            name: Topic(name, info.msgtype or 'several types', info.msgcount)
            for name, info in self._reader.topics.items() if name in readable}

    def __enter__(self) -> BagReader:
        """Return the open reader."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the bag."""
        self.close()

    def close(self) -> None:
        """Close the bag's files."""
        if not self._closed:
            self._closed = True
            self._reader.close()

    @property
    def duration_s(self) -> float:
        """Seconds between the first and the last message of any topic."""
        return max(self._reader.duration, 0) * 1e-9

    @property
    def notes(self) -> list[str]:
        """Return what was assumed or missing in the last frames(), complete at its end."""
        return [*self._reader.left_out, *(self._assembler.notes if self._assembler else [])]

    def frame_count(self, topic: str) -> int:
        """Return the number of messages of *topic*; raises DataError for an unknown topic."""
        return self.topics[bag_topics.require(self.topics, topic)].count

    def recorded_count(self, topic: str) -> int:
        """Return how many messages of *topic* a damaged bag held, as far as it still tells."""
        return max(self.frame_count(topic), recorded_counts(self.path).get(topic, 0))

    def messages(self, *topics: str) -> Iterator[tuple[str, int, Any]]:
        """
        Yield (topic, recording time in ns, message) in recording order.

        Takes all topics when none are named; raises DataError for an unknown one. Messages
        that cannot be deserialised are counted in *skipped*; damage ends the reading and
        sets *truncated*.
        """
        for topic in topics:
            bag_topics.require(self.topics, topic)
        connections = [connection for connection in self._reader.connections
                       if not topics or connection.topic in topics]
        self.skipped.clear()
        if not connections:
            return
        records = self._reader.messages(connections)
        while True:
            try:
                connection, time_ns, data = next(records)
            except StopIteration:
                return
            # Damaged files surface in rosbags as anything from struct.error to MemoryError.
            except Exception as error:
                self.truncated = (f'bag {self.path} is damaged ({error}); what comes after '
                                  'the damage was not read')
                return
            try:
                message = self._reader.deserialize(data, connection.msgtype)
                _check_fields(message, connection.msgtype)
            except Exception:
                self.skipped['corrupt_message'] += 1
                continue
            yield connection.topic, time_ns, message

    def choose_topics(self, image_topic: str | None = None,
                      camera_info_topic: str | None = None,
                      depth_topic: str | None = None) -> FrameTopics:
        """
        Return the topics for frames(): those given, the others guessed.

        An empty camera_info or depth topic means none. Raises DataError with all topics
        of the bag where a topic is missing, of another type or not to be guessed.
        """
        topics = self.topics
        if image_topic:
            bag_topics.require_image(topics, image_topic)
        else:
            image_topic = bag_topics.guess_image(topics, self._holds_depth)
        if camera_info_topic is None:
            camera_info_topic = bag_topics.guess_camera_info(topics, image_topic)
        elif camera_info_topic:
            bag_topics.require(topics, camera_info_topic, common.CAMERA_INFO)
        if depth_topic is None:
            depth_topic = self._guess_depth(image_topic, bool(camera_info_topic))
        elif depth_topic:
            bag_topics.require_image(topics, depth_topic)
        depth_info = depth_topic and bag_topics.guess_camera_info(topics, depth_topic)
        return FrameTopics(image_topic, camera_info_topic or None, depth_topic or None,
                           depth_info or None, self._depth_unit(depth_topic),
                           self._stands_still(image_topic) or self._stands_still(depth_topic))

    def _depth_unit(self, depth: str | None) -> float:
        """Return how many metres a unit of integer depth is, as the RealSense SDK notes."""
        topic = depth and bag_topics.sdk_depth_unit(self.topics, depth)
        unit = getattr(self._first(topic), 'data', 0.001) if topic else 0.001
        return float(unit) if isinstance(unit, float) and 1e-6 < unit < 1 else 0.001

    def _stands_still(self, topic: str | None) -> bool:
        """Return whether the first images of *topic* all have one stamp, recorded apart."""
        if not topic:
            return False
        first = [(stamp_ns(message), time_ns)
                 for _, time_ns, message in islice(self.messages(topic), _STAMPS_LOOKED_AT)]
        stamps, times = (set(values) for values in zip(*first)) if first else (set(), set())
        return len(stamps) == 1 and len(times) > 1

    def registration(self, topics: FrameTopics) -> DepthRegistration:
        """Return what brings depth into the images' view, by the bag's static transforms."""
        if topics.depth and (fixed := self._sdk_transform(topics)) is not None:
            return DepthRegistration(lambda _, __: fixed, fixed=True)
        transforms = StaticTransforms()
        recorded = self.topics.get(_TRANSFORM_TOPIC)
        if topics.depth and recorded and recorded.msgtype in common.TRANSFORM_TYPES:
            for _, _, message in self.messages(_TRANSFORM_TOPIC):
                transforms.add(message)
        return DepthRegistration(transforms.between)

    def _sdk_transform(self, topics: FrameTopics) -> np.ndarray | None:
        """Return the (4, 4) from depth to colour that the RealSense SDK recorded, or None."""
        names = [bag_topics.sdk_transform(self.topics, topic)
                 for topic in (topics.depth, topics.image)]
        places = [matrix_of(self._first(name)) if name else None for name in names]
        if any(place is None for place in places):
            return None
        # Each leads from the device's reference to its stream.
        depth, image = places
        return image @ np.linalg.inv(depth)

    @property
    def camera_basis(self) -> str:
        """Return which matrices describe the images of the last frames(), empty where unknown."""
        return self._assembler.camera_basis if self._assembler else ''

    def frames(self, image_topic: str | None = None, camera_info_topic: str | None = None,
               depth_topic: str | None = None, rectified: str = 'auto') -> Iterator[CameraFrame]:
        """
        Return an iterator over all frames of the image topic, in recording order.

        Topics are chosen as in choose_topics(). A frame's camera is that of the
        camera_info with the same stamp or else the latest, its depth the one nearest in
        stamp within half a frame interval, registered to the image where the camera_info
        beside it is of another camera (placed by /tf_static). Images that cannot be
        decoded are counted in *skipped*. *rectified*: whether the images are, 'auto', 'true'
        or 'false', see shows_rectified(). Raises DataError for depth of another size than
        the image that cannot be registered.
        """
        return self._frames(self.choose_topics(image_topic, camera_info_topic, depth_topic),
                            rectified)

    def _frames(self, topics: FrameTopics, rectified: str) -> Iterator[CameraFrame]:
        """Merge the topics by stamp, holding a few messages at most."""
        names = {name for name in (topics.image, topics.camera_info, topics.depth,
                                   topics.depth_info) if name}
        # The first camera_info is often recorded after the first image.
        first = {name: self._first(name) for name in (topics.camera_info, topics.depth_info)
                 if name}
        registration = self.registration(topics)
        self._assembler = assembler = FrameAssembler(
            topics, registration, self.skipped, rectified)
        try:
            for name, message in first.items():
                if message is not None:
                    yield from assembler.add(name, message, stamp_ns(message))
            for name, time_ns, message in self.messages(*names):
                yield from assembler.add(
                    name, message, time_ns if topics.recorded_stamps else stamp_ns(message))
            yield from assembler.finish()
        except DataError as error:
            raise DataError(f'bag {self.path}: {error}; choose the depth topic that is aligned to '
                            f'the image, of\n{bag_topics.listing(self.topics)}') from error

    def _guess_depth(self, image_topic: str, calibrated: bool) -> str | None:
        """Return the depth of the size of the images or else, if *calibrated*, registrable."""
        shape = self._image_shape(image_topic)
        aligned = bag_topics.guess_depth(
            self.topics, lambda name: shape is not None and self._depth_shape(name) == shape)
        if aligned or not calibrated:
            return aligned
        return bag_topics.guess_depth(
            self.topics, lambda name: self._depth_shape(name) is not None
            and bag_topics.guess_camera_info(self.topics, name) is not None)

    def _first(self, topic: str) -> Any:
        """Return the first message of *topic*, None where there is none."""
        return next((message for _, _, message in self.messages(topic)), None)

    def _holds_depth(self, topic: str) -> bool:
        """Return whether the images of *topic* are depth."""
        message = self._first(topic)
        if message is None:
            return False
        # The RealSense SDK and some drivers call depth mono16.
        return holds_depth(message) or ('depth' in topic.lower() and getattr(
            message, 'encoding', '') == 'mono16')

    def _image_shape(self, topic: str) -> tuple[int, ...] | None:
        """Return (H, W) of the first image of *topic*, None where it cannot be decoded."""
        try:
            return decode_rgb(self._first(topic)).shape[:2]
        except (MessageError, AttributeError):
            return None

    def _depth_shape(self, topic: str) -> tuple[int, ...] | None:
        """Return (H, W) of the first depth image of *topic*, None where it is not depth."""
        message = self._first(topic)
        try:
            return decode_depth(message).shape if self._holds_depth(topic) else None
        except MessageError:
            return None


def _check_fields(message: Any, msgtype: str) -> None:
    """Raise AttributeError where a bag defines an image or camera_info without what it has."""
    for name in common.FIELDS.get(msgtype, ()):
        getattr(message, name)
