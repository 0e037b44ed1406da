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
"""Which topics of a bag are the colour image, its camera_info and its depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import re

from lstm_depth.errors import DataError
from lstm_depth.media.bag import common

_IMAGE_TYPES = (common.IMAGE, common.COMPRESSED_IMAGE)
# /device_0/sensor_1/Color_0/image/data
_SDK_IMAGE = re.compile(r'/image/data$')
_COMPRESSED_SUFFIX = re.compile(r'/compressed(Depth)?$')


@dataclass(frozen=True)
class Topic:
    """A topic of a bag: its name, message type and number of messages."""

    name: str
    msgtype: str
    count: int

    def __str__(self) -> str:
        """Return one line for people."""
        return f'{self.name} ({self.msgtype}, {self.count} messages)'


@dataclass(frozen=True)
class FrameTopics:
    """
    The topics that frames are made of; None where there is none.

    *depth_info*: the camera_info beside the depth. *depth_unit_m*: metres a unit of integer
    depth. *recorded_stamps*: whether frames have their recording time for a stamp, because
    those in the messages do not move.
    """

    image: str
    camera_info: str | None
    depth: str | None
    depth_info: str | None = None
    depth_unit_m: float = 0.001
    recorded_stamps: bool = False


def listing(topics: dict[str, Topic]) -> str:
    """Return the topics of a bag, one a line, for an error message."""
    return '\n'.join(f'  {topic}' for topic in topics.values()) or '  (no topics)'


def require(topics: dict[str, Topic], name: str, *msgtypes: str) -> str:
    """Return *name* if it is a topic of one of *msgtypes* (of any), else raise DataError."""
    if name not in topics:
        raise DataError(f'the bag has no topic {name}; it has\n{listing(topics)}')
    if msgtypes and topics[name].msgtype not in msgtypes:
        raise DataError(f'topic {topics[name]} is not {" or ".join(msgtypes)}; the bag has\n'
                        f'{listing(topics)}')
    return name


def require_image(topics: dict[str, Topic], name: str) -> str:
    """Return *name* if it is a topic of images, else raise DataError."""
    return require(topics, name, *_IMAGE_TYPES)


def guess_image(topics: dict[str, Topic], holds_depth: Callable[[str], bool]) -> str:
    """
    Return the colour image topic: the only one, or the one best named.

    *holds_depth* tells for a topic whether its images are depth. Raises DataError with
    all topics where there is none or the names do not tell.
    """
    names = [name for name in _images(topics)
             if 'depth' not in name.lower() and not holds_depth(name)]
    best = _best(names, lambda name: (
        bool(re.search('colou?r|rgb', name.lower())),
        topics[name].msgtype == common.IMAGE, name.endswith('image_raw')))
    if len(best) != 1:
        what = 'several colour image topics' if best else 'no colour image topic'
        raise DataError(f'the bag has {what}; say which one to use, of\n{listing(topics)}')
    return best[0]


def guess_camera_info(topics: dict[str, Topic], image: str) -> str | None:
    """Return the camera_info topic beside an *image* topic, None where there is none."""
    base = _COMPRESSED_SUFFIX.sub('', image).rsplit('/', 1)[0]
    names = [f'{base}/camera_info']
    if is_sdk_stream(image):
        names.append(f'{stream_of(image)}/info/camera_info')
    return next((name for name in names if name in topics
                 and topics[name].msgtype == common.CAMERA_INFO), None)


def is_sdk_stream(image: str) -> bool:
    """Return whether an image topic is named as the RealSense SDK records its streams."""
    return bool(_SDK_IMAGE.search(image))


def stream_of(image: str) -> str:
    """Return the name of the stream that an image topic of the RealSense SDK belongs to."""
    return _SDK_IMAGE.sub('', image)


def sdk_transform(topics: dict[str, Topic], image: str) -> str | None:
    """Return the topic of a stream's place beside a reference, None where there is none."""
    if not is_sdk_stream(image):
        return None
    return next((name for name in topics if name.startswith(f'{stream_of(image)}/tf/')), None)


def sdk_depth_unit(topics: dict[str, Topic], depth: str) -> str | None:
    """Return the topic that says how long a unit of a stream's depth is, None without one."""
    if not is_sdk_stream(depth):
        return None
    sensor = stream_of(depth).rsplit('/', 1)[0]
    return next((name for name in topics if name.startswith(f'{sensor}/option/')
                 and re.search(r'depth[ _]units/value$', name.lower())), None)


def guess_depth(topics: dict[str, Topic], fits: Callable[[str], bool]) -> str | None:
    """
    Return the depth topic, None where there is none or the names do not tell which.

    *fits* tells for a topic whether its images are depth that can be used.
    """
    best = _best([name for name in _images(topics) if fits(name)], lambda name: (
        bool(re.search('aligned|registered', name.lower())),
        topics[name].msgtype == common.IMAGE))
    return best[0] if len(best) == 1 else None


def _images(topics: dict[str, Topic]) -> list[str]:
    """Return the names of the image topics that have messages."""
    return [topic.name for topic in topics.values()
            if topic.msgtype in _IMAGE_TYPES and topic.count]


def _best(names: list[str], rank: Callable[[str], tuple[bool, ...]]) -> list[str]:
    """Return all names of the highest rank."""
    highest = max(map(rank, names), default=())
    return [name for name in names if rank(name) == highest]
