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
"""One way to get frames from whatever holds them: bags, videos, image folders, webcams."""

from __future__ import annotations

from collections.abc import Iterator
import math
from pathlib import Path
import re
import time

import cv2
from lstm_depth.errors import DataError, MessageError
from lstm_depth.files import natural_key
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import BagReader
from lstm_depth.media.bag.common import is_bag
from lstm_depth.media.pictures import decode_photo, IMAGE_SUFFIXES
from lstm_depth.media.source import Calibration, DEFAULT_RATE_HZ, KINDS, Source
from lstm_depth.media.video_source import VideoSource
from lstm_depth.msgs.camera_info import read_calibration, RECTIFIED


def open_source(spec: str | int | Path, *, image_topic: str | None = None,
                camera_info_topic: str | None = None, depth_topic: str | None = None,
                calibration: str | Path | None = None, loop: bool = False,
                rate_hz: float | None = None, rectified: str = 'auto') -> Source:
    """
    Open a bag, a video file, a folder of images or a webcam.

    *spec*: its path, or a webcam's number or ``/dev/videoN``. The topics are for bags, as
    in BagReader.choose_topics(). *calibration*: a YAML of ROS camera_calibration that
    gives every frame its camera, scaled to the frame's size. *rectified*: 'auto', 'true' or
    'false': whether the images are, so that P of their camera_info or calibration describes
    them and not K and D, see shows_rectified(). *loop*: start over at the
    end. *rate_hz*: frame rate of an image folder (30 Hz where None), or instead of a
    video's own. Raises DataError with what to do where the source cannot be used.
    """
    if rate_hz is not None and not (math.isfinite(rate_hz) and rate_hz > 0):
        raise DataError(f'the frame rate must be positive, not {rate_hz}')
    if rectified not in RECTIFIED:
        raise DataError(f'rectified is one of {", ".join(RECTIFIED)}, not {rectified!r}')
    info = None if calibration is None else Calibration(read_calibration(calibration), rectified)
    device = re.fullmatch(r'(?:/dev/video)?(\d+)', str(spec))
    path = Path(str(spec))
    if device:
        return WebcamSource(int(device.group(1)), info)
    if not path.exists():
        raise DataError(f'{path} does not exist; give {KINDS}')
    if is_bag(path):
        return BagSource(path, image_topic, camera_info_topic, depth_topic, info, loop,
                         rectified)
    if path.is_dir():
        return FolderSource(path, rate_hz, info, loop)
    return VideoSource(path, rate_hz, info, loop)


class BagSource(Source):
    """The frames of a bag."""

    def __init__(self, path: Path, image_topic: str | None, camera_info_topic: str | None,
                 depth_topic: str | None, calibration: Calibration | None,
                 loop: bool, rectified: str) -> None:
        """Open the bag and choose its topics."""
        self.reader = BagReader(path)
        self._rectified = rectified
        try:
            self.topics = self.reader.choose_topics(image_topic, camera_info_topic, depth_topic)
        except BaseException:
            self.reader.close()
            raise
        count = self.reader.frame_count(self.topics.image)
        seconds = self.reader.duration_s
        super().__init__(f'{path} {self.topics.image}', count,
                         (count - 1) / seconds if count > 1 and seconds > 0 else None,
                         calibration, loop)
        self.skipped = self.reader.skipped
        self.truncated = self.reader.truncated
        self._resources.callback(self.reader.close)

    @property
    def notes(self) -> list[str]:
        """Return the notes of the bag's reader."""
        return self.reader.notes

    @property
    def camera_basis(self) -> str:
        """Return that of the calibration file, or else of the bag's camera_info."""
        return super().camera_basis or self.reader.camera_basis

    def _frames(self) -> Iterator[CameraFrame]:
        topics = self.topics
        count, first_ns, last_ns = 0, 0, 0
        for frame in self.reader.frames(topics.image, topics.camera_info or '',
                                        topics.depth or '', self._rectified):
            first_ns = first_ns if count else frame.stamp_ns
            last_ns = frame.stamp_ns
            count += 1
            yield frame
        if self.reader.truncated:
            expected = self.reader.recorded_count(topics.image)
            self.truncated = (
                f'{self.reader.truncated}: {count}{f" of {expected}" if expected > count else ""} '
                f'images of {topics.image}, {(last_ns - first_ns) * 1e-9:.1f} s')


class FolderSource(Source):
    """The images of a folder, in the order of their names with numbers in numeric order."""

    def __init__(self, path: Path, rate_hz: float | None, calibration: Calibration | None,
                 loop: bool) -> None:
        """List the images."""
        self._paths = sorted(
            (file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES),
            key=lambda file: natural_key(file.name))
        if not self._paths:
            raise DataError(f'folder {path} holds neither images nor a bag; give {KINDS}')
        super().__init__(str(path), len(self._paths), rate_hz or DEFAULT_RATE_HZ, calibration,
                         loop)

    def _frames(self) -> Iterator[CameraFrame]:
        self.skipped.clear()
        for index, path in enumerate(self._paths):
            try:
                rgb, header = decode_photo(path.read_bytes())
            except MessageError as error:
                self.skipped[error.cause] += 1
                continue
            except OSError as error:
                raise DataError(f'image {path} cannot be read: {error}') from error
            self._orientation = header.orientation
            yield CameraFrame(rgb, round(index * 1e9 / self.rate_hz))


class WebcamSource(Source):
    """A webcam, stamped by the system clock."""

    def __init__(self, index: int, calibration: Calibration | None) -> None:
        """Open the device."""
        self._capture = cv2.VideoCapture(index)
        if not self._capture.isOpened():
            raise DataError(
                f'webcam {index} cannot be opened; check that /dev/video{index} exists, that '
                f'you may read it and that no other program uses it, or give {KINDS}')
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        super().__init__(f'webcam {index}', None, rate_hz if rate_hz > 0 else None, calibration,
                         loop=False)
        self._resources.callback(self._capture.release)

    def _frames(self) -> Iterator[CameraFrame]:
        while True:
            readable, bgr = self._capture.read()
            stamp_ns = time.time_ns()
            if not readable:
                self.truncated = f'{self.name} stopped giving images'
                return
            yield CameraFrame(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), stamp_ns)
