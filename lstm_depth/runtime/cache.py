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
What is slow to make and can always be made again: exported graphs, the choice of a backend.

It lies in ``$LSTM_DEPTH_CACHE``, else ``$XDG_CACHE_HOME/lstm_depth``, else
``~/.cache/lstm_depth``. The names hold a hash of all that the content depends on, so that
nothing stale is ever found, and files are whole or absent. Where the folder cannot be
written, things are made anew by each process.
"""

from __future__ import annotations

import atexit
from collections.abc import Callable
from functools import cache
import hashlib
from importlib.metadata import PackageNotFoundError, version
import json
import os
from pathlib import Path
import shutil
import tempfile
from typing import Any

from lstm_depth import __version__
from lstm_depth.files import write_json


def cache_folder() -> Path:
    """Return the folder of the cache, which need not exist."""
    own = os.environ.get('LSTM_DEPTH_CACHE')
    if own:
        return Path(own).expanduser()
    home = os.environ.get('XDG_CACHE_HOME') or '~/.cache'
    return Path(home).expanduser() / 'lstm_depth'


def key_of(*parts: Any, packages: tuple[str, ...] = ()) -> str:
    """Return a short hash of *parts*, our version and those of the named pip *packages*."""
    versions = [f'{name}={_version(name)}' for name in packages]
    text = json.dumps([__version__, *versions, *map(str, parts)])
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def cached_file(name: str, build: Callable[[Path], None]) -> Path:
    """Return the file *name* of the cache, made by *build(path)* unless it is there, whole."""
    path, note = cache_folder() / name, f'{name}.json'
    if path.is_file() and read_note(note) == {'sha256': file_hash(path)}:
        return path
    if not writable(path.parent):
        path = _own_folder() / path.name
        if path.is_file():
            return path
    build(path)
    write_note(note, {'sha256': file_hash(path)})
    return path


def writable(folder: Path) -> bool:
    """Return whether files can be written to *folder*, which is made where it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file."""
    digest = hashlib.sha256()
    with path.open('rb') as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read_note(name: str) -> dict[str, Any]:
    """Return the JSON object *name* of the cache, empty where there is none."""
    try:
        value = json.loads((cache_folder() / name).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def write_note(name: str, value: dict[str, Any]) -> None:
    """Write the JSON object *name* of the cache, where that can be written."""
    try:
        write_json(cache_folder() / name, value)
    except OSError:
        pass


@cache
def _own_folder() -> Path:
    """Return a folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix='lstm_depth-'))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ''
