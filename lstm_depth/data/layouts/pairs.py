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
"""Folders rgb/ and depth/ with images of the same names."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from lstm_depth.data.camera_file import find_camera
from lstm_depth.data.reader import option, Reader
from lstm_depth.data.sequence import FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import natural_key
from lstm_depth.media.pictures import IMAGE_SUFFIXES, read_pixels
import numpy as np

# Half of the pixels of an indoor image are nearer.
_FARTHEST_ROOM_M = 10.0
# Beyond this the unit is worth a word.
_FAR_ROOM_M = 4.5
# TUM RGB-D's recorder multiplied millimetres; so many different values share no factor by chance.
_TUM_STEP = 5
_MANY_VALUES = 50


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """What is not in the files."""

    border: int = option(0, "pixels to cut off each side of the images (NYU's white frame)")
    camera: str = option('', 'a file with the camera of the images, or FX,FY,CX,CY, nyu or none')
    depth_scale: float | None = option(
        None, 'units a metre of 16-bit depth files: 1000 for millimetres, 5000 for TUM RGB-D')


def pair_sequences(root: Path, border: int = 0, camera: str = '',
                   depth_scale: float | None = None) -> list[FrameSequence]:
    """
    Return stills of ``rgb/NAME`` with ``depth/NAME.png`` (16 bits).

    *border*: pixels to cut off each side. *camera*: see find_camera(). *depth_scale*: units a
    metre; None for millimetres, where that gives depth of a room, else ConfigError. A run of
    consecutive numbers is one scene: NYU's labelled frames are numbered scene by scene, and
    where only a part of them is there, a gap is another scene.
    """
    depth = {path.stem: path for path in (root / 'depth').glob('*.png')}
    images = {path.stem: path for path in (root / 'rgb').iterdir()
              if path.suffix.lower() in IMAGE_SUFFIXES}
    names = sorted(depth.keys() & images.keys(), key=natural_key)
    if not names:
        raise DataError(f'{root} has no pairs rgb/NAME.jpg and depth/NAME.png')
    doubt = check_scale([depth[name] for name in names], depth_scale)
    known, notes = find_camera(root, [images[name] for name in names], camera)
    notes = (*notes, doubt) if doubt else notes
    return [FileSequence(f'{root.name}/{run[0]}', f'{root.name}/{run[0]}', tuple(
        FrameFiles(images[name], depth[name]) for name in run), 'millimetres', known,
        video=False, border=border, per_metre=depth_scale, notes=notes)
        for run in numbered_runs(names)]


def check_scale(paths: list[Path], depth_scale: float | None) -> str:
    """
    Raise ConfigError where depth files read as millimetres cannot be those of a room.

    Or where they count in the steps of TUM RGB-D. Return a sentence where they may be
    millimetres and are far; else nothing. The middle one is looked at, or another one where
    that is damaged.
    """
    for path in [paths[len(paths) // 2], paths[0], paths[-1]] if depth_scale is None else []:
        with suppress(DataError):
            stored = read_pixels(path)
            if stored.dtype == np.uint16 and stored.any():
                metres = float(np.median(stored[stored > 0])) / 1000
                values = np.unique(stored)
                step = int(np.gcd.reduce(values))
                if step == _TUM_STEP and len(values) > _MANY_VALUES:
                    raise ConfigError(
                        f'{path} counts in steps of {step}, as files of 5000 units a metre do '
                        f'that were made of millimetres; its middle is at {metres / step:.1f} or '
                        f'{metres:.1f} m; say how many units are a metre: depth_scale=5000 or '
                        'depth_scale=1000')
                if metres <= _FARTHEST_ROOM_M:
                    return (f'depth is taken for millimetres, {metres:.1f} m in the middle; if '
                            'that is too far, say how many units are a metre: depth_scale=5000'
                            if metres > _FAR_ROOM_M else '')
                raise ConfigError(
                    f'{path} would be {metres:.1f} m deep if it counted in millimetres, which no '
                    'room is; say how many units are a metre: depth_scale=1000 for millimetres, '
                    '5000 for TUM RGB-D and ICL-NUIM')
    return ''


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


READER = Reader(
    'rgb and depth folders', 'a folder with rgb/NAME.jpg and depth/NAME.png (16-bit)',
    lambda place: ((Path(place) / 'rgb').is_dir()
                   and any((Path(place) / 'depth').glob('*.png'))),
    lambda place, options: pair_sequences(
        Path(place), options.border, options.camera, options.depth_scale), PairOptions)
