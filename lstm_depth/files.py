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
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any

import numpy as np


def natural_key(name: str) -> list[tuple[bool, int, str]]:
    """Return a key that sorts names as people do: 9.jpg before 10.jpg."""
    # Numbers of any length compare as numbers, without becoming one: by their length first.
    return [(part.isdecimal(), len(part.lstrip('0')), part.lstrip('0')) if part.isdecimal()
            else (False, 0, part) for part in re.split(r'(\d+)', name)]


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """
    Give a temporary sibling of *path* to write to; rename it when all went well.

    The sibling (a file or a folder, the caller creates it) keeps the suffix of
    *path*, because writers such as OpenCV choose their format from it. When the
    block raises, the sibling is removed and *path* is left as it was. A folder
    replaces an existing folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f'.{path.stem}.{os.getpid()}.partial{path.suffix}')
    try:
        yield partial
        if path.is_dir() and partial.is_dir():
            shutil.rmtree(path)
        os.replace(partial, path)
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


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
