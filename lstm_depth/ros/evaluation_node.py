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
``evaluation_node``: compares a depth topic with a ground-truth depth topic while both run.

| topic                                  | type                            | direction      |
|----------------------------------------|---------------------------------|----------------|
| ``depth/image``                        | sensor_msgs/Image               | in             |
| ``depth/camera_info``                  | sensor_msgs/CameraInfo          | in             |
| ``ground_truth/image``                 | sensor_msgs/Image               | in             |
| ``ground_truth/image/compressedDepth`` | sensor_msgs/CompressedImage     | in its place   |
| ``ground_truth/camera_info``           | sensor_msgs/CameraInfo          | in             |
| ``/tf_static``                         | tf2_msgs/TFMessage              | in             |
| ``~/abs_rel``, ``~/rmse``, ``~/d1``... | std_msgs/Float64                | out, mean so far |
| ``/diagnostics``                       | diagnostic_msgs/DiagnosticArray | out            |

Depth and ground truth are matched by stamp; ground truth of another camera, by its
camera_info, is registered to the depth. Service: ``~/reset`` (std_srvs/Trigger) starts the
means over. At the end the node prints a table and writes the numbers to ``output``.
Parameters: ``lstm_depth.ros.parameters``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
import sys
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.errors import LstmDepthError
from lstm_depth.evaluation.live import LiveEvaluation
from lstm_depth.evaluation.tables import accuracy_fields, accuracy_rows, counts_text, table
from lstm_depth.files import write_json
from lstm_depth.ros.diagnostics import Alert, status_message, WARN
from lstm_depth.ros.following import FollowingSubscription
from lstm_depth.ros.parameter_service import CheckedParameterService
from lstm_depth.ros.parameters import declare, EvaluationSettings, updated
from lstm_depth.ros.qos import describe_publishers, output_qos
from lstm_depth.ros.spin import run
from lstm_depth.ros.tf_topics import subscribe_to_transforms
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.scoring.metrics import METRIC_NAMES
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Float64
from std_srvs.srv import Trigger

DEPTH, TRUTH = 'depth/image', 'ground_truth/image'


class EvaluationNode(Node):
    """Take both topics, and publish how far they agree after every frame."""

    def __init__(self, **kwargs: Any) -> None:
        """Subscribe and advertise; ConfigError for a wrong start-up value."""
        super().__init__('evaluation_node', start_parameter_services=False, **kwargs)
        CheckedParameterService(self)
        self.settings = declare(self, EvaluationSettings)
        self.status = 0
        self.live = LiveEvaluation(self.settings.min_depth, self.settings.max_depth,
                                   self.settings.tolerance_s, self.settings.queue_size)
        self.live.depth.topic = self.resolve_topic_name(DEPTH)
        self.live.truth.topic = self.resolve_topic_name(TRUTH)
        self._throttled = ThrottledLog(self.get_logger())
        self._scored_at = time.monotonic()
        self._arrived: dict[str, float] = {}
        self._warned: set[str] = set()
        self._closed = False
        self._inputs: list[FollowingSubscription] = []
        compressed = self.settings.truth_transport == 'compressedDepth'
        self._truth_topic = f'{TRUTH}/compressedDepth' if compressed else TRUTH
        self._means = {name: self.create_publisher(Float64, f'~/{name}', output_qos())
                       for name in METRIC_NAMES}
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', output_qos())
        self._subscribe(CameraInfo, 'depth/camera_info', self._on_depth_info)
        self._subscribe(CameraInfo, 'ground_truth/camera_info', self._on_truth_info)
        self._subscribe(Image, DEPTH, self._guarded(DEPTH, self.live.add_depth))
        self._subscribe(CompressedImage if compressed else Image, self._truth_topic,
                        self._guarded(self._truth_topic, self.live.add_truth))
        subscribe_to_transforms(self, lambda msg, _: self.live.transforms.add(msg), moving=False)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.add_on_set_parameters_callback(self._on_parameters)
        # Steady timers, because simulated time may stand still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(self.settings.diagnostics_period_s, self._report, clock=steady)
        self.create_timer(0.5, self._watch, clock=steady)

    def close(self) -> None:
        """Score what still waits, print the table and write the file; before destroying."""
        if self._closed:
            return
        self._closed = True
        self.live.finish()
        print(self.table(), flush=True)
        if self.settings.output:
            try:
                write_json(self.settings.output, self.to_dict())
            except OSError as error:
                self.get_logger().error(f'{self.settings.output} cannot be written: {error}; '
                                        'choose another output')
                self.status = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers so far for JSON."""
        live = self.live
        return {
            'depth_topic': self.resolve_topic_name(DEPTH),
            'truth_topic': self.resolve_topic_name(self._truth_topic),
            'depth_range_m': (live.min_depth, live.max_depth),
            'depth_images': live.depth.count, 'truth_images': live.truth.count,
            **accuracy_fields(live.mean), 'unmatched': live.unmatched,
            'problems': dict(live.problems),
            'stamps_s': [stamp and stamp * 1e-9 for stamp in (live.first_ns, live.last_ns)],
            'notes': self._notes(),
        }

    def table(self) -> str:
        """Return the numbers so far as lines of text."""
        live = self.live
        return table([
            ('depth', f'{self.resolve_topic_name(DEPTH)}, {live.depth.count} images'),
            ('ground truth', f'{self.resolve_topic_name(self._truth_topic)}, '
                             f'{live.truth.count} images'),
            ('without ground truth', str(live.unmatched)),
            ('not scored', counts_text(live.problems)),
            *accuracy_rows(live.mean.mean() if live.mean.images else None, live.mean.images,
                           live.mean.empty, (live.min_depth, live.max_depth)),
            *(('note', note) for note in self._notes()),
            *(() if live.mean.images else (('why', self._why_nothing()[1]),))])

    def _notes(self) -> list[str]:
        """Return what the reader of the numbers must know, one sentence each."""
        depths, truths = self.live.depth.count, self.live.truth.count
        few = (f'depth came for only {depths} of {truths} ground-truth images; play slower for '
               'more, or run lstm_depth replay, which answers every image')
        return [*self.live.notes, *([few] if 0 < depths < truths / 2 else [])]

    def _subscribe(self, kind: type, name: str, callback: Callable[[Any], None]) -> None:
        """Subscribe with the QoS of the publishers, and room for a few messages."""
        subscription = FollowingSubscription(
            self, kind, name, callback, depth=10, follow_durability=kind is CameraInfo)
        subscription.subscribe()
        self._inputs.append(subscription)

    def _on_depth_info(self, msg: CameraInfo) -> None:
        """Keep the newest camera_info of the depth."""
        self.live.depth.info = msg

    def _on_truth_info(self, msg: CameraInfo) -> None:
        """Keep the newest camera_info of the ground truth."""
        self.live.truth.info = msg

    def _guarded(self, name: str, add: Callable[[Any], bool]) -> Callable[[Any], None]:
        """Return the callback that hands messages of topic *name* to *add*."""
        def take(msg: Any) -> None:
            self._arrived[name] = time.monotonic()
            problems = sum(self.live.problems.values())
            try:
                scored = add(msg)
            except Exception as error:
                # Whatever a message does to the numbers, the next one may be better.
                self.live.problem = f'internal error: {error!r}'
                self.live.problems['internal_error'] += 1
                scored = False
            if sum(self.live.problems.values()) > problems:
                self._throttled.warning('problem', f'frame not scored: {self.live.problem}')
            if scored:
                self._publish()
        return take

    def _publish(self) -> None:
        """Publish the means."""
        self._scored_at = time.monotonic()
        self._warned.clear()
        means = self.live.mean.mean()
        for name, publisher in self._means.items():
            publisher.publish(Float64(data=means[name]))

    def _on_reset(self, request: Trigger.Request, response: Trigger.Response
                  ) -> Trigger.Response:
        """Start the means over."""
        response.success = True
        response.message = f'{self.live.mean.images} frames forgotten'
        self.live.restart()
        return response

    def _on_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        """Check changed parameters, and bring them to the next frame."""
        try:
            self.settings = updated(self.settings, parameters)
        except LstmDepthError as error:
            return SetParametersResult(successful=False, reason=str(error))
        self.live.tolerance_s = self.settings.tolerance_s
        return SetParametersResult(successful=True)

    def _silent(self) -> bool:
        """Return whether no frame was scored for too long."""
        limit = self.settings.no_score_timeout_s
        return bool(limit) and time.monotonic() - self._scored_at >= limit

    def _watch(self) -> None:
        """Follow the publishers; say why no frame is scored, once a reason until one is."""
        for subscription in self._inputs:
            subscription.follow()
        if not self._silent():
            return
        reason, text = self._why_nothing()
        if reason not in self._warned:
            self._warned.add(reason)
            self.get_logger().warning(f'no frame scored: {text}')

    def _why_nothing(self) -> tuple[str, str]:
        """Return why no frame is scored: a short name and a sentence with what to do."""
        live = self.live
        topics = {DEPTH: 'start and activate depth_node',
                  self._truth_topic: 'play a recording with depth'}
        for name, advice in topics.items():
            if name not in self._arrived:
                return name, self._missing(name, advice)
        if live.mean.images and (silent := self._silent_since(self._scored_at, topics)):
            return silent, f'nothing comes on {self.resolve_topic_name(silent)} any more'
        if live.problem:
            return 'problem', live.problem
        if live.mean.empty:
            return 'range', (f'no pixel of the ground truth is between {live.min_depth:g} and '
                             f'{live.max_depth:g} m; set min_depth and max_depth')
        return 'stamps', (
            f'no ground truth is within {live.tolerance_s:g} s of a depth image: the newest '
            f'depth is stamped {live.depth.stamp_ns * 1e-9:.3f} s, the newest ground truth '
            f'{live.truth.stamp_ns * 1e-9:.3f} s; stamp both by one clock, or set tolerance_s '
            'or queue_size')

    def _silent_since(self, moment: float, topics: Iterable[str]) -> str:
        """Return the first of *topics* on which nothing came since *moment*, empty for none."""
        return next((name for name in topics if self._arrived[name] <= moment), '')

    def _missing(self, name: str, advice: str) -> str:
        """Return which topic was never heard, who publishes it and what to try."""
        topic = self.resolve_topic_name(name)
        found = describe_publishers(self, topic)
        if found:
            return (f'{topic} is published by {found}, but nothing arrives; compare type and QoS, '
                    f'and try "ros2 topic hz {topic}"')
        return f'nobody publishes {topic}; {advice}, or remap "{name}"'

    def _report(self) -> None:
        """Publish the diagnostics."""
        live = self.live
        means = live.mean.mean()
        values = {
            'depth topic': self.resolve_topic_name(DEPTH),
            'ground truth topic': self.resolve_topic_name(self._truth_topic),
            'depth images': live.depth.count, 'ground truth images': live.truth.count,
            'frames scored': live.mean.images, 'frames without a pixel in range': live.mean.empty,
            'frames without ground truth': live.unmatched,
            **{f'not scored: {cause}': count for cause, count in live.problems.items()},
            **{name: f'{means[name]:.6g}' for name in METRIC_NAMES}}
        alerts = [Alert(WARN, text) for text in live.notes]
        if self._silent():
            alerts.append(Alert(WARN, f'no frame scored: {self._why_nothing()[1]}'))
        self._diagnostics.publish(status_message(
            f'{self.get_fully_qualified_name()}: accuracy', '', self.get_clock().now(), alerts,
            f'abs_rel {means["abs_rel"]:.4f} over {live.mean.images} frames', values))


def main(args: Sequence[str] | None = None) -> None:
    """Run the node until a signal."""
    sys.exit(run(EvaluationNode, args))


if __name__ == '__main__':
    main()
