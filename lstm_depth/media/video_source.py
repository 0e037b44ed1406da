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
"""The frames of video files, with the stamps that the container holds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
import math
from pathlib import Path
import statistics

import cv2
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.source import Calibration, DEFAULT_RATE_HZ, KINDS, Source
import numpy as np

# EXIF's orientation of a picture that a video turns clockwise by so many degrees.
_ORIENTATIONS = {90: 6, 180: 3, 270: 8}
# Containers that count their frames exactly; others say how long they are, the sound included.
_COUNTING = ('mp4', 'mov', 'm4v', 'avi')
_SOUND_TAIL_S = 0.5


class VideoSource(Source):
    """
    The frames of a video file, upright, stamped by the container from 0.

    OpenCV decodes, or PyAV where it is installed and OpenCV cannot. *rate_hz*: instead of the
    container's stamps.
    """

    def __init__(self, path: Path, rate_hz: float | None, calibration: Calibration | None,
                 loop: bool) -> None:
        """Check that the first frame can be read."""
        self._path, self._fixed_rate = path, rate_hz
        with_backend = _opened(path)
        with_backend.close()
        self._backend = type(with_backend)
        self._own_rate, self._count = with_backend.rate_hz, with_backend.count
        self._notes: dict[str, None] = {}
        super().__init__(str(path), self._count, rate_hz or self._own_rate, calibration, loop)
        self._orientation = with_backend.orientation

    @property
    def notes(self) -> list[str]:
        """Return what was assumed about the stamps."""
        return list(self._notes)

    def _frames(self) -> Iterator[CameraFrame]:
        self.skipped.clear()
        self.truncated = None
        clock = _Clock(1 / self._own_rate)
        video, index = self._backend(self._path), 0
        try:
            for index, (stamp_s, rgb) in enumerate(video.frames(), 1):
                stamp_s = clock.stamp(stamp_s)
                if rgb is None:
                    self.skipped['corrupt_image'] += 1
                    continue
                if self._fixed_rate:
                    stamp_s = (index - 1) / self._fixed_rate
                yield CameraFrame(rgb, round(stamp_s * 1e9))
        finally:
            video.close()
        if clock.repaired:
            self._notes[f'{clock.repaired} frames have no stamp of their own that rises; they '
                        'were put one frame interval after the frame before'] = None
        self.truncated = self._missing(index, clock)

    def _missing(self, read: int, clock: _Clock) -> str | None:
        """Return what the end of the file lacks of what its header promises, or None."""
        if not self._count or read >= self._count:
            return None
        counting = self._path.suffix.lower().lstrip('.') in _COUNTING
        promised_s, read_s = self._count / self._own_rate, clock.last_s + clock.interval_s
        slack_s = 3 * clock.interval_s + (0 if counting else _SOUND_TAIL_S)
        if promised_s - read_s <= slack_s:
            return None
        expected = self._count if counting else round(promised_s / clock.interval_s)
        return (f'video {self._path} is cut off or damaged: {read} of {expected} frames, '
                f'{read_s:.1f} of {promised_s:.1f} s, were read; copy it again')


class _Clock:
    """Stamps that rise, in seconds from the first; how many had to be made up."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._first_s: float | None = None
        self._steps: list[float] = []
        self.last_s = -interval_s
        self.repaired = 0

    @property
    def interval_s(self) -> float:
        """Return the median of the newest steps, before there are any the nominal interval."""
        return statistics.median(self._steps) if self._steps else self._interval_s

    def stamp(self, stamp_s: float | None) -> float:
        """Return the next stamp for what the container says."""
        if stamp_s is not None and self._first_s is None:
            self._first_s = stamp_s - self.last_s - self._interval_s
        found_s = None if stamp_s is None else stamp_s - self._first_s
        if found_s is None or found_s <= self.last_s:
            found_s = self.last_s + self.interval_s
            self.repaired += 1
        elif self.last_s >= 0:
            self._steps = [*self._steps[-99:], found_s - self.last_s]
        self.last_s = found_s
        return found_s


class _Video(ABC):
    """
    One pass over a file by one library.

    *rate_hz*, *count*: what the header says, DEFAULT_RATE_HZ and None where it says nothing.
    *orientation*: how EXIF would call the turn that frames() has applied.
    """

    rate_hz: float
    count: int | None
    orientation: int

    @abstractmethod
    def frames(self) -> Iterator[tuple[float | None, np.ndarray | None]]:
        """Yield (stamp in seconds, upright (H, W, 3) uint8 RGB), None where unknown or broken."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


class _OpenCvVideo(_Video):
    """A file read by OpenCV's FFmpeg; its first frame is grabbed when it is opened."""

    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened() or not self._capture.grab():
            self._capture.release()
            raise DataError(f'{path} is not a video that OpenCV can read')
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.rate_hz = rate if math.isfinite(rate) and rate > 0 else DEFAULT_RATE_HZ
        self.count = int(count) if math.isfinite(count) and 0 < count < 2**31 else None
        self.orientation = _ORIENTATIONS.get(
            round(self._capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 360, 1)

    def frames(self) -> Iterator[tuple[float | None, np.ndarray | None]]:
        grabbed = True
        while grabbed:
            milliseconds = self._capture.get(cv2.CAP_PROP_POS_MSEC)
            readable, bgr = self._capture.retrieve()
            yield (milliseconds / 1000 if math.isfinite(milliseconds) else None,
                   cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB) if readable else None)
            grabbed = self._capture.grab()

    def close(self) -> None:
        self._capture.release()


class _PyAvVideo(_Video):
    """A file read by PyAV, which decodes what OpenCV's build may not, AV1 above all."""

    def __init__(self, path: Path) -> None:
        # Imported here, because a robot need not have it.
        import av
        self._errors = av.FFmpegError
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
            self._decoded = self._container.decode(self._stream)
            self._first = next(self._decoded)
        except (av.FFmpegError, IndexError, StopIteration) as error:
            raise DataError(f'{path} is not a video that PyAV can read: {error}') from error
        self.rate_hz = float(self._stream.average_rate or DEFAULT_RATE_HZ)
        self.count = self._stream.frames or (
            round(self._container.duration * 1e-6 * self.rate_hz)
            if self._container.duration else None)
        self.orientation = _ORIENTATIONS.get(-self._turn(self._first) * 90 % 360, 1)

    def frames(self) -> Iterator[tuple[float | None, np.ndarray | None]]:
        frame = self._first
        while frame is not None:
            rgb = np.rot90(frame.to_ndarray(format='rgb24'), self._turn(frame))
            yield frame.time, np.ascontiguousarray(rgb)
            try:
                frame = next(self._decoded, None)
            except self._errors:
                # The rest of a cut file.
                frame = None

    @staticmethod
    def _turn(frame: object) -> int:
        """Return by how many quarters a frame is to be turned to the left."""
        return round(getattr(frame, 'rotation', 0) / 90)

    def close(self) -> None:
        self._container.close()


def _opened(path: Path) -> _Video:
    """Return *path* opened by the first library that can read it; DataError for none."""
    try:
        return _OpenCvVideo(path)
    except DataError:
        pass
    try:
        return _PyAvVideo(path)
    except ImportError:
        advice = ('install PyAV ("pip install av"), which knows more codecs, or convert it: '
                  f'ffmpeg -i {path.name} -c:v libx264 converted.mp4')
    except DataError:
        advice = f'give {KINDS}'
    if _lacks_index(path):
        raise DataError(f'video {path} is cut off: an MP4 keeps its index at the end, and without '
                        'it no frame can be found; copy or record it again')
    codec = _codec(path)
    if codec:
        raise DataError(f'{path} is {codec} video, which nothing installed here can decode; '
                        f'{advice}')
    raise DataError(f'{path} is not a video that OpenCV can read; {advice}')


def _codec(path: Path) -> str:
    """Return the four characters of a video's codec, empty where the file is no video."""
    capture = cv2.VideoCapture(str(path))
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) if capture.isOpened() else 0
    capture.release()
    text = code.to_bytes(4, 'little', signed=code < 0).decode('ascii', 'replace').strip('\0 ')
    return text if text.isprintable() else ''


def _lacks_index(path: Path) -> bool:
    """Return whether *path* is an MP4 or MOV without its moov box."""
    with path.open('rb') as file:
        size, position, kinds = path.stat().st_size, 0, []
        while position + 8 <= size and len(kinds) < 1000:
            file.seek(position)
            head = file.read(16)
            length = int.from_bytes(head[:4], 'big')
            kinds.append(head[4:8])
            if length == 1:
                length = int.from_bytes(head[8:16], 'big')
            if length < 8:
                break
            position += length
    return kinds[:1] == [b'ftyp'] and b'moov' not in kinds
