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
"""
``camera_node``: publishes a bag, a video, a folder of images or a webcam as a camera.

| topic              | type                        | direction                           |
|--------------------|-----------------------------|-------------------------------------|
| ``camera_info``    | sensor_msgs/CameraInfo      | out, just before its image          |
| ``image``          | sensor_msgs/Image, rgb8     | out, image_transport raw or both    |
| ``image/compressed`` | sensor_msgs/CompressedImage | out, image_transport compressed or both |
| ``depth``          | sensor_msgs/Image, 32FC1    | out, with publish_depth, where known |

The camera_info of ``depth`` is the image's, to which depth is registered.
Parameters: ``lstm_depth.ros.parameters``.
"""

from __future__ import annotations

from collections.abc import Sequence
import sys
from threading import Event, Thread
import time
from typing import Any

from lstm_depth.errors import ConfigError, LstmDepthError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.source import Source
from lstm_depth.media.sources import open_source
from lstm_depth.msgs.camera_info import info_fields
from lstm_depth.ros.conversion import to_jpeg_message, to_message
from lstm_depth.ros.messages import info_message
from lstm_depth.ros.parameter_service import CheckedParameterService
from lstm_depth.ros.parameters import CameraSettings, declare, updated
from lstm_depth.ros.qos import output_qos, overriding_options, publisher_events
from lstm_depth.ros.spin import run
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header


# Longer than a depth node takes to look at who publishes.
_SETTLE_S = 0.5


class CameraNode(Node):
    """
    Play a source from a thread of its own.

    ``done`` is set at the end of the source (with exit_when_done) or when it
    fails; ``status`` is the exit status.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Open the source; ConfigError or DataError when that cannot be done."""
        super().__init__('camera_node', start_parameter_services=False, **kwargs)
        CheckedParameterService(self)
        self._settings = declare(self, CameraSettings)
        self.done = Event()
        self.status = 0
        self.published = 0
        self._stop = Event()
        self._source = self._open()
        self._info = self._publisher(CameraInfo, 'camera_info')
        transport = self._settings.image_transport
        self._image = self._publisher(Image, 'image') if transport != 'compressed' else None
        self._jpeg = (self._publisher(CompressedImage, 'image/compressed')
                      if transport != 'raw' else None)
        self._depth = (self._publisher(Image, 'depth')
                       if self._settings.publish_depth else None)
        self.add_on_set_parameters_callback(self._on_parameters)
        self._thread = Thread(target=self._run, name='camera', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop playing; call before destroying the node."""
        self._stop.set()
        self._thread.join(5.0)
        self._source.close()

    def _open(self) -> Source:
        """Open the source that the parameters name."""
        settings = self._settings
        if not settings.source:
            raise ConfigError(
                'camera_node has nothing to publish; give -p source:=PATH, a rosbag, a video '
                'file, a folder of images or a webcam such as /dev/video0')
        # None lets the source choose the topic, an empty name is none at all.
        return open_source(
            settings.source, image_topic=settings.image_topic or None,
            camera_info_topic=settings.camera_info_topic or None,
            depth_topic=(settings.depth_topic or None) if settings.publish_depth else '',
            calibration=settings.calibration or None, loop=settings.loop,
            rate_hz=settings.rate or None, rectified=settings.rectified)

    def _publisher(self, kind: type, name: str) -> Any:
        """Return a reliable publisher whose QoS users can override."""
        return self.create_publisher(
            kind, name, output_qos(depth=10), qos_overriding_options=overriding_options(),
            event_callbacks=publisher_events(self.resolve_topic_name(name),
                                             self.get_logger().warning))

    def _run(self) -> None:
        """Play the source and say how it went."""
        try:
            self._wait_for_subscribers()
            if not self._stop.is_set():
                self._play()
        except LstmDepthError as error:
            self.get_logger().error(f'stopped after {self.published} frames: {error}')
            self.status = 2
            self.done.set()
        except Exception:
            # ROS shut down under the thread is the end, anything else a bug.
            if self.context.ok() and not self._stop.is_set():
                self.status = 1
                self.done.set()
                raise
        else:
            self._finish()

    def _wait_for_subscribers(self) -> None:
        """Wait until enough nodes subscribe to the image, and one to what comes with it."""
        wanted = self._settings.wait_for_subscribers
        image = self._image or self._jpeg
        if wanted:
            self.get_logger().info(f'waiting for {wanted} subscribers of {image.topic_name}')
        publishers = [publisher for publisher in (image, self._info, self._depth)
                      if publisher is not None]
        seen, since = None, time.monotonic()
        # A subscriber is seen here before it sees us, and ours subscribe anew once they do.
        while wanted and time.monotonic() < since + _SETTLE_S:
            nodes = self._nodes_subscribed(image.topic_name)
            counts = [publisher.get_subscription_count() for publisher in publishers]
            if (nodes, counts) != seen or min(len(nodes), counts[0]) < wanted or min(counts) < 1:
                seen, since = (nodes, counts), time.monotonic()
            if self._stop.wait(0.05):
                return

    def _nodes_subscribed(self, topic: str) -> set[tuple[Any, ...]]:
        """
        Return the nodes that subscribe to *topic*, each once.

        A node may have several subscriptions of it: a depth_node keeps one that has become
        useless until the one in its place has heard something.
        """
        # The first twelve bytes name the process (DDSI-RTPS 2.5, 9.3.1.2).
        return {(bytes(info.endpoint_gid[:12]), info.node_namespace, info.node_name)
                for info in self.get_subscriptions_info_by_topic(topic)}

    def _play(self) -> None:
        """Publish every frame when it is due."""
        self.get_logger().info(f'publishing {self._source.name}')
        due, last_stamp_ns = time.monotonic(), None
        for frame in self._source:
            if last_stamp_ns is not None:
                rate = self._settings.rate
                step = 1 / rate if rate else (frame.stamp_ns - last_stamp_ns) * 1e-9
                # Never catch up in a burst after a pause or a slow read.
                due = max(due + step, time.monotonic())
            last_stamp_ns = frame.stamp_ns
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            self._publish(frame)

    def _publish(self, frame: CameraFrame) -> None:
        """Publish the messages of one frame."""
        settings = self._settings
        stamp = (self.get_clock().now().to_msg() if settings.stamps == 'now'
                 else _stamp(frame.stamp_ns))
        header = Header(stamp=stamp, frame_id=settings.frame_id or frame.frame_id)
        height, width = frame.rgb.shape[:2]
        fields = frame.info or info_fields(
            frame.camera or Camera(width, height, 0.0, 0.0, 0.0, 0.0))
        self._info.publish(info_message(fields, header))
        if not self.published and self._source.camera_basis:
            self.get_logger().info(f'camera_info: {self._source.camera_basis}')
        if self._depth is not None and frame.depth is not None:
            self._depth.publish(to_message(frame.depth, '32FC1', header))
        if self._image is not None:
            self._image.publish(to_message(frame.rgb, 'rgb8', header))
        if self._jpeg is not None:
            self._jpeg.publish(to_jpeg_message(frame.rgb, header, settings.jpeg_quality))
        self.published += 1

    def _finish(self) -> None:
        """Let the last messages arrive, and end the process if so configured."""
        if self._stop.is_set():
            return
        for publisher in filter(None, (self._image, self._jpeg, self._info, self._depth)):
            publisher.wait_for_all_acked(Duration(seconds=2))
        skipped = ''.join(f', {count} skipped ({cause})'
                          for cause, count in sorted(self._source.skipped.items()))
        self.get_logger().info(f'end of {self._source.name}: {self.published} frames{skipped}')
        for text in filter(None, (self._source.truncated, *self._source.notes)):
            self.get_logger().warning(f'{self._source.name}: {text}')
        if self._settings.exit_when_done:
            self.done.set()

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Check changed parameters, and bring them to the next frame."""
        try:
            self._settings = updated(self._settings, parameters)
        except LstmDepthError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _stamp(stamp_ns: int) -> Any:
    """Return the time message of nanoseconds since the epoch."""
    stamp = Header().stamp
    stamp.sec, stamp.nanosec = divmod(stamp_ns, 10**9)
    return stamp


def main(args: Sequence[str] | None = None) -> None:
    """Run the node until the end of the source or a signal."""
    sys.exit(run(CameraNode, args))


if __name__ == '__main__':
    main()
