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
"""What a run writes while it goes on: progress bar, CSV tables, TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping
import csv
from pathlib import Path
from typing import Any

from lstm_depth.errors import DataError
from lstm_depth.files import atomic_path
import numpy as np


class Table:
    """
    A CSV file that rows are added to, and that a resumed run cuts back to where it goes on.

    Its first column is ``step``. Columns are those of the first row; later rows may lack
    some, and what they have more is left out.
    """

    def __init__(self, path: Path) -> None:
        """Go on with the file at *path* if there is one; DataError where it is no such table."""
        self.path = path
        self.columns: list[str] = []
        self.rows: list[dict[str, str]] = []
        if path.exists():
            try:
                with path.open(encoding='utf-8', newline='') as file:
                    reader = csv.DictReader(file)
                    self.rows = list(reader)
                    self.columns = list(reader.fieldnames or [])
            except (UnicodeDecodeError, csv.Error) as error:
                raise DataError(f'{path} is not a table ({error}); move it away') from error
            if self.columns[:1] not in ([], ['step']):
                raise DataError(f'{path} is not a table of this run; move it away')

    def truncate(self, step: int) -> None:
        """Drop the rows after *step*, which a resumed run writes again, and torn ones."""
        self.rows = [row for row in self.rows if None not in row.values()
                     and row['step'].isdigit() and int(row['step']) <= step]
        with atomic_path(self.path) as partial, \
                partial.open('w', encoding='utf-8', newline='') as file:
            writer = csv.DictWriter(file, self.columns)
            if self.columns:
                writer.writeheader()
            writer.writerows(self.rows)

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row, whole, at the end of the file."""
        text = {key: f'{value:.6g}' if isinstance(value, float) else str(value)
                for key, value in row.items()}
        new = not self.columns
        if new:
            self.columns = list(text)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open('a', encoding='utf-8', newline='') as file:
            writer = csv.DictWriter(file, self.columns, extrasaction='ignore')
            if new:
                writer.writeheader()
            writer.writerow(text)
        self.rows.append(text)

    def column(self, name: str) -> np.ndarray:
        """Return a column as numbers, NaN where a row lacks it."""
        return np.array([_number(row.get(name)) for row in self.rows])


def _number(text: str | None) -> float:
    """Return a cell as a number, NaN where it is none."""
    try:
        return float(text or 'nan')
    except ValueError:
        return float('nan')


class Monitor:
    """The tables and TensorBoard files of a run in *folder*."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        """Go on after *step*; at 0 start anew."""
        from torch.utils.tensorboard import SummaryWriter

        self.history = Table(folder / 'history.csv')
        self.validation = Table(folder / 'validation.csv')
        for table in (self.history, self.validation):
            table.truncate(step)
        self._board = SummaryWriter(str(folder / 'tensorboard'), purge_step=step + 1)

    def log(self, row: Mapping[str, Any]) -> None:
        """Write a row of training; *row* has ``step``."""
        self.history.add(row)
        self._scalars('train', row)

    def validated(self, row: Mapping[str, Any], picture: np.ndarray | None = None) -> None:
        """Write a row of validation, and an (H, W, 3) uint8 picture of predictions."""
        self.validation.add(row)
        self._scalars('validation', row)
        if picture is not None:
            self._board.add_image('validation/frames', picture, row['step'], dataformats='HWC')
        self._board.flush()

    def close(self) -> None:
        """Finish the files."""
        self._board.close()

    def _scalars(self, group: str, row: Mapping[str, Any]) -> None:
        """Write the numbers of *row* to TensorBoard."""
        for name, value in row.items():
            if isinstance(value, (int, float)) and name != 'step':
                self._board.add_scalar(f'{group}/{name}', value, row['step'])
