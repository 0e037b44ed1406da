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
"""A node that records what goes into a depth node and what comes out."""

from __future__ import annotations

import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.errors import MessageError
from lstm_depth.media.bag import BagWriter
from lstm_depth.msgs.camera_info import scaled_info_fields
from lstm_depth.msgs.cloud import CLOUD_DTYPE
from lstm_depth.msgs.image import decode_depth, decode_rgb
import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

IMAGE_TOPIC = '/image'
DEPTH_TOPIC = '/depth_node/depth/image'
INFO_TOPIC = '/depth_node/depth/camera_info'
POINTS_TOPIC = '/depth_node/depth/points'

# Reliable and deep, because a recording is to be complete, not up to date.
_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=200,
                  reliability=ReliabilityPolicy.RELIABLE)


class Recorder(Node):
    """
    Write images, depth, camera_info and clouds to a bag, and count.

    ``images`` and ``depths``: messages so far. ``latencies``: seconds from the
    arrival of an image here to that of its depth, by stamp in nanoseconds; this is
    what any subscriber sees, DDS both ways included. ``first_depth`` and
    ``last_depth``: their arrival, monotonic seconds. ``status``: what the depth
    node last said on /diagnostics.
    """

    def __init__(self, bag: BagWriter, **kwargs: Any) -> None:
        """
        Subscribe to the depth node's outputs, and to the images once all are published.

        *bag* must be open as long as the node is served.
        """
        super().__init__('recorder', **kwargs)
        self._bag = bag
        self._arrived: dict[int, float] = {}
        self.images = 0
        self.depths = 0
        self.latencies: dict[int, float] = {}
        self.first_depth: float | None = None
        self.last_depth: float | None = None
        self.status: dict[str, str] = {}
        for kind, topic, callback in (
                (Image, DEPTH_TOPIC, self._on_depth), (CameraInfo, INFO_TOPIC, self._on_info),
                (PointCloud2, POINTS_TOPIC, self._on_points),
                (DiagnosticArray, '/diagnostics', self._on_diagnostics)):
            self.create_subscription(kind, topic, callback, _QOS)
        self._until_outputs = self.create_timer(
            0.05, self._listen_to_images, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _listen_to_images(self) -> None:
        """
        Subscribe to the images, for which the camera waits, once both nodes are seen here.

        Not before: the camera could see this subscription, and play, while it is not seen yet.
        """
        if all(map(self.count_publishers, (DEPTH_TOPIC, INFO_TOPIC, POINTS_TOPIC, IMAGE_TOPIC))):
            self.destroy_timer(self._until_outputs)
            self.create_subscription(Image, IMAGE_TOPIC, self._on_image, _QOS)

    def _on_image(self, msg: Image) -> None:
        """Record one input image."""
        stamp_ns, frame_id = _header(msg)
        self._arrived[stamp_ns] = time.monotonic()
        self.images += 1
        try:
            rgb = decode_rgb(msg)
        except MessageError as error:
            self.get_logger().warning(f'image not recorded: {error}')
        else:
            self._bag.write_image(IMAGE_TOPIC, rgb, 'rgb8', stamp_ns, frame_id)

    def _on_depth(self, msg: Image) -> None:
        """Record one answer."""
        now = time.monotonic()
        stamp_ns, frame_id = _header(msg)
        self.first_depth = now if self.first_depth is None else self.first_depth
        self.last_depth = now
        self.depths += 1
        arrived = self._arrived.pop(stamp_ns, None)
        if arrived is not None:
            self.latencies[stamp_ns] = now - arrived
        self._bag.write_image(DEPTH_TOPIC, decode_depth(msg), '32FC1', stamp_ns, frame_id)

    def _on_info(self, msg: CameraInfo) -> None:
        """Record the camera_info of one answer."""
        fields = scaled_info_fields(msg, msg.width, msg.height)
        self._bag.write_camera_info(INFO_TOPIC, fields, *_header(msg))

    def _on_points(self, msg: PointCloud2) -> None:
        """Record the cloud of one answer."""
        cloud = np.frombuffer(msg.data, CLOUD_DTYPE).reshape(msg.height, msg.width)
        self._bag.write_cloud(POINTS_TOPIC, cloud, *_header(msg))

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        """Keep the newest status of the depth node."""
        for status in msg.status:
            self.status = {item.key: item.value for item in status.values}


def _header(msg: Any) -> tuple[int, str]:
    """Return the stamp in nanoseconds and the frame id of a message."""
    stamp = msg.header.stamp
    return stamp.sec * 10**9 + stamp.nanosec, msg.header.frame_id
