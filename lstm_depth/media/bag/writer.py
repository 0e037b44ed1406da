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
"""Write rosbag2 folders (MCAP) that rosbag2, RViz and Foxglove open."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

import cv2
from lstm_depth.errors import DataError
from lstm_depth.files import partial_token, remove_stale
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import common
from lstm_depth.msgs.camera_info import info_fields
from lstm_depth.msgs.image import encode_image
import numpy as np
from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer

_FLOAT32_FIELD = 7  # sensor_msgs/PointField.FLOAT32
# Metadata version 8 keeps the QoS in the form that Humble and everything later reads.
_METADATA_VERSION = 8
_FOREVER = QosTime(9223372036, 854775807)


class BagWriter:
    """
    Writer of one rosbag2 folder, whole or absent, for use as a context manager.

    Messages get their stamp as recording time, by which readers order them. Topics are
    made on first use; writing a second type to a topic raises DataError.
    """

    def __init__(self, path: str | Path, overwrite: bool = False) -> None:
        """
        Check that *path* can be written.

        Raises DataError where it exists, unless it is a rosbag2 folder and *overwrite* is
        true. It stays as it is until the writer closes without an exception.
        """
        self.path = Path(path)
        if self.path.exists() or self.path.is_symlink():
            if not self.path.is_dir() or not common.is_bag(self.path):
                raise DataError(f'{self.path} exists and is not a rosbag2 folder; choose another '
                                'name')
            if not overwrite:
                raise DataError(
                    f'bag {self.path} exists; choose another name or ask to overwrite it')
        self._types = common.typestore().types
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        """Start the bag in a temporary sibling folder."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            remove_stale(self.path)
            with ExitStack() as stack:
                self._folder = Path(stack.enter_context(TemporaryDirectory(
                    prefix=f'.{self.path.name}.{partial_token()}', suffix='.partial',
                    dir=self.path.parent)))
                # The folder's name is the file's name too, in it and in metadata.yaml.
                self._writer = Writer(self._folder / self.path.name, version=_METADATA_VERSION,
                                      storage_plugin=StoragePlugin.MCAP)
                stack.push(self._move_into_place)
                stack.enter_context(self._writer)
                self._stack = stack.pop_all()
        except OSError as error:
            raise DataError(f'bag {self.path} cannot be written: {error}') from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Put the finished bag in its place, or remove it after an exception."""
        try:
            self._stack.__exit__(kind, error, trace)
        except OSError as failure:
            raise DataError(f'bag {self.path} cannot be written: {failure}') from failure

    def _move_into_place(self, kind: type[BaseException] | None, *_: Any) -> None:
        """Rename the closed bag to its path, after moving an old one aside."""
        if kind is None:
            if self.path.exists():
                os.replace(self.path, self._folder / 'replaced')
            os.replace(self._folder / self.path.name, self.path)

    def write_image(self, topic: str, array: np.ndarray, encoding: str, stamp_ns: int,
                    frame_id: str) -> None:
        """Write an image as encode_image() takes it."""
        self._write(topic, common.IMAGE, stamp_ns, frame_id, **encode_image(array, encoding))

    def write_compressed(self, topic: str, data: bytes, image_format: str, stamp_ns: int,
                         frame_id: str) -> None:
        """Write the bytes of an image file; *image_format* is 'jpeg', 'png' or a longer form."""
        self._write(topic, common.COMPRESSED_IMAGE, stamp_ns, frame_id, format=image_format,
                    data=np.frombuffer(data, np.uint8))

    def write_camera_info(self, topic: str, camera: Camera | dict[str, Any], stamp_ns: int,
                          frame_id: str) -> None:
        """Write a CameraInfo of a Camera or of fields as camera_info.info_fields() gives."""
        fields = dict(info_fields(camera) if isinstance(camera, Camera) else camera)
        fields['roi'] = self._types['sensor_msgs/msg/RegionOfInterest'](**fields['roi'])
        for name in 'dkrp':
            fields[name] = np.asarray(fields[name], np.float64)
        self._write(topic, common.CAMERA_INFO, stamp_ns, frame_id, **fields)

    def write_cloud(self, topic: str, cloud: np.ndarray, stamp_ns: int, frame_id: str) -> None:
        """Write a (H, W) structured array of float32 fields, as organised_cloud() gives."""
        height, width = cloud.shape
        point_field = self._types['sensor_msgs/msg/PointField']
        self._write(
            topic, common.POINT_CLOUD, stamp_ns, frame_id, height=height, width=width,
            fields=[point_field(name=name, offset=cloud.dtype.fields[name][1],
                                datatype=_FLOAT32_FIELD, count=1) for name in cloud.dtype.names],
            is_bigendian=False, point_step=cloud.itemsize, row_step=cloud.itemsize * width,
            data=np.ascontiguousarray(cloud).reshape(-1).view(np.uint8), is_dense=False)

    def write_scan(self, topic: str, fields: dict[str, Any], stamp_ns: int,
                   frame_id: str) -> None:
        """Write a LaserScan; *fields*: all but the header and the intensities."""
        self._write(topic, common.LASER_SCAN, stamp_ns, frame_id, **fields,
                    intensities=np.empty(0, np.float32))

    def write_pose(self, topic: str, pose: np.ndarray, stamp_ns: int, frame_id: str) -> None:
        """Write a (4, 4) rigid transform in metres as a PoseStamped in *frame_id*."""
        position = self._types['geometry_msgs/msg/Point'](*_translation(pose))
        self._write(topic, common.POSE, stamp_ns, frame_id, pose=self._types[
            'geometry_msgs/msg/Pose'](position=position, orientation=self._quaternion(pose)))

    def write_transform(self, topic: str, pose: np.ndarray, stamp_ns: int, frame_id: str,
                        child_frame_id: str) -> None:
        """Write a (4, 4) child-to-parent transform in metres as a TFMessage of one transform."""
        vector = self._types['geometry_msgs/msg/Vector3'](*_translation(pose))
        transform = self._types['geometry_msgs/msg/TransformStamped'](
            header=self._header(stamp_ns, frame_id), child_frame_id=child_frame_id,
            transform=self._types['geometry_msgs/msg/Transform'](
                translation=vector, rotation=self._quaternion(pose)))
        self._write_message(topic, self._types[common.TRANSFORMS](transforms=[transform]),
                            stamp_ns)

    def _write(self, topic: str, msgtype: str, stamp_ns: int, frame_id: str,
               **fields: Any) -> None:
        """Write a message of *msgtype* with a header and *fields*."""
        header = self._header(stamp_ns, frame_id)
        self._write_message(topic, self._types[msgtype](header=header, **fields), stamp_ns)

    def _write_message(self, topic: str, message: Any, stamp_ns: int) -> None:
        """Serialise *message* to *topic*."""
        msgtype = message.__msgtype__
        if topic not in self._connections:
            self._connections[topic] = self._writer.add_connection(
                topic, msgtype, typestore=common.typestore(), offered_qos_profiles=_qos(topic))
        connection = self._connections[topic]
        if connection.msgtype != msgtype:
            raise DataError(f'topic {topic} holds {connection.msgtype}, not {msgtype}')
        self._writer.write(connection, stamp_ns,
                           common.typestore().serialize_cdr(message, msgtype))

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        """Return a std_msgs/Header."""
        sec, nanosec = divmod(stamp_ns, 10**9)
        stamp = self._types['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec)
        return self._types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)

    def _quaternion(self, pose: np.ndarray) -> Any:
        """Return the rotation of a (4, 4) transform as a geometry_msgs/Quaternion."""
        vector = cv2.Rodrigues(np.asarray(pose, np.float64)[:3, :3])[0].ravel()
        half = np.linalg.norm(vector) / 2
        # sin(half) / (2 half) times the rotation vector, whole also at half = 0.
        x, y, z = (float(value) for value in vector / 2 * np.sinc(half / np.pi))
        return self._types['geometry_msgs/msg/Quaternion'](x=x, y=y, z=z, w=float(np.cos(half)))


def _translation(pose: np.ndarray) -> tuple[float, float, float]:
    """Return x, y and z of a (4, 4) transform."""
    x, y, z = (float(value) for value in pose[:3, 3])
    return x, y, z


def _qos(topic: str) -> Sequence[Qos]:
    """Return the QoS that a player shall offer on *topic*: reliable, latched for /tf_static."""
    durability = (QosDurability.TRANSIENT_LOCAL if topic.endswith('tf_static')
                  else QosDurability.VOLATILE)
    return [Qos(QosHistory.KEEP_LAST, 10, QosReliability.RELIABLE, durability, _FOREVER,
                _FOREVER, QosLiveliness.AUTOMATIC, _FOREVER, False)]
