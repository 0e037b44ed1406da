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
ROS 1 bags without their end, or never indexed.

Format: http://wiki.ros.org/Bags/Format/2.0. The index at the end, which lists connections
and chunks, is made again from the chunks and the message indexes behind each.
"""

from __future__ import annotations

from collections.abc import Iterator
import io
from pathlib import Path
import struct
from typing import BinaryIO

from lstm_depth.media.bag.repaired import RepairedFile
from rosbags.rosbag1.reader import decompressors

MAGIC = b'#ROSBAG V2.0\n'
_BAG_HEADER, _INDEX, _CHUNK, _CHUNK_INFO, _CONNECTION = 3, 4, 5, 6, 7
_ENTRY = struct.Struct('<III')  # seconds, nanoseconds, offset

Fields = dict[bytes, bytes]


def repaired_ros1(path: Path) -> RepairedFile:
    """Return the complete chunks of the ROS 1 bag at *path*, with an index."""
    connections: dict[bytes, bytes] = {}
    chunks: list[_Chunk] = []
    end = len(MAGIC)
    with path.open('rb') as file:
        for fields, start, data, stop in _records(file, end, path.stat().st_size):
            code = fields[b'op'][0]
            if code == _BAG_HEADER:
                header = start, stop
            elif code == _CHUNK:
                chunks.append(_Chunk(start))
                read_chunk = fields, data, stop
            elif code == _INDEX:
                chunks[-1].add_index(file, fields, data)
                if fields[b'conn'] not in connections:
                    connections.update(_connections(file, *read_chunk))
            else:
                break
            end = stop
        file.seek(header[0])
        head = file.read(header[1] - header[0])
    chunks = [chunk for chunk in chunks if chunk.counts]
    head = _with_fields(head, index_pos=struct.pack('<Q', end),
                        conn_count=struct.pack('<I', len(connections)),
                        chunk_count=struct.pack('<I', len(chunks)))
    return RepairedFile(path, [
        MAGIC + head, (header[1], end),
        b''.join(connections.values()) + b''.join(chunk.info_record() for chunk in chunks)])


def _records(file: BinaryIO, position: int,
             size: int) -> Iterator[tuple[Fields, int, int, int]]:
    """Yield (header fields, start, start of the data, end) of the complete records."""
    while position + 4 <= size:
        file.seek(position)
        header_size, = struct.unpack('<I', file.read(4))
        data = position + 4 + header_size + 4
        if data > size:
            return
        fields = _fields(file.read(header_size))
        data_size, = struct.unpack('<I', file.read(4))
        if data + data_size > size:
            return
        yield fields, position, data, data + data_size
        position = data + data_size


def _fields(header: bytes) -> Fields:
    """Return the name=value fields of a record header."""
    fields, position = {}, 0
    while position < len(header):
        size, = struct.unpack_from('<I', header, position)
        name, _, value = header[position + 4:position + 4 + size].partition(b'=')
        fields[name] = value
        position += 4 + size
    return fields


def _with_fields(record: bytes, **values: bytes) -> bytes:
    """Return *record* with header fields of unchanged size replaced."""
    for name, value in values.items():
        start = record.index(f'{name}='.encode()) + len(name) + 1
        record = record[:start] + value + record[start + len(value):]
    return record


def _connections(file: BinaryIO, fields: Fields, data: int, stop: int) -> Fields:
    """Return the connection records in a chunk by connection."""
    file.seek(data)
    content = decompressors[fields[b'compression'].decode()](file.read(stop - data))
    return {inner[b'conn']: content[start:end]
            for inner, start, _, end in _records(io.BytesIO(content), 0, len(content))
            if inner[b'op'][0] == _CONNECTION}


class _Chunk:
    """Where a chunk starts, and what is in it."""

    def __init__(self, start: int) -> None:
        """Start without messages."""
        self._start = start
        self.counts: dict[bytes, int] = {}
        self._first, self._last = (2**32 - 1, 0), (0, 0)

    def add_index(self, file: BinaryIO, fields: Fields, data: int) -> None:
        """Take the index of one connection's messages."""
        count, = struct.unpack('<I', fields[b'count'])
        file.seek(data)
        times = [entry[:2] for entry in _ENTRY.iter_unpack(file.read(count * _ENTRY.size))]
        self.counts[fields[b'conn']] = count
        self._first = min(self._first, *times)
        self._last = max(self._last, *times)

    def info_record(self) -> bytes:
        """Return the chunk info record."""
        fields = {b'op': bytes([_CHUNK_INFO]), b'ver': struct.pack('<I', 1),
                  b'chunk_pos': struct.pack('<Q', self._start),
                  b'start_time': struct.pack('<II', *self._first),
                  b'end_time': struct.pack('<II', *self._last),
                  b'count': struct.pack('<I', len(self.counts))}
        header = b''.join(struct.pack('<I', len(name) + 1 + len(value)) + name + b'=' + value
                          for name, value in fields.items())
        data = b''.join(connection + struct.pack('<I', count)
                        for connection, count in self.counts.items())
        return struct.pack('<I', len(header)) + header + struct.pack('<I', len(data)) + data
