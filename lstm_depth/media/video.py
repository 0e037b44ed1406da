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
"""MP4 files that play everywhere."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
import math
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import atomic_path
import numpy as np

_CODEC = 'libx264'
# veryfast encodes a 640x640 frame in a few milliseconds, so that a replay on a robot's CPU
# is not spent on its video; 20 is visually clean for flat colours.
_OPTIONS = {'preset': 'veryfast', 'crf': '20'}
_TIME_BASE = Fraction(1, 90000)
_LONGEST_PAUSE_S = 60


class VideoWriter:
    """
    An MP4 file that appears when the ``with`` block ends well, and not otherwise.

    H.264 with 4:2:0 colours, which every browser and player shows; OpenCV's wheels
    cannot encode it, so PyAV does. No frame, no file.
    """

    def __init__(self, path: str | Path, fps: float) -> None:
        """
        Prepare to write to *path*, nominally *fps* frames a second; nothing is opened yet.

        Raises ConfigError for a rate that is not positive.
        """
        if not 0 < fps < math.inf:
            raise ConfigError(f'the frame rate of {path} must be positive, not {fps}')
        self.path = Path(path)
        self._rate = Fraction(fps).limit_denominator(1001)
        self._files = ExitStack()
        self._av: Any = None
        self._container: Any = None
        self._stream: Any = None
        self._last_s: float | None = None
        self._shown: int | None = None
        self._frames = self._nominal = 0

    def __enter__(self) -> VideoWriter:
        """Return the writer itself."""
        return self

    def write(self, rgb: np.ndarray, stamp_s: float | None = None) -> None:
        """
        Append (H, W, 3) uint8 RGB, to be shown at *stamp_s* seconds after any start.

        Without a stamp, or where it does not rise or jumps by more than a minute, one frame
        interval after the frame before. The first frame sets the size, made even as the codec
        needs; others are resized to it. Raises DataError when videos cannot be encoded here.
        """
        if self._stream is None:
            self._open(rgb.shape[0] + rgb.shape[0] % 2, rgb.shape[1] + rgb.shape[1] % 2)
        size = (self._stream.width, self._stream.height)
        if (rgb.shape[1], rgb.shape[0]) != size:
            rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format='rgb24')
        frame.pts, frame.time_base = self._ticks(stamp_s), _TIME_BASE
        self._mux(frame)

    def _ticks(self, stamp_s: float | None) -> int:
        """Return when to show the next frame, in _TIME_BASE from the start."""
        step = None
        if None not in (stamp_s, self._last_s):
            step = round((stamp_s - self._last_s) / _TIME_BASE)
        self._last_s = stamp_s
        if step is None or not 0 < step <= _LONGEST_PAUSE_S / _TIME_BASE:
            # Rounded as a whole, so that a constant rate stays one.
            self._frames += 1
            step = round(self._frames / self._rate / _TIME_BASE) - self._nominal
            self._nominal += step
        self._shown = 0 if self._shown is None else self._shown + step
        return self._shown

    def _mux(self, frame: Any) -> None:
        """Write what the encoder has ready after *frame*; None for all that it holds."""
        for packet in self._stream.encode(frame):
            # The last frame is shown for as long as one of a constant rate.
            packet.duration = round(1 / self._rate / packet.time_base)
            self._container.mux(packet)

    def _open(self, height: int, width: int) -> None:
        """Start the file, under a temporary name until it is complete."""
        try:
            # Imported here, because a robot that never writes a video need not have it.
            import av
        except ImportError as error:
            raise DataError(f'{self.path} cannot be encoded without PyAV; run '
                            '"pip install av", or leave the video out') from error
        partial = self._files.enter_context(atomic_path(self.path))
        try:
            self._container = self._files.enter_context(
                av.open(str(partial), 'w', options={'movflags': 'faststart'}))
            self._stream = self._container.add_stream(_CODEC, self._rate, options=_OPTIONS)
        except (av.FFmpegError, ValueError) as error:
            raise DataError(f'{self.path} cannot be encoded: {error}; install PyAV from PyPI '
                            f'("pip install av", with {_CODEC}), or leave the video out'
                            ) from error
        self._stream.width, self._stream.height = width, height
        self._stream.pix_fmt = 'yuv420p'
        self._stream.codec_context.time_base = _TIME_BASE
        self._av = av
        self._files.push(self._flush)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or remove it when the block raised."""
        self._files.__exit__(kind, error, trace)

    def _flush(self, kind: type[BaseException] | None, *_: Any) -> None:
        """Write what the encoder still holds, when all went well."""
        if kind is None:
            self._mux(None)
