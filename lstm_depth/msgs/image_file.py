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
Pictures in files and compressed messages: what their headers say, and their pixels.

The header is read before a pixel is decoded, so that a small file that claims to be huge
costs nothing. Formats: https://www.w3.org/TR/png, ITU-T T.81 (JPEG), RFC 9649 (WebP) and
CIPA DC-008 (EXIF).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import re
import struct
from typing import Any

import cv2
from lstm_depth.errors import MessageError
import numpy as np

# Of messages; a folder may hold BMP and PNM, too, and the photos of a larger camera.
MESSAGE_KINDS = ('JPEG', 'PNG', 'WebP')
MAX_MESSAGE_MEGAPIXELS = 40.0
MAX_FILE_MEGAPIXELS = 128.0
_PNG, _JPEG = b'\x89PNG\r\n\x1a\n', b'\xff\xd8'
# Start-of-frame markers; the gaps are other tables.
_JPEG_FRAMES = frozenset(range(0xc0, 0xd0)) - {0xc4, 0xc8, 0xcc}
# What is a marker and neither stuffing nor a restart.
_JPEG_MARKER = re.compile(rb'\xff[^\x00\xd0-\xd7\xff]')
_JPEG_SCAN, _JPEG_END, _JPEG_APP1 = 0xda, b'\xff\xd9', 0xe1
_EXIF_ORIENTATION = 0x0112
_PNM = re.compile(rb'P[2356](?:\s|#[^\n]*\n)+(\d{1,9})(?:\s|#[^\n]*\n)+(\d{1,9})\s')


@dataclass(frozen=True)
class ImageHeader:
    """
    What a picture's header says.

    *kind*: 'JPEG', 'PNG', 'WebP', 'BMP' or 'PNM'. *width*, *height*: of the stored pixels.
    *orientation*: how to turn them into the picture as a person sees it, 1 to 8 as EXIF
    counts; 1 leaves them.
    """

    kind: str
    width: int
    height: int
    orientation: int = 1


def read_header(data: bytes) -> ImageHeader:
    """Return the header of a picture's bytes; MessageError where it is none that is read."""
    try:
        if data[:2] == _JPEG:
            return _jpeg_header(data)
        if data[:8] == _PNG:
            width, height = struct.unpack_from('>II', data, 16)
            return ImageHeader('PNG', width, height, _png_orientation(data))
        if data[:4] == b'RIFF' and data[8:12] == b'WEBP':
            return _webp_header(data)
        if data[:2] == b'BM':
            width, height = struct.unpack_from('<ii', data, 18)
            return ImageHeader('BMP', abs(width), abs(height))
        if size := _PNM.match(data[:4096]):
            return ImageHeader('PNM', int(size[1]), int(size[2]))
    except (struct.error, IndexError) as error:
        raise MessageError(f'the {len(data)} bytes of the compressed image are cut off before '
                           'their size', 'corrupt_image') from error
    raise MessageError(f'the {len(data)} bytes of the compressed image are no readable image '
                       '(JPEG, PNG or WebP)', 'corrupt_image')


def decode_image_file(data: bytes, flags: int, max_megapixels: float) -> np.ndarray:
    """
    Return the stored pixels of a picture as OpenCV decodes them with *flags*, never turned.

    Raises MessageError for what is damaged, cut off or of more than *max_megapixels*.
    """
    header = read_header(data)
    if header.width * header.height > max_megapixels * 1e6:
        raise MessageError(
            f'the compressed image is {header.width}x{header.height}, more than the limit of '
            f'{max_megapixels:g} megapixels; raise the limit if it is meant to be', 'too_large')
    if header.kind == 'JPEG' and _lacks_end(data):
        image = _whole_without_end(data, flags)
    else:
        image = _decoded(data, flags)
    if image is None:
        raise MessageError(f'the {len(data)} bytes of the compressed image are no readable '
                           f'{header.kind}', 'corrupt_image')
    return image


def upright(image: np.ndarray, orientation: int) -> np.ndarray:
    """Return stored pixels (H, W, ...) as a person sees the picture, contiguous."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return np.ascontiguousarray(image[rows, columns])


def _decoded(data: bytes, flags: int) -> np.ndarray | None:
    """Return what OpenCV makes of a picture, None where it makes nothing."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None


def _lacks_end(data: bytes) -> bool:
    """Return whether a JPEG has no end marker behind its last start of scan."""
    # Within the picture's data the marker cannot occur, and a thumbnail's comes before.
    return data.rfind(_JPEG_END) < data.rfind(bytes((0xff, _JPEG_SCAN)))


def _whole_without_end(data: bytes, flags: int) -> np.ndarray | None:
    """
    Return the picture of a JPEG without its end marker; MessageError where more is missing.

    The decoder makes up what is missing, from whatever follows or else from zeros. Where both
    give one picture, nothing is.
    """
    # Half of a marker would make a marker of what follows.
    data = data.rstrip(b'\xff')
    first, second = (_decoded(data + filler + _JPEG_END, flags) for filler in (b'', b'\xaa' * 64))
    # Tables behind a scan say that another scan should follow.
    scan = data[data.rfind(bytes((0xff, _JPEG_SCAN))) + 2:]
    if (_JPEG_MARKER.search(scan) or first is None or second is None
            or not np.array_equal(first, second)):
        raise MessageError(f'the {len(data)} bytes of the compressed image are a JPEG that was '
                           'cut off', 'corrupt_image')
    return first


def _jpeg_header(data: bytes) -> ImageHeader:
    """Return the header of a JPEG: its size is in the start of frame."""
    orientation, position = 1, 2
    while True:
        while data[position] == 0xff:
            position += 1
        marker = data[position]
        length, = struct.unpack_from('>H', data, position + 1)
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from('>HH', data, position + 4)
            return ImageHeader('JPEG', width, height, orientation)
        if marker == _JPEG_APP1 and data[position + 3:position + 9] == b'Exif\0\0':
            orientation = _exif_orientation(data[position + 9:position + 1 + length])
        position += 1 + length


def _webp_header(data: bytes) -> ImageHeader:
    """Return the header of a WebP of any of its three forms."""
    form = data[12:16]
    if form == b'VP8X':
        width, height = (int.from_bytes(data[start:start + 3], 'little') + 1
                         for start in (24, 27))
        orientation = next((_exif_orientation(content) for name, content in _riff_chunks(data)
                            if name == b'EXIF'), 1)
        return ImageHeader('WebP', width, height, orientation)
    if form == b'VP8L':
        bits, = struct.unpack_from('<I', data, 21)
        return ImageHeader('WebP', (bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1)
    width, height = struct.unpack_from('<HH', data, 26)
    return ImageHeader('WebP', width & 0x3fff, height & 0x3fff)


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, content) of the chunks of a WebP."""
    position = 12
    while position + 8 <= len(data):
        size, = struct.unpack_from('<I', data, position + 4)
        yield data[position:position + 4], data[position + 8:position + 8 + size]
        position += 8 + size + size % 2


def _png_orientation(data: bytes) -> int:
    """Return the orientation in a PNG's eXIf chunk, 1 without one."""
    position = 8
    while position + 8 <= len(data):
        size, = struct.unpack_from('>I', data, position)
        name = data[position + 4:position + 8]
        if name == b'eXIf':
            return _exif_orientation(data[position + 8:position + 8 + size])
        if name == b'IDAT':
            break
        position += 12 + size
    return 1


def _exif_orientation(exif: bytes) -> int:
    """Return the orientation in an EXIF block, 1 where it says none."""
    if exif[:6] == b'Exif\0\0':
        exif = exif[6:]
    order = {b'II': '<', b'MM': '>'}.get(exif[:2])
    try:
        first, = struct.unpack_from(f'{order}I', exif, 4)
        count, = struct.unpack_from(f'{order}H', exif, first)
        for place in range(first + 2, first + 2 + 12 * min(count, 512), 12):
            tag, _, _, value = struct.unpack_from(f'{order}HHIH', exif, place)
            if tag == _EXIF_ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def as_bytes(data: Any) -> bytes:
    """Return message or file data as bytes; MessageError where there are none."""
    content = data if isinstance(data, bytes) else bytes(memoryview(data))
    if not content:
        raise MessageError('the compressed image has no data', 'zero_size')
    return content
