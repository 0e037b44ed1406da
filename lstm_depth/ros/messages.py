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
"""Message fields from the core's arrays and dictionaries."""

from __future__ import annotations

from typing import Any

from lstm_depth.msgs.cloud import CLOUD_FIELDS, POINT_STEP
from lstm_depth.ros.conversion import byte_array
import numpy as np
from sensor_msgs.msg import CameraInfo, PointCloud2, PointField, RegionOfInterest
from std_msgs.msg import Header

_POINT_FIELDS = [PointField(name=name, offset=offset, datatype=PointField.FLOAT32, count=1)
                 for name, offset in CLOUD_FIELDS]


def cloud_message(cloud: np.ndarray, header: Header) -> PointCloud2:
    """Return the organised PointCloud2 of an (H, W) array of ``lstm_depth.msgs.cloud``."""
    height, width = cloud.shape
    return PointCloud2(
        header=header, height=height, width=width, fields=_POINT_FIELDS, is_bigendian=False,
        point_step=POINT_STEP, row_step=POINT_STEP * width, is_dense=False,
        data=byte_array(np.ascontiguousarray(cloud).reshape(-1).view(np.uint8)))


def info_message(fields: dict[str, Any], header: Header) -> CameraInfo:
    """Return the CameraInfo of fields from ``lstm_depth.msgs.camera_info``."""
    fields = dict(fields)
    return CameraInfo(header=header, roi=RegionOfInterest(**fields.pop('roi')), **fields)
