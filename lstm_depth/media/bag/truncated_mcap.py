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
"""
MCAP files without their end.

Format: https://mcap.dev/spec. A file that was cut has lost its summary, by which readers
find chunks and put messages in order; it is made again from the chunks themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
import struct
from typing import BinaryIO

from lstm_depth.media.bag.repaired import RepairedFile

MAGIC = b'\x89MCAP0\r\n'
_RECORD_HEADER_BYTES = 9  # operation code, uint64 length
_FOOTER, _CHUNK, _MESSAGE_INDEX = 0x02, 0x06, 0x07
_CHUNK_INDEX, _STATISTICS, _DATA_END = 0x08, 0x0b, 0x0f
# Message start and end time, uncompressed size, CRC, length of the compression's name.
_CHUNK_FIELDS = struct.Struct('<QQQII')


def repaired_mcap(path: Path) -> RepairedFile:
    """Return the complete records of the MCAP file at *path*, with a summary."""
    with path.open('rb') as file:
        end = len(MAGIC)
        chunks: list[_Chunk] = []
        for code, start, stop in _records(file, path.stat().st_size):
            end = stop
            if code == _CHUNK:
                chunks.append(_Chunk(file, start, stop))
            elif code == _MESSAGE_INDEX and chunks:
                chunks[-1].add_index(file, start, stop)
    summary = b''.join(chunk.index_record() for chunk in chunks)
    if summary:
        # Empty, it makes the reader look for schemas and channels inside the chunks.
        summary += _record(_STATISTICS, bytes(46))
    start = end if summary else 0
    return RepairedFile(path, [
        (0, end), summary + _record(_FOOTER, struct.pack('<QQI', start, 0, 0)) + MAGIC])


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """Yield (operation code, start, end) of the complete records of the data section."""
    position = len(MAGIC)
    while True:
        file.seek(position)
        header = file.read(_RECORD_HEADER_BYTES)
        if len(header) < _RECORD_HEADER_BYTES or header[0] in (_DATA_END, _FOOTER):
            return
        end = position + len(header) + int.from_bytes(header[1:], 'little')
        if end > size:
            return
        yield header[0], position, end
        position = end


def _record(code: int, content: bytes) -> bytes:
    """Return a record."""
    return bytes([code]) + struct.pack('<Q', len(content)) + content


class _Chunk:
    """One chunk of the file, and where the indexes of its messages are."""

    def __init__(self, file: BinaryIO, start: int, stop: int) -> None:
        """Read the head of the chunk record from *start* to *stop*."""
        self._start, self._stop = start, stop
        self._indexes: dict[int, int] = {}
        self._index_bytes = 0
        file.seek(start + _RECORD_HEADER_BYTES)
        begin, end, size, _, name_size = _CHUNK_FIELDS.unpack(file.read(_CHUNK_FIELDS.size))
        self._times, self._size = (begin, end), size
        self._compression = file.read(name_size)
        self._compressed_size, = struct.unpack('<Q', file.read(8))

    def add_index(self, file: BinaryIO, start: int, stop: int) -> None:
        """Take the MessageIndex record of one channel, which follows the chunk."""
        file.seek(start + _RECORD_HEADER_BYTES)
        channel, = struct.unpack('<H', file.read(2))
        self._indexes[channel] = start
        self._index_bytes += stop - start

    def index_record(self) -> bytes:
        """Return the ChunkIndex record, nothing for a chunk without indexes."""
        if not self._indexes:
            return b''
        offsets = b''.join(struct.pack('<HQ', *item) for item in self._indexes.items())
        return _record(_CHUNK_INDEX, b''.join((
            struct.pack('<QQQQ', *self._times, self._start, self._stop - self._start),
            struct.pack('<I', len(offsets)), offsets, struct.pack('<Q', self._index_bytes),
            struct.pack('<I', len(self._compression)), self._compression,
            struct.pack('<QQ', self._compressed_size, self._size))))
