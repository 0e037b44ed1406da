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
Folders of TUM RGB-D and ICL-NUIM, and of tools that write the same layout.

https://cvg.cit.tum.de/data/datasets/rgbd-dataset/file_formats and
https://www.doc.ic.ac.uk/~ahanda/VaFRIC/iclnuim.html: 5000 units a metre, depth registered to
colour, lists of stamps and files, poses of the camera in the world.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import re

from lstm_depth.data.camera_file import CAMERA_FILES, find_camera
from lstm_depth.data.reader import option, Reader
from lstm_depth.data.sequence import cut_at_gaps, FileSequence, FrameFiles, FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.files import inside
from lstm_depth.geometry import Camera
from lstm_depth.lens import Distortion
from lstm_depth.msgs.transforms import rigid_transform
import numpy as np

_PER_METRE = 5000.0
# As far apart as associate.py of the data set lets the stamps of a pair be.
_TOLERANCE_S = 0.02
_POSE_TOLERANCE_S = 0.05
_ICL_RATE_HZ = 30
# Calibrations of the three Kinects that recorded TUM RGB-D, by the names of its sequences.
_KINECTS = {
    'freiburg1': (517.3, 516.5, 318.6, 255.3, (0.2624, -0.9531, -0.0054, 0.0026, 1.1633)),
    'freiburg2': (520.9, 521.0, 325.1, 249.7, (0.2312, -0.7849, -0.0033, -0.0001, 0.9172)),
    'freiburg3': (535.4, 539.2, 320.1, 247.6, None)}
# The data set's advice where the Kinect is not known.
_DEFAULT_KINECT = Camera(640, 480, 525.0, 525.0, 319.5, 239.5)
_ICL_CAMERA = Camera(640, 480, 481.2, 480.0, 319.5, 239.5)
_LISTS = ('associations.txt', 'associate.txt', 'associated.txt', 'assoc.txt')


@dataclass(frozen=True, kw_only=True)
class TumOptions:
    """What is not in the files."""

    camera: str = option('', 'a file with the camera of the images, or FX,FY,CX,CY, nyu or none')
    depth_scale: float | None = option(
        None, 'units a metre of 16-bit depth files: 1000 for millimetres, 5000 for TUM RGB-D')


def tum_sequences(root: Path, camera: str = '',
                  depth_scale: float | None = None) -> list[FrameSequence]:
    """
    Return the video in a folder of this layout, cut where it pauses for half a second.

    *camera*: see find_camera(); empty for a file that is there, the Kinect of TUM's by the
    folder's name, ICL-NUIM's, or the data set's default, which is told. *depth_scale*: units a
    metre, 5000 where None. DataError where no image has depth or a list is malformed.
    """
    pairs = list(_pairs(root))
    if not pairs:
        raise DataError(f'{root} has lists of images and depth, but no image with depth within '
                        f'{_TOLERANCE_S * 1000:.0f} ms')
    icl = _counts_frames(pairs)
    poses = _Poses(root, icl)
    seconds = 1 / _ICL_RATE_HZ if icl else 1.0
    files = [FrameFiles(rgb, depth, round(stamp * seconds * 1e9), poses.at(stamp))
             for stamp, rgb, depth in pairs]
    known, notes = _camera(root, [item.rgb for item in files], camera, icl)
    runs = cut_at_gaps(files)
    return [FileSequence(
        root.name if len(runs) == 1 else f'{root.name}#{number}', root.name, tuple(run),
        'millimetres', known, per_metre=depth_scale or _PER_METRE, notes=notes)
        for number, run in enumerate(runs)]


def _pairs(root: Path) -> Iterator[tuple[float, Path, Path]]:
    """Yield (stamp, image, depth), in the order of time, of images that have depth."""
    listed = next((root / name for name in _LISTS if (root / name).is_file()), None)
    if listed is not None:
        rows = []
        for first, second in _lines(listed, 4):
            # ICL-NUIM names depth first, TUM's tool the image.
            swapped = 'depth' in first[1].relative_to(root).as_posix().lower()
            rgb, depth = (second, first) if swapped else (first, second)
            rows.append((rgb[0], rgb[1], depth[1]))
        yield from sorted(rows)
        return
    depths = sorted((stamp, name) for (stamp, name), in _lines(root / 'depth.txt', 2))
    stamps = [stamp for stamp, _ in depths]
    for stamp, name in sorted(row for row, in _lines(root / 'rgb.txt', 2)):
        place = bisect_left(stamps, stamp)
        near = min(depths[max(place - 1, 0):place + 1],
                   key=lambda item: abs(item[0] - stamp), default=None)
        if near and abs(near[0] - stamp) <= _TOLERANCE_S:
            yield stamp, name, near[1]


def _lines(path: Path, words: int) -> Iterator[tuple[tuple[float, Path], ...]]:
    """Yield the (stamp, file) pairs of the lines of a list with so many words a line."""
    root = path.parent
    try:
        text = path.read_text(encoding='utf-8-sig')
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'{path} cannot be read: {error}') from error
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.replace(',', ' ').split()
        if not parts or parts[0].startswith('#'):
            continue
        try:
            yield tuple((float(parts[index]), inside(root, parts[index + 1]))
                        for index in range(0, words, 2))
        except (IndexError, ValueError) as error:
            raise DataError(f'{path}, line {number} is no list of stamps and files: '
                            f'{line[:80]!r}') from error


def _counts_frames(pairs: list[tuple[float, Path, Path]]) -> bool:
    """Return whether the stamps are numbers of frames, as ICL-NUIM's are."""
    return all(stamp.is_integer() and stamp < 1e6 for stamp, _, _ in pairs)


def _camera(root: Path, images: list[Path], camera: str,
            icl: bool) -> tuple[Camera | None, tuple[str, ...]]:
    """Return the camera of the images, and what had to be assumed."""
    if camera or any((root / name).is_file() for name in CAMERA_FILES):
        return find_camera(root, images, camera)
    if icl:
        return _ICL_CAMERA, ()
    found = re.search('freiburg[123]|fr[123](?=[_/])', root.resolve().as_posix())
    if found is None:
        return _DEFAULT_KINECT, (
            "which Kinect of TUM's recorded this is not known; fx = fy = 525 was assumed: say "
            'camera=FX,FY,CX,CY',)
    fx, fy, cx, cy, lens = _KINECTS[f'freiburg{found[0][-1]}']
    return Camera(640, 480, fx, fy, cx, cy, lens and Distortion('plumb_bob', lens)), ()


class _Poses:
    """The camera's poses of groundtruth.txt or ICL-NUIM's .freiburg file, by stamp."""

    def __init__(self, root: Path, icl: bool) -> None:
        """Read what is there."""
        path = next((path for path in (root / 'groundtruth.txt', *sorted(root.glob('*.freiburg')))
                     if path.is_file()), None)
        rows = []
        if path is not None:
            for line in path.read_text(encoding='utf-8-sig', errors='replace').splitlines():
                words = line.replace(',', ' ').split()
                if len(words) == 8 and not words[0].startswith('#'):
                    try:
                        rows.append([float(word) for word in words])
                    except ValueError as error:
                        raise DataError(f'{path} is no list of poses: {line[:80]!r}') from error
        self._rows = sorted(rows)
        self._stamps = [row[0] for row in self._rows]
        self._tolerance = 0.5 if icl else _POSE_TOLERANCE_S
        # ICL-NUIM's y points up, in the camera and in the world.
        self._flip = np.diag([1.0, -1.0 if icl else 1.0, 1.0, 1.0])

    def at(self, stamp: float) -> np.ndarray | None:
        """Return the (4, 4) camera-to-world transform nearest to *stamp*, None without one."""
        place = bisect_left(self._stamps, stamp)
        near = min(self._rows[max(place - 1, 0):place + 1],
                   key=lambda row: abs(row[0] - stamp), default=None)
        if near is None or abs(near[0] - stamp) > self._tolerance:
            return None
        pose = rigid_transform(near[4:8], near[1:4])
        return None if pose is None else self._flip @ pose @ self._flip


def _recognised(place: str) -> bool:
    """Return whether a folder has the lists of this layout."""
    root = Path(place)
    return root.is_dir() and (any((root / name).is_file() for name in _LISTS) or (
        (root / 'rgb.txt').is_file() and (root / 'depth.txt').is_file()))


READER = Reader(
    'TUM RGB-D or ICL-NUIM folder', 'a TUM RGB-D or ICL-NUIM folder (rgb.txt or associations.txt)',
    _recognised, lambda place, options: tum_sequences(
        Path(place), options.camera, options.depth_scale), TumOptions)
