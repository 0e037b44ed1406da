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
from lstm_depth.media.bag.repaired import RepairedFile
from lstm_depth.media.bag.tolerant import TolerantReader, with_profile
from lstm_depth.media.bag.truncated_mcap import repaired_mcap
from lstm_depth.media.bag.truncated_ros1 import repaired_ros1
from lstm_depth.safe_yaml import load_yaml, MAX_YAML_BYTES
from rosbags.rosbag2 import Reader

_REPAIR: dict[str, Callable[[Path], Any]] = {
    '.mcap': repaired_mcap, '.db3': RecoveredDatabase, '.bag': repaired_ros1}


def open_reader(path: Path) -> tuple[TolerantReader, str | None]:
    """
    Return an open reader of a bag and what is missing of it (None: nothing).

    A bag whose end, index or metadata.yaml was lost is read as far as its storage files
    go. Raises DataError where nothing can be read.
    """
    try:
        return _opened(_storages(path)), None
    # Damaged files surface in rosbags as anything from struct.error to MemoryError.
    except Exception as error:
        first = error
    try:
        if path.is_dir() and _is_complete(path):
            # Written by a later ROS, or damaged itself, while all files are whole.
            reader = _opened([_whole(file) for file in common.storage_files(path)])
            reader.left_out.append(f'{path / "metadata.yaml"} was not used: {first}')
            return reader, None
    except Exception:  # see above
        pass
    reader = _salvaged(path)
    if reader is None:
        raise DataError(f'bag {path} cannot be read: {first}; {_advice(path)}') from first
    return reader, f'bag {path} is cut off or damaged ({first}); its readable part was used'


def recorded_counts(path: Path) -> dict[str, int]:
    """Return how many messages of each topic metadata.yaml lists, nothing where it is lost."""
    try:
        topics = _metadata(path)['topics_with_message_count']
        return {item['topic_metadata']['name']: int(item['message_count']) for item in topics}
    except (KeyError, TypeError, ValueError):
        return {}


def _metadata(path: Path) -> dict[str, Any]:
    """Return the content of metadata.yaml, nothing where it cannot be read."""
    try:
        with (path / 'metadata.yaml').open('rb') as file:
            content = load_yaml(file.read(MAX_YAML_BYTES + 1))
        return dict(content['rosbag2_bagfile_information'])
    except (OSError, DataError, KeyError, TypeError, ValueError):
        return {}


def _is_complete(path: Path) -> bool:
    """Return whether all files that metadata.yaml lists are there, as they were recorded."""
    metadata = _metadata(path)
    names = metadata.get('relative_file_paths')
    compression = str(metadata.get('compression_mode') or 'none').lower()
    return isinstance(names, list) and compression == 'none' and all(
        (path / Path(str(name)).name).is_file() for name in names)


def _advice(path: Path) -> str:
    """Return what to do about a bag that cannot be read at all."""
    if path.is_dir() and list(path.glob('*.zstd')):
        return ('its files are compressed, which only metadata.yaml tells how: restore that, or '
                'unpack them with "zstd -d"')
    return 'record it again or restore a copy'


def _storages(path: Path) -> list[Any]:
    """Return what rosbags opens for a bag that may be whole."""
    if not path.is_dir():
        return [_whole(path)]
    files = common.storage_files(path)
    # A killed recorder leaves its newest messages in the log.
    if (path / 'metadata.yaml').is_file() and not any(map(write_ahead_log, files)):
        return [path]
    return [_whole(file) for file in files]


def _whole(file: Path) -> Any:
    """Return what rosbags opens for a storage file that may be whole."""
    kind = common.storage_kind(file)
    if kind == '.db3' and (write_ahead_log(file) or file.suffix != kind):
        return RecoveredDatabase(file)
    found = with_profile(file) if kind == '.mcap' else file
    if found is file and file.suffix != kind:
        found = RepairedFile(file, [(0, file.stat().st_size)])
    if isinstance(found, RepairedFile):
        found.suffix = kind
    return found


def _opened(files: list[Any]) -> TolerantReader:
    """Return an open reader of one bag's files, some of them repaired."""
    paths = [_Named(file.path, '.db3') if isinstance(file, RecoveredDatabase) else file
             for file in files]
    reader = TolerantReader(paths, default_typestore=common.typestore())
    for part, file in zip(reader.readers, files):
        if isinstance(file, RecoveredDatabase):
            part.storage = file
    reader.open()
    return reader


class _Named:
    """A path that ends as rosbags expects."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._path, self.suffix = path, suffix

    def exists(self) -> bool:
        return self._path.exists()

    def is_dir(self) -> bool:
        return False

    def __str__(self) -> str:
        return str(self._path)


def _salvaged(path: Path) -> TolerantReader | None:
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
    return [_whole(file) if _opens(file) else _repaired(file) for file in files]


def _repaired(file: Path) -> Any:
    """Return a damaged storage file repaired, by the name that rosbags expects."""
    kind = common.storage_kind(file)
    found = _REPAIR[kind](file)
    if isinstance(found, RepairedFile):
        found.suffix = kind
    return found


def _opens(file: Path) -> bool:
    """Return whether a storage file of a rosbag2 is whole enough for rosbags."""
    try:
        with Reader(_whole(file)):
            return True
    except Exception:  # see open_reader()
        return False
