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
| ``~/depth/confidence``  | sensor_msgs/Image, 32FC1        | out                       |
| ``/diagnostics``        | diagnostic_msgs/DiagnosticArray | out                       |

Services: ``~/reset`` (std_srvs/Trigger) forgets the hidden state, ``~/enable``
(std_srvs/SetBool) pauses and resumes. Parameters: ``lstm_depth.ros.parameters``.

With the parameter ``cameras`` set to ``[front, left]``, each topic but ``/diagnostics`` is
there for each camera, ``front/image`` and ``~/front/depth/image`` and so on, and
``~/front/reset`` forgets the state of one. They share the network, in turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
import sys
from typing import Any, TYPE_CHECKING

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.errors import LstmDepthError
from lstm_depth.ros.channel import CameraChannel
from lstm_depth.ros.diagnostics import Alert, ERROR
from lstm_depth.ros.lifecycle import ForgivingLifecycleNode
from lstm_depth.ros.model_loader import EngineChoice, load, ModelLoader
from lstm_depth.ros.parameter_service import CheckedParameterService
from lstm_depth.ros.parameters import declare, DepthSettings, updated
from lstm_depth.ros.pipeline import Pipeline
from lstm_depth.ros.qos import output_qos
from lstm_depth.ros.spin import run
from lstm_depth.runtime.memory import give_back_memory
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool, Trigger

if TYPE_CHECKING:
    from lstm_depth.ros.anchoring import MotionInput
    from lstm_depth.runtime.engine import Engine

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE


class DepthNode(ForgivingLifecycleNode):
    """
    Configure loads the model, activate subscribes, deactivate stops, cleanup frees.

    The executor's thread only hands messages over; the threads of a ``Pipeline`` decode,
    predict and publish, so that services and parameters always answer.
    """

    def __init__(self, **kwargs: Any) -> None:
        """Declare parameters and services; ConfigError for a wrong start-up value."""
        super().__init__('depth_node', start_parameter_services=False, **kwargs)
        CheckedParameterService(self)
        self.settings = declare(self, DepthSettings)
        self.cameras = [CameraChannel(self, name, self.settings.image_transport)
                        for name in self.settings.cameras]
        self._enabled = True
        self._pipeline: Pipeline | None = None
        self._loader: ModelLoader | None = None
        self._motion = (None if self.settings.anchor == 'none'
                        else motion_input(self, self.settings))
        self.add_on_set_parameters_callback(self._on_parameters)
        self.create_service(Trigger, '~/reset', partial(self._on_reset, self.cameras))
        for camera in filter(lambda camera: camera.name, self.cameras):
            self.create_service(Trigger, f'~/{camera.prefix}reset',
                                partial(self._on_reset, [camera]))
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
        from lstm_depth.ros.conversion import ImageConverter
        choice = EngineChoice.of(self.settings)
        try:
            engine = load(choice)
            converter = ImageConverter()
            self._pipeline = Pipeline(self.context.ok, self._on_error)
            for camera in self.cameras:
                camera.configure(engine, self.settings, converter, self._pipeline, self._motion)
        except LstmDepthError as error:
            self.get_logger().error(f'cannot configure: {error}')
            self._free()
            return FAILURE
        self._loader = ModelLoader(choice, self._swap_engine, self._pipeline.call,
                                   self.get_logger())
        self._warn_of_device(engine)
        self.get_logger().info(
            f'configured: {engine.name} by {engine.backend} on {engine.device}, '
            f'images by {converter.summary}')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe."""
        result = super().on_activate(state)
        for camera in self.cameras:
            camera.input.subscribe(self.settings.input_reliability)
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
        """Stop the threads; call before destroying the node."""
        self._jump_handle.unregister()
        self._stop_threads()

    def _unsubscribe(self) -> None:
        """Let no camera send any more."""
        for camera in self.cameras:
            camera.input.unsubscribe()

    def _stop_threads(self) -> None:
        """End the threads."""
        # First the one that gives work to the others.
        for threads in (self._loader, self._pipeline):
            if threads is not None and not threads.stop():
                self.get_logger().warning(
                    'the network does not return; leaving its thread behind')
        self._loader = self._pipeline = None

    def _free(self) -> None:
        """Give back all that configure took."""
        self._unsubscribe()
        self._stop_threads()
        for camera in self.cameras:
            camera.free()
        give_back_memory()

    def _swap_engine(self, engine: Engine) -> None:
        """Go on with another engine (the network's thread)."""
        self._warn_of_device(engine)
        for camera in self.cameras:
            camera.processor.swap_model(engine)

    def _warn_of_device(self, engine: Engine) -> None:
        """Say why the network does not run where it should."""
        if engine.device_note:
            self.get_logger().warning(engine.device_note)

    def _on_error(self, error: Exception) -> None:
        """Report a bug outside any frame, unless it is only that ROS was shut down."""
        if self.context.ok():
            self.get_logger().error(f'internal error: {error!r}')

    def _on_clock_jump(self, jump: TimeJump) -> None:
        """Reset when simulated time restarts."""
        if self._pipeline is not None:
            for camera in self.cameras:
                self._pipeline.call(camera.processor.clock_jumped_back)

    def _on_reset(self, cameras: Sequence[CameraChannel], request: Trigger.Request,
                  response: Trigger.Response) -> Trigger.Response:
        """Forget the hidden state of *cameras* before their next frame."""
        response.success = self._pipeline is not None
        if response.success:
            for camera in cameras:
                self._pipeline.call(camera.processor.reset)
        response.message = ('the hidden state is reset before the next frame' if response.success
                            else f'nothing to reset: the node is {self.state_label}')
        return response

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response
                   ) -> SetBool.Response:
        """Pause or resume."""
        for camera in self.cameras:
            camera.enabled = request.data
        self._enabled = request.data
        response.success = True
        response.message = ('images are processed' if self._enabled
                            else 'images are dropped until enabled again')
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Check changed parameters, and bring them to the next frame."""
        try:
            settings = updated(self.settings, parameters)
            if self._loader is not None:
                self._loader.request(EngineChoice.of(settings))
        except Exception as error:
            reason = str(error) if isinstance(error, LstmDepthError) else repr(error)
            return SetParametersResult(successful=False, reason=reason)
        self.settings = settings
        for camera in self.cameras:
            if camera.processor is not None:
                camera.processor.settings = settings
        return SetParametersResult(successful=True)

    def _watch_input(self) -> None:
        """Follow the cameras' publishers, and tell what does not arrive."""
        for camera in self.cameras:
            camera.input.watch(self.settings.input_reliability,
                               self.settings.no_input_timeout_s)
        if self._motion is not None:
            self._motion.follow()

    def _report(self) -> None:
        """Publish the diagnostics."""
        facts: dict[str, object] = {'state': self.state_label, 'enabled': self._enabled}
        alerts = []
        if self._loader is not None:
            facts['checkpoint'] = (self._loader.in_use.checkpoint
                                   or 'shipped with the package')
            if self._loader.problem:
                alerts.append(Alert(ERROR, self._loader.problem))
        for camera in self.cameras:
            self._diagnostics.publish(
                camera.diagnostics(facts, alerts, self.settings.no_input_timeout_s))


def motion_input(node: DepthNode, settings: DepthSettings) -> MotionInput:
    """Return the camera poses and points that *node* hears of."""
    # Imported here: a node without an anchor needs no nav_msgs.
    from lstm_depth.ros.anchoring import MotionInput
    return MotionInput(node, settings.points_type, settings.odom_time_offset_s)


def main(args: Sequence[str] | None = None) -> None:
    """Run the node until a signal."""
    sys.exit(run(DepthNode, args))


if __name__ == '__main__':
    main()
