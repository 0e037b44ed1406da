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
``depth_node``: a lifecycle node from camera images to metric depth.

| topic                   | type                            | direction                 |
|-------------------------|---------------------------------|---------------------------|
| ``image``               | sensor_msgs/Image               | in                        |
| ``image/compressed``    | sensor_msgs/CompressedImage     | in its place, see image_transport |
| ``camera_info``         | sensor_msgs/CameraInfo          | in                        |
| ``~/depth/image``       | sensor_msgs/Image, 32FC1, 16UC1 | out                       |
| ``~/depth/camera_info`` | sensor_msgs/CameraInfo          | out                       |
| ``~/depth/points``      | sensor_msgs/PointCloud2         | out                       |
| ``~/depth/colored``     | sensor_msgs/Image, rgb8         | out                       |
| ``/diagnostics``        | diagnostic_msgs/DiagnosticArray | out                       |

Services: ``~/reset`` (std_srvs/Trigger) forgets the hidden state, ``~/enable``
(std_srvs/SetBool) pauses and resumes. Parameters: ``lstm_depth.ros.parameters``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import sys
import time
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.errors import LstmDepthError
from lstm_depth.ros.diagnostics import Alert, Alerts, diagnostics_message, WARN
from lstm_depth.ros.job import Job, Reports
from lstm_depth.ros.lifecycle import ForgivingLifecycleNode
from lstm_depth.ros.parameters import declare, DepthSettings, updated
from lstm_depth.ros.qos import (
    describe,
    describe_publishers,
    input_qos,
    output_qos,
    overriding_options,
    subscription_events,
)
from lstm_depth.ros.spin import run
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.ros.worker import Worker
from lstm_depth.telemetry import Telemetry
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_srvs.srv import SetBool, Trigger

if TYPE_CHECKING:
    from lstm_depth.ros.conversion import ImageConverter
    from lstm_depth.ros.outputs import Outputs
    from lstm_depth.ros.processor import FrameProcessor
    from lstm_depth.runtime.engine import Engine

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class DepthNode(ForgivingLifecycleNode):
    """
    Configure loads the model, activate subscribes, deactivate stops, cleanup frees.

    The executor's thread only hands messages over; a worker thread decodes,
    infers and publishes, so that services and parameters always answer.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare parameters and services; ConfigError for a wrong start-up value."""
        super().__init__('depth_node', **kwargs)
        self.settings = declare(self, DepthSettings)
        self.telemetry = Telemetry()
        self.alerts = Alerts()
        self._throttled = ThrottledLog(self.get_logger())
        self._enabled = True
        self._info: CameraInfo | None = None
        self._inputs: list[Any] = []
        self._input_qos: dict[str, QoSProfile] = {}
        self._converter: ImageConverter | None = None
        self._outputs: Outputs | None = None
        self.processor: FrameProcessor | None = None
        self._worker: Worker | None = None
        self._last_input = time.monotonic()
        self._warned_no_input = False
        self._checkpoint_in_use = ''
        self._image_topic, self._image_type = {
            'raw': ('image', Image), 'compressed': ('image/compressed', CompressedImage),
        }[self.settings.image_transport]
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_service(SetBool, '~/enable', self._on_enable)
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', output_qos())
        # Steady timers, because simulated time may stand still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self.settings.diagnostics_period_s, self._report, clock=steady)
        self.create_timer(0.25, self._watch_input, clock=steady)
        self._jump_handle = self.get_clock().create_jump_callback(
            JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1),
                          on_clock_change=False), post_callback=self._on_clock_jump)
        if self.settings.autostart and self.trigger_configure() == SUCCESS:
            self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model; FAILURE, with what to do in the log, when it cannot be loaded."""
        # Imported here, because PyTorch takes seconds and a node that is only started
        # should answer (and stop on a signal) at once.
        from lstm_depth.ros.conversion import ImageConverter
        from lstm_depth.ros.outputs import Outputs
        from lstm_depth.ros.processor import FrameProcessor
        try:
            model = self._load(self.settings.checkpoint)
            self._converter = self._converter or ImageConverter()
            self._outputs = Outputs(self)
            self.processor = FrameProcessor(
                model, self.settings, self._converter, self._outputs,
                Reports(self.telemetry, self.alerts, self.get_logger(), self._throttled),
                self.resolve_topic_name('camera_info'), self.resolve_topic_name('image'))
        except LstmDepthError as error:
            self.get_logger().error(f'cannot configure: {error}')
            self._free()
            return FAILURE
        self._checkpoint_in_use = self.settings.checkpoint
        self._worker = Worker(self.processor.process, self._on_worker_error)
        self.get_logger().info(
            f'configured: {model.name} on {self.processor.stream.device}, '
            f'images by {self._converter.summary}')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe."""
        result = super().on_activate(state)
        self._last_input, self._warned_no_input = time.monotonic(), False
        # camera_info first: where both wait, the executor takes them in this order.
        self._inputs = [self._subscribe(CameraInfo, 'camera_info', self._on_info),
                        self._subscribe(self._image_type, self._image_topic, self._on_image)]
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Unsubscribe; what is in the network is not published any more."""
        self._unsubscribe()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free the model."""
        self._free()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and free everything, from any state."""
        self._free()
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Go back to unconfigured after an unexpected error, so that configure may be tried."""
        self._free()
        return SUCCESS

    def close(self) -> None:
        """Stop the worker; call before destroying the node."""
        self._jump_handle.unregister()
        self._stop_worker()

    def _load(self, checkpoint: str) -> Engine:
        """Return the model of a checkpoint; CheckpointError saying what to do."""
        from lstm_depth.runtime.loading import load_model
        return load_model(checkpoint or None)

    def _subscribe(self, kind: type, name: str, callback: Any) -> Any:
        """Return a subscription whose QoS users can override."""
        # rclpy writes the overrides into the profile that it is given.
        self._input_qos[name] = profile = input_qos()
        return self.create_subscription(
            kind, name, callback, profile, qos_overriding_options=overriding_options(),
            event_callbacks=subscription_events(self.resolve_topic_name(name),
                                                self.get_logger().warning))

    def _unsubscribe(self) -> None:
        """Destroy the subscriptions and forget the camera they were of."""
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._inputs = []
        self._info = None

    def _stop_worker(self) -> None:
        """End the worker's thread."""
        if self._worker is not None and not self._worker.stop():
            self.get_logger().warning('the network does not return; leaving its thread behind')
        self._worker = None

    def _free(self) -> None:
        """Give back all that configure took."""
        self._unsubscribe()
        self._stop_worker()
        self.processor = None
        if self._outputs is not None:
            self._outputs.close()
            self._outputs = None

    def _on_info(self, msg: CameraInfo) -> None:
        """Keep the newest camera_info."""
        self._info = msg

    def _on_image(self, msg: Image | CompressedImage) -> None:
        """Hand a message to the worker; count the one that had to make room."""
        self._last_input, self._warned_no_input = time.monotonic(), False
        self.telemetry.frame_in()
        if not self._enabled:
            self.telemetry.drop('disabled')
        elif self._worker.put(Job(msg, self._last_input, self._info)):
            self.telemetry.drop('superseded')

    def _on_worker_error(self, error: Exception) -> None:
        """Report a bug, unless it is only that ROS was shut down under the worker."""
        if self.context.ok() and self.processor is not None:
            self.processor.failed(error)

    def _on_clock_jump(self, jump: TimeJump) -> None:
        """Reset when simulated time restarts."""
        if self._worker is not None:
            self._worker.call(self.processor.clock_jumped_back)

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response
                  ) -> Trigger.Response:
        """Forget the hidden state before the next frame."""
        response.success = self._worker is not None
        if response.success:
            self._worker.call(self.processor.reset)
            response.message = 'the hidden state is reset before the next frame'
        else:
            response.message = f'nothing to reset: the node is {self.state_label}'
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response
                   ) -> SetBool.Response:
        """Pause or resume."""
        self._enabled = request.data
        response.success = True
        response.message = ('images are processed' if self._enabled
                            else 'images are dropped until enabled again')
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Check changed parameters, and bring them to the next frame."""
        try:
            settings = updated(self.settings, parameters)
            if self.processor is not None and settings.checkpoint != self._checkpoint_in_use:
                model = self._load(settings.checkpoint)
                self._worker.call(partial(self.processor.swap_model, model))
                self._checkpoint_in_use = settings.checkpoint
        except LstmDepthError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.settings = settings
        if self.processor is not None:
            self.processor.settings = settings
        return SetParametersResult(successful=True)

    def _watch_input(self) -> None:
        """Warn once when no image comes."""
        limit = self.settings.no_input_timeout_s
        silent_s = time.monotonic() - self._last_input
        if not self._inputs or not limit or silent_s < limit or self._warned_no_input:
            return
        self._warned_no_input = True
        self.get_logger().warning(f'no image for {silent_s:.0f} s: {self._missing_input()}')

    def _missing_input(self) -> str:
        """Return what was expected, what is there, and what to try."""
        topic = self.resolve_topic_name(self._image_topic)
        kind = f'sensor_msgs/msg/{self._image_type.__name__}'
        found = describe_publishers(self, topic)
        profile = self._input_qos.get(self._image_topic, input_qos())
        wanted = f'{topic} ({kind}, requested QoS: {describe(profile)})'
        if found:
            return (f'{wanted} is published by {found}, but nothing arrives; compare type and '
                    f'QoS, and try "ros2 topic hz {topic}"')
        return (f'nobody publishes {wanted}; start the camera, remap "{self._image_topic}" to '
                'its topic, or see "ros2 topic list -t" and whether ROS_DOMAIN_ID is the same')

    def _report(self) -> None:
        """Publish the diagnostics."""
        stream = self.processor.stream if self.processor is not None else None
        resets = self.processor.resets if self.processor is not None else {}
        facts = {'state': self.state_label, 'enabled': self._enabled,
                 'image topic': self.resolve_topic_name(self._image_topic)}
        alerts = self.alerts.current()
        if stream is not None:
            facts.update({'model': stream.model.name, 'mode': stream.mode,
                          'device': stream.device,
                          'checkpoint': self._checkpoint_in_use or 'shipped with the package'})
            if stream.device_note:
                alerts.append(Alert(WARN, stream.device_note))
        if self._warned_no_input:
            alerts.append(Alert(WARN, f'no image: {self._missing_input()}'))
        self._diagnostics.publish(diagnostics_message(
            f'{self.get_fully_qualified_name()}: depth', stream.device if stream else '',
            self.get_clock().now(), alerts, facts, self.telemetry.snapshot(), resets))


def main(args: Sequence[str] | None = None) -> None:
    """Run the node until a signal."""
    sys.exit(run(DepthNode, args))


if __name__ == '__main__':
    main()
