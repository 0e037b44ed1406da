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
All that can be done to a depth node from outside, with books of every image sent.

The node is another process, or another node of this one: whatever is known of it came over
DDS, by its services and on ``/diagnostics``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, RLock
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from lstm_depth.errors import LstmDepthError
from lstm_depth.geometry import Camera
from lstm_depth.msgs.camera_info import info_fields
from lstm_depth.ros.conversion import to_message
from lstm_depth.ros.messages import info_message
from lstm_depth.ros.qos import output_qos
import numpy as np
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

# Loading a network on a busy machine takes its time.
_ANSWER_S = 60.0
_SETTLE_S = 20.0
_PROBE_S = 1.0


class NoAnswer(LstmDepthError):
    """The node did not do in time what it has to do."""


class Hands:
    """
    A camera and an operator of ``/depth_node``; any thread but the executor's may call.

    *node* brings the topics and has to be served meanwhile. *folder*: for files that faults
    need. *checkpoint*: of the node, as its parameter. *size*: (width, height) of the images.

    The books: ``sent`` images in all, ``unheard`` of them while nobody subscribed,
    ``unmatched`` before the node heard a new subscription, ``missing`` those that neither
    arrived nor were told lost. ``problems``: sentences about what the node should have done.
    """

    TARGET = '/depth_node'

    def __init__(self, node: Node, folder: Path, checkpoint: str, size: tuple[int, int]) -> None:
        """Publish nothing yet."""
        self.node = node
        self.folder = folder
        self.checkpoint = checkpoint
        self.size = size
        self.sent = self.unheard = self.unmatched = self.missing = 0
        self.problems: list[str] = []
        self.on_show: Callable[[Image | bytes, CameraInfo | None], None] = lambda *_: None
        self._facts: dict[str, str] = {}
        self._status = ''
        self._reports = 0
        self._changed = Condition()
        self._sending = RLock()
        self._clients: dict[str, Any] = {}
        self.image_publisher = self.info_publisher = None
        self.plug_in()
        node.create_subscription(DiagnosticArray, '/diagnostics', self._note, 10)

    # The camera.

    def plug_in(self) -> None:
        """Publish as a camera that has just been started."""
        for old in filter(None, (self.image_publisher, self.info_publisher)):
            self.node.destroy_publisher(old)
        self.info_publisher = self.node.create_publisher(
            CameraInfo, 'camera_info', output_qos(10))
        self.image_publisher = self.node.create_publisher(Image, 'image', output_qos(10))

    def header(self, stamp_ns: int | None = None, frame_id: str = 'camera') -> Header:
        """Return a header; *stamp_ns*: the time of day by default."""
        header = Header(frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(
            time.time_ns() if stamp_ns is None else stamp_ns, 10**9)
        return header

    def image(self, stamp_ns: int | None = None, frame_id: str = 'camera',
              size: tuple[int, int] | None = None, **fields: Any) -> Image:
        """Return a good rgb8 image but for the *fields* that are given."""
        message = to_message(picture(*(size or self.size)), 'rgb8',
                             self.header(stamp_ns, frame_id))
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    def info(self, size: tuple[int, int] | None = None, **fields: Any) -> CameraInfo:
        """Return the camera_info of a calibrated camera but for the *fields* that are given."""
        width, height = size or self.size
        message = info_message(info_fields(Camera(
            width, height, width * 0.8, width * 0.8, (width - 1) / 2, (height - 1) / 2)))
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    def show(self, image: Image | bytes | None = None, info: CameraInfo | None = None,
             with_info: bool = True) -> None:
        """
        Publish an image, after its camera_info, and count it; good ones by default.

        Serialized bytes are published as they are.
        """
        with self._sending:
            image = self.image() if image is None else image
            if with_info and not isinstance(image, bytes):
                info = info or self.info()
                info.header = image.header
                self.info_publisher.publish(info)
            self.on_show(image, info)
            self.sent += 1
            self.unheard += self.image_publisher.get_subscription_count() == 0
            self.image_publisher.publish(image)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Let nobody else show images, after the node is through with those before."""
        with self._sending:
            self.rest()
            yield

    # The operator.

    def set_parameters(self, **values: Any) -> list[SetParametersResult]:
        """Set parameters, each by itself; return the results."""
        return self.set_raw(*(Parameter(name, value=value).to_parameter_msg()
                              for name, value in values.items()))

    def set_raw(self, *parameters: ParameterMsg) -> list[SetParametersResult]:
        """Set parameters, whatever they hold; return the results."""
        return self.call(SetParameters, 'set_parameters',
                         SetParameters.Request(parameters=list(parameters))).results

    def set_together(self, *parameters: ParameterMsg) -> SetParametersResult:
        """Set parameters, all or none; return the result."""
        return self.call(SetParametersAtomically, 'set_parameters_atomically',
                         SetParametersAtomically.Request(parameters=list(parameters))).result

    def change(self, **values: Any) -> None:
        """Set parameters that have to be accepted."""
        for name, result in zip(values, self.set_parameters(**values)):
            self.expect(result.successful, f'{name}={values[name]!r}: {result.reason}')

    def transition(self, number: int, possible: bool = True) -> None:
        """Ask for a lifecycle transition, which has to be *possible* or refused."""
        request = ChangeState.Request()
        request.transition.id = number
        success = self.call(ChangeState, 'change_state', request).success
        self.expect(success == possible, f'transition {number}: success is {success}')

    def reset(self) -> None:
        """Have the hidden state forgotten."""
        self.expect(self.call(Trigger, 'reset', Trigger.Request()).success, 'reset was refused')

    def enable(self, value: bool) -> None:
        """Pause or resume."""
        self.expect(self.call(SetBool, 'enable', SetBool.Request(data=value)).success,
                    'enable was refused')

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Return the answer of a service of the node; NoAnswer without one."""
        end = time.monotonic() + _ANSWER_S
        # A new client when one does not find its service soon: DDS misses a match now and then.
        while not (client := self._client(kind, name)).wait_for_service(2.0):
            self.node.destroy_client(self._clients.pop(name))
            if time.monotonic() > end:
                raise NoAnswer(f'there is no service {self.TARGET}/{name}')
        future = client.call_async(request)
        future.add_done_callback(lambda _: self._notify())
        self.wait(future.done, _ANSWER_S, f'service {name} did not answer')
        return future.result()

    # What the node says.

    @property
    def facts(self) -> dict[str, str]:
        """Return the values of the newest diagnostics."""
        with self._changed:
            return self._facts

    @property
    def status(self) -> str:
        """Return the message of the newest diagnostics."""
        with self._changed:
            return self._status

    def counts(self, prefix: str) -> dict[str, int]:
        """Return the counters of the newest diagnostics that start with *prefix*."""
        return {key[len(prefix):]: int(value) for key, value in self.facts.items()
                if key.startswith(prefix)}

    def look(self) -> None:
        """Wait for diagnostics that were taken after this call."""
        # The next may have been on its way already.
        seen = self._reports
        self.wait(lambda: self._reports >= seen + 2, _ANSWER_S, 'there are no diagnostics')

    def expect(self, condition: bool, text: str) -> None:
        """Note the problem *text* where *condition* does not hold."""
        if not condition:
            self.problems.append(text)

    def wait(self, condition: Callable[[], Any], timeout_s: float, otherwise: str) -> None:
        """Wait until *condition* holds; NoAnswer with the sentence *otherwise*."""
        if not self.waited(condition, timeout_s):
            raise NoAnswer(f'{otherwise} in {timeout_s:g} s')

    def waited(self, condition: Callable[[], Any], timeout_s: float) -> bool:
        """Wait until *condition* holds; return whether it does."""
        with self._changed:
            # Not all that is waited for wakes us.
            end = time.monotonic() + timeout_s
            while not (holds := bool(condition())) and time.monotonic() < end:
                self._changed.wait(0.05)
            return holds

    # The books.

    def unsettled(self) -> int:
        """Return how many images are neither counted by the node nor known to be unheard."""
        return (self.sent - self.unheard - self.unmatched - self.missing
                - int(self.facts.get('frames in', 0)))

    def rest(self) -> None:
        """Wait until every image is accounted for; what is not in time is missing."""
        def through() -> bool:
            facts = self.facts
            return not self.unsettled() and int(facts.get('frames in', 0)) == (
                int(facts.get('frames out', 0)) + int(facts.get('frames dropped', 0)))

        with self._sending:
            if not self.waited(through, _SETTLE_S):
                self.look()
                self.expect(not self.unsettled(), f'{self.unsettled()} images are unaccounted for')
                self.missing += self.unsettled()

    def meet(self, with_info: bool = True) -> None:
        """Show images until the node hears them; those before are unmatched."""
        def seen() -> int:
            return int(self.facts.get('frames in', 0))

        with self._sending:
            self.wait(lambda: self.image_publisher.get_subscription_count()
                      and self.info_publisher.get_subscription_count(), _ANSWER_S,
                      'nobody subscribed to the images')
            end, before = time.monotonic() + _ANSWER_S, seen()
            while seen() == before:
                self.show(with_info=with_info)
                if not self.waited(lambda: seen() > before, _PROBE_S) and time.monotonic() > end:
                    raise NoAnswer('no image has arrived since the subscription')
            # What was sent last may have arrived after what it was seen by.
            self.look()
            self.unmatched += max(0, self.unsettled())
            self.rest()

    def _client(self, kind: type, name: str) -> Any:
        """Return the client of a service of the node."""
        if name not in self._clients:
            self._clients[name] = self.node.create_client(kind, f'{self.TARGET}/{name}')
        return self._clients[name]

    def _note(self, message: DiagnosticArray) -> None:
        """Keep the newest diagnostics of the depth node."""
        for status in message.status:
            if status.name.startswith(self.TARGET):
                with self._changed:
                    self._facts = {item.key: item.value for item in status.values}
                    self._status = status.message
                    self._reports += 1
        self._notify()

    def _notify(self) -> None:
        """Wake who waits."""
        with self._changed:
            self._changed.notify_all()


_PICTURES: dict[tuple[int, int], np.ndarray] = {}


def picture(width: int, height: int) -> np.ndarray:
    """Return an (height, width, 3) uint8 picture of soft blobs, as a scene's colours are."""
    if (width, height) not in _PICTURES:
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        waves = [np.sin(columns * x + rows * y + phase) for x, y, phase in (
            (0.021, 0.013, 1.0), (0.008, 0.034, 2.5), (0.045, 0.006, 4.0))]
        _PICTURES[width, height] = (127 + 100 * np.stack(waves, -1)).astype(np.uint8)
    return _PICTURES[width, height]
