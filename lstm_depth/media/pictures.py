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
"""Picture files of folders: photos as a person sees them, and depth that goes with them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import cv2
from lstm_depth.errors import DataError, MessageError
from lstm_depth.msgs.image_file import (
    as_bytes,
    decode_image_file,
    ImageHeader,
    MAX_FILE_MEGAPIXELS,
    read_header,
    upright,
)
import numpy as np

# Enough for the thumbnails before a JPEG's size.
_HEADER_BYTES = 2**20
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.bmp', '.webp', '.ppm')


def decode_photo(data: bytes) -> tuple[np.ndarray, ImageHeader]:
    """
    Return the (H, W, 3) uint8 RGB picture of a file's bytes, upright, and its header.

    An orientation that a phone wrote (EXIF) is applied, as every viewer does. MessageError
    for what is damaged, cut off or of more than MAX_FILE_MEGAPIXELS.
    """
    content = as_bytes(data)
    header = read_header(content)
    stored = decode_image_file(content, cv2.IMREAD_COLOR, MAX_FILE_MEGAPIXELS)
    return upright(cv2.cvtColor(stored, cv2.COLOR_BGR2RGB), header.orientation), header


def read_photo(path: Path) -> tuple[np.ndarray, ImageHeader]:
    """Return decode_photo() of a file; DataError where it cannot be read."""
    try:
        return decode_photo(path.read_bytes())
    except (OSError, MessageError) as error:
        raise DataError(f'{path} cannot be read: {_reason(error)}; copy it again or remove it'
                        ) from error


def photo_size(path: Path) -> tuple[int, int]:
    """Return the (width, height) of an upright picture from its header; DataError likewise."""
    try:
        with path.open('rb') as file:
            header = read_header(file.read(_HEADER_BYTES))
    except (OSError, MessageError) as error:
        raise DataError(f'{path} cannot be read: {_reason(error)}; copy it again or remove it'
                        ) from error
    size = (header.width, header.height)
    return size[::-1] if header.orientation > 4 else size


def first_size(paths: Sequence[Path]) -> tuple[int, int]:
    """Return photo_size() of the first of *paths* that can be read; DataError for none."""
    for path in paths[:-1]:
        with suppress(DataError):
            return photo_size(path)
    return photo_size(paths[-1])


def read_pixels(path: Path) -> np.ndarray:
    """Return the stored values of a depth or label file, of any type; DataError likewise."""
    try:
        return decode_image_file(as_bytes(path.read_bytes()), cv2.IMREAD_UNCHANGED,
                                 MAX_FILE_MEGAPIXELS)
    except (OSError, MessageError) as error:
        raise DataError(f'{path} cannot be read: {_reason(error)}; copy it again or remove it'
                        ) from error


def _reason(error: Exception) -> str:
    """Return why, without the path that a system error repeats."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
