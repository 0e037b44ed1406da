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
"""What the stages of the frame path hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstm_depth.msgs.view import View
from lstm_depth.ros.diagnostics import Alerts
from lstm_depth.ros.messages import ImageBuffer
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.telemetry import Telemetry
import numpy as np
from rclpy.impl.rcutils_logger import RcutilsLogger
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

if TYPE_CHECKING:
    from lstm_depth.stream import DepthFrame


@dataclass(frozen=True, eq=False)
class Job:
    """A camera message, when it arrived (monotonic seconds) and the newest camera_info."""

    msg: Image | CompressedImage
    received: float
    info: CameraInfo | None


@dataclass(frozen=True, eq=False)
class Picture:
    """
    A decoded image and all that is known about it.

    *rgb*: (H, W, 3) uint8, perhaps a read-only view of the message. *view*: the camera it
    was taken with. *output_size*: (width, height) of what is made of it. *settings*: those
    of this frame, from the first stage to the last.
    """

    header: Header
    received: float
    rgb: np.ndarray
    view: View
    output_size: tuple[int, int]
    settings: DepthSettings

    @property
    def stamp_s(self) -> float:
        """Return the stamp in seconds."""
        # To the last bit as CameraFrame has it, so that a node predicts what a replay does.
        return (self.header.stamp.sec * 10**9 + self.header.stamp.nanosec) * 1e-9


@dataclass(frozen=True, eq=False)
class Prediction:
    """
    A picture and the depth that the network sees in it.

    *buffer*: the 32FC1 message of the outputs' size that the depth goes into, or is in already.
    """

    picture: Picture
    frame: DepthFrame
    buffer: ImageBuffer


@dataclass(frozen=True)
class Reports:
    """Where the work on a frame is told about: numbers, alerts and the log."""

    telemetry: Telemetry
    alerts: Alerts
    logger: RcutilsLogger
    throttled: ThrottledLog
