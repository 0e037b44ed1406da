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
The files that build-nyu writes, and reading their tables back.

``build.json``, ``manifest.csv``, ``skipped.csv`` and ``*_files.txt`` beside one folder a
scene with ``rgb_00000.jpg``, ``sync_depth_00000.png``, ``frames.csv``, ``skipped.csv`` and
``contact_sheet.png``. Everything follows from the frames' own files and the settings, so
that a build that was killed and resumed ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import csv
from dataclasses import asdict, dataclass, fields
import errno
import io
import json
from pathlib import Path
from typing import TypeVar

import cv2
from lstm_depth.data.nyu.kinect import RGB_LENS
from lstm_depth.data.nyu.sync import SyncedFrame
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import (
    atomic_path,
    remove_stale,
    table_text,
    text_of_table,
    write_json,
    write_text,
)
from lstm_depth.geometry import Camera
from lstm_depth.visualize import DepthPicture, strip, write_png
import numpy as np

BUILD_FILE, MANIFEST, SKIPPED, FRAMES = 'build.json', 'manifest.csv', 'skipped.csv', 'frames.csv'
SHEET = 'contact_sheet.png'
IMAGE_FORMATS = ('jpg', 'png')
_FORMAT_VERSION = 1
_SHEET_ROWS = 6


@dataclass(frozen=True, kw_only=True)
class FrameSettings:
    """
    What decides the bytes of the output.

    *width*: pixels of the output, the height follows; at most 640, which keeps every
    pixel. *image_format*: ``jpg`` (quality *jpeg_quality*) or ``png``. *fill*: fill holes.
    *fraction*: share of every scene's frames. *max_gap_s*: skip frames whose colour frame
    is farther away in time (None, as in the toolbox: no limit).
    """

    width: int = 640
    image_format: str = 'jpg'
    jpeg_quality: int = 95
    fill: bool = False
    fraction: float = 1.0
    max_gap_s: float | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for values that give no output."""
        if not 16 <= self.width <= 640:
            raise ConfigError(f'width must be within 16 to 640, not {self.width}')
        if self.image_format not in IMAGE_FORMATS:
            raise ConfigError(f'image format must be jpg or png, not {self.image_format!r}')
        if not 1 <= self.jpeg_quality <= 100:
            raise ConfigError(f'JPEG quality must be within 1 to 100, not {self.jpeg_quality}')
        if not 0 < self.fraction <= 1:
            raise ConfigError(f'fraction must be above 0 and at most 1, not {self.fraction}')
        if self.max_gap_s is not None and self.max_gap_s < 0:
            raise ConfigError(f'the largest gap must not be negative, not {self.max_gap_s}')

    @property
    def camera(self) -> Camera:
        """Return the camera of the output images."""
        return RGB_LENS.camera().resized(self.width, round(480 * self.width / 640))


@dataclass(frozen=True)
class FrameRow:
    """
    One built frame in ``frames.csv`` and ``manifest.csv``.

    *rgb*, *depth*: files relative to the output folder. Stamps are seconds as the raw
    file names spell them, *sync_gap_s* is colour minus depth, *valid_share* the share of
    pixels that have depth.
    """

    scene: str
    frame: int
    rgb: str
    depth: str
    depth_stamp: str
    rgb_stamp: str
    sync_gap_s: float
    valid_share: float
    raw_rgb: str
    raw_depth: str


@dataclass(frozen=True)
class SkippedRow:
    """One raw frame that could not be used, in ``skipped.csv``."""

    scene: str
    frame: int
    cause: str
    raw_rgb: str
    raw_depth: str


Row = TypeVar('Row', FrameRow, SkippedRow)


def start_build(output: Path, settings: FrameSettings) -> None:
    """Write the settings to *output*; DataError where it was built with others."""
    camera = settings.camera
    wanted = {'format': _FORMAT_VERSION, 'settings': asdict(settings), 'camera': asdict(camera)}
    path = output / BUILD_FILE
    if path.exists():
        before = read_build_file(output)
        if before != wanted:
            old = before.get('settings', {})
            changed = ', '.join(f'{key} {old.get(key)} instead of {value}'
                                for key, value in asdict(settings).items()
                                if old.get(key) != value) or 'an older format'
            raise DataError(f'{output} was built with {changed}; give another output folder or '
                            'the same settings')
        return
    # Of a build that was killed while it wrote this very file.
    remove_stale(path)
    if output.exists() and any(output.iterdir()):
        raise DataError(f'{output} is not empty and was not made by build-nyu; give another '
                        'output folder')
    try:
        write_json(path, wanted)
    except OSError as error:
        raise write_error(path, error) from error


def read_build_file(folder: Path) -> dict:
    """Return what ``build.json`` of a built folder says; DataError where it is damaged."""
    try:
        content = json.loads((folder / BUILD_FILE).read_text(encoding='utf-8'))
        if not isinstance(content, dict):
            raise TypeError('it holds no table')
        return content
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f'{folder / BUILD_FILE} cannot be read ({error}); build the folder '
                        'again') from error


def frame_files(scene: str, index: int, settings: FrameSettings) -> tuple[str, str]:
    """Return the (colour, depth) files of a frame, relative to the output folder."""
    return (f'{scene}/rgb_{index:05d}.{settings.image_format}',
            f'{scene}/sync_depth_{index:05d}.png')


def write_frame(output: Path, files: tuple[str, str], rgb: np.ndarray, depth: np.ndarray,
                settings: FrameSettings) -> float:
    """
    Write one frame, each file atomically and depth last; return its share of valid pixels.

    *rgb*: (H, W, 3) uint8; *depth*: (H, W) metres, 0 where there is none.
    """
    size = (settings.camera.width, settings.camera.height)
    if rgb.shape[1::-1] != size:
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        # Depth is picked, never averaged: a mean over an edge is a point in the air.
        depth = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST_EXACT)
    millimetres = np.rint(depth * 1000).astype(np.uint16)
    options = ([cv2.IMWRITE_JPEG_QUALITY, settings.jpeg_quality]
               if settings.image_format == 'jpg' else [cv2.IMWRITE_PNG_COMPRESSION, 1])
    _write_image(output / files[0], cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), options)
    _write_image(output / files[1], millimetres, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return valid_share(millimetres)


def valid_share(millimetres: np.ndarray) -> float:
    """Return the share of pixels above 0, to six digits."""
    return round(np.count_nonzero(millimetres) / millimetres.size, 6)


def _write_image(path: Path, image: np.ndarray, options: Sequence[int]) -> None:
    """Write an image file atomically."""
    _, data = cv2.imencode(path.suffix, image, options)
    try:
        with atomic_path(path) as partial:
            partial.write_bytes(data)
    except OSError as error:
        raise write_error(path, error) from error


def write_error(path: Path, error: OSError) -> DataError:
    """Return the DataError for a file that could not be written."""
    what = ('the disk is full; make room' if error.errno == errno.ENOSPC
            else f'{error.strerror or error}; mend that')
    return DataError(f'{path} cannot be written: {what} and run the same command again, it '
                     'goes on where it stopped')


def remove_partials(folder: Path) -> None:
    """Remove what a killed build left of files it was writing in *folder*."""
    for path in folder.glob('.*.partial*'):
        path.unlink(missing_ok=True)


def frame_row(scene: str, frame: SyncedFrame, files: tuple[str, str], share: float) -> FrameRow:
    """Return the row of one built frame."""
    return FrameRow(scene, frame.index, *files, frame.depth_stamp, frame.rgb_stamp,
                    round(frame.gap_s, 6), share, frame.rgb_name, frame.depth_name)


def write_rows(path: Path, kind: type[Row], rows: Iterable[Row], **extra: list[str]) -> None:
    """Write a table with one column a field of *kind*, and *extra* columns, atomically."""
    text = io.StringIO()
    names = [field.name for field in fields(kind)]
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(names + list(extra))
    for number, row in enumerate(rows):
        writer.writerow([table_text(value) for value in (
            *(getattr(row, name) for name in names),
            *(column[number] for column in extra.values()))])
    try:
        write_text(path, text.getvalue())
    except OSError as error:
        raise write_error(path, error) from error


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Return the rows of a table; DataError where it is damaged."""
    types = {'int': int, 'float': float, 'str': str}
    try:
        with path.open(encoding='utf-8', newline='') as file:
            return [kind(**{field.name: types[field.type](text_of_table(line[field.name]))
                            for field in fields(kind)}) for line in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f'{path} is not a table of build-nyu ({error}); remove it and build '
                        'again') from error


def read_depth(path: Path) -> np.ndarray | None:
    """Return (H, W) uint16 millimetres of a depth PNG, None where it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return image if image is not None and image.dtype == np.uint16 and image.ndim == 2 else None


def write_contact_sheet(output: Path, scene: str, rows: Sequence[FrameRow]) -> None:
    """Write a PNG of some frames spread evenly over the scene."""
    places = np.unique(np.linspace(0, len(rows) - 1, min(_SHEET_ROWS, len(rows))).astype(int))
    pictures = []
    for row in (rows[place] for place in places):
        rgb = cv2.imread(str(output / row.rgb), cv2.IMREAD_COLOR)
        depth = read_depth(output / row.depth)
        if rgb is None or depth is None:
            raise DataError(f'{output / row.depth} or its image is damaged; remove it and run '
                            'the same command again')
        metres = np.where(depth > 0, depth / np.float32(1000), np.float32(np.nan))
        pictures.append(DepthPicture(
            cv2.cvtColor(rgb, cv2.COLOR_BGR2RGB), metres,
            caption=f'{scene} {row.frame}: {row.valid_share:.0%} valid, '
                    f'sync {row.sync_gap_s * 1000:+.0f} ms'))
    try:
        write_png(output / scene / SHEET, strip(pictures))
    except OSError as error:
        raise write_error(output / scene / SHEET, error) from error


def file_list(part: str) -> str:
    """Return the name of the list of a part's frames, or of ``all``."""
    return f'{part}_files.txt'


def write_file_list(path: Path, rows: Iterable[FrameRow], settings: FrameSettings) -> None:
    """Write lines ``RGB DEPTH FOCAL``, which BTS and the code derived from it read."""
    lines = [f'{row.rgb} {row.depth} {settings.camera.fx:.4f}\n' for row in rows]
    try:
        write_text(path, ''.join(lines))
    except OSError as error:
        raise write_error(path, error) from error
