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

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstm_depth.errors import DataError
from lstm_depth.media.bag import common
from lstm_depth.media.bag.recovered_sqlite import RecoveredDatabase, write_ahead_log
from lstm_depth.media.bag.truncated_mcap import repaired_mcap
from lstm_depth.media.bag.truncated_ros1 import repaired_ros1
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
import yaml

_REPAIR: dict[str, Callable[[Path], Any]] = {
    '.mcap': repaired_mcap, '.db3': RecoveredDatabase, '.bag': repaired_ros1}


def open_reader(path: Path) -> tuple[AnyReader, str | None]:
    """
    Return an open reader of a bag and what is missing of it (None: nothing).

    A bag whose end, index or metadata.yaml was lost is read as far as its storage files
    go. Raises DataError where nothing can be read.
    """
    try:
        paths = [path]
        if path.is_dir():
            files = common.storage_files(path)
            if not (path / 'metadata.yaml').is_file() or any(map(write_ahead_log, files)):
                paths = files
        # A killed recorder leaves its newest messages in the log.
        return _opened([RecoveredDatabase(file) if write_ahead_log(file) else file
                        for file in paths]), None
    # Damaged files surface in rosbags as anything from struct.error to MemoryError.
    except Exception as error:
        reader = _salvaged(path)
        if reader is None:
            raise DataError(f'bag {path} cannot be read: {error}; record it again or restore a '
                            'copy') from error
        return reader, f'bag {path} is cut off or damaged ({error}); its readable part was used'


def recorded_counts(path: Path) -> dict[str, int]:
    """Return how many messages of each topic metadata.yaml lists, nothing where it is lost."""
    try:
        text = (path / 'metadata.yaml').read_text(encoding='utf-8')
        topics = yaml.safe_load(text)['rosbag2_bagfile_information']['topics_with_message_count']
        return {item['topic_metadata']['name']: int(item['message_count']) for item in topics}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError):
        return {}


def _opened(files: list[Any]) -> AnyReader:
    """Return an open reader of one bag's files, some of them repaired."""
    paths = [file.path if isinstance(file, RecoveredDatabase) else file for file in files]
    reader = AnyReader(paths, default_typestore=common.typestore())
    for part, file in zip(reader.readers, files):
        if isinstance(file, RecoveredDatabase):
            part.storage = file
    reader.open()
    return reader


def _salvaged(path: Path) -> AnyReader | None:
    """Return an open reader of what is left of a damaged bag, None where that is nothing."""
    try:
        reader = _opened(_readable_files(path))
    except Exception:  # see open_reader()
        return None
    if reader.connections:
        return reader
    reader.close()
    return None


def _readable_files(path: Path) -> list[Any]:
    """Return the storage files of a damaged bag, those that need it repaired."""
    files = common.storage_files(path) if path.is_dir() else [path]
    return [file if _opens(file) else _REPAIR[file.suffix](file) for file in files]


def _opens(file: Path) -> bool:
    """Return whether a storage file of a rosbag2 is whole enough for rosbags."""
    try:
        with Reader(file):
            return True
    except Exception:  # see open_reader()
        return False
