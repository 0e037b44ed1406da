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
"""Read and write the raw scenes' PPM and PGM files, strictly: a damaged one is an error."""

from __future__ import annotations

from lstm_depth.data.nyu import kinect
from lstm_depth.errors import DataError
import numpy as np

_LARGEST_RAW = 2047
_LONGEST_NUMBER = 12


class FrameError(DataError):
    """
    One raw frame cannot be used; the rest of its scene can.

    *cause* is a short name to count by: ``truncated_rgb``, ``truncated_depth``,
    ``bad_rgb``, ``bad_depth``, ``rgb_size``, ``depth_size``, ``unreadable`` or ``sync_gap``.
    """

    def __init__(self, message: str, cause: str = 'unreadable') -> None:
        """Keep the text for people and the *cause* for counters."""
        super().__init__(message)
        self.cause = cause


def decode_ppm(data: bytes, name: str) -> np.ndarray:
    """Return the (480, 640, 3) uint8 RGB image in a PPM file's *data*; FrameError if damaged."""
    pixels = _pixels(data, name, b'P6', 'rgb', 3 * kinect.WIDTH * kinect.HEIGHT)
    return np.frombuffer(pixels, np.uint8).reshape(kinect.HEIGHT, kinect.WIDTH, 3)


def decode_pgm(data: bytes, name: str) -> np.ndarray:
    """
    Return the (480, 640) uint16 raw depth in a PGM file's *data*; FrameError if damaged.

    The format says that the high byte comes first, but the dataset's files hold the low
    byte first: this is the toolbox's ``swapbytes``.
    """
    pixels = _pixels(data, name, b'P5', 'depth', 2 * kinect.WIDTH * kinect.HEIGHT)
    raw = np.frombuffer(pixels, '<u2').reshape(kinect.HEIGHT, kinect.WIDTH).astype(np.uint16)
    if raw.max() > _LARGEST_RAW:
        raise FrameError(f'{name} holds values above 2047, which no 11-bit Kinect depth has; '
                         'copy it again', 'bad_depth')
    return raw


def _pixels(data: bytes, name: str, magic: bytes, kind: str, size: int) -> bytes:
    """Return the *size* bytes after the header, checked."""
    if not data.startswith(magic):
        what = 'is empty' if not data else f'is not a {magic.decode()} file'
        raise FrameError(f'{name} {what}; copy it again',
                         f'bad_{kind}' if data else f'truncated_{kind}')
    start, fields = _header(data)
    if len(fields) < 3:
        raise FrameError(f'{name} ends within its header; copy it again', f'truncated_{kind}')
    if fields[:2] != [kinect.WIDTH, kinect.HEIGHT]:
        raise FrameError(f'{name} is {fields[0]}x{fields[1]}, not 640x480: not a raw NYU frame',
                         f'{kind}_size')
    if (fields[2] > 255) != (kind == 'depth'):
        raise FrameError(f'{name} has {"8" if kind == "depth" else "16"}-bit values: not a raw '
                         'NYU frame', f'bad_{kind}')
    if len(data) - start < size:
        raise FrameError(f'{name} is cut off ({len(data) - start} of {size} bytes of pixels); '
                         'copy it again', f'truncated_{kind}')
    return data[start:start + size]


def _header(data: bytes) -> tuple[int, list[int]]:
    """Return where the pixels start, and the up to three numbers before them."""
    position, fields = 2, []
    while len(fields) < 3:
        while data[position:position + 1].isspace():
            position += 1
        if data[position:position + 1] == b'#':
            end = data.find(b'\n', position)
            position = end if end >= 0 else len(data)
            continue
        start = position
        while data[position:position + 1].isdigit():
            position += 1
        if start == position:
            break
        # No number of these files is longer, and int() refuses thousands of digits.
        fields.append(int(data[start:position][:_LONGEST_NUMBER]))
    return position + 1, fields


def encode_ppm(rgb: np.ndarray) -> bytes:
    """Return the PPM file of an (H, W, 3) uint8 RGB image."""
    return b'P6 %d %d 255\n' % (rgb.shape[1], rgb.shape[0]) + rgb.tobytes()


def encode_pgm(raw: np.ndarray) -> bytes:
    """Return the PGM file of (H, W) raw depth, low byte first as in the dataset."""
    return b'P5 %d %d 65535\n' % (raw.shape[1], raw.shape[0]) + raw.astype('<u2').tobytes()
