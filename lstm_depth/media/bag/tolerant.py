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
A reader of rosbags that leaves out what it cannot read instead of the whole bag.

Recorders put anything beside the images: JSON and protobuf channels of Foxglove, types whose
definition is broken, MCAP files without a profile.
"""

from __future__ import annotations

from pathlib import Path
import struct
from typing import Any

from lstm_depth.media.bag.repaired import RepairedFile
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection, ConnectionExtRosbag2, MessageDefinitionFormat
from rosbags.rosbag2 import storage_mcap
from rosbags.typesys import get_types_from_idl, get_types_from_msg, get_typestore, Stores

_IDL_SEPARATOR = '=' * 80 + '\n'
_MCAP_MAGIC_BYTES = 8
_known_definition = storage_mcap.get_msgdef


def _definition(schema: Any) -> Any:
    """Return the definition of an MCAP schema, none for an encoding that is not ROS's."""
    try:
        return _known_definition(schema)
    except KeyError:
        return _known_definition(None)


# rosbags looks every schema up in a table of ROS's encodings and refuses the file for another.
storage_mcap.get_msgdef = _definition


class TolerantReader(AnyReader):
    """
    An AnyReader whose *connections* are those that can be read.

    *left_out*: the others, one sentence each.
    """

    left_out: list[str]

    def _open(self) -> None:
        """Open the files and collect the types of the channels that can be read."""
        for reader in self.readers:
            self.stack.enter_context(reader)
        self.left_out = []
        for reader in self.readers:
            self._drop_nameless(reader.connections)
        self.typestore = get_typestore(Stores.EMPTY)
        found = [item for reader in self.readers for item in reader.connections]
        self.connections = [item for item in found if self._readable(item)]

    def _drop_nameless(self, connections: list[Connection]) -> None:
        """Forget channels without a name or a type, which rosbags cannot sort."""
        for connection in list(connections):
            if not (isinstance(connection.topic, str) and isinstance(connection.msgtype, str)):
                self._leave_out(connection, 'it has no name or no type')
                connections.remove(connection)

    def _readable(self, connection: Connection) -> bool:
        """Return whether messages of *connection* can be read; make its types known."""
        encoding = (connection.ext.serialization_format
                    if isinstance(connection.ext, ConnectionExtRosbag2) else 'ros1')
        if encoding not in ('cdr', 'ros1'):
            self._leave_out(connection, f'its messages are {encoding or "of no encoding"}')
            return False
        if connection.msgtype in self.typestore.fielddefs:
            return True
        try:
            self.typestore.register(_types(connection))
        # A broken definition surfaces in rosbags' parser as anything.
        except Exception as error:
            self._leave_out(connection, f'its definition cannot be read ({error})')
            return False
        known = self.typestore.fielddefs
        if connection.msgtype not in known and self.default_typestore:
            self.typestore.register({name: kind for name, kind in
                                     self.default_typestore.fielddefs.items()
                                     if name not in known})
        if connection.msgtype not in known:
            self._leave_out(connection, 'the bag does not define it')
            return False
        return True

    def _leave_out(self, connection: Connection, why: str) -> None:
        """Note a channel that is not read."""
        self.left_out.append(f'{connection.topic} ({connection.msgtype}) was left out: {why}')


def _types(connection: Connection) -> dict[str, Any]:
    """Return the message types that a channel defines."""
    kind, text = connection.msgdef.format, connection.msgdef.data
    if kind == MessageDefinitionFormat.MSG:
        return dict(get_types_from_msg(text, connection.msgtype))
    types: dict[str, Any] = {}
    if kind == MessageDefinitionFormat.IDL:
        parts = [text]
        if text.startswith(f'{_IDL_SEPARATOR}IDL: '):
            parts = [part.split('\n', 1)[1] for part in text.split(_IDL_SEPARATOR)[1:]]
        for part in parts:
            types.update(get_types_from_idl(part))
    return types


def with_profile(path: Path) -> Any:
    """Return an MCAP file as it is or, without a profile, as one of ROS 2 of the same size."""
    with path.open('rb') as file:
        head = file.read(_MCAP_MAGIC_BYTES + 1 + 8)
        if len(head) < 17 or head[8] != 0x01:
            return path
        length = min(int.from_bytes(head[9:], 'little'), 4096)
        record = file.read(length)
    profile, library = struct.unpack_from('<I', record)[0], record[4:]
    if profile or len(library) < 4:
        return path
    size, = struct.unpack_from('<I', library)
    # The name of the program that wrote it makes room for the profile.
    if size < 4 or len(library) < 4 + size:
        return path
    changed = b''.join((struct.pack('<I', 4), b'ros2', struct.pack('<I', size - 4),
                        library[8:4 + size], library[4 + size:]))
    return RepairedFile(path, [head + changed, (len(head) + length, path.stat().st_size)])
