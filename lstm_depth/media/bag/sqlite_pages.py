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
The messages of a rosbag2 database, found in its pages without the tree that leads to them.

Format: https://www.sqlite.org/fileformat2.html. The inner nodes of a table are written when
they are full, far behind the rows they lead to, so that a cut file may have lost the way to
rows that are there.
"""

from __future__ import annotations

from pathlib import Path
import struct
from typing import NamedTuple

_LEAF = 0x0d  # of a table
_PAGE_HEADER_BYTES = 8
_INTEGER_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}


class MessageRow(NamedTuple):
    """One row of the messages, in the order of recording; *place*: of its cell in the file."""

    time_ns: int
    number: int
    topic: int
    place: int


class MessagePages:
    """The pages of an SQLite file that may be cut, of which whole ones are read."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        self._file = path.open('rb')
        header = self._file.read(100)
        size, = struct.unpack_from('>H', header, 16)
        self._page_size = 65536 if size == 1 else size
        self._usable = self._page_size - header[20]
        self._count = path.stat().st_size // self._page_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rows(self) -> list[MessageRow]:
        """Return the messages that are there, ordered by the time of recording."""
        found = {}
        for number in range(2, self._count + 1):
            page = self._page(number)
            if page[0] != _LEAF:
                continue
            count, = struct.unpack_from('>H', page, 3)
            for start, in struct.iter_unpack(
                    '>H', page[_PAGE_HEADER_BYTES:_PAGE_HEADER_BYTES + 2 * count]):
                cell = _Cell(page, start)
                if cell.is_message:
                    found[cell.number] = MessageRow(
                        cell.time_ns, cell.number, cell.topic,
                        (number - 1) * self._page_size + start)
        return sorted(found.values())

    def data(self, row: MessageRow) -> bytes | None:
        """Return the serialised message of a row, None where a part of it is missing."""
        number, start = divmod(row.place, self._page_size)
        page = self._page(number + 1)
        cell = _Cell(page, start)
        local = self._local_size(cell.size)
        parts = [page[cell.payload:cell.payload + local]]
        missing = cell.size - local
        following = page[cell.payload + local:cell.payload + local + 4]
        while missing > 0:
            number = int.from_bytes(following, 'big')
            if not 1 < number <= self._count:
                return None
            page = self._page(number)
            following = page[:4]
            parts.append(page[4:self._usable][:missing])
            missing -= len(parts[-1])
        return b''.join(parts)[cell.blob - cell.payload:]

    def _page(self, number: int) -> bytes:
        """Return a page; they are counted from 1."""
        self._file.seek((number - 1) * self._page_size)
        return self._file.read(self._page_size)

    def _local_size(self, size: int) -> int:
        """Return how much of a payload of *size* bytes is in its cell; pages follow."""
        if size <= self._usable - 35:
            return size
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        return local if local <= self._usable - 35 else least


class _Cell:
    """
    A row in a leaf of a table.

    *number*, *size*: of the row and its payload in bytes. *payload*, *blob*: where in the
    page the payload and in it the message start. *is_message*: whether the row is of the
    columns (id, topic_id, timestamp, data).
    """

    def __init__(self, page: bytes, start: int) -> None:
        """Read the cell at *start*."""
        self.size, position = _varint(page, start)
        self.number, self.payload = _varint(page, position)
        length, position = _varint(page, self.payload)
        end = self.payload + length
        kinds = []
        while position < end and len(kinds) < 5:
            kind, position = _varint(page, position)
            kinds.append(kind)
        # The id is the row's number and stored as nothing (0); data of any size is even.
        self.is_message = (len(kinds) == 4 and kinds[0] == 0 and kinds[3] >= 12
                           and kinds[3] % 2 == 0)
        self.topic, position = _integer(page, end, kinds[1]) if self.is_message else (0, end)
        self.time_ns, self.blob = (_integer(page, position, kinds[2]) if self.is_message
                                   else (0, end))


def _varint(page: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length integer and where it ends."""
    value = 0
    for index, byte in enumerate(page[position:position + 9]):
        if index == 8:
            return value << 8 | byte, position + 9
        value = value << 7 | byte & 0x7f
        if byte < 0x80:
            return value, position + index + 1
    return value, len(page)


def _integer(page: bytes, position: int, kind: int) -> tuple[int, int]:
    """Return an integer column and where it ends; 8 and 9 are the constants 0 and 1."""
    if kind in (8, 9):
        return kind - 8, position
    end = position + _INTEGER_BYTES.get(kind, 0)
    return int.from_bytes(page[position:end], 'big', signed=True), end
