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
Depth in RVL, the run-length format of compressed_depth_image_transport.

Andrew D. Wilson, "Fast Lossless Depth Image Compression", ISS 2017: runs of zeros and of
differences, as numbers of 3 bits and a flag each, eight a word.
"""

from __future__ import annotations

from lstm_depth.errors import MessageError
from lstm_depth.msgs.image_file import MAX_MESSAGE_MEGAPIXELS
import numpy as np

_SHIFTS = np.arange(28, -1, -4, dtype=np.uint32)
# 16-bit differences need six groups of three bits.
_MOST_GROUPS = 7


def decode_rvl(data: np.ndarray) -> np.ndarray:
    """
    Return the (H, W) uint16 values of (N,) uint8 *data*: width, height (int32), RVL.

    MessageError where it is cut off or holds more or less than that image.
    """
    if data.size < 8:
        raise MessageError(f'the RVL depth has only {data.size} bytes', 'short_data')
    width, height = (int(value) for value in data[:8].view('<i4'))
    if width <= 0 or height <= 0 or width * height > MAX_MESSAGE_MEGAPIXELS * 1e6:
        raise MessageError(f'the RVL depth claims to be {width}x{height}', 'corrupt_image')
    values = _numbers(data[8:])
    places, differences = _runs(values, width * height)
    result = np.zeros(width * height, np.int64)
    # Differences go on over the zeros in between.
    result[places] = np.cumsum((differences >> 1) ^ -(differences & 1))
    if result.min() < 0 or result.max() > 0xffff:
        raise MessageError('the RVL depth holds differences out of range', 'corrupt_image')
    return result.astype(np.uint16).reshape(height, width)


def _numbers(data: np.ndarray) -> np.ndarray:
    """Return all numbers in the words of *data*, int64; incomplete ones are left out."""
    words = data[:data.size // 4 * 4].view('<u4')
    groups = (words[:, None] >> _SHIFTS & 0xf).ravel().astype(np.int64)
    ends = np.flatnonzero(groups < 8)
    if not ends.size:
        return np.empty(0, np.int64)
    starts = np.concatenate([[0], ends[:-1] + 1])
    if (ends - starts).max() >= _MOST_GROUPS:
        raise MessageError('the RVL depth holds a number that is too long', 'corrupt_image')
    groups = groups[:ends[-1] + 1]
    # The lowest three bits come first.
    place = np.arange(groups.size) - np.repeat(starts, ends - starts + 1)
    return np.add.reduceat((groups & 7) << 3 * place, starts)


def _runs(values: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the pixels that are not 0, and their numbers."""
    pixel, index = 0, 0
    places, numbers = [], []
    while pixel < size:
        if index + 2 > values.size:
            raise MessageError('the RVL depth is cut off', 'short_data')
        zeros, count = int(values[index]), int(values[index + 1])
        pixel, index = pixel + zeros, index + 2
        if pixel + count > size or index + count > values.size or not zeros + count:
            raise MessageError('the RVL depth is cut off or of another size', 'short_data')
        places.append(np.arange(pixel, pixel + count))
        numbers.append(values[index:index + count])
        pixel, index = pixel + count, index + count
    return np.concatenate(places), np.concatenate(numbers)
