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
"""What reading and writing of bags share: message types, storage names, bag detection."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from lstm_depth.files import natural_key
from rosbags.typesys import get_typestore, Stores
from rosbags.typesys.store import Typestore

IMAGE = 'sensor_msgs/msg/Image'
COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
POINT_CLOUD = 'sensor_msgs/msg/PointCloud2'
LASER_SCAN = 'sensor_msgs/msg/LaserScan'
RANGE = 'sensor_msgs/msg/Range'
POSE = 'geometry_msgs/msg/PoseStamped'
TRANSFORMS = 'tf2_msgs/msg/TFMessage'
# Its name in old ROS 1 bags comes second.
TRANSFORM_TYPES = (TRANSFORMS, 'tf/msg/tfMessage')

# What is used of the messages that a bag may define as it likes.
_IMAGE_FIELDS = ('header', 'height', 'width', 'encoding', 'is_bigendian', 'step', 'data')
FIELDS = {IMAGE: _IMAGE_FIELDS, COMPRESSED_IMAGE: ('header', 'format', 'data'),
          CAMERA_INFO: ('header', 'height', 'width', 'distortion_model', 'binning_x',
                        'binning_y', 'roi')}

STORAGE_SUFFIXES = ('.mcap', '.db3')
BAG_SUFFIXES = (*STORAGE_SUFFIXES, '.bag')


@lru_cache(maxsize=1)
def typestore() -> Typestore:
    """Return the message types of ROS 2 Jazzy, written and assumed where a bag has none."""
    return get_typestore(Stores.ROS2_JAZZY)


def storage_kind(path: Path) -> str:
    """Return which of BAG_SUFFIXES a file is, however it is spelled; empty for none."""
    name = path.name.lower()
    # rosbag calls a bag so while it records, and keeps the name when it is killed.
    name = name.removesuffix('.active') if name.endswith('.bag.active') else name
    return next((suffix for suffix in BAG_SUFFIXES if name.endswith(suffix)), '')


def storage_files(folder: Path) -> list[Path]:
    """Return the storage files in a rosbag2 *folder*, in the order they were recorded."""
    # Split recordings are numbered name_0, name_1, ..., name_10.
    return sorted((path for path in folder.iterdir() if storage_kind(path) in STORAGE_SUFFIXES),
                  key=lambda path: natural_key(path.name))


def bag_path(path: Path) -> Path:
    """Return *path*, or the folder of the metadata.yaml that was named for it."""
    return path.parent if path.name == 'metadata.yaml' and path.is_file() else path


def is_bag(path: Path) -> bool:
    """Return whether *path* looks like a bag: a rosbag2 folder or a storage file."""
    path = bag_path(path)
    if path.is_dir():
        return (path / 'metadata.yaml').is_file() or bool(storage_files(path))
    return path.is_file() and bool(storage_kind(path))
