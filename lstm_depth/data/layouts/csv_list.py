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
"""CSV files that list images with their depth."""

from __future__ import annotations

import csv
from pathlib import Path

from lstm_depth.data.reader import Reader
from lstm_depth.data.sequence import FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.files import inside, natural_key
from lstm_depth.geometry import NYU_CAMERA


def _table(place: str) -> Path | None:
    """Return the CSV file at *place*, the training part's of a folder, None without one."""
    path = Path(place)
    if path.is_file():
        return path if path.suffix.lower() == '.csv' else None
    tables = sorted(path.glob('*_train.csv')) or sorted(path.glob('*.csv'))
    return tables[0] if tables else None


def csv_sequences(path: Path) -> list[FrameSequence]:
    """
    Return the sequences of a CSV with lines ``IMAGE,DEPTH``, the public copy of paper 003.

    Depth files are PNGs of 8 bits, 255 for 10 m (the training part), or of 16 bits in
    millimetres (the test part). Paths are relative to the CSV or to the folder above it.
    Every folder of the training part is one scene, its files numbered in time.
    """
    try:
        with path.open(encoding='utf-8-sig', newline='') as file:
            lines = [[field.strip() for field in line] for line in csv.reader(file) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f'{path} cannot be read as lines "IMAGE,DEPTH": {error}') from error
    if not lines or any(len(line) != 2 for line in lines):
        raise DataError(f'{path} must have lines "IMAGE,DEPTH"')
    try:
        base = next((base for base in (path.parent, path.parent.parent)
                     if inside(base, lines[0][0]).exists()), None)
        places = [[inside(base or path.parent, name) for name in line] for line in lines]
    except ValueError as error:
        raise DataError(f'{path}: {error}') from error
    if base is None:
        raise DataError(f'{path} names {lines[0][0]}, which is neither beside it nor beside its '
                        'folder; unpack the images there')
    folders: dict[str, list[FrameFiles]] = {}
    for (name, _), (rgb, depth) in zip(lines, places):
        folders.setdefault(str(Path(name).parent), []).append(FrameFiles(rgb, depth))
    # The test part's files are called 00000_colors.png and 00000_depth.png.
    test = lines[0][1].endswith('_depth.png')
    for files in folders.values():
        files.sort(key=lambda frame: natural_key(frame.rgb.name))
    return [FileSequence(name, name, tuple(files), 'millimetres' if test else 'bytes',
                         NYU_CAMERA, video=not test)
            for name, files in sorted(folders.items())]


READER = Reader(
    'CSV of image and depth files',
    'a folder or .csv file with lines "IMAGE,DEPTH" (nyu2_train.csv)',
    lambda place: _table(place) is not None,
    lambda place, _: csv_sequences(_table(place)))
