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
"""Messages as plain objects, for tests without ROS."""

from __future__ import annotations

from itertools import count
from types import SimpleNamespace
from typing import Any

import numpy as np
from rosbags.rosbag2 import Writer


def image_message(pixels: np.ndarray, encoding: str, *, padding: int = 0,
                  bigendian: bool = False) -> SimpleNamespace:
    """Return an Image of (H, W) or (H, W, C) *pixels* with *padding* bytes after each row."""
    values = pixels.astype(pixels.dtype.newbyteorder('>' if bigendian else '<'))
    rows = values.reshape(len(values), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAA)
    return SimpleNamespace(
        height=pixels.shape[0], width=pixels.shape[1], encoding=encoding,
        is_bigendian=int(bigendian), step=rows.shape[1], data=rows.tobytes())


def compressed_message(data: bytes, image_format: str) -> SimpleNamespace:
    """Return a CompressedImage of an image file's bytes."""
    return SimpleNamespace(format=image_format, data=data)


def info_message(width: int, height: int, k: Any, p: Any) -> SimpleNamespace:
    """Return a CameraInfo with the fields of ROS 2."""
    return SimpleNamespace(
        width=width, height=height, distortion_model='plumb_bob', d=[0.1, 0.2, 0.0, 0.0, 0.0],
        k=list(k), r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], p=list(p),
        binning_x=0, binning_y=0,
        roi=SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False))


def keep_written_order(monkeypatch: Any) -> None:
    """Make bags that are written from now on play in written order, whatever the stamps."""
    write, numbers = Writer.write, count()
    monkeypatch.setattr(Writer, 'write', lambda self, connection, _, data: write(
        self, connection, next(numbers), data))
