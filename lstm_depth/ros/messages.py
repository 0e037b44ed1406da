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
"""Messages of the core's arrays and dictionaries."""

from __future__ import annotations

from array import array
import sys
from typing import Any

from lstm_depth.msgs.cloud import CLOUD_FIELDS, POINT_STEP
from lstm_depth.msgs.image import WRITTEN_PIXELS
import numpy as np
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, PointField, RegionOfInterest
from std_msgs.msg import Header

_POINT_FIELDS = [PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
                 for name, offset in CLOUD_FIELDS]


class ImageBuffer:
    """
    An Image and the array in its memory, to be filled and published again and again.

    *pixels*: (height, width) or (height, width, 3), in the type of *encoding* (rgb8, bgr8,
    mono8, 16UC1, 32FC1). rclpy has copied the message when ``publish`` returns. Setting
    ``data`` for every frame instead costs a copy, or a look at each element, which of both
    depends on the release.
    """

    def __init__(self, height: int, width: int, encoding: str) -> None:
        """Allocate; the content is 0."""
        dtype, channels = WRITTEN_PIXELS[encoding]
        step = width * channels * np.dtype(dtype).itemsize
        self.message = Image(
            height=height, width=width, encoding=encoding, step=step,
            is_bigendian=int(sys.byteorder == 'big'), data=array('B', [0]) * (step * height))
        shape = (height, width) if channels == 1 else (height, width, channels)
        self.pixels = np.frombuffer(self.message.data, dtype).reshape(shape)


class CloudBuffer:
    """
    An organised PointCloud2 and the array in its memory, as ``ImageBuffer``.

    *points*: (height, width, 4) float32, to be filled by a ``CloudMaker``.
    """

    def __init__(self, height: int, width: int) -> None:
        """Allocate; the content is 0."""
        self.message = PointCloud2(
            height=height, width=width, fields=_POINT_FIELDS, is_bigendian=False,
            point_step=POINT_STEP, row_step=POINT_STEP * width, is_dense=False,
            data=array('B', [0]) * (POINT_STEP * width * height))
        self.points = np.frombuffer(self.message.data, '<f4').reshape(height, width, -1)


def info_message(fields: dict[str, Any], header: Header | None = None) -> CameraInfo:
    """Return the CameraInfo of fields from ``lstm_depth.msgs.camera_info``."""
    fields = dict(fields)
    roi = RegionOfInterest(**fields.pop('roi'))
    return CameraInfo(header=header or Header(), roi=roi, **fields)
