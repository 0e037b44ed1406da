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
"""Metric points from the messages of other sensors: LaserScan, PointCloud2, Range."""

from __future__ import annotations

from collections import deque
from typing import Any

from lstm_depth.errors import MessageError
from lstm_depth.msgs.transforms import stamp_ns, Transforms
import numpy as np

# sensor_msgs/PointField: the two types that coordinates come in.
_FLOATS = {7: 'f4', 8: 'f8'}
_MOST_POINTS = 10_000
# What was measured longer before an image says too little of it.
_MAX_AGE_NS = 500_000_000
# Messages kept of one sensor, and sensors on one topic.
_KEPT, _SENSORS = 16, 32


def points_of(message: Any) -> np.ndarray:
    """
    Return (N, 3) float64 metres in the frame of the sensor, or (1, 4) of a range finder.

    *message*: anything with the fields of a sensor_msgs LaserScan, PointCloud2 (of which
    at most 10 000 points are taken, evenly) or Range. The fourth number of a range finder
    is half the angle of its beam in radians: the nearest thing in it is at that distance
    along x (REP-117 says what is no measurement). MessageError for one that contradicts itself.
    """
    if hasattr(message, 'ranges'):
        return _of_scan(message)
    if hasattr(message, 'point_step'):
        return _of_cloud(message)
    if hasattr(message, 'field_of_view'):
        return _of_range(message)
    raise MessageError(f'a {type(message).__name__} has no points: LaserScan, PointCloud2 and '
                       'Range have')


def _of_scan(message: Any) -> np.ndarray:
    """Return the end points of the beams that hit something."""
    ranges = np.asarray(message.ranges, np.float64)
    angles = message.angle_min + np.arange(len(ranges)) * message.angle_increment
    with np.errstate(invalid='ignore'):
        hit = (ranges >= message.range_min) & (ranges <= message.range_max) & (ranges > 0)
    ranges, angles = ranges[hit], angles[hit]
    return np.column_stack([ranges * np.cos(angles), ranges * np.sin(angles),
                            np.zeros_like(ranges)])


def _of_range(message: Any) -> np.ndarray:
    """Return the end of the beam, none where it hit nothing."""
    if not max(message.min_range, 1e-6) <= message.range <= message.max_range:
        return np.empty((0, 4))
    return np.array([[message.range, 0.0, 0.0, abs(message.field_of_view) / 2]])


def _of_cloud(message: Any) -> np.ndarray:
    """Return the finite points of a cloud."""
    fields = {field.name: field for field in message.fields}
    order = '>' if message.is_bigendian else '<'
    step, width, height = message.point_step, message.width, message.height
    formats, offsets = [], []
    for name in 'xyz':
        field = fields.get(name)
        kind = field and _FLOATS.get(field.datatype)
        if not kind or field.offset + int(kind[1]) > step:
            raise MessageError(f'a cloud needs x, y and z as float32 or float64 within its '
                               f'{step} bytes a point; it has '
                               f'{", ".join(fields) or "no field"}', 'bad_encoding')
        formats.append(order + kind)
        offsets.append(field.offset)
    if width * height == 0:
        return np.empty((0, 3))
    if message.row_step < step * width or len(message.data) < message.row_step * height:
        raise MessageError(f'a cloud of {width}x{height} points of {step} bytes has '
                           f'{len(message.data)} bytes in rows of {message.row_step}',
                           'short_data')
    kind = np.dtype({'names': list('xyz'), 'formats': formats, 'offsets': offsets,
                     'itemsize': step})
    cloud = np.ndarray((height, width), kind, np.frombuffer(message.data, np.uint8),
                       strides=(message.row_step, step))
    every = -(-width * height // _MOST_POINTS)
    # Along the longer side, so that no copy is made of what is left out.
    cloud = (cloud[:, ::every] if width >= height else cloud[::every]).reshape(-1)
    points = np.column_stack([cloud[name].astype(np.float64) for name in 'xyz'])
    return points[np.isfinite(points).all(axis=1)]


class SparsePoints:
    """
    The last messages of sensors that measure points, and where they are from a camera.

    *topic*: for people.
    """

    def __init__(self, topic: str) -> None:
        """Start with no message."""
        self._topic = topic
        self._kept: dict[str, deque[tuple[int, Any]]] = {}

    def add(self, message: Any) -> None:
        """Take a message; each frame_id is a sensor of its own."""
        frame = message.header.frame_id
        if frame not in self._kept and len(self._kept) >= _SENSORS:
            return
        kept = self._kept.setdefault(frame, deque(maxlen=_KEPT))
        stamp = stamp_ns(message)
        if kept and stamp < kept[-1][0]:  # A bag that was started again.
            kept.clear()
        kept.append((stamp, message))

    def at(self, transforms: Transforms, camera: str, world: str,
           image_ns: int) -> tuple[np.ndarray | None, str]:
        """
        Return the points in the frame *camera* at the stamp of an image, or None and why.

        Of every sensor the newest message that is not later than the image counts, if it is
        at most half a second older. Its place is carried through *world* (empty for unknown),
        in which the robot moves meanwhile, else the sensor is taken to be fixed to the camera.
        """
        found, why = [], f'no message on {self._topic}'
        for frame, kept in self._kept.items():
            stamp, message = next(((stamp, message) for stamp, message in reversed(kept)
                                   if stamp <= image_ns), (None, None))
            if stamp is None:
                why = f'the messages on {self._topic} are all later than the image'
                continue
            if image_ns - stamp > _MAX_AGE_NS:
                why = (f'the last message on {self._topic} is {(image_ns - stamp) * 1e-9:.1f} s '
                       'older than the image')
                continue
            place = (transforms.across(frame, stamp, camera, image_ns, world) if world else None)
            place = transforms.between(frame, camera, image_ns) if place is None else place
            if place is None:
                why = transforms.apart(frame, camera)
                continue
            try:
                points = points_of(message)
            except MessageError as error:
                why = f'{self._topic}: {error}'
                continue
            found.append(np.column_stack([points[:, :3] @ place[:3, :3].T + place[:3, 3],
                                          points[:, 3:]]))
        return (_stacked(found), '') if found else (None, why)


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """Return all points, those without a beam's angle with 0 beside those with one."""
    width = max(part.shape[1] for part in parts)
    return np.concatenate([np.pad(part, ((0, 0), (0, width - part.shape[1]))) for part in parts])
