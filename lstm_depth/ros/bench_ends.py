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
A camera and a listener for ``lstm_depth benchmark node``: as light as Python can be.

``python -m lstm_depth.ros.bench_ends camera|listener --ros-args ...``. Both write what they
saw as JSON into ``output`` when they end: the camera the stamp of every image [ns], the
listener (topic, stamp, arrival) of every message [ns].
"""

from __future__ import annotations

from pathlib import Path
import struct
import sys
from threading import Event, Thread
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.files import write_json
from lstm_depth.ros.messages import ImageBuffer, info_message
from lstm_depth.ros.outputs import TOPICS
from lstm_depth.ros.qos import output_qos
from lstm_depth.ros.spin import run
import numpy as np
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

# How many different images are sent in turn.
_PICTURES = 4
# In a serialized message with a header: behind 4 bytes of encapsulation.
_STAMP = struct.Struct('<iI')
_STAMP_OFFSET = 4


class BenchCamera(Node):
    """Publish rgb8 images and camera_info at a fixed rate, stamped with the time of day."""

    def __init__(self) -> None:
        """Start the thread that publishes."""
        super().__init__('bench_camera')
        self._fps = self.declare_parameter('fps', 30.0).value
        self._output = Path(self.declare_parameter('output', '').value)
        width = self.declare_parameter('width', 640).value
        height = self.declare_parameter('height', 480).value
        self._pictures = [_picture(width, height, number) for number in range(_PICTURES)]
        self._info = info_message(_info(width, height))
        self._image_publisher = self.create_publisher(Image, 'image', output_qos(depth=10))
        self._info_publisher = self.create_publisher(CameraInfo, 'camera_info', output_qos(10))
        self._stamps: list[int] = []
        self._stop = Event()
        self._thread = Thread(target=self._play, daemon=True)
        self._thread.start()

    def _play(self) -> None:
        """Publish until stopped."""
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            stamp = time.time_ns()
            header = Header(frame_id='camera')
            header.stamp.sec, header.stamp.nanosec = divmod(stamp, 10**9)
            self._info.header = header
            image = self._pictures[len(self._stamps) % _PICTURES].message
            image.header = header
            self._info_publisher.publish(self._info)
            self._image_publisher.publish(image)
            self._stamps.append(stamp)
            due += 1 / self._fps

    def close(self) -> None:
        """Stop and write the stamps."""
        self._stop.set()
        self._thread.join()
        write_json(self._output, self._stamps)


class BenchListener(Node):
    """Note when each message of depth_node arrives, without looking into it."""

    def __init__(self) -> None:
        """Subscribe, best effort, to what ``outputs`` names."""
        super().__init__('bench_listener')
        self._output = Path(self.declare_parameter('output', '').value)
        outputs = self.declare_parameter('outputs', ['depth/image']).value
        profile = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
        self._arrivals: list[tuple[str, int, int]] = []
        self._facts: dict[str, str] = {}
        for name in outputs:
            self.create_subscription(
                TOPICS[name][0], f'/depth_node/{name}', self._noting(name), profile, raw=True)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._note_facts, 10)

    def _noting(self, name: str) -> Any:
        """Return the callback of one output."""
        def note(data: bytes) -> None:
            seconds, nanoseconds = _STAMP.unpack_from(data, _STAMP_OFFSET)
            self._arrivals.append((name, seconds * 10**9 + nanoseconds, time.time_ns()))
        return note

    def _note_facts(self, message: DiagnosticArray) -> None:
        """Keep the newest diagnostics of the depth node."""
        for status in message.status:
            if status.name.startswith('/depth_node'):
                self._facts = {item.key: item.value for item in status.values}

    def close(self) -> None:
        """Write what arrived."""
        write_json(self._output, {'arrivals': self._arrivals, 'diagnostics': self._facts})


def _picture(width: int, height: int, number: int) -> ImageBuffer:
    """Return an image of soft blobs, as a scene's colours are."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    buffer = ImageBuffer(height, width, 'rgb8')
    for channel in range(3):
        x, y, phase = rng.uniform(0.005, 0.05, 3)
        buffer.pixels[..., channel] = 127 + 100 * np.sin(columns * x + rows * y + phase * 100)
    return buffer


def _info(width: int, height: int) -> dict[str, Any]:
    """Return the camera_info of a calibrated camera."""
    from lstm_depth.geometry import Camera
    from lstm_depth.msgs.camera_info import info_fields
    return info_fields(Camera(width, height, width * 0.8, width * 0.8, width / 2, height / 2))


if __name__ == '__main__':
    sys.exit(run({'camera': BenchCamera, 'listener': BenchListener}[sys.argv[1]], sys.argv[1:]))
