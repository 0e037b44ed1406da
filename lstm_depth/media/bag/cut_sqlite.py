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
"""SQLite bags without their end."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, suppress
from pathlib import Path
import sqlite3

from lstm_depth.media.bag.sqlite_pages import MessagePages, MessageRow
from rosbags.interfaces import (
    Connection,
    ConnectionExtRosbag2,
    MessageDefinition,
    MessageDefinitionFormat,
)
from rosbags.rosbag2.metadata import ReaderMetadata

_FORMATS = {'ros2msg': MessageDefinitionFormat.MSG, 'ros2idl': MessageDefinitionFormat.IDL}


class CutDatabase:
    """A storage of rosbags that reads a cut database as far as its pages go."""

    def __init__(self, path: Path) -> None:
        """Prepare to read *path*."""
        self.path = path
        self.connections: list[Connection] = []
        self.metadata = ReaderMetadata(0, 2**63 - 1, 0, 0, None, None, None, None)
        self._rows: list[MessageRow] = []
        self._pages: MessagePages | None = None

    def open(self) -> None:  # noqa: A003 (the name that rosbags calls)
        """Read the topics and find the messages that are there."""
        topics, definitions = self._topics()
        self._pages = MessagePages(self.path)
        self._rows = self._pages.rows()
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
        self._pages.close()

    def messages(self, connections: Collection[Connection], start: int | None = None,
                 stop: int | None = None) -> Iterator[tuple[Connection, int, bytes]]:
        """Yield (connection, recording time in ns, message) of those that are whole."""
        wanted = {connection.id: connection for connection in connections}
        first = 0 if start is None else bisect_left(self._rows, (start,))
        end = len(self._rows) if stop is None else bisect_left(self._rows, (stop,))
        for row in self._rows[first:end]:
            if row.topic in wanted and (data := self._pages.data(row)) is not None:
                yield wanted[row.topic], row.time_ns, data

    def _topics(self) -> tuple[list[tuple[int, str, str]], dict[str, MessageDefinition]]:
        """Return (number, name, type) of the topics, and the definitions of the types."""
        with closing(sqlite3.connect(
                f'{self.path.absolute().as_uri()}?mode=ro&immutable=1', uri=True)) as database:
            # Without this, SQLite refuses a file that is shorter than its header says.
            database.execute('PRAGMA writable_schema=ON')
            topics = database.execute('SELECT id, name, type FROM topics').fetchall()
            definitions: dict[str, MessageDefinition] = {}
            with suppress(sqlite3.DatabaseError):  # Bags before Iron have no definitions.
                definitions = {name: MessageDefinition(_FORMATS[kind], text)
                               for name, kind, text in database.execute(
                                   'SELECT topic_type, encoding, encoded_message_definition '
                                   'FROM message_definitions')}
        return topics, definitions
