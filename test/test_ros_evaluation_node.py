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
"""evaluation_node over DDS: the numbers of the replay, and a reason when there are none."""

from __future__ import annotations

from collections.abc import Iterator
import json
import re
import signal
import subprocess
import sys
import time
from typing import Any

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    checkpoint_fixture,
    process_environment,
    Rig,
    rig_fixture,
    stamped,
    wait_for,
)
from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.evaluation.replay import ReplayConfig, run_replay
from lstm_depth.media.bag import BagReader
from lstm_depth.msgs.camera_info import info_fields
from lstm_depth.render.sample import write_sample
from lstm_depth.ros.conversion import to_message
from lstm_depth.ros.evaluation_node import EvaluationNode
from lstm_depth.ros.messages import info_message
from lstm_depth.ros.process import ros_arguments
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.scoring.protocol import whole_image
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Float64, Header
from std_srvs.srv import Trigger

FRAMES = 6
RELIABLE = {f'qos_overrides.{topic}.subscription.reliability': 'reliable' for topic in (
    '/image', '/depth_node/depth/image', '/truth')}


def metres(value: float, stamp_s: float, **fields: Any) -> Image:
    """Return a small depth image of one value."""
    msg = to_message(np.full((24, 32), value, np.float32), '32FC1', Header())
    for name, content in fields.items():
        setattr(msg, name, content)
    return stamped(msg, stamp_s)


class Evaluated:
    """An evaluation_node in this process, what it is told and what it tells."""

    def __init__(self, rig: Rig, reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
                 **parameters: Any) -> None:
        """Start it, matched with publishers of both topics and a listener to every output."""
        self.rig = rig
        qos = QoSProfile(depth=20, reliability=reliability)
        self.depth = rig.driver.create_publisher(Image, 'depth/image', qos)
        self.truth = rig.driver.create_publisher(Image, 'ground_truth/image', qos)
        self.means: dict[str, list[float]] = {name: [] for name in METRIC_NAMES}
        self.statuses: list[Any] = []
        for name, values in self.means.items():
            rig.driver.create_subscription(
                Float64, f'/evaluation_node/{name}',
                lambda msg, values=values: values.append(msg.data), 50)
        rig.driver.create_subscription(
            DiagnosticArray, '/diagnostics', lambda msg: self.statuses.append(msg.status[0]), 50)
        values = {'diagnostics_period_s': 0.1, **parameters}
        self.node = rig.spin(EvaluationNode(context=rig.context, parameter_overrides=[
            Parameter(name, value=value) for name, value in values.items()]))
        wait_for(lambda: self.depth.get_subscription_count()
                 and self.truth.get_subscription_count(), 30)
        wait_for(lambda: all(publisher.get_subscription_count()
                             for publisher in self.node._means.values()), 30)

    def show(self, depth: Image | None = None, truth: Image | None = None) -> None:
        """Publish what is given."""
        for publisher, msg in ((self.truth, truth), (self.depth, depth)):
            if msg is not None:
                publisher.publish(msg)

    def pair(self, index: int, depth: float = 3.0, truth: float = 2.0) -> None:
        """Show a matching pair, and wait until it is scored."""
        scored = self.node.live.mean.images
        self.show(metres(depth, index), metres(truth, index))
        wait_for(lambda: self.node.live.mean.images > scored, what='for the frame to be scored')


def test_the_running_means_are_published_after_every_frame(rig):
    evaluated = Evaluated(rig)
    for index, depth in enumerate((3.0, 2.0, 1.0)):
        evaluated.pair(index, depth)
    wait_for(lambda: all(len(values) == 3 for values in evaluated.means.values()))
    assert evaluated.means['abs_rel'] == pytest.approx([0.5, 0.25, 1 / 3], abs=1e-6)
    assert evaluated.means['d1'] == pytest.approx([0.0, 0.5, 1 / 3], abs=1e-6)
    expected = [whole_image(0.3, 8.0).score(np.full((24, 32), depth), np.full((24, 32), 2.0))
                for depth in (3.0, 2.0, 1.0)]
    for name in METRIC_NAMES:
        assert evaluated.means[name][-1] == pytest.approx(
            np.mean([metrics[name] for metrics in expected]), abs=1e-6)
    status = wait_for(lambda: next((item for item in evaluated.statuses if any(
        pair.key == 'frames scored' and pair.value == '3' for pair in item.values)), None), 30)
    assert status.name == '/evaluation_node: accuracy'
    assert 'abs_rel 0.3333 over 3 frames' in status.message
    answer = rig.call(Trigger, '/evaluation_node/reset', Trigger.Request())
    assert answer.success and '3 frames' in answer.message
    evaluated.pair(10, 2.0)
    wait_for(lambda: len(evaluated.means['abs_rel']) == 4)
    assert evaluated.means['abs_rel'][-1] == pytest.approx(0.0, abs=1e-6)


def test_bad_messages_are_told_and_survived(rig):
    evaluated = Evaluated(rig)
    bad = [{'data': b'', 'height': 0}, {'encoding': 'rgb8'}, {'step': 1}]
    for index, fields in enumerate(bad):
        evaluated.show(metres(2.0, index, **fields), metres(2.0, index))
    wait_for(lambda: sum(evaluated.node.live.problems.values()) == len(bad))
    assert wait_for(lambda: rig.warnings('frame not scored: depth: '))
    evaluated.pair(10)
    assert set(evaluated.node.live.problems) == {'zero_size', 'bad_encoding', 'bad_step'}


def test_an_unexpected_error_is_told_and_survived(rig, monkeypatch):
    evaluated = Evaluated(rig)
    with monkeypatch.context() as patch:
        patch.setattr('lstm_depth.evaluation.live.whole_image', lambda *_: 1 / 0)
        evaluated.show(metres(2.0, 1), metres(2.0, 1))
        wait_for(lambda: evaluated.node.live.problems['internal_error'])
    assert wait_for(lambda: rig.warnings('ZeroDivisionError'))
    evaluated.pair(2)


def test_best_effort_publishers_are_heard(rig):
    Evaluated(rig, ReliabilityPolicy.BEST_EFFORT).pair(0)


@pytest.mark.parametrize(('depths', 'truths', 'parameters', 'words'), [
    ([], [], {}, '/depth/image is published by .*driver.*, but nothing arrives'),
    ([1.0], [], {}, '/ground_truth/image is published by .*driver.*, but nothing arrives'),
    ([1.0], [99.0], {}, 'newest depth is stamped 1.000 s, the newest ground truth 99.000 s'),
    ([1.0], [1.0], {'min_depth': 5.0}, 'no pixel of the ground truth is between 5 and 8 m'),
])
def test_the_reason_for_no_numbers_is_given_once(rig, depths, truths, parameters, words):
    evaluated = Evaluated(rig, no_score_timeout_s=0.3, **parameters)
    for stamp in depths:
        evaluated.show(depth=metres(2.0, stamp))
    for stamp in truths:
        evaluated.show(truth=metres(2.0, stamp))

    def said() -> list[str]:
        return [line for line in rig.warnings('no frame scored') if re.search(words, line)]

    wait_for(said, what=f'for {words}')
    wait_for(lambda: any(re.search(words, status.message) for status in evaluated.statuses))
    assert len(said()) == 1
    assert re.search(words, evaluated.node.table())


def test_a_silent_topic_is_told_after_frames_were_scored(rig):
    evaluated = Evaluated(rig, no_score_timeout_s=0.5)
    evaluated.pair(0)
    assert wait_for(lambda: rig.warnings('nothing comes on /depth/image any more'))


def test_depth_for_few_of_the_images_is_noted(rig):
    evaluated = Evaluated(rig)
    evaluated.pair(0)
    assert evaluated.node.to_dict()['notes'] == []
    for index in range(1, 4):
        evaluated.show(truth=metres(2.0, index))
    wait_for(lambda: evaluated.node.live.truth.count == 4)
    note, = evaluated.node.to_dict()['notes']
    assert 'only 1 of 4 ground-truth images' in note and note in evaluated.node.table()


def test_the_tolerance_can_be_set_while_running(rig):
    evaluated = Evaluated(rig)
    assert evaluated.node.set_parameters([Parameter('tolerance_s', value=0.4)])[0].successful
    evaluated.show(metres(3.0, 1.0), metres(2.0, 1.3))
    wait_for(lambda: evaluated.node.live.mean.images == 1)
    refused = evaluated.node.set_parameters([Parameter('tolerance_s', value=99.0)])[0]
    assert not refused.successful


def test_an_output_that_cannot_be_written_is_said_with_the_numbers_printed(rig, tmp_path):
    (tmp_path / 'file').write_text('in the way')
    evaluated = Evaluated(rig, output=str(tmp_path / 'file' / 'numbers.json'))
    evaluated.pair(0)
    evaluated.node.close()
    assert evaluated.node.status == 1
    assert rig.warnings('numbers.json cannot be written')


@pytest.fixture
def node_process(rig: Rig) -> Iterator[Any]:
    """Return a starter of node processes, in the domain of the driver."""
    running: list[subprocess.Popen[str]] = []

    def start(node: str, parameters: dict[str, Any], **remaps: str) -> subprocess.Popen[str]:
        arguments = [*ros_arguments(parameters), *(part for name, topic in remaps.items()
                     for part in ('-r', f'{name.replace("__", "/")}:={topic}'))]
        running.append(subprocess.Popen(
            [sys.executable, '-m', f'lstm_depth.ros.{node}', *arguments],
            env=process_environment(rig.domain), text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Send SIGINT; return the exit status and what was printed to stdout and stderr."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_live_numbers_are_those_of_the_replay_to_a_millionth(
        rig, node_process, checkpoint, tmp_path):
    bag = tmp_path / 'room'
    write_sample(bag, FRAMES, seed=3, width=64, height=48)
    numbers = tmp_path / 'numbers.json'
    node_process('depth_node', {'autostart': True, 'checkpoint': str(checkpoint),
                                'device': 'cpu', **RELIABLE})
    evaluation = node_process(
        'evaluation_node', {'output': str(numbers), **RELIABLE},
        depth__image='/depth_node/depth/image', depth__camera_info='/depth_node/depth/camera_info',
        ground_truth__image='/truth', ground_truth__camera_info='/camera_info')
    truths = rig.driver.create_publisher(Image, '/truth', 20)
    scored: list[float] = []
    rig.driver.create_subscription(Float64, '/evaluation_node/abs_rel',
                                   lambda msg: scored.append(msg.data), 20)
    rig.listen('image')
    wait_for(lambda: rig.images.get_subscription_count() and truths.get_subscription_count()
             and rig.infos.get_subscription_count() >= 2, 120, 'for the nodes')
    wait_for(lambda: rig.driver.count_subscribers('/depth_node/depth/image') >= 2
             and rig.driver.count_publishers('/evaluation_node/abs_rel'), 60)
    with BagReader(bag) as reader:
        # Each frame only after the answer to the last, so that the node can skip none.
        for index, frame in enumerate(reader.frames()):
            header = Header(frame_id=frame.frame_id)
            header.stamp.sec, header.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
            rig.infos.publish(info_message(info_fields(frame.camera), header))
            # The focal length scales the depth; without it the first answer would differ.
            time.sleep(0.5 if index == 0 else 0)
            truths.publish(to_message(frame.depth, '32FC1', header))
            rig.images.publish(to_message(frame.rgb, 'rgb8', header))
            wait_for(lambda count=index + 1: len(scored) >= count, what=f'for frame {index}')
    status, out, err = ended(evaluation)
    assert status == 0 and 'Traceback' not in err, err
    offline = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                      temporal=False))
    live = json.loads(numbers.read_text())
    assert live['frames_scored'] == offline.frames_scored == len(scored) == FRAMES
    assert (live['unmatched'], live['problems']) == (0, {})
    for name in METRIC_NAMES:
        assert live['metrics'][name] == pytest.approx(offline.metrics[name], abs=1e-6), name
    assert scored[-1] == pytest.approx(offline.metrics['abs_rel'], abs=1e-6)
    assert f'mean of {FRAMES} frames' in out
    assert f'{offline.metrics["abs_rel"]:.4f}' in out


def test_without_a_single_frame_the_table_says_why(rig, node_process):
    process = node_process('evaluation_node', {})
    wait_for(lambda: 'evaluation_node' in rig.driver.get_node_names())
    status, out, err = ended(process)
    assert status == 0 and 'Traceback' not in err, err
    assert 'nobody publishes /depth/image; start and activate depth_node' in out


def test_a_wrong_parameter_is_one_line_and_status_2(node_process):
    process = node_process('evaluation_node', {'min_depth': 9.0})
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.strip().splitlines() == [
        'min_depth must be below max_depth, not 9.0 and 8.0']
