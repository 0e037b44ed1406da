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
Image messages to arrays and back: the one place where the nodes choose a converter.

cv_bridge is used for the encodings on which it proves itself at start: a build
against NumPy 1 imports under NumPy 2 and then fails, and the releases differ in
what they know. Everything else goes through ``lstm_depth.msgs.image``, whose results
are the same.
"""

from __future__ import annotations

from array import array
import contextlib
import importlib
import io
from typing import Any

import cv2
from lstm_depth.msgs.image import decode_rgb, encode_image, is_compressed
from lstm_depth.msgs.image_file import MAX_MESSAGE_MEGAPIXELS
import numpy as np
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

# Encoding: (bytes per channel, channels) of what cameras publish.
_ENCODINGS = {
    'rgb8': (1, 3), 'bgr8': (1, 3), 'rgba8': (1, 4), 'bgra8': (1, 4),
    'mono8': (1, 1), 'mono16': (2, 1), 'yuv422': (1, 2), 'yuv422_yuy2': (1, 2),
    'bayer_rggb8': (1, 1), 'bayer_bggr8': (1, 1), 'bayer_gbrg8': (1, 1), 'bayer_grbg8': (1, 1),
}


class ImageConverter:
    """
    Convert camera messages to RGB arrays; ``to_message`` is the way back.

    ``summary`` says which converter serves what, for the log.
    """

    def __init__(self) -> None:
        """Try cv_bridge on every encoding."""
        self._bridge, self._proven, self.summary = _prove_cv_bridge()

    def to_rgb(self, msg: Any,
               max_megapixels: float = MAX_MESSAGE_MEGAPIXELS) -> np.ndarray:
        """
        Return (H, W, 3) uint8 RGB of an Image or CompressedImage of at most *max_megapixels*.

        Raises MessageError, with its ``cause``, for a message that cannot be read.
        """
        if self._bridge is not None and self._fits_cv_bridge(msg):
            rgb = _ask_cv_bridge(self._bridge, msg)
            if rgb is not None:
                return rgb
        return decode_rgb(msg, max_megapixels)

    def _fits_cv_bridge(self, msg: Any) -> bool:
        """
        Tell whether cv_bridge has proven itself on messages like this one.

        Not for compressed images, which it hands to the same OpenCV but without
        noticing a JPEG that was cut off, and not for padded rows, which some
        releases read wrongly.
        """
        if is_compressed(msg) or msg.encoding not in self._proven or not len(msg.data):
            return False
        size, channels = _ENCODINGS[msg.encoding]
        return msg.step == msg.width * size * channels


def to_message(image: np.ndarray, encoding: str, header: Header) -> Image:
    """
    Return the Image of an array in *encoding* (rgb8, bgr8, mono8, 16UC1, 32FC1).

    Never by cv_bridge: some releases fill ``data`` from bytes, which rclpy checks
    element by element, a hundred times slower.
    """
    fields = encode_image(image, encoding)
    fields['data'] = byte_array(fields['data'])
    return Image(header=header, **fields)


def to_jpeg_message(rgb: np.ndarray, header: Header, quality: int) -> CompressedImage:
    """Return the JPEG of (H, W, 3) uint8 *rgb* as image_transport publishes it."""
    _, data = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR),
                           [cv2.IMWRITE_JPEG_QUALITY, quality])
    return CompressedImage(header=header, format='rgb8; jpeg compressed bgr8',
                           data=byte_array(data))


def byte_array(data: np.ndarray) -> array:
    """Return the bytes of a contiguous array as rclpy wants them in ``msg.data``."""
    result = array('B')
    result.frombytes(data)
    return result


def _prove_cv_bridge() -> tuple[Any, frozenset[str], str]:
    """Return the bridge (or None), the encodings it gets right, and a sentence for the log."""
    try:
        # NumPy prints a page of advice to stderr when a module was built for another NumPy.
        with contextlib.redirect_stderr(io.StringIO()):
            bridge = importlib.import_module('cv_bridge').CvBridge()
            proven = frozenset(name for name in _ENCODINGS if _agrees(bridge, name))
    except ModuleNotFoundError:
        return None, frozenset(), 'rosbags-image (cv_bridge is not installed)'
    except Exception as error:
        return None, frozenset(), f'rosbags-image (cv_bridge: {type(error).__name__}: {error})'
    if not proven:
        return None, proven, 'rosbags-image (cv_bridge failed its round trip)'
    rest = sorted(set(_ENCODINGS) - proven)
    return bridge, proven, f'cv_bridge; rosbags-image for {", ".join(["the rest", *rest])}'


def _agrees(bridge: Any, encoding: str) -> bool:
    """Tell whether the bridge reads *encoding* as our decoder does, in both byte orders."""
    size, channels = _ENCODINGS[encoding]
    height, width = 6, 8
    step = width * size * channels
    pixels = np.random.default_rng(0).integers(0, 256, height * step, dtype=np.uint8)
    for bigendian in range(size):
        msg = Image(height=height, width=width, encoding=encoding, step=step,
                    is_bigendian=bigendian, data=byte_array(pixels))
        rgb = _ask_cv_bridge(bridge, msg)
        if rgb is None or not np.array_equal(rgb, decode_rgb(msg)):
            return False
    return True


def _ask_cv_bridge(bridge: Any, msg: Image) -> np.ndarray | None:
    """Return the bridge's RGB image, None when it fails in any of its ways."""
    try:
        rgb = bridge.imgmsg_to_cv2(msg, 'rgb8')
    except Exception:
        # CvBridgeError, TypeError, ValueError, KeyError, cv2.error... Our own decoder is
        # asked next, and it names the cause.
        return None
    usable = (isinstance(rgb, np.ndarray) and rgb.dtype == np.uint8
              and rgb.shape == (msg.height, msg.width, 3) and rgb.size)
    return rgb if usable else None
