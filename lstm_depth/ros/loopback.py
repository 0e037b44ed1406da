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
The two ends of the doctor's loop-back test: ``python -m lstm_depth.ros.loopback ROLE ...``.

``publish TOPIC COUNT RATE_HZ`` sends best-effort images as a camera does, ``subscribe TOPIC
COUNT`` receives them. Both print one line of JSON for each thing they have to tell. Stamps
are of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from lstm_depth.ros.conversion import byte_array, ImageConverter
from lstm_depth.ros.logfile import logging_arguments
from lstm_depth.ros.transport import use_profile
import numpy as np
import rclpy
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image

WIDTH, HEIGHT = 640, 480
# How long the ends look for each other, and how long a silence is the end.
_MEET_S, _SILENCE_S = 10.0, 1.0
# A queue deep enough that what is missing was lost on the way.
_QOS = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=30,
                  reliability=ReliabilityPolicy.BEST_EFFORT)


def publish(node: Node, topic: str, count: int, rate_hz: float) -> None:
    """Send *count* images once somebody subscribes."""
    publisher = node.create_publisher(Image, topic, _QOS)
    end = time.monotonic() + _MEET_S
    while not publisher.get_subscription_count():
        if time.monotonic() > end:
            _tell(sent=0)
            return
        time.sleep(0.02)
    # The other side needs a moment to know of us, too.
    time.sleep(0.3)
    pixels = np.random.default_rng(0).integers(0, 256, WIDTH * HEIGHT * 3, dtype=np.uint8)
    msg = Image(width=WIDTH, height=HEIGHT, step=3 * WIDTH, encoding='rgb8',
                data=byte_array(pixels))
    due = time.monotonic()
    for index in range(count):
        now = time.monotonic_ns()
        msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(now, 10**9)
        msg.header.frame_id = str(index)
        publisher.publish(msg)
        due += 1 / rate_hz
        time.sleep(max(0.0, due - time.monotonic()))
    _tell(sent=count)
    time.sleep(0.5)


def subscribe(node: Node, topic: str, count: int) -> None:
    """Receive until the last image, or until none comes any more."""
    latencies: list[float] = []
    last = {'index': -1, 'at': time.monotonic() + _MEET_S}

    def take(msg: Any) -> None:
        now = time.monotonic_ns()
        stamp = msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec
        latencies.append((now - stamp) * 1e-6)
        last.update(index=int(msg.header.frame_id), at=time.monotonic())

    node.create_subscription(Image, topic, take, _QOS)
    while last['index'] < count - 1 and time.monotonic() < last['at'] + _SILENCE_S:
        rclpy.spin_once(node, timeout_sec=0.1)
    p50, p95 = np.percentile(latencies, [50, 95]) if latencies else (None, None)
    _tell(received=len(latencies), p50_ms=p50, p95_ms=p95)


def main(role: str, topic: str, count: str, rate_hz: str = '0') -> None:
    """Be one of the ends; the first line tells about ROS here."""
    profile = use_profile()
    rclpy.init(args=logging_arguments()[0])
    node = rclpy.create_node(f'lstm_depth_doctor_{role}')
    _tell(rmw=rclpy.get_rmw_implementation_identifier(), distribution=os.environ.get('ROS_DISTRO'),
          profile=profile.reason, converter=ImageConverter().summary)
    if role == 'publish':
        publish(node, topic, int(count), float(rate_hz))
    else:
        subscribe(node, topic, int(count))
    node.destroy_node()
    rclpy.try_shutdown()


def _tell(**facts: Any) -> None:
    """Print *facts* as one line of JSON."""
    print(json.dumps(facts), flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
