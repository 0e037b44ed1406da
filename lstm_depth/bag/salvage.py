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
"""Open bags, also those whose recording was cut off."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

from lstm_depth.bag import common
from lstm_depth.errors import DataError
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader

_MAGIC = b'\x89MCAP0\r\n'
_RECORD_HEADER_BYTES = 9  # operation code, uint64 length
_FOOTER, _DATA_END = 0x02, 0x0f
# A footer that points to no summary: readers then scan the records.
_EMPTY_FOOTER = bytes([_FOOTER]) + (20).to_bytes(8, 'little') + bytes(20) + _MAGIC


def open_reader(path: Path) -> tuple[AnyReader, str | None]:
    """
    Return an open reader of a bag and what is missing of it (None: nothing).

    A rosbag2 whose end, summary or metadata.yaml was lost is read as far as its storage
    files go. Raises DataError where nothing can be read.
    """
    try:
        paths = [path]
        if path.is_dir() and not (path / 'metadata.yaml').is_file():
            paths = common.storage_files(path)
        return _opened(paths), None
    # Damaged files surface in rosbags as anything from struct.error to MemoryError.
    except Exception as error:
        try:
            return _opened(_readable_files(path)), (
                f'bag {path} is cut off or damaged ({error}); its readable part was used')
        except Exception:
            advice = ('run `rosbag reindex` on it' if path.suffix == '.bag'
                      else 'record it again or restore a copy')
            raise DataError(f'bag {path} cannot be read: {error}; {advice}') from error


def _opened(paths: list[Any]) -> AnyReader:
    """Return an open reader of one bag's paths."""
    reader = AnyReader(paths, default_typestore=common.typestore())
    reader.open()
    return reader


def _readable_files(path: Path) -> list[Any]:
    """Return the storage files of a damaged rosbag2, those without their end as CutMcap."""
    files: list[Any] = []
    for file in common.storage_files(path) if path.is_dir() else [path]:
        if file.suffix == '.mcap' and not _opens(file):
            files.append(CutMcap(file))
        elif file.suffix in common.STORAGE_SUFFIXES:
            files.append(file)
    return files


def _opens(file: Path) -> bool:
    """Return whether a storage file is whole enough for rosbags."""
    try:
        with Reader(file):
            return True
    except Exception:  # see open_reader()
        return False


class CutMcap:
    """
    An MCAP file without its end, posing as a path to a whole one.

    What is read through it are the complete records and a footer, never written to disk.
    """

    suffix = '.mcap'

    def __init__(self, path: Path) -> None:
        """Find the end of the last complete record of the file at *path*."""
        self._path = path
        self._end = len(_MAGIC)
        size = path.stat().st_size
        with path.open('rb') as file:
            while True:
                file.seek(self._end)
                header = file.read(_RECORD_HEADER_BYTES)
                if len(header) < _RECORD_HEADER_BYTES or header[0] in (_DATA_END, _FOOTER):
                    break
                end = self._end + len(header) + int.from_bytes(header[1:], 'little')
                if end > size:
                    break
                self._end = end

    def __str__(self) -> str:
        """Return the path of the file."""
        return str(self._path)

    def exists(self) -> bool:
        """Return whether the file is there."""
        return self._path.exists()

    def is_dir(self) -> bool:
        """Return False: it is a file."""
        return False

    def open(self, *_: Any) -> BinaryIO:  # noqa: A003 (pathlib's name for it)
        """Return the repaired content as a binary file."""
        return io.BufferedReader(_Joined(self._path.open('rb'), self._end, _EMPTY_FOOTER))


class _Joined(io.RawIOBase):
    """The first *end* bytes of *file* followed by *tail*."""

    def __init__(self, file: BinaryIO, end: int, tail: bytes) -> None:
        self._file, self._end, self._tail = file, end, tail
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position,
                 os.SEEK_END: self._end + len(self._tail)}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        if self._position < self._end:
            self._file.seek(self._position)
            data = self._file.read(min(len(buffer), self._end - self._position))
        else:
            start = self._position - self._end
            data = self._tail[start:start + len(buffer)]
        buffer[:len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
