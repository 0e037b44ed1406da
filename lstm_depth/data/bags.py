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
"""Recordings of a robot's own camera as training data: rosbags with colour and depth."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from lstm_depth.data.reader import option, Reader
from lstm_depth.data.sequence import cut_at_gaps, FrameSequence
from lstm_depth.errors import DataError, MessageError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.bag.common import is_bag
from lstm_depth.media.bag.reader import BagReader
from lstm_depth.media.bag.salvage import open_reader
from lstm_depth.media.bag.topics import FrameTopics, listing
from lstm_depth.msgs.camera_info import camera_for_image
from lstm_depth.msgs.image import decode_depth, decode_rgb
from lstm_depth.msgs.matching import StampMatcher
from lstm_depth.msgs.registration import DepthRegistration
from lstm_depth.msgs.transforms import stamp_ns as stamp_of
import numpy as np


@dataclass(frozen=True)
class BagFrame:
    """
    Where one frame is in its bag: (recording time, header stamp) of its messages, nanoseconds.

    *stamp_ns*: of the frame, the header's unless those do not move.
    """

    rgb: tuple[int, int]
    depth: tuple[int, int]
    stamp_ns: int


@dataclass(frozen=True)
class BagSequence(FrameSequence):
    """
    Frames of a bag that have depth, read by their recording times.

    *camera*, *depth_camera*: of the images and of the depth, which is registered to the
    images where the two differ. *damage*: what is missing of a damaged bag, else empty.
    """

    name: str
    scene: str
    path: Path
    topics: FrameTopics
    frames: tuple[BagFrame, ...]
    camera: Camera | None
    depth_camera: Camera | None
    registration: DepthRegistration = field(compare=False)
    max_depth_m: float
    damage: str = ''
    video: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know about the frames, one sentence each."""
        recorded = (f'{self.topics.image} or its depth all have one stamp: the times of their '
                    'recording were taken instead') if self.topics.recorded_stamps else ''
        return tuple(filter(None, (self.damage, recorded, *self.registration.notes)))

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.frames)

    def read(self, index: int) -> CameraFrame:
        """Return one frame; DataError where a message of it is damaged."""
        frame = self.frames[index]
        image = self._message(self.topics.image, *frame.rgb)
        distances = self._message(self.topics.depth, *frame.depth)
        try:
            rgb = decode_rgb(image)
            depth = decode_depth(distances, self.topics.depth_unit_m)
        except MessageError as error:
            raise DataError(f'frame {index} of bag {self.path} is damaged: {error}') from error
        camera = self.camera and self.camera.resized(rgb.shape[1], rgb.shape[0])
        depth_camera = self.depth_camera and self.depth_camera.resized(
            depth.shape[1], depth.shape[0])
        try:
            depth = self.registration.aligned(
                depth, depth_camera, distances.header.frame_id, rgb.shape[:2], camera,
                image.header.frame_id)
        except DataError as error:
            raise DataError(f'bag {self.path}: {error}; name the depth topic that is aligned to '
                            f'{self.topics.image}') from error
        depth = np.where(depth <= self.max_depth_m, depth, np.float32(np.nan))
        return CameraFrame(rgb, frame.stamp_ns, image.header.frame_id, camera, depth)

    def _message(self, topic: str, time_ns: int, stamp_ns: int) -> Any:
        """Return the message of *topic* recorded at *time_ns* with this stamp."""
        reader = _reader(self.path)
        connections = [item for item in reader.connections if item.topic == topic]
        try:
            for connection, _, data in reader.messages(connections, time_ns, time_ns + 1):
                message = reader.deserialize(data, connection.msgtype)
                if stamp_of(message) == stamp_ns:
                    return message
        # Damaged files surface in rosbags as anything from struct.error to MemoryError.
        except Exception as error:
            raise DataError(f'bag {self.path} is damaged where {topic} was recorded at '
                            f'{time_ns} ns ({error}); restore a copy') from error
        raise DataError(f'bag {self.path} has no message of {topic} at {time_ns} ns any more; '
                        'open it again')


# One open bag per worker process for each recording, not one per frame.
@lru_cache(maxsize=8)
def _reader(path: Path) -> Any:
    """Return an open rosbags reader."""
    return open_reader(path)[0]


def bag_sequences(path: str | Path, *, image_topic: str | None = None,
                  depth_topic: str | None = None, camera_info_topic: str | None = None,
                  max_depth_m: float = 10.0, rectified: str = 'auto') -> list[FrameSequence]:
    """
    Return the frames of a bag that have a colour image and depth.

    Topics that are not named are guessed where the bag leaves no doubt. A colour image
    gets the depth nearest in stamp, within half a frame interval, registered to it where
    the camera_info beside the depth is of another camera. *max_depth_m*: depth beyond is
    taken as invalid. *rectified*: whether the images are, see shows_rectified(). The bag is
    cut where it pauses for half a second or its stamps go back; of a damaged bag there is
    what can be read. DataError without depth, with the topics the bag has.
    """
    path = Path(path)
    with BagReader(path) as bag:
        topics = bag.choose_topics(image_topic, camera_info_topic, depth_topic)
        if topics.depth is None:
            raise DataError(f'bag {path} has no depth aligned to {topics.image}; name its depth '
                            f'topic, of\n{listing(bag.topics)}')
        camera = _first_camera(bag, topics.camera_info, topics.image, rectified)
        depth_camera = _first_camera(bag, topics.depth_info, topics.depth)
        registration = bag.registration(topics)
        frames, damage = _index(bag, topics)
    if not frames:
        raise DataError(f'no image of {topics.image} in bag {path} has depth of {topics.depth} '
                        f'near in stamp; the bag has\n{listing(bag.topics)}')
    runs = cut_at_gaps(frames)
    sequences = [
        BagSequence(path.stem if len(runs) == 1 else f'{path.stem}#{number}', path.stem, path,
                    topics, tuple(run), camera, depth_camera, registration, max_depth_m, damage)
        for number, run in enumerate(runs)]
    # For the notes of the registration; what is wrong with the frame is said when it is used.
    with suppress(DataError):
        sequences[0].frame(0)
    return sequences


def _index(bag: BagReader, topics: FrameTopics) -> tuple[list[BagFrame], str]:
    """Return where every pair of image and depth is, and what is missing of a damaged bag."""
    matcher, images, found = StampMatcher(), 0, []

    def take(end: bool) -> None:
        found.extend(BagFrame(rgb, depth, rgb[0] if topics.recorded_stamps else rgb[1])
                     for rgb, depth in matcher.matched(end=end) if depth is not None)

    for topic, time_ns, message in bag.messages(topics.image, topics.depth):
        stamp = stamp_of(message)
        images += topic == topics.image
        add = matcher.add_image if topic == topics.image else matcher.add_depth
        add(time_ns if topics.recorded_stamps else stamp, (time_ns, stamp))
        take(end=False)
    take(end=True)
    if not bag.truncated:
        return found, ''
    recorded = bag.recorded_count(topics.image)
    return found, f'{bag.truncated}: {images} of {recorded} images can be read'


def _first_camera(bag: BagReader, topic: str | None, image_topic: str,
                  rectified: str = 'auto') -> Camera | None:
    """Return the camera of the first camera_info, None where there is none or it is unusable."""
    if topic is None:
        return None
    for _, _, info in bag.messages(topic):
        try:
            return camera_for_image(info, info.width, info.height, image_topic, rectified)
        except MessageError:
            return None
    return None


@dataclass(frozen=True, kw_only=True)
class BagOptions:
    """Which topics to read, and how."""

    image_topic: str | None = option(None, 'colour images in a bag')
    depth_topic: str | None = option(None, 'depth images in a bag')
    camera_info_topic: str | None = option(None, 'camera_info in a bag')
    max_depth_m: float = option(10.0, 'depth in a bag beyond this is invalid [m]')
    rectified: str = option(
        'auto', 'whether the images of a bag are, so that P of camera_info describes them and not '
        'K and D: auto (by the topic, image_rect..., or where D is 0), true or false')


READER = Reader(
    'rosbag', 'a rosbag (ROS 1 or 2) with colour images and depth',
    lambda place: is_bag(Path(place)),
    lambda place, options: bag_sequences(
        place, image_topic=options.image_topic, depth_topic=options.depth_topic,
        camera_info_topic=options.camera_info_topic, max_depth_m=options.max_depth_m,
        rectified=options.rectified), BagOptions)
