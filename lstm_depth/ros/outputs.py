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
"""The outputs of depth_node: one table of topics, each made only while somebody listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol, TYPE_CHECKING

from lstm_depth.msgs.cloud import CloudMaker
from lstm_depth.msgs.flying import flying_pixels
from lstm_depth.msgs.image import depth_to_encoding
from lstm_depth.msgs.output import limit_depth, resize_depth, resize_rgb
from lstm_depth.ros.job import Picture, Prediction
from lstm_depth.ros.messages import CloudBuffer, ImageBuffer, info_message
from lstm_depth.ros.qos import output_qos, overriding_options, publisher_events
from lstm_depth.visualize import colorize_depth
import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import CameraInfo, Image, PointCloud2

if TYPE_CHECKING:
    from lstm_depth.stream import DepthFrame


@dataclass(frozen=True, eq=False)
class Shaped:
    """
    A prediction in the shape of the outputs.

    *depth*: a 32FC1 image, metres, NaN where invalid. *picture*: what it was predicted from.
    *frame*: the prediction itself.
    """

    depth: ImageBuffer
    picture: Picture
    frame: DepthFrame | None = None

    def rgb(self) -> np.ndarray:
        """Return the (H, W, 3) uint8 colours at the size of the depth."""
        return resize_rgb(self.picture.rgb, *self.picture.output_size)


class Maker(Protocol):
    """Makes the messages of one topic, in memory that it keeps for the next."""

    def make(self, shaped: Shaped) -> Any | None:
        """Return the message but for its header, None where there is none to publish."""


class InfoMaker:
    """The camera_info of the depth image, one message as long as the camera stays."""

    def __init__(self) -> None:
        """Start without a message."""
        self._message = _newest(lambda view: view.info and info_message(view.info))

    def make(self, shaped: Shaped) -> CameraInfo | None:
        """Return the camera_info, None without a usable one of the input."""
        return self._message(shaped.picture.view)


class DepthMaker:
    """The depth image: the shaped depth itself, or its millimetres."""

    def __init__(self) -> None:
        """Start without memory."""
        self._buffer = _newest(ImageBuffer)

    def make(self, shaped: Shaped) -> Image:
        """Return the depth image."""
        encoding = shaped.picture.settings.depth_encoding
        if encoding == '32FC1':
            return shaped.depth.message
        depth = shaped.depth.pixels
        buffer = self._buffer(*depth.shape, encoding)
        np.copyto(buffer.pixels, depth_to_encoding(depth, encoding))
        return buffer.message


class PointsMaker:
    """The cloud."""

    def __init__(self) -> None:
        """Start without memory."""
        self._maker = _newest(CloudMaker)
        self._buffer = _newest(CloudBuffer)

    def make(self, shaped: Shaped) -> PointCloud2 | None:
        """Return the cloud, None where the camera is unknown or uncalibrated."""
        picture = shaped.picture
        if picture.view.camera is None:
            return None
        maker = self._maker(picture.view.camera, picture.settings.cloud_stride)
        buffer = self._buffer(*maker.shape)
        maker.fill(shaped.depth.pixels, shaped.rgb(), buffer.points, self._left_out(shaped))
        return buffer.message

    @staticmethod
    def _left_out(shaped: Shaped) -> np.ndarray | None:
        """Return (H, W) which pixels have no point, None where all have."""
        settings, left_out = shaped.picture.settings, None
        if settings.cloud_drop_flying:
            left_out = flying_pixels(shaped.depth.pixels)
        if shaped.frame and settings.cloud_min_confidence:
            confidence = resize_depth(shaped.frame.confidence, *shaped.picture.output_size)
            doubtful = confidence < settings.cloud_min_confidence
            left_out = doubtful if left_out is None else left_out | doubtful
        return left_out


class ConfidenceMaker:
    """How probable it is that depth is right to 25 %."""

    def __init__(self) -> None:
        """Start without memory."""
        self._buffer = _newest(ImageBuffer)

    def make(self, shaped: Shaped) -> Image | None:
        """Return the confidence, None without a prediction."""
        if shaped.frame is None:
            return None
        confidence = shaped.frame.confidence
        width, height = shaped.picture.output_size
        buffer = self._buffer(height, width, '32FC1')
        resize_depth(confidence, width, height, out=buffer.pixels)
        return buffer.message


class ColoredMaker:
    """The depth as a picture for people."""

    def __init__(self) -> None:
        """Start without memory."""
        self._buffer = _newest(ImageBuffer)

    def make(self, shaped: Shaped) -> Image:
        """Return the picture."""
        depth, settings = shaped.depth.pixels, shaped.picture.settings
        buffer = self._buffer(*depth.shape, 'rgb8')
        colorize_depth(depth, settings.color_min, settings.color_max, settings.colormap,
                       out=buffer.pixels)
        return buffer.message


# Topic: message, maker. In the order in which they are published: depth as early as may be, but
# the small message first. Right behind large ones, DDS's shared memory may be full, and a small
# message that is lost is sent again only with the next heartbeat, seconds later.
TOPICS: dict[str, tuple[type, type[Maker]]] = {
    'depth/camera_info': (CameraInfo, InfoMaker),
    'depth/image': (Image, DepthMaker),
    'depth/points': (PointCloud2, PointsMaker),
    'depth/confidence': (Image, ConfidenceMaker),
    'depth/colored': (Image, ColoredMaker),
}


class Outputs:
    """The publishers of one camera; they publish only while their node is active."""

    def __init__(self, node: LifecycleNode, prefix: str = '') -> None:
        """Create the publishers of ``~/<prefix>depth/...``."""
        self._node = node
        # One is filled while the other is published.
        self._depth_buffers = [_newest(ImageBuffer), _newest(ImageBuffer)]
        self._makers = {name: maker() for name, (_, maker) in TOPICS.items()}
        self._publishers = {}
        for name, (kind, _) in TOPICS.items():
            topic = f'~/{prefix}{name}'
            self._publishers[name] = node.create_lifecycle_publisher(
                kind, topic, output_qos(), qos_overriding_options=overriding_options(),
                event_callbacks=publisher_events(node.resolve_topic_name(topic),
                                                 node.get_logger().warning))

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()

    @property
    def active(self) -> bool:
        """Whether what is published goes out: the node is active."""
        return any(publisher.is_activated for publisher in list(self._publishers.values()))

    def wanted(self, name: str) -> bool:
        """Tell whether somebody subscribes to the output called *name* in TOPICS."""
        return self._publishers[name].get_subscription_count() > 0

    def any_wanted(self) -> bool:
        """Tell whether somebody subscribes to any output."""
        return any(self.wanted(name) for name in self._publishers)

    def publish(self, prediction: Prediction) -> None:
        """Make and publish what somebody subscribes to; one thread at a time."""
        shaped = None
        for name, publisher in list(self._publishers.items()):
            if publisher.get_subscription_count() == 0:
                continue
            shaped = shaped or self._shape(prediction)
            if (message := self._makers[name].make(shaped)) is not None:
                message.header = prediction.picture.header
                publisher.publish(message)

    def depth_buffer(self, width: int, height: int) -> ImageBuffer:
        """Return the 32FC1 message that the next depth goes into."""
        return self._depth_buffers[0](height, width, '32FC1')

    def claim_depth_buffer(self) -> None:
        """Leave the buffer to the frame that is in it; its successor gets the other one."""
        self._depth_buffers.reverse()

    @staticmethod
    def _shape(prediction: Prediction) -> Shaped:
        """Bring the depth to the size of the outputs, where it is not, and limit it."""
        picture, settings = prediction.picture, prediction.picture.settings
        depth = prediction.buffer.pixels
        if prediction.frame.depth is not depth:
            resize_depth(prediction.frame.depth, *picture.output_size, out=depth)
        limit_depth(depth, settings.min_depth, settings.max_depth)
        return Shaped(prediction.buffer, picture, prediction.frame)


def _newest(make: Callable[..., Any]) -> Callable[..., Any]:
    """Return *make* with a memory of the newest thing it made, for the same arguments."""
    return lru_cache(maxsize=1)(make)
