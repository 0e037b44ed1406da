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
"""The publishers of depth_node: each is fed only while somebody listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_depth.geometry import Camera
from lstm_depth.msgs.cloud import organised_cloud
from lstm_depth.msgs.image import depth_to_encoding
from lstm_depth.ros.conversion import to_message
from lstm_depth.ros.messages import cloud_message, info_message
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.qos import output_qos, overriding_options, publisher_events
from lstm_depth.visualize import colorize_depth
import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_msgs.msg import Header

_TOPICS = {'~/depth/image': Image, '~/depth/camera_info': CameraInfo,
           '~/depth/points': PointCloud2, '~/depth/colored': Image}


@dataclass(frozen=True, eq=False)
class Output:
    """
    One answer, ready to be published.

    *depth*: (H, W) float32 metres, NaN invalid. *rgb*: (H, W, 3) uint8. *camera*:
    the intrinsics of both, None when unknown or uncalibrated. *info*: CameraInfo
    fields for both, None before any camera_info. *header*: the input image's.
    """

    depth: np.ndarray
    rgb: np.ndarray
    camera: Camera | None
    info: dict[str, Any] | None
    header: Header


class Outputs:
    """The four publishers; they publish only while their node is active."""

    def __init__(self, node: LifecycleNode) -> None:
        """Create the publishers."""
        self._node = node
        self._publishers = {
            topic: node.create_lifecycle_publisher(
                kind, topic, output_qos(), qos_overriding_options=overriding_options(),
                event_callbacks=publisher_events(node.resolve_topic_name(topic),
                                                 node.get_logger().warning))
            for topic, kind in _TOPICS.items()}

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    def wanted(self, topic: str) -> bool:
        """Tell whether somebody subscribes to *topic*."""
        return self._publishers[topic].get_subscription_count() > 0

    def any_wanted(self) -> bool:
        """Tell whether somebody subscribes to any output."""
        return any(self.wanted(topic) for topic in _TOPICS)

    def publish(self, output: Output, settings: DepthSettings) -> None:
        """Make and publish the messages that somebody subscribes to."""
        # The small message first: right behind large ones, DDS's shared memory may be full, and
        # a small message that is lost is sent again only with the next heartbeat, seconds later.
        makers = {'~/depth/camera_info': self._info, '~/depth/image': self._image,
                  '~/depth/points': self._points, '~/depth/colored': self._colored}
        for topic, make in makers.items():
            if self.wanted(topic) and (message := make(output, settings)) is not None:
                self._publishers[topic].publish(message)

    def _image(self, output: Output, settings: DepthSettings) -> Image:
        """Return the depth image."""
        encoding = settings.depth_encoding
        return to_message(
            depth_to_encoding(output.depth, encoding), encoding, output.header)

    def _info(self, output: Output, settings: DepthSettings) -> CameraInfo | None:
        """Return the camera_info beside the depth image."""
        return None if output.info is None else info_message(output.info, output.header)

    def _points(self, output: Output, settings: DepthSettings) -> PointCloud2 | None:
        """Return the cloud."""
        if output.camera is None:
            return None
        return cloud_message(organised_cloud(output.depth, output.rgb, output.camera,
                                             settings.cloud_stride), output.header)

    def _colored(self, output: Output, settings: DepthSettings) -> Image:
        """Return the picture of the depth."""
        colors = colorize_depth(output.depth, settings.color_min, settings.color_max,
                                settings.colormap)
        return to_message(colors, 'rgb8', output.header)
