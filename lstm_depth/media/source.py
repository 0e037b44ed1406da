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
"""What every source of frames has: passes with stamps that continue, a calibration, notes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import SimpleNamespace, TracebackType

from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.pictures import IMAGE_SUFFIXES
from lstm_depth.msgs.camera_info import (
    camera_basis,
    camera_for_image,
    described_as,
    scaled_info_fields,
    shows_rectified,
)

DEFAULT_RATE_HZ = 30.0
KINDS = ('a bag (rosbag2 folder, .mcap, .db3 or .bag), a video file, a folder of images '
         f'({", ".join(IMAGE_SUFFIXES)}) or a webcam (0, 1, ... or /dev/videoN)')


@dataclass(frozen=True)
class Calibration:
    """The content of a calibration file, and whether the images are rectified."""

    info: SimpleNamespace
    rectified: str

    def applied(self, frame: CameraFrame, orientation: int) -> CameraFrame:
        """
        Return *frame* with its camera.

        *orientation*: how EXIF calls the turn that made the picture upright. A calibration of
        the pixels before it is known by its proportions and turned, too.
        """
        height, width = frame.rgb.shape[:2]
        if orientation > 4 and (self.info.width > self.info.height) != (width > height):
            camera = camera_for_image(self.info, height, width, '', self.rectified)
            return replace(frame, camera=camera and camera.turned(orientation))
        return replace(
            frame, camera=camera_for_image(self.info, width, height, '', self.rectified),
            info=described_as(scaled_info_fields(self.info, width, height), True)
            if shows_rectified(self.info, '', self.rectified)
            else scaled_info_fields(self.info, width, height))


class Source(ABC):
    """
    An iterable of CameraFrame, to be used as a context manager.

    *name*: what it is, for people. *frame_count*: frames of one pass, None when unknown.
    *rate_hz*: frames a second, None when unknown. *skipped*: counts by cause the images
    that could not be decoded in this pass. *truncated*: None, or what was missing of the
    source, complete at the end of a pass.
    """

    def __init__(self, name: str, frame_count: int | None, rate_hz: float | None,
                 calibration: Calibration | None, loop: bool) -> None:
        """Keep what every kind of source has."""
        self.name = name
        self.frame_count = frame_count
        self.rate_hz = rate_hz
        self.skipped: Counter[str] = Counter()
        self.truncated: str | None = None
        self._calibration = calibration
        self._loop = loop
        self._orientation = 1
        self._resources = ExitStack()

    def __enter__(self) -> Source:
        """Return the open source."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the source."""
        self.close()

    def close(self) -> None:
        """Let go of files and devices."""
        self._resources.close()

    def __iter__(self) -> Iterator[CameraFrame]:
        """
        Yield the frames of one pass, or of endless passes with stamps that continue.

        Raises DataError where a pass has no frame.
        """
        interval_ns = round(1e9 / (self.rate_hz or DEFAULT_RATE_HZ))
        next_pass_ns = shift_ns = None
        while True:
            latest_ns = None
            for frame in self._frames():
                if latest_ns is None:
                    shift_ns = 0 if next_pass_ns is None else next_pass_ns - frame.stamp_ns
                stamp_ns = frame.stamp_ns + shift_ns
                latest_ns = stamp_ns if latest_ns is None else max(latest_ns, stamp_ns)
                yield self._calibrated(replace(frame, stamp_ns=stamp_ns))
            if latest_ns is None:
                raise DataError(f'{self.name} has no readable image'
                                f'{_counts(self.skipped)}; give {KINDS}')
            if not self._loop:
                return
            next_pass_ns = latest_ns + interval_ns

    @property
    def notes(self) -> list[str]:
        """Return what else was assumed or missing in this pass, one sentence each."""
        return []

    @property
    def camera_basis(self) -> str:
        """Return which matrices describe the images and why, empty without a camera."""
        return '' if self._calibration is None else camera_basis(
            self._calibration.info, '', self._calibration.rectified)

    @abstractmethod
    def _frames(self) -> Iterator[CameraFrame]:
        """Yield the frames of one pass with their own stamps."""

    def _calibrated(self, frame: CameraFrame) -> CameraFrame:
        """Return *frame* with the camera of the calibration file, where there is one."""
        return frame if self._calibration is None else self._calibration.applied(
            frame, self._orientation)


def _counts(skipped: Counter[str]) -> str:
    """Return the counts of skipped images for a message, nothing where there are none."""
    return ''.join(f', {count} x {cause}' for cause, count in sorted(skipped.items()))
