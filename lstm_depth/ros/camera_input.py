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

from lstm_depth.ros.following import FollowingSubscription
from lstm_depth.ros.job import Job
from lstm_depth.ros.loss import LossWatch
from lstm_depth.ros.qos import describe, describe_publishers
from lstm_depth.telemetry import Telemetry
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

# Parameter image_transport: topic and type of the image.
_TRANSPORTS = {'raw': ('image', Image), 'compressed': ('image/compressed', CompressedImage)}


class CameraInput:
    """
    Subscribe to ``<prefix>image`` and ``<prefix>camera_info`` while subscribed.

    Each image goes to *on_image* with its time of arrival and the newest camera_info. What is
    lost on the way is counted in *telemetry*. All methods belong to the executor's thread.
    """

    def __init__(self, node: LifecycleNode, prefix: str, transport: str,
                 telemetry: Telemetry, on_image: Callable[[Job], None]) -> None:
        """Subscribe to nothing yet; ConfigError for a wrong ``qos_overrides``."""
        self._node = node
        self._image_name, self._image_type = _TRANSPORTS[transport]
        self._image_name = prefix + self._image_name
        self._on_image = on_image
        self._info: CameraInfo | None = None
        self._loss = LossWatch(telemetry)
        # Deeper than the image's queue: one that is missing would pass for an image lost.
        self._infos = FollowingSubscription(
            node, CameraInfo, f'{prefix}camera_info', self._take_info, depth=30,
            follow_durability=True)
        self._images = FollowingSubscription(
            node, self._image_type, self._image_name, self._take_image,
            on_lost=self._loss.reported, on_number=self._loss.number)
        self._subscribed = False
        self._last_image = time.monotonic()
        self._silence_told = self._loss_told = False

    @property
    def image_topic(self) -> str:
        """Return the resolved topic of the image."""
        return self._images.topic

    @property
    def image_qos(self) -> str:
        """Return the QoS with which images are, or were last, received."""
        return describe(self._images.profile)

    @property
    def info_topic(self) -> str:
        """Return the resolved topic of the camera_info."""
        return self._infos.topic

    def subscribe(self, reliability: str) -> None:
        """Subscribe; *reliability*: parameter input_reliability."""
        self._last_image, self._silence_told = time.monotonic(), False
        self._loss.start()
        # camera_info first: where both wait, the executor takes them in this order.
        self._infos.subscribe()
        self._images.subscribe(reliability)
        self._subscribed = True

    def watch(self, reliability: str, no_input_timeout_s: float) -> None:
        """Follow the publishers, count what got lost, and warn once of loss and of silence."""
        self._infos.follow()
        self._images.follow(reliability)
        if self._subscribed:
            self._loss.settle(self._images.reports_loss)
        if not self._silence_told and (text := self.silence(no_input_timeout_s)):
            self._silence_told = True
            self._node.get_logger().warning(text)
        if not self._loss_told and (text := self.loss()):
            self._loss_told = True
            self._node.get_logger().warning(f'{self.image_topic}: {text}')
        elif not self._loss.share():
            self._loss_told = False

    def unsubscribe(self) -> None:
        """Destroy the subscriptions and forget the camera they were of."""
        self._infos.unsubscribe()
        self._images.unsubscribe()
        self._subscribed = False
        self._info = None

    def loss(self) -> str:
        """Return how much is lost on the way and what to do about it, empty while hardly any."""
        return self._loss.text(self.image_qos)

    def silence(self, limit_s: float) -> str:
        """Return what is missing after *limit_s* without an image, empty while all is well."""
        silent_s = time.monotonic() - self._last_image
        if not self._subscribed or not limit_s or silent_s < limit_s:
            return ''
        return f'no image for {silent_s:.0f} s: {self._missing()}'

    def _take_info(self, msg: CameraInfo) -> None:
        """Keep the newest camera_info."""
        self._info = msg
        self._loss.info(_stamp_ns(msg))

    def _take_image(self, msg: Image | CompressedImage) -> None:
        """Hand an image on."""
        self._last_image, self._silence_told = time.monotonic(), False
        self._loss.image(_stamp_ns(msg))
        self._on_image(Job(msg, self._last_image, self._info))

    def _missing(self) -> str:
        """Return what was expected, what is there, and what to try."""
        topic = self.image_topic
        kind = f'sensor_msgs/msg/{self._image_type.__name__}'
        found = describe_publishers(self._node, topic)
        wanted = f'{topic} ({kind}, requested QoS: {self.image_qos})'
        if found:
            return (f'{wanted} is published by {found}, but nothing arrives; compare type and '
                    f'QoS, and try "ros2 topic hz {topic}"')
        return (f'nobody publishes {wanted}; start the camera, remap "{self._image_name}" to '
                'its topic, or see "ros2 topic list -t" and whether ROS_DOMAIN_ID is the same')


def _stamp_ns(msg: Any) -> int:
    """Return the stamp of a message in nanoseconds."""
    return msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
