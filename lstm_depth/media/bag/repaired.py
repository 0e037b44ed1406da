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
"""Files that are read as if they had been repaired, without writing a byte to disk."""

from __future__ import annotations

from bisect import bisect_right
import io
import os
from pathlib import Path
from typing import Any, BinaryIO


class RepairedFile:
    """
    A damaged file that poses as the path of a whole one.

    What is read through it are the *parts* in their order: bytes, or the (start, end) of a
    stretch of the file.
    """

    def __init__(self, path: Path, parts: list[bytes | tuple[int, int]]) -> None:
        """Keep what to read."""
        self.path = path
        self.suffix = path.suffix
        self._parts = parts

    def __str__(self) -> str:
        """Return the path of the file."""
        return str(self.path)

    def exists(self) -> bool:
        """Return whether the file is there."""
        return self.path.exists()

    def is_dir(self) -> bool:
        """Return False: it is a file."""
        return False

    def open(self, *_: Any) -> BinaryIO:  # noqa: A003 (pathlib's name for it)
        """Return the repaired content as a binary file."""
        return io.BufferedReader(_Joined(self.path.open('rb'), self._parts))


class _Joined(io.RawIOBase):
    """The parts of a RepairedFile, one after the other."""

    def __init__(self, file: BinaryIO, parts: list[bytes | tuple[int, int]]) -> None:
        self._file, self._parts = file, parts
        self._starts = [0]
        for part in parts:
            size = len(part) if isinstance(part, bytes) else part[1] - part[0]
            self._starts.append(self._starts[-1] + size)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position,
                 os.SEEK_END: self._starts[-1]}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        index = bisect_right(self._starts, self._position) - 1
        if index >= len(self._parts):
            return 0
        part, start = self._parts[index], self._position - self._starts[index]
        size = min(len(buffer), self._starts[index + 1] - self._position)
        if isinstance(part, bytes):
            data = part[start:start + size]
        else:
            self._file.seek(part[0] + start)
            data = self._file.read(size)
        buffer[:len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
