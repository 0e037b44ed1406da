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
Rows of an SQLite table to whose page no way leads any more.

The inner nodes of a table are written when they are full, behind the rows they lead to, so
that a truncated file may have lost the way to rows that are there. SQLite is shown each page
of rows in the place of the table's root, where it reads it as a table of one page.
Format: https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

_TABLE_LEAF = 0x0d


class LeafPages:
    """The leaf pages of the table with its root at page *root* of a file of *page_size*."""

    def __init__(self, path: Path, root: int, page_size: int) -> None:
        """Prepare to read *path*."""
        self._path, self._root, self._page_size = path, root, page_size
        self._vfs = _Window(f'lstm_depth_{id(self)}', self)
        self._shown: apsw.Connection | None = None
        self.leaf = 0

    def numbers(self) -> Iterator[int]:
        """Yield the numbers of all whole pages that may hold rows, of any table."""
        with self._path.open('rb', buffering=0) as file:
            for number in range(1, self._path.stat().st_size // self._page_size):
                file.seek(number * self._page_size)
                if file.read(1)[0] == _TABLE_LEAF:
                    yield number + 1

    def execute(self, leaf: int, statement: str, values: tuple[Any, ...] = ()) -> Any:
        """Return the cursor of *statement*, for which *leaf* is the whole table."""
        if leaf != self.leaf:
            self.close()
            self.leaf = leaf
            self._shown = apsw.Connection(
                f'{self._path.absolute().as_uri()}?immutable=1', vfs=self._vfs.name,
                flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
            self._shown.execute('PRAGMA writable_schema=ON')
        return self._shown.execute(statement, values)

    def place(self, offset: int) -> int:
        """Return where in the file to read what SQLite believes to be at *offset*."""
        page, inside = divmod(offset, self._page_size)
        return (self.leaf - 1) * self._page_size + inside if page == self._root - 1 else offset

    def close(self) -> None:
        """Close what is open."""
        if self._shown is not None:
            self._shown.close()
        self._shown, self.leaf = None, 0


class _Window(apsw.VFS):
    """SQLite's way to files, for files that show a leaf as the root of a table."""

    def __init__(self, name: str, pages: LeafPages) -> None:
        super().__init__(name, '')
        self.name, self._pages = name, pages

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 (SQLite's name)
        return _WindowFile(name, flags, self._pages)


class _WindowFile(apsw.VFSFile):
    """A file that is read where its LeafPages say."""

    def __init__(self, name: Any, flags: list[int], pages: LeafPages) -> None:
        super().__init__('', name, flags)
        self._pages = pages

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 (SQLite's name)
        return super().xRead(amount, self._pages.place(offset))
