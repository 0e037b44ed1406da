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
"""What one camera sends: the subscriptions, the newest camera_info, and words about silence."""

from __future__ import annotations

from collections.abc import Callable
import time
from typing import Any

from lstm_depth.ros.job import Job
from lstm_depth.ros.qos import (
    describe,
    describe_publishers,
    input_qos,
    overriding_options,
    subscription_events,
)
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

# Parameter image_transport: topic and type of the image.
_TRANSPORTS = {'raw': ('image', Image), 'compressed': ('image/compressed', CompressedImage)}


class CameraInput:
    """
    Subscribe to ``<prefix>image`` and ``<prefix>camera_info`` while subscribed.

    Each image goes to *on_image* with its time of arrival and the newest camera_info. All
    methods belong to the executor's thread.
    """

    def __init__(self, node: LifecycleNode, prefix: str, transport: str,
                 on_image: Callable[[Job], None]) -> None:
        """Subscribe to nothing yet."""
        self._node = node
        name, self._image_type = _TRANSPORTS[transport]
        self._image_name, self._info_name = prefix + name, f'{prefix}camera_info'
        self._on_image = on_image
        self._info: CameraInfo | None = None
        self._subscriptions: list[Any] = []
        self._profiles: dict[str, QoSProfile] = {}
        self._last_image = time.monotonic()
        self._silence_told = False

    @property
    def image_topic(self) -> str:
        """Return the resolved topic of the image."""
        return self._node.resolve_topic_name(self._image_name)

    @property
    def info_topic(self) -> str:
        """Return the resolved topic of the camera_info."""
        return self._node.resolve_topic_name(self._info_name)

    def subscribe(self) -> None:
        """Subscribe."""
        self._last_image, self._silence_told = time.monotonic(), False
        # camera_info first: where both wait, the executor takes them in this order.
        self._subscriptions = [
            self._subscribe(CameraInfo, self._info_name, self._take_info),
            self._subscribe(self._image_type, self._image_name, self._take_image)]

    def unsubscribe(self) -> None:
        """Destroy the subscriptions and forget the camera they were of."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []
        self._info = None

    def silence(self, limit_s: float) -> str:
        """Return what is missing after *limit_s* without an image, empty while all is well."""
        silent_s = time.monotonic() - self._last_image
        if not self._subscriptions or not limit_s or silent_s < limit_s:
            return ''
        return f'no image for {silent_s:.0f} s: {self._missing()}'

    def warn_of_silence(self, limit_s: float) -> None:
        """Warn once when no image comes."""
        if not self._silence_told and (text := self.silence(limit_s)):
            self._silence_told = True
            self._node.get_logger().warning(text)

    def _subscribe(self, kind: type, name: str, callback: Any) -> Any:
        """Return a subscription whose QoS users can override."""
        # rclpy writes the overrides into the profile that it is given.
        self._profiles[name] = profile = input_qos()
        return self._node.create_subscription(
            kind, name, callback, profile, qos_overriding_options=overriding_options(),
            event_callbacks=subscription_events(self._node.resolve_topic_name(name),
                                                self._node.get_logger().warning))

    def _take_info(self, msg: CameraInfo) -> None:
        """Keep the newest camera_info."""
        self._info = msg

    def _take_image(self, msg: Image | CompressedImage) -> None:
        """Hand an image on."""
        self._last_image, self._silence_told = time.monotonic(), False
        self._on_image(Job(msg, self._last_image, self._info))

    def _missing(self) -> str:
        """Return what was expected, what is there, and what to try."""
        topic = self.image_topic
        kind = f'sensor_msgs/msg/{self._image_type.__name__}'
        found = describe_publishers(self._node, topic)
        profile = self._profiles.get(self._image_name, input_qos())
        wanted = f'{topic} ({kind}, requested QoS: {describe(profile)})'
        if found:
            return (f'{wanted} is published by {found}, but nothing arrives; compare type and '
                    f'QoS, and try "ros2 topic hz {topic}"')
        return (f'nobody publishes {wanted}; start the camera, remap "{self._image_name}" to '
                'its topic, or see "ros2 topic list -t" and whether ROS_DOMAIN_ID is the same')
