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
SUN RGB-D: folders with image/, depth/ and intrinsics.txt, one still each.

https://rgbd.cs.princeton.edu: the 16 bits of depth are turned by three, in millimetres then
(read3dPoints.m of its toolbox), registered to colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from lstm_depth.data.camera_file import read_camera
from lstm_depth.data.reader import Reader
from lstm_depth.data.sequence import FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.files import natural_key
from lstm_depth.geometry import Camera


def sun_sequences(root: Path) -> list[FrameSequence]:
    """
    Return the stills at *root*; those of one kind of scene that follow each other are one.

    Depth is the measured one, not depth_bfx, whose holes were filled. DataError without one.
    """
    sequences: list[FrameSequence] = []
    for (_, camera), group in groupby(_stills(root), key=lambda item: item[:2]):
        files = tuple(files for *_, files in group)
        name = files[0].rgb.parent.parent.relative_to(root.parent).as_posix()
        sequences.append(FileSequence(name, name, files, 'rotated', camera, video=False))
    if not sequences:
        raise DataError(f'{root} has no folder with image/, depth/ and intrinsics.txt')
    return sequences


def _stills(root: Path) -> Iterator[tuple[str, Camera, FrameFiles]]:
    """Yield (kind of scene, camera, files) of every still."""
    for path in sorted(root.rglob('intrinsics.txt'), key=lambda path: natural_key(str(path))):
        images = sorted((path.parent / 'image').glob('*.jpg'))
        depths = sorted((path.parent / 'depth').glob('*.png'))
        if images and depths:
            scene = path.with_name('scene.txt')
            kind = scene.read_text(encoding='utf-8', errors='replace').strip()[:80] \
                if scene.is_file() else ''
            yield (kind, read_camera(path, images),
                   FrameFiles(images[0], depths[0]))


def _recognised(place: str) -> bool:
    """Return whether there is a still of this layout at *place*."""
    root = Path(place)
    return root.is_dir() and any(
        (path.parent / 'image').is_dir() and (path.parent / 'depth').is_dir()
        for path in root.rglob('intrinsics.txt'))


READER = Reader(
    'SUN RGB-D stills', 'SUN RGB-D, or a part of it (image/, depth/, intrinsics.txt)',
    _recognised, lambda place, _: sun_sequences(Path(place)))
