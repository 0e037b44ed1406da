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
"""Picture files: headers before pixels, photos as a person sees them, JPEGs without an end."""

from __future__ import annotations

import struct
import zlib

import cv2
from lstm_depth.data.sequence import FileSequence, FrameFiles
from lstm_depth.errors import DataError, MessageError
from lstm_depth.geometry import Camera
from lstm_depth.media.pictures import decode_photo, read_pixels
from lstm_depth.media.sources import open_source
from lstm_depth.msgs.image import decode_rgb_file
from lstm_depth.msgs.image_file import read_header
import numpy as np
import pytest

UPRIGHT = np.zeros((48, 64, 3), np.uint8)
UPRIGHT[:16], UPRIGHT[:, 48:] = (200, 30, 30), (30, 30, 200)
# The stored pixels that each orientation makes UPRIGHT.
STORED = {1: UPRIGHT, 3: UPRIGHT[::-1, ::-1], 6: UPRIGHT.swapaxes(0, 1)[::-1],
          8: UPRIGHT.swapaxes(0, 1)[:, ::-1]}


def exif(orientation):
    """Return the EXIF block of an orientation."""
    return b'Exif\0\0MM\0*' + struct.pack('>IHHHIHxxI', 8, 1, 0x0112, 3, 1, orientation, 0)


def jpeg(rgb, orientation=1):
    """Return the bytes of a JPEG with an EXIF orientation."""
    data = cv2.imencode('.jpg', rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    block = exif(orientation)
    return data[:2] + b'\xff\xe1' + struct.pack('>H', len(block) + 2) + block + data[2:]


def png_claiming(width, height):
    """Return a small PNG whose header claims a size."""
    def chunk(name, content):
        body = name + content
        return struct.pack('>I', len(content)) + body + struct.pack('>I', zlib.crc32(body))
    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header)
            + chunk(b'IDAT', zlib.compress(bytes(1000))) + chunk(b'IEND', b''))


@pytest.mark.parametrize('orientation', STORED)
def test_a_photo_is_as_a_person_sees_it_wherever_it_is_read(tmp_path, orientation):
    data = jpeg(np.ascontiguousarray(STORED[orientation]), orientation)
    assert read_header(data).orientation == orientation
    (tmp_path / '0.jpg').write_bytes(data)
    with open_source(tmp_path) as source:
        played, = source
    depth = np.full(UPRIGHT.shape[:2], 2000, np.uint16)
    cv2.imwrite(str(tmp_path / '0.png'), depth)
    for rgb in (decode_photo(data)[0], played.rgb):
        assert np.abs(rgb.astype(int) - UPRIGHT).mean() < 12 and rgb.flags.c_contiguous
    # camera_info beside a message describes the pixels as they were taken.
    assert decode_rgb_file(data).shape == STORED[orientation].shape


@pytest.mark.parametrize('turned', [True, False])
def test_depth_is_turned_with_the_photo_it_belongs_to(tmp_path, turned):
    (tmp_path / '0.jpg').write_bytes(jpeg(np.ascontiguousarray(STORED[6]), 6))
    depth = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) + 500
    cv2.imwrite(str(tmp_path / '0.png'), depth if turned else depth.swapaxes(0, 1)[::-1])
    # The camera is that of the stored pixels, 48 wide and 64 high.
    camera = Camera(48, 64, 50.0, 60.0, 20.0, 30.0)
    sequence = FileSequence('a', 'a', (FrameFiles(tmp_path / '0.jpg', tmp_path / '0.png'),),
                            'millimetres', camera, video=False)
    frame = sequence.frame(0)
    np.testing.assert_allclose(frame.depth, depth * np.float32(0.001))
    assert frame.rgb.shape == UPRIGHT.shape and frame.camera == camera.turned(6)
    assert (frame.camera.width, frame.camera.fx) == (64, 60.0)


def test_whether_depth_was_turned_is_not_guessed(tmp_path):
    (tmp_path / '0.jpg').write_bytes(jpeg(np.ascontiguousarray(STORED[3]), 3))
    cv2.imwrite(str(tmp_path / '0.png'), np.full((48, 64), 900, np.uint16))
    sequence = FileSequence('a', 'a', (FrameFiles(tmp_path / '0.jpg', tmp_path / '0.png'),),
                            'millimetres', None, video=False)
    with pytest.raises(DataError, match='cannot be known'):
        sequence.frame(0)


@pytest.mark.parametrize('progressive', [0, 1])
def test_a_jpeg_that_lacks_only_its_end_marker_is_whole(progressive):
    noisy = np.random.default_rng(0).integers(0, 256, UPRIGHT.shape, np.uint8)
    data = cv2.imencode('.jpg', noisy, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])[1].tobytes()
    np.testing.assert_array_equal(decode_photo(data[:-2])[0], decode_photo(data)[0])
    for missing in (1, 2):
        np.testing.assert_array_equal(decode_rgb_file(data[:-missing]), decode_rgb_file(data))
    # Within the last scan: a progressive picture that lacks whole scans is only coarser.
    for missing in range(4, 400, 7):
        with pytest.raises(MessageError, match='cut off'):
            decode_rgb_file(data[:-missing])


@pytest.mark.parametrize('name', ['.jpg', '.png', '.webp', '.bmp', '.ppm'])
def test_the_size_is_in_the_header(name):
    data = cv2.imencode(name, UPRIGHT[..., ::-1])[1].tobytes()
    header = read_header(data)
    assert (header.width, header.height, header.orientation) == (64, 48, 1)
    if name in ('.bmp', '.ppm'):
        with pytest.raises(MessageError, match='publish one of') as caught:
            decode_rgb_file(data)
        assert caught.value.cause == 'bad_encoding'
    for length in (0, 5, 20):
        with pytest.raises(MessageError):
            decode_photo(data[:length])


def test_what_claims_to_be_huge_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    data = png_claiming(40000, 40000)
    monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('decoded'))
    for decode in (decode_rgb_file, decode_photo):
        with pytest.raises(MessageError, match='40000x40000.*megapixels') as caught:
            decode(data)
        assert caught.value.cause == 'too_large'
    with pytest.raises(MessageError, match='megapixels'):
        decode_rgb_file(png_claiming(1001, 1000), max_megapixels=1)
    (tmp_path / 'depth.png').write_bytes(data)
    with pytest.raises(DataError, match='depth.png.*megapixels'):
        read_pixels(tmp_path / 'depth.png')
