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
"""Frames from the messages of a recording: colour, its camera and its depth put together."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lstm_depth.errors import MessageError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.bag.topics import FrameTopics
from lstm_depth.msgs.camera_info import (
    camera_basis,
    camera_for_image,
    described_as,
    scaled_info_fields,
    shows_rectified,
)
from lstm_depth.msgs.image import decode_depth, decode_rgb
from lstm_depth.msgs.matching import StampMatcher
from lstm_depth.msgs.registration import DepthRegistration
import numpy as np

_INFOS_KEPT = 16


class FrameAssembler:
    """
    Take messages in recording order and give frames, holding a few messages at most.

    *skipped*: a counter of what could not be used, by cause. *rectified*: whether the images
    are, see shows_rectified(); ``camera_basis`` says what that made of the camera, empty
    before any camera_info. Raises DataError for depth that neither has the size of its image
    nor can be registered to it.
    """

    def __init__(self, topics: FrameTopics, registration: DepthRegistration,
                 skipped: Counter[str], rectified: str = 'auto') -> None:
        """Start without messages."""
        self._topics = topics
        self._registration = registration
        self._skipped = skipped
        self._rectified = rectified
        self.camera_basis = ''
        self._infos: deque[tuple[int, Any]] = deque(maxlen=_INFOS_KEPT)
        self._depth_infos: deque[tuple[int, Any]] = deque(maxlen=_INFOS_KEPT)
        self._matcher = StampMatcher()
        self._images, self._depths = _Span(), _Span()
        self._pairs = 0

    @property
    def notes(self) -> list[str]:
        """Return what the user should know about the frames so far, one sentence each."""
        notes = self._registration.notes
        if self._topics.recorded_stamps and self._images.count:
            notes.append(f'the messages of {self._topics.image} or its depth all have one stamp '
                         '(header.stamp): the times of their recording were taken instead')
        if self._topics.depth and self._images.count and not self._depths.count:
            notes.append(f'{self._topics.depth} has no readable message: no ground truth')
        elif self._images.count and self._depths.count and not self._pairs:
            notes.append(
                f'no depth of {self._topics.depth} is within half a frame interval of an image '
                f'of {self._topics.image}, so there is no ground truth: the images are stamped '
                f'{self._images} and the depth {self._depths}')
        return notes

    def add(self, topic: str, message: Any, stamp: int) -> Iterator[CameraFrame]:
        """Take one message of *stamp* nanoseconds; yield the frames that it completes."""
        if topic == self._topics.image:
            self._images.add(stamp)
            self._matcher.add_image(stamp, (stamp, message))
        elif topic == self._topics.depth:
            self._depths.add(stamp)
            self._matcher.add_depth(stamp, (stamp, message))
        if topic == self._topics.camera_info:
            self._infos.append((stamp, message))
        if topic == self._topics.depth_info:
            self._depth_infos.append((stamp, message))
        yield from self._matched(end=self._topics.depth is None)

    def finish(self) -> Iterator[CameraFrame]:
        """Yield the frames that wait for depth that does not come."""
        yield from self._matched(end=True)

    def _matched(self, end: bool) -> Iterator[CameraFrame]:
        """Yield the frames whose depth is decided."""
        for image, depth in self._matcher.matched(end=end):
            self._pairs += depth is not None
            yield from self._frame(*image, depth)

    def _frame(self, stamp: int, image: Any,
               depth: tuple[int, Any] | None) -> Iterator[CameraFrame]:
        """Yield the decoded frame, or count it as skipped and yield nothing."""
        try:
            rgb = decode_rgb(image)
        except MessageError as error:
            self._skipped[error.cause] += 1
            return
        frame_id = image.header.frame_id
        info = _at(self._infos, stamp)
        camera = self._camera(info, rgb.shape[:2], self._topics.image, self._rectified)
        frame = CameraFrame(rgb, stamp, frame_id, camera,
                            info=camera and self._info_fields(info, rgb.shape[:2]))
        yield frame if depth is None else replace(frame, depth=self._depth(*depth, frame))

    def _camera(self, info: Any, shape: tuple[int, ...], topic: str,
                rectified: str = 'auto') -> Camera | None:
        """Return the camera of an image of *shape* (H, W), None where unknown or unusable."""
        try:
            return info and camera_for_image(info, shape[1], shape[0], topic, rectified)
        except MessageError as error:
            self._skipped[error.cause] += 1
            return None

    def _info_fields(self, info: Any, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return the fields of *info*, which is usable, for an image of *shape*."""
        topic = self._topics.image
        self.camera_basis = self.camera_basis or camera_basis(info, topic, self._rectified)
        fields = scaled_info_fields(info, shape[1], shape[0])
        # Whoever gets these does not know the topic that they come from.
        return (described_as(fields, True) if shows_rectified(info, topic, self._rectified)
                else fields)

    def _depth(self, stamp: int, message: Any, frame: CameraFrame) -> np.ndarray | None:
        """Return the depth for the image of *frame*, None where it cannot be decoded."""
        try:
            depth = decode_depth(message, self._topics.depth_unit_m)
        except MessageError as error:
            self._skipped[f'depth_{error.cause}'] += 1
            return None
        camera = self._camera(_at(self._depth_infos, stamp), depth.shape,
                              self._topics.depth)
        return self._registration.aligned(depth, camera, message.header.frame_id,
                                          frame.rgb.shape[:2], frame.camera, frame.frame_id)


def _at(infos: deque[tuple[int, Any]], stamp: int) -> Any:
    """Return the camera_info of *stamp* or else the newest, None where there is none."""
    return next((info for own, info in infos if own == stamp),
                infos[-1][1] if infos else None)


class _Span:
    """How many stamps there were, and from when to when."""

    def __init__(self) -> None:
        self.count = 0
        self._first_ns = self._last_ns = 0

    def add(self, stamp: int) -> None:
        """Count one stamp."""
        self._first_ns = min(self._first_ns, stamp) if self.count else stamp
        self._last_ns = max(self._last_ns, stamp) if self.count else stamp
        self.count += 1

    def __str__(self) -> str:
        """Return the span in seconds for a sentence."""
        return f'{self._first_ns * 1e-9:.3f} to {self._last_ns * 1e-9:.3f} s'
