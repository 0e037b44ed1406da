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
"""One camera of depth_node: its topics, its stream, its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.ros.camera_input import CameraInput
from lstm_depth.ros.diagnostics import Alert, Alerts, diagnostics_message, WARN
from lstm_depth.ros.job import Job, Reports
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.telemetry import Telemetry
from rclpy.lifecycle import LifecycleNode

if TYPE_CHECKING:
    from lstm_depth.ros.anchoring import MotionInput
    from lstm_depth.ros.conversion import ImageConverter
    from lstm_depth.ros.outputs import Outputs
    from lstm_depth.ros.pipeline import Pipeline
    from lstm_depth.ros.processor import FrameProcessor
    from lstm_depth.runtime.engine import Engine


class CameraChannel:
    """
    What belongs to one camera alone, from its subscriptions to its publishers.

    *name* is the prefix of its topics; '' for the only camera of a node, whose topics have
    none. ``processor`` and ``outputs`` are there while it is configured.
    """

    def __init__(self, node: LifecycleNode, name: str, transport: str) -> None:
        """Subscribe to nothing yet."""
        self.name = name
        self.prefix = f'{name}/' if name else ''
        self.telemetry = Telemetry()
        self.alerts = Alerts()
        self.enabled = True
        self.input = CameraInput(node, self.prefix, transport, self.telemetry, self._on_image)
        self.outputs: Outputs | None = None
        self.processor: FrameProcessor | None = None
        self._pipeline: Pipeline | None = None
        self._node = node
        logger = node.get_logger().get_child(name) if name else node.get_logger()
        self._reports = Reports(self.telemetry, self.alerts, logger, ThrottledLog(logger))

    def configure(self, model: Engine, settings: DepthSettings, converter: ImageConverter,
                  pipeline: Pipeline, motion: MotionInput | None = None) -> None:
        """Create the publishers and a stream of *model*, anchored by *motion*."""
        # Imported here, so that a node that is only started answers at once.
        from lstm_depth.ros.outputs import Outputs
        from lstm_depth.ros.processor import FrameProcessor
        self.outputs = Outputs(self._node, self.prefix)
        self.processor = FrameProcessor(
            model, settings, converter, self.outputs, self._reports, self.input.info_topic,
            self.input.image_topic, motion)
        self._pipeline = pipeline

    def free(self) -> None:
        """Give back all that ``configure`` took; after the end of the pipeline."""
        self.processor = self._pipeline = None
        if self.outputs is not None:
            self.outputs.close()
            self.outputs = None

    def diagnostics(self, facts: Mapping[str, object], alerts: list[Alert],
                    no_input_timeout_s: float) -> DiagnosticArray:
        """Return the status of this camera: the node's *facts* and *alerts*, and its own."""
        facts = {**facts, 'image topic': self.input.image_topic,
                 'image QoS': self.input.image_qos}
        alerts = [*self.alerts.current(), *alerts]
        hardware = ''
        if self.processor is not None:
            stream = self.processor.stream
            hardware = stream.device
            facts.update({
                'model': stream.model.name, 'mode': stream.mode, 'device': stream.device,
                'backend': stream.model.backend, 'precision': stream.model.precision})
            if self.processor.anchor is not None:
                facts.update(self.processor.anchor.facts)
            if stream.device_note:
                alerts.append(Alert(WARN, stream.device_note))
        for problem in (self.input.silence(no_input_timeout_s), self.input.loss()):
            if problem:
                alerts.append(Alert(WARN, problem))
        return diagnostics_message(
            f'{self._node.get_fully_qualified_name()}: {f"{self.name} " * bool(self.name)}depth',
            hardware, self._node.get_clock().now(), alerts, facts, self.telemetry.snapshot(),
            self.processor.resets if self.processor is not None else {})

    def _on_image(self, job: Job) -> None:
        """Hand a message to the pipeline, and count it."""
        self.telemetry.frame_in()
        if self.enabled:
            self._pipeline.put(self.processor, job)
        else:
            self.telemetry.drop('disabled')
