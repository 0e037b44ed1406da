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
"""Images with depth in .npy files."""

from __future__ import annotations

from pathlib import Path

from lstm_depth.data.reader import Reader
from lstm_depth.data.sequence import FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.files import natural_key
from lstm_depth.media.pictures import IMAGE_SUFFIXES


def npy_sequences(root: Path) -> list[FrameSequence]:
    """
    Return the sequences of images with ``.npy`` depth in metres, the layout of paper 004.

    The depth of ``NAME.jpeg`` is ``NAME.npy`` beside it, or in a folder ``depth`` beside
    the image's. Every folder is one sequence; the camera is unknown.
    """
    folders: dict[Path, list[FrameFiles]] = {}
    for image in sorted(root.rglob('*'), key=lambda path: (
            str(path.parent), natural_key(path.name))):
        if image.suffix.lower() not in IMAGE_SUFFIXES:
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


READER = Reader(
    'images with .npy depth',
    'a folder of NAME.jpeg with NAME.npy (metres) beside it or in depth/',
    lambda place: next(Path(place).rglob('*.npy'), None) is not None,
    lambda place, _: npy_sequences(Path(place)))
