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
Image messages to arrays and back, without ROS.

Messages are duck-typed: anything with the fields of ``sensor_msgs/Image`` or
``sensor_msgs/CompressedImage`` will do, from rclpy or rosbags of either ROS
version. Conversions equal those of cv_bridge.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import cv2
from lstm_depth.errors import MessageError
from lstm_depth.msgs.image_file import (
    as_bytes,
    decode_image_file,
    MAX_MESSAGE_MEGAPIXELS,
    MESSAGE_KINDS,
    read_header,
)
from lstm_depth.msgs.rvl import decode_rvl
import numpy as np
from rosbags.image import image_to_cvimage

# Encodings that are read, and their (NumPy type, values per pixel).
_RGB_PIXELS = {
    **dict.fromkeys(('mono8', 'bayer_rggb8', 'bayer_bggr8', 'bayer_gbrg8', 'bayer_grbg8'),
                    (np.uint8, 1)),
    **dict.fromkeys(('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv'), (np.uint8, 2)),
    # OpenCV's names, whose colours are in OpenCV's order.
    '8UC1': (np.uint8, 1), '8UC3': (np.uint8, 3), '8UC4': (np.uint8, 4),
    # One plane of grey and one of half as many rows.
    **dict.fromkeys(('nv12', 'nv21'), (np.uint8, 1)),
    **dict.fromkeys(('rgb8', 'bgr8'), (np.uint8, 3)),
    **dict.fromkeys(('rgba8', 'bgra8'), (np.uint8, 4)),
    **dict.fromkeys(('mono16', 'bayer_rggb16', 'bayer_bggr16', 'bayer_gbrg16', 'bayer_grbg16'),
                    (np.uint16, 1)),
    **dict.fromkeys(('rgb16', 'bgr16'), (np.uint16, 3)),
    **dict.fromkeys(('rgba16', 'bgra16'), (np.uint16, 4)),
}
# Some drivers call their millimetre images mono16.
_DEPTH_PIXELS = {'16UC1': (np.uint16, 1), 'mono16': (np.uint16, 1), '32FC1': (np.float32, 1)}
# Encodings that are written, likewise.
WRITTEN_PIXELS = {
    'rgb8': (np.uint8, 3), 'bgr8': (np.uint8, 3), 'mono8': (np.uint8, 1),
    '16UC1': (np.uint16, 1), '32FC1': (np.float32, 1),
}
_OPENCV_NAMES = {'8UC1': 'mono8', '8UC3': 'bgr8', '8UC4': 'bgra8'}
_HALF_PLANES = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
_PAIRS = ('yuv422', 'uyvy', 'yuv422_yuy2', 'yuyv')
DEPTH_ENCODINGS = ('32FC1', '16UC1')
# compressed_depth_image_transport: an int32 and two float32 before the PNG.
_COMPRESSED_DEPTH_HEADER = np.dtype([('kind', '<i4'), ('a', '<f4'), ('b', '<f4')])


def is_compressed(msg: Any) -> bool:
    """Return whether *msg* is a CompressedImage rather than an Image."""
    return hasattr(msg, 'format')


def holds_depth(msg: Any) -> bool:
    """Return whether the encoding of an image message says that it is a depth image."""
    if is_compressed(msg):
        return 'compressedDepth' in msg.format or msg.format.startswith(DEPTH_ENCODINGS)
    return msg.encoding in DEPTH_ENCODINGS


def decode_rgb(msg: Any, max_megapixels: float = MAX_MESSAGE_MEGAPIXELS) -> np.ndarray:
    """
    Return the (H, W, 3) uint8 RGB picture of an Image or CompressedImage message.

    The array may be a read-only view of the message's data. 16-bit images are
    scaled by 255/65535. *max_megapixels*: compressed images that claim more are refused
    before they are decoded. Raises MessageError, whose ``cause`` tells the kind.
    """
    if is_compressed(msg):
        if holds_depth(msg):
            raise MessageError(
                f'the image is depth ({msg.format}), not colour; choose the colour image topic',
                'bad_encoding')
        return decode_rgb_file(msg.data, max_megapixels)
    if msg.encoding in _HALF_PLANES:
        return _decode_planes(msg)
    if msg.encoding in _PAIRS and msg.width % 2:
        return _decode_odd_pairs(msg)
    pixels = _pixels(msg, _RGB_PIXELS, 'colour')
    if msg.encoding == 'rgb8':
        return pixels
    if pixels.dtype == np.uint8:
        return _convert(pixels, _OPENCV_NAMES.get(msg.encoding, msg.encoding), 'rgb8')
    # rosbags truncates 16 bits to 8, cv_bridge rounds; convertScaleAbs rounds as cv_bridge.
    return cv2.convertScaleAbs(_convert(pixels, msg.encoding, 'rgb16'), alpha=255 / 65535)


def decode_rgb_file(data: Any, max_megapixels: float = MAX_MESSAGE_MEGAPIXELS) -> np.ndarray:
    """
    Return the (H, W, 3) uint8 RGB picture of a compressed message (JPEG, PNG or WebP).

    Raises MessageError for data that is damaged, cut off or larger than *max_megapixels*,
    of which the header tells before anything is decoded.
    """
    # rosbags gives grey files one channel and asserts on damaged ones. An EXIF rotation does
    # not apply: camera_info describes the pixels as they were taken.
    bgr = _decode_file(data, cv2.IMREAD_COLOR, max_megapixels)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def decode_depth(msg: Any, unit_m: float = 0.001) -> np.ndarray:
    """
    Return the (H, W) float32 depth of an image message in metres, NaN where invalid.

    Takes 16UC1 and mono16 (millimetres, 0 invalid), 32FC1 (metres, non-finite or not
    positive invalid), PNG files of 16UC1, and compressedDepth (PNG or RVL) of both.
    *unit_m*: metres a unit of integers. Raises MessageError, whose ``cause`` tells the kind.
    """
    if is_compressed(msg):
        return _decode_compressed_depth(msg, unit_m)
    return _metres(_pixels(msg, _DEPTH_PIXELS, 'depth'), unit_m)


def depth_to_encoding(depth_m: np.ndarray, encoding: str) -> np.ndarray:
    """
    Return (H, W) depth in metres as the pixels of a depth image.

    '32FC1': float32 metres, invalid is NaN and never 0. '16UC1': uint16 millimetres,
    rounded; invalid and everything outside 1..65535 mm is 0.
    """
    valid = np.isfinite(depth_m) & (depth_m > 0)
    if encoding == '32FC1':
        return np.where(valid, depth_m, np.nan).astype(np.float32, copy=False)
    if encoding == '16UC1':
        millimetres = np.rint(np.where(valid, depth_m, 0).astype(np.float64) * 1000)
        return np.where(millimetres <= 65535, millimetres, 0).astype(np.uint16)
    raise MessageError(
        f'unknown depth encoding {encoding!r}; choose one of {", ".join(DEPTH_ENCODINGS)}',
        'bad_encoding')


def encode_image(array: np.ndarray, encoding: str) -> dict[str, Any]:
    """
    Return the fields of a ``sensor_msgs/Image`` that holds *array*.

    *array* is (H, W) or (H, W, C) with the type and channel order of *encoding* (rgb8,
    bgr8, mono8, 16UC1, 32FC1). ``data`` is a (H * step,) uint8 array, a view where the
    array is contiguous.
    """
    if encoding not in WRITTEN_PIXELS:
        raise MessageError(
            f'cannot write image encoding {encoding!r}; choose one of '
            f'{", ".join(WRITTEN_PIXELS)}', 'bad_encoding')
    dtype, channels = WRITTEN_PIXELS[encoding]
    shape = array.shape[:2] + ((channels,) if channels > 1 else ())
    if array.dtype != dtype or array.shape != shape or array.ndim < 2:
        raise MessageError(
            f'a {encoding} image is (height, width{", 3" if channels > 1 else ""}) '
            f'{np.dtype(dtype)}, not {array.shape} {array.dtype}', 'bad_encoding')
    height, width = array.shape[:2]
    return {
        'height': height, 'width': width, 'encoding': encoding,
        'is_bigendian': int(sys.byteorder == 'big'),
        'step': width * channels * array.itemsize,
        'data': np.ascontiguousarray(array).reshape(-1).view(np.uint8),
    }


def _pixels(msg: Any, encodings: dict[str, tuple[Any, int]], kind: str) -> np.ndarray:
    """
    Return an Image's pixels, (H, W) or (H, W, C) in native byte order, checked.

    rosbags ignores the row padding and trusts every size, so both are done here.
    """
    if msg.encoding not in encodings:
        raise MessageError(
            f'{msg.encoding!r} is not a {kind} encoding; publish one of '
            f'{", ".join(encodings)}', 'bad_encoding')
    dtype, channels = encodings[msg.encoding]
    if msg.height == 0 or msg.width == 0:
        raise MessageError(f'the image is empty ({msg.width}x{msg.height})', 'zero_size')
    row_bytes = msg.width * channels * np.dtype(dtype).itemsize
    if msg.step < row_bytes:
        raise MessageError(
            f'step {msg.step} is less than the {row_bytes} bytes of {msg.width} '
            f'{msg.encoding} pixels', 'bad_step')
    data = _bytes(msg.data)
    size = msg.step * msg.height
    if data.size < size:
        raise MessageError(
            f'the image has {data.size} bytes of data but {msg.height} rows of {msg.step} '
            f'bytes need {size}', 'short_data')
    rows = np.ascontiguousarray(data[:size].reshape(msg.height, msg.step)[:, :row_bytes])
    order = '>' if msg.is_bigendian else '<'
    values = rows.view(np.dtype(dtype).newbyteorder(order)).astype(dtype, copy=False)
    return values.reshape(msg.height, msg.width, channels) if channels > 1 else values


def _decode_planes(msg: Any) -> np.ndarray:
    """Return the picture of an nv12 or nv21 image: grey, then colours of 2 x 2 pixels."""
    if msg.width % 2 or msg.height % 2:
        raise MessageError(f'a {msg.encoding} image has an even size, not {msg.width}x'
                           f'{msg.height}', 'bad_encoding')
    rows = SimpleNamespace(height=msg.height * 3 // 2, width=msg.width, encoding=msg.encoding,
                           step=msg.step, data=msg.data, is_bigendian=0)
    return cv2.cvtColor(_pixels(rows, _RGB_PIXELS, 'colour'), _HALF_PLANES[msg.encoding])


def _decode_odd_pairs(msg: Any) -> np.ndarray:
    """Return the picture of an image of pixel pairs whose last column has only half of one."""
    pixels = _pixels(msg, _RGB_PIXELS, 'colour')
    if msg.width == 1:
        raise MessageError(f'a {msg.encoding} image one pixel wide has no colours',
                           'bad_encoding')
    # The missing half has the colour of the pair before.
    whole = np.concatenate([pixels, pixels[:, -2:-1]], axis=1)
    return _convert(whole, msg.encoding, 'rgb8')[:, :-1]


def _bytes(data: Any) -> np.ndarray:
    """Return message data of any buffer type as (N,) uint8, without a copy."""
    # frombuffer() refuses empty buffers.
    return np.frombuffer(data, np.uint8) if len(data) else np.empty(0, np.uint8)


def _convert(pixels: np.ndarray, encoding: str, target: str) -> np.ndarray:
    """Convert native-order *pixels* between colour encodings with rosbags."""
    packed = SimpleNamespace(
        height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
        is_bigendian=sys.byteorder == 'big', data=np.ascontiguousarray(pixels))
    try:
        return image_to_cvimage(packed, target)
    except cv2.error as error:
        raise MessageError(
            f'a {packed.width}x{packed.height} {encoding} image cannot be converted: '
            f'{error.err}', 'bad_encoding') from error


def _decode_file(data: Any, flags: int, max_megapixels: float) -> np.ndarray:
    """Return the picture in a message's bytes as OpenCV decodes it with *flags*."""
    content = as_bytes(data)
    kind = read_header(content).kind
    if kind not in MESSAGE_KINDS:
        raise MessageError(f'the compressed image is a {kind}; publish one of '
                           f'{", ".join(MESSAGE_KINDS)}', 'bad_encoding')
    return decode_image_file(content, flags, max_megapixels)


def _decode_compressed_depth(msg: Any, unit_m: float) -> np.ndarray:
    """Return metres of a CompressedImage made by one of the two compressed transports."""
    if not holds_depth(msg):
        raise MessageError(
            f'{msg.format!r} is not a depth format that can be read; publish raw depth or '
            'compressedDepth', 'bad_encoding')
    data = _bytes(msg.data)
    if 'compressedDepth' not in msg.format:
        return _metres(_depth_file(data), unit_m)
    if data.size <= _COMPRESSED_DEPTH_HEADER.itemsize:
        raise MessageError(
            f'the compressed depth image has only {data.size} bytes of data', 'short_data')
    header = np.frombuffer(data, _COMPRESSED_DEPTH_HEADER, count=1)[0]
    content = data[_COMPRESSED_DEPTH_HEADER.itemsize:]
    rvl = msg.format.lower().rstrip().endswith('rvl')
    stored = decode_rvl(content) if rvl else _depth_file(content)
    if not msg.format.startswith('32FC1'):
        return _metres(stored, unit_m)
    # The codec stores a / depth + b, and 0 for invalid.
    with np.errstate(divide='ignore', invalid='ignore'):
        depth = header['a'] / (stored.astype(np.float32) - header['b'])
    return _metres(np.where(stored == 0, np.float32(np.nan), depth))


def _depth_file(data: np.ndarray) -> np.ndarray:
    """Return the (H, W) uint16 pixels of a 16-bit grey image file."""
    stored = _decode_file(data, cv2.IMREAD_UNCHANGED, MAX_MESSAGE_MEGAPIXELS)
    if stored.dtype != np.uint16 or stored.ndim != 2:
        raise MessageError(
            f'the compressed depth holds {stored.dtype} {stored.shape}, not 16-bit grey',
            'bad_encoding')
    return stored


def _metres(values: np.ndarray, unit_m: float = 0.001) -> np.ndarray:
    """Turn uint16 units or float32 metres into float32 metres, NaN where invalid."""
    depth = values * np.float32(unit_m) if values.dtype == np.uint16 else values
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan))
