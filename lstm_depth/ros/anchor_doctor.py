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
"""What running nodes say of what anchors their depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import time

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.health import Check
from lstm_depth.ros.qos import output_qos
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

# An offset that is worth setting.
_OFFSET_S = 0.01
OFFSET = 'anchor time offset [s]'


def node_checks(seconds: float) -> Iterator[Check]:
    """Yield a finding for every camera of every depth_node that is heard within *seconds*."""
    heard: dict[str, dict[str, str]] = {}

    def take(message: DiagnosticArray) -> None:
        for status in message.status:
            values = {item.key: item.value for item in status.values}
            if 'anchor' in values:
                heard[status.name] = values

    context = Context()
    context.init(args=[])
    try:
        node = Node('anchor_doctor', context=context)
        node.create_subscription(DiagnosticArray, '/diagnostics', take, output_qos(20))
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(node)
        _listen(executor, heard, seconds)
        executor.shutdown()
        node.destroy_node()
    finally:
        context.try_shutdown()
    for name, values in sorted(heard.items()):
        yield from said_checks(name, values)
    if not heard:
        yield Check('anchor', False, 'no depth_node with an anchor is heard on /diagnostics',
                    'start it with anchor:=auto, with the same ROS_DOMAIN_ID')


def _listen(executor: SingleThreadedExecutor, heard: Mapping, seconds: float) -> None:
    """Serve for *seconds* from the first that is heard, which takes 3 s more at most."""
    end, first = time.monotonic() + seconds + 3.0, True
    while time.monotonic() < end:
        executor.spin_once(timeout_sec=0.1)
        if heard and first:
            end, first = time.monotonic() + seconds, False


def said_checks(name: str, values: Mapping[str, str]) -> Iterator[Check]:
    """Yield what the diagnostics *values* of the camera *name* mean."""
    why = values.get('not anchored', '')
    yield Check('anchor', not why, f'{name}: {values["anchor"]}, factor '
                f'{values.get("anchor scale", "none yet")}, {values.get("anchor points", 0)} '
                'points', why, dict(values))
    if OFFSET not in values:
        yield Check('time offset', None, f'{name}: not known; it is learned while the camera '
                    'turns to and fro')
        return
    offset = float(values[OFFSET])
    wrong = abs(offset) >= _OFFSET_S
    yield Check('time offset', not wrong, f'{name}: {1000 * offset:+.0f} ms between poses and '
                'images, beyond what is set', f'add {offset:+.3f} to odom_time_offset_s'
                if wrong else '', {'offset_s': offset})
