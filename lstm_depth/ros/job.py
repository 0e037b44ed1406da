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
"""What the executor's thread hands to the worker's."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.ros.diagnostics import Alerts
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.telemetry import Telemetry
from rclpy.impl.rcutils_logger import RcutilsLogger
from sensor_msgs.msg import CameraInfo, CompressedImage, Image


@dataclass(frozen=True, eq=False)
class Job:
    """A camera message, when it arrived (monotonic seconds) and the newest camera_info."""

    msg: Image | CompressedImage
    received: float
    info: CameraInfo | None


@dataclass(frozen=True)
class Reports:
    """Where the work on a frame is told about: numbers, alerts and the log."""

    telemetry: Telemetry
    alerts: Alerts
    logger: RcutilsLogger
    throttled: ThrottledLog
