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
SQLite bags as their recorder left them: with a write-ahead log beside them, or truncated.

SQLite itself reads both, and nothing is written: not to the database, not to its log, and no
file beside them, which SQLite would otherwise do where there is a log.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import apsw
from lstm_depth.media.bag.sqlite_leaves import LeafPages
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import ReaderMetadata

_FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}
# Leaves of other tables have other columns.
_ROWS_OF_MESSAGES = (
    "SELECT timestamp, id, topic_id FROM messages WHERE typeof(timestamp) = 'integer' "
    "AND typeof(topic_id) = 'integer' AND typeof(data) = 'blob'")


class MessageRow(NamedTuple):
    """One row of the messages, in the order of recording; *leaf*: its page, 0 where not needed."""

    time_ns: int
    number: int
    topic: int
    leaf: int = 0


def write_ahead_log(path: Path) -> bool:
    """Return whether the database at *path* has a write-ahead log with something in it."""
    log = path.with_name(path.name + '-wal')
    return log.is_file() and log.stat().st_size > 0


class RecoveredDatabase:
    """A storage of rosbags that reads a database as far as it goes, its log included."""

    def __init__(self, path: Path) -> None:
        """Prepare to read *path*."""
        self.path = path
        self.connections: list[Connection] = []
        self.metadata = ReaderMetadata(0, 2**63 - 1, 0, 0, None, None, None, None)
        self._rows: list[MessageRow] = []
        self._database: apsw.Connection | None = None
        self._leaves: LeafPages | None = None

    def open(self) -> None:  # noqa: A003 (the name that rosbags calls)
        """Read the topics and find the messages that are there."""
        self._database = _opened(self.path)
        topics, definitions = self._topics()
        self._rows = sorted(self._all_rows())
        counts = Counter(row.topic for row in self._rows)
        unknown = MessageDefinition(MessageDefinitionFormat.NONE, '')
        self.connections = [
            Connection(number, name, kind, definitions.get(kind, unknown), '', counts[number],
                       ConnectionExtRosbag2('cdr', []), self)
            for number, name, kind in topics]
        if self._rows:
            first, last = self._rows[0].time_ns, self._rows[-1].time_ns
            self.metadata = self.metadata._replace(
                duration=last - first, start_time=first, end_time=last + 1,
                message_count=len(self._rows))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
        if self._leaves is not None:
            self._leaves.close()

    def messages(self, connections: Collection[Connection], start: int | None = None,
                 stop: int | None = None) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield (connection, recording time in ns, message) of those that are whole."""
        wanted = {connection.id: connection for connection in connections}
        first = 0 if start is None else bisect_left(self._rows, (start,))
        end = len(self._rows) if stop is None else bisect_left(self._rows, (stop,))
        for row in self._rows[first:end]:
            if row.topic in wanted and (data := self._data(row)) is not None:
                yield wanted[row.topic], row.time_ns, data

    def _data(self, row: MessageRow) -> bytes | None:
        """Return the serialised message of a row, None where a part of it is missing."""
        statement = 'SELECT data FROM messages WHERE id = ?'
        try:
            (data,), = (self._leaves.execute(row.leaf, statement, (row.number,)) if row.leaf
                        else self._database.execute(statement, (row.number,)))
        except apsw.Error:
            return None
        return data

    def _topics(self) -> tuple[list[tuple[int, str, str]], dict[str, MessageDefinition]]:
        """Return (number, name, type) of the topics, and the definitions of the types."""
        topics = list(self._database.execute('SELECT id, name, type FROM topics'))
        definitions: dict[str, MessageDefinition] = {}
        with suppress(apsw.Error, KeyError):  # Bags before Iron have no definitions.
            definitions = {name: MessageDefinition(_FORMATS[kind], text)
                           for name, kind, text in self._database.execute(
                               'SELECT topic_type, encoding, encoded_message_definition '
                               'FROM message_definitions')}
        return topics, definitions

    def _all_rows(self) -> list[MessageRow]:
        """Return the rows that can be read: up to the first damage, and what leaves hold."""
        rows: dict[int, MessageRow] = {}
        try:
            for row in self._database.execute(
                    'SELECT timestamp, id, topic_id FROM messages ORDER BY id'):
                # What is missing of the file reads as zeros.
                if None in row:
                    raise apsw.CorruptError('a row of zeros')
                rows[row[1]] = MessageRow(*row)
        except apsw.Error:
            for row in self._rows_of_leaves():
                rows.setdefault(row.number, row)
        return list(rows.values())

    def _rows_of_leaves(self) -> Iterator[MessageRow]:
        """Yield the rows of all leaf pages, whether or not the table still leads to them."""
        (root,), = self._database.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'messages'")
        self._leaves = LeafPages(self.path, root, self._database.pragma('page_size'))
        for leaf in self._leaves.numbers():
            with suppress(apsw.Error):
                for row in self._leaves.execute(leaf, _ROWS_OF_MESSAGES):
                    yield MessageRow(*row, leaf)


def _opened(path: Path) -> apsw.Connection:
    """Return a connection that leaves every file as it is."""
    read_only = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    address = path.absolute().as_uri()
    if not write_ahead_log(path):
        database = apsw.Connection(f'{address}?immutable=1', flags=read_only)
    else:
        # A log is read with its index in memory by who has the database for itself. Without
        # locks, it has: the recorder is gone.
        database = apsw.Connection(f'{address}?mode=ro', flags=read_only, vfs='unix-none')
        database.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        database.execute('PRAGMA locking_mode=EXCLUSIVE')
    # Without this, SQLite refuses a file that is shorter than its header says.
    database.execute('PRAGMA writable_schema=ON')
    return database
