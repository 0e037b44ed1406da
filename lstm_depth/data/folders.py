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
Folders of images with depth: the layouts this project writes and the papers used.

Each function returns the sequences of one layout; readers.open_sequences() picks it.
"""

from __future__ import annotations

from collections.abc import Iterable
import csv
from pathlib import Path
import re

from lstm_depth.data.nyu.output import (
    file_list,
    FrameRow,
    MANIFEST,
    read_build_file,
    read_rows,
)
from lstm_depth.data.sequence import cut_at_gaps, FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera, NYU_CAMERA

_IMAGE_SUFFIXES = ('.jpg', '.jpeg', '.png', '.ppm', '.bmp')


def built_sequences(root: Path, part: str | None = None) -> list[FrameSequence]:
    """
    Return the scenes that build-nyu made, cut where frames are missing for half a second.

    *part*: only ``train`` or ``test``; DataError where the folder was built without a split.
    """
    camera = Camera(**read_build_file(root)['camera'])
    rows = read_rows(root / MANIFEST, FrameRow)
    if part is not None:
        names = _listed_images(root / file_list(part))
        rows = [row for row in rows if row.rgb in names]
    scenes: dict[str, list[FrameFiles]] = {}
    for row in rows:
        scenes.setdefault(row.scene, []).append(FrameFiles(
            root / row.rgb, root / row.depth, _nanoseconds(row.depth_stamp)))
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


def pair_sequences(root: Path, border: int = 0) -> list[FrameSequence]:
    """
    Return stills of ``rgb/NAME`` with ``depth/NAME.png`` (16-bit, millimetres).

    A run of consecutive numbers is one scene: NYU's labelled frames are numbered scene by
    scene, and where only a part of them is there, a gap is another scene.
    """
    depth = {path.stem: path for path in (root / 'depth').glob('*.png')}
    images = {path.stem: path for path in (root / 'rgb').iterdir()
              if path.suffix.lower() in _IMAGE_SUFFIXES}
    names = sorted(depth.keys() & images.keys())
    if not names:
        raise DataError(f'{root} has no pairs rgb/NAME.jpg and depth/NAME.png')
    return [FileSequence(f'{root.name}/{run[0]}', f'{root.name}/{run[0]}', tuple(
        FrameFiles(images[name], depth[name]) for name in run), 'millimetres', NYU_CAMERA,
        video=False, border=border) for run in numbered_runs(names)]


def numbered_runs(names: Iterable[str]) -> list[list[str]]:
    """Return *names* in runs of consecutive numbers; a name that is no number stays alone."""
    runs: list[list[str]] = []
    for name in names:
        if (runs and name.isdigit() and runs[-1][-1].isdigit()
                and int(name) == int(runs[-1][-1]) + 1):
            runs[-1].append(name)
        else:
            runs.append([name])
    return runs


def csv_sequences(path: Path) -> list[FrameSequence]:
    """
    Return the sequences of a CSV with lines ``IMAGE,DEPTH``, the public copy of paper 003.

    Depth files are PNGs of 8 bits, 255 for 10 m (the training part), or of 16 bits in
    millimetres (the test part). Paths are relative to the CSV or to the folder above it.
    Every folder of the training part is one scene, its files numbered in time.
    """
    with path.open(encoding='utf-8', newline='') as file:
        lines = [[field.strip() for field in line] for line in csv.reader(file) if line]
    if not lines or any(len(line) != 2 for line in lines):
        raise DataError(f'{path} must have lines "IMAGE,DEPTH"')
    base = next((base for base in (path.parent, path.parent.parent)
                 if (base / lines[0][0]).exists()), None)
    if base is None:
        raise DataError(f'{path} names {lines[0][0]}, which is neither beside it nor beside its '
                        'folder; unpack the images there')
    folders: dict[str, list[FrameFiles]] = {}
    for rgb, depth in lines:
        folders.setdefault(str(Path(rgb).parent), []).append(
            FrameFiles(base / rgb, base / depth))
    # The test part's files are called 00000_colors.png and 00000_depth.png.
    test = lines[0][1].endswith('_depth.png')
    return [FileSequence(name, name, tuple(sorted(files, key=lambda frame: _natural(frame.rgb))),
                         'millimetres' if test else 'bytes', NYU_CAMERA, video=not test)
            for name, files in sorted(folders.items())]


def npy_sequences(root: Path) -> list[FrameSequence]:
    """
    Return the sequences of images with ``.npy`` depth in metres, the layout of paper 004.

    The depth of ``NAME.jpeg`` is ``NAME.npy`` beside it, or in a folder ``depth`` beside
    the image's. Every folder is one sequence; the camera is unknown.
    """
    folders: dict[Path, list[FrameFiles]] = {}
    for image in sorted(root.rglob('*'), key=_natural):
        if image.suffix.lower() not in _IMAGE_SUFFIXES:
            continue
        depth = next((path for path in (
            image.with_suffix('.npy'), image.parent.parent / 'depth' / f'{image.stem}.npy')
            if path.exists()), None)
        if depth:
            folders.setdefault(image.parent, []).append(FrameFiles(image, depth))
    if not folders:
        raise DataError(f'{root} has no image NAME.jpeg with NAME.npy beside it or in depth/')
    names = {folder: folder.relative_to(root.parent).as_posix() for folder in folders}
    return [FileSequence(names[folder], names[folder], tuple(files), 'metres', None, video=False)
            for folder, files in folders.items()]


def _natural(path: Path) -> tuple[str, list]:
    """Return a sort key that puts 9.jpg before 10.jpg."""
    return str(path.parent), [int(part) if part.isdigit() else part
                              for part in re.split(r'(\d+)', path.name)]
