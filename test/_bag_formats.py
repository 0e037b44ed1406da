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
"""Copies of bags in the formats that we read and do not write."""

from __future__ import annotations

from pathlib import Path

from rosbags.convert import convert
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores


def as_sqlite(bag: Path, path: Path) -> Path:
    """Copy *bag* to a SQLite bag."""
    with (AnyReader([bag]) as source,
          Writer(path, version=8, storage_plugin=StoragePlugin.SQLITE3) as copy):
        topics = {connection.topic: copy.add_connection(
            connection.topic, connection.msgtype, typestore=source.typestore)
            for connection in source.connections}
        for connection, stamp, data in source.messages():
            copy.write(topics[connection.topic], stamp, data)
    return path


def as_ros_1(bag: Path, path: Path) -> Path:
    """Copy *bag* to a ROS 1 bag."""
    convert([bag], path, dst_storage=None, dst_version=None, compress=None,
            compress_mode='file', default_typestore=None,
            typestore=get_typestore(Stores.ROS1_NOETIC), exclude_topics=[], include_topics=[],
            exclude_msgtypes=[], include_msgtypes=[])
    return path
