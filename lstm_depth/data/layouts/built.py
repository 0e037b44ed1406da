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
"""Sequences that build-nyu made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_depth.data.nyu.output import (
    BUILD_FILE,
    file_list,
    FrameRow,
    MANIFEST,
    read_build_file,
    read_rows,
)
from lstm_depth.data.reader import option, Reader
from lstm_depth.data.sequence import cut_at_gaps, FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import inside
from lstm_depth.geometry import Camera


@dataclass(frozen=True, kw_only=True)
class BuiltOptions:
    """Which part to read."""

    part: str | None = option(None, 'train or test: only this part of the split')


def built_sequences(root: Path, part: str | None = None) -> list[FrameSequence]:
    """
    Return the scenes that build-nyu made, cut where frames are missing for half a second.

    *part*: only ``train`` or ``test``; DataError where the folder was built without a split.
    """
    try:
        camera = Camera(**read_build_file(root)['camera'])
    except (KeyError, TypeError, ConfigError) as error:
        raise DataError(f'{root / BUILD_FILE} names no camera ({error}); build the folder again'
                        ) from error
    rows = read_rows(root / MANIFEST, FrameRow)
    if part is not None:
        names = _listed_images(root / file_list(part))
        rows = [row for row in rows if row.rgb in names]
    scenes: dict[str, list[FrameFiles]] = {}
    for row in rows:
        try:
            scenes.setdefault(row.scene, []).append(FrameFiles(
                inside(root, row.rgb), inside(root, row.depth), _nanoseconds(row.depth_stamp)))
        except ValueError as error:
            raise DataError(f'{root / MANIFEST}: {error}; build the folder again') from error
    sequences = []
    for scene, files in scenes.items():
        runs = cut_at_gaps(files)
        for number, run in enumerate(runs):
            name = scene if len(runs) == 1 else f'{scene}#{number}'
            sequences.append(FileSequence(name, scene, tuple(run), 'millimetres', camera))
    return sequences


def _listed_images(path: Path) -> set[str]:
    """Return the images that a list of a built folder names."""
    try:
        return {line.split()[0] for line in path.read_text(encoding='utf-8').splitlines()}
    except OSError as error:
        raise DataError(f'{path} cannot be read ({error.strerror}); build the folder with a '
                        'split to take a part of it') from error


def _nanoseconds(seconds: str) -> int:
    """Return a decimal number of seconds in nanoseconds, exactly."""
    whole, _, fraction = seconds.partition('.')
    return int(whole) * 10**9 + int(f'{fraction:0<9}'[:9])


READER = Reader(
    'built NYU sequences', 'a folder that build-nyu made',
    lambda place: (Path(place) / BUILD_FILE).exists(),
    lambda place, options: built_sequences(Path(place), options.part), BuiltOptions)
