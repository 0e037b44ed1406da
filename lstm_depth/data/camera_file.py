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
"""Cameras in files beside images, in the forms that data sets and tools write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
import re

from lstm_depth.errors import ConfigError, DataError, MessageError
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.media.pictures import first_size
from lstm_depth.msgs.camera_info import camera_from_info, read_calibration
import numpy as np

# Looked for beside the images, in this order.
CAMERA_FILES = ('camera.yaml', 'camera_info.yaml', 'calibration.yaml', 'intrinsics.txt',
                'camera-intrinsics.txt', 'intrinsic.txt', 'intrinsics_color.txt')
ASSUMED = ("the camera is not known; NYU Depth V2's was assumed: put a camera.yaml (as ROS "
           'camera_calibration writes it) or an intrinsics.txt beside the images, or say '
           'camera=FX,FY,CX,CY')
_MOST_BYTES = 65536


def find_camera(folder: Path, images: Sequence[Path], camera: str = '') \
        -> tuple[Camera | None, tuple[str, ...]]:
    """
    Return the camera of *images* in *folder*, which are of one size, and what was assumed.

    *camera*: a file, ``FX,FY,CX,CY`` in pixels of the images, ``none`` or ``nyu``; empty for
    the file among CAMERA_FILES that is there, or else NYU's, which is told. DataError for what
    holds no camera.
    """
    if camera == 'none':
        return None, ()
    if camera == 'nyu':
        return NYU_CAMERA, ()
    if re.fullmatch(r'[-+.\deE]+(,[-+.\deE]+){3}', camera):
        return _camera(first_size(images), [float(value) for value in camera.split(',')],
                       camera), ()
    if camera:
        return read_camera(Path(camera), images), ()
    found = next((folder / name for name in CAMERA_FILES if (folder / name).is_file()), None)
    return (NYU_CAMERA, (ASSUMED,)) if found is None else (read_camera(found, images), ())


def read_camera(path: Path, images: Sequence[Path]) -> Camera:
    """
    Return the camera in *path*: a ROS calibration, a matrix or the four numbers fx fy cx cy.

    *images*: those whose size it is, where the file does not say it. DataError for others.
    """
    if path.suffix in ('.yaml', '.yml'):
        try:
            camera = camera_from_info(read_calibration(path))
        except MessageError as error:
            raise DataError(f'calibration {path}: {error}') from error
        if camera is None:
            raise DataError(f'calibration {path} is of an uncalibrated camera (fx is 0)')
        return camera
    values = read_numbers(path)
    if values.size in (9, 16):
        matrix = values.reshape(3, 3) if values.size == 9 else values.reshape(4, 4)
        values = np.array([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]])
    if values.size != 4:
        raise DataError(f'{path} holds {values.size} numbers; a camera is a 3x3 or 4x4 matrix, or '
                        'fx fy cx cy')
    return _camera(first_size(images), values.tolist(), str(path))


def read_numbers(path: Path) -> np.ndarray:
    """Return the numbers of a small text file, flat float64; DataError where it is none."""
    try:
        with path.open('rb') as file:
            text = file.read(_MOST_BYTES).decode('utf-8-sig')
        return np.array([float(word) for word in re.split(r'[\s,;]+', text) if word])
    except (OSError, ValueError) as error:
        raise DataError(f'{path} cannot be read as numbers: {error}') from error


def _camera(size: tuple[int, int], values: list[float], source: str) -> Camera:
    """Return the camera of fx, fy, cx, cy; DataError, naming the *source*, where it is none."""
    try:
        camera = Camera(*size, *values)
    except ConfigError as error:
        raise DataError(f'{source}: {error}') from error
    if not camera.calibrated:
        raise DataError(f'{source}: focal lengths must be positive, not {values[:2]}')
    return camera
