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
"""Files that are either whole or absent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
import errno
from functools import lru_cache
import glob
import hashlib
import json
import os
from pathlib import Path, PurePosixPath
import platform
import re
import secrets
import shutil
import time
from tokenize import TokenError
from typing import Any

import numpy as np


def inside(folder: Path, name: str) -> Path:
    """Return the path of *name* in *folder*; ValueError for a name that leads out of it."""
    path = PurePosixPath(name.replace('\\', '/'))
    if path.is_absolute() or '..' in path.parts or '\0' in name or not path.parts:
        raise ValueError(f'{name[:200]!r} is outside of the folder')
    return folder / path


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts names as people do: 9.jpg before 10.jpg."""
    # Numbers of any length compare as numbers, without becoming one: by their length first.
    return [(part.isdecimal(), len(part.lstrip('0')), part.lstrip('0')) if part.isdecimal()
            else (False, 0, part) for part in re.split(r'(\d+)', name)]


_STALE_S = 24 * 3600


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """
    Give a temporary sibling of *path* to write to; rename it when all went well.

    The sibling (a file or a folder, the caller creates it) keeps the suffix of
    *path*, because writers such as OpenCV choose their format from it. When the
    block raises, the sibling is removed and *path* is left as it was; what a killed
    process left of the same *path* is removed, too. A folder replaces an existing folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_stale(path)
    partial = path.with_name(f'.{path.stem}.{partial_token()}.partial{path.suffix}')
    try:
        yield partial
        if path.is_dir():
            if not partial.is_dir():
                raise IsADirectoryError(errno.EISDIR, 'is a folder, not a file', str(path))
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        _remove(partial)


def partial_token() -> str:
    """Return what tells the temporary files of this process from all others'."""
    # Process ids repeat in every container, of which several may share a folder.
    return f'{_place()}-{os.getpid()}-{secrets.token_hex(4)}'


def remove_stale(path: Path) -> None:
    """Remove the temporary siblings of *path* whose process has gone, or that are a day old."""
    pattern = re.compile(rf'\.({re.escape(path.stem)}|{re.escape(path.name)})'
                         r'\.(?P<place>\w+)-(?P<pid>\d+)-\w+\.partial.*')
    for found in path.parent.glob(f'.{glob.escape(path.stem)}*.partial*'):
        match = pattern.fullmatch(found.name)
        if match and _is_stale(found, match['place'], int(match['pid'])):
            _remove(found)


def _is_stale(path: Path, place: str, pid: int) -> bool:
    """Return whether nobody writes a temporary file any more."""
    try:
        if time.time() - path.stat().st_mtime > _STALE_S:
            return True
        if place == _place():
            os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


@lru_cache(maxsize=1)
def _place() -> str:
    """Return a name of this machine's or container's numbering of processes."""
    try:
        space = os.readlink('/proc/self/ns/pid') + Path(
            '/proc/sys/kernel/random/boot_id').read_text(encoding='ascii')
    except OSError:
        space = platform.node()
    return hashlib.sha256(space.encode()).hexdigest()[:8]


def _remove(path: Path) -> None:
    """Remove a file or folder that may not be there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def map_array(path: str | Path) -> np.ndarray:
    """
    Return the array in a .npy file, read when it is looked at; ValueError, OSError if it is none.

    Mapped, so that a header that claims more than the file holds takes no memory.
    """
    try:
        return np.load(path, mmap_mode='r', allow_pickle=False)
    # NumPy parses the header as Python. (TokenError is no SyntaxError.)
    except (SyntaxError, TokenError, TypeError, OverflowError, MemoryError, RecursionError,
            EOFError) as error:
        raise ValueError(f'its header is damaged: {error}') from error


def table_text(value: Any) -> Any:
    """Return a value for a cell of a CSV; text that a spreadsheet would compute is quoted."""
    if isinstance(value, str) and value[:1] in ('=', '+', '-', '@', '\t', '\r'):
        try:
            float(value)
        except ValueError:
            return f"'{value}"
    return value


def text_of_table(value: str) -> str:
    """Return what table_text() quoted."""
    return value[1:] if value[:1] == "'" and value[1:2] in ('=', '+', '-', '@') else value


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 *text* to *path* atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding='utf-8')


def write_json(path: str | Path, value: Any) -> None:
    """Write *value* as indented JSON atomically; NaN and infinity become null."""
    write_text(path, json.dumps(_plain(value), indent=2, allow_nan=False) + '\n')


def _plain(value: Any) -> Any:
    """Turn NumPy scalars, arrays, paths and non-finite floats into plain JSON values."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, Path):
        return str(value)
    return value
