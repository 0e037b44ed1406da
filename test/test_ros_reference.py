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
"""The node reference says what the nodes do: parameters, topics, services, diagnostics."""

from __future__ import annotations

from pathlib import Path
import re
import subprocess
import sys

from _ros import checkpoint_fixture, Rig, rig_fixture, wait_for  # noqa: F401
from lstm_depth.errors import ConfigError, MessageError
from lstm_depth.ros.camera_node import CameraNode
from lstm_depth.ros.evaluation_node import EvaluationNode
from lstm_depth.ros.parameter_table import with_tables
from lstm_depth.stream import ResetReason
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter

REFERENCE = Path(__file__).resolve().parents[1] / 'lstm_depth/ros/README.md'
TEXT = REFERENCE.read_text(encoding='utf-8')


def section(title: str) -> str:
    """Return what the reference says below the heading *title*, to the next of its rank."""
    return re.search(rf'^## {title}$(.*?)(?=^## |\Z)', TEXT, re.MULTILINE | re.DOTALL)[1]


def names(node: Node) -> set[str]:
    """Return the topics and services of *node* that are its own, private ones with a ``~``."""
    own, space = node.get_name(), node.get_namespace()
    found = [*node.get_publisher_names_and_types_by_node(own, space),
             *node.get_subscriber_names_and_types_by_node(own, space),
             *node.get_service_names_and_types_by_node(own, space)]
    full = node.get_fully_qualified_name()
    result = {name.replace(f'{full}/', '~/', 1) for name, _ in found}
    return {name for name in result - {'/rosout', '/parameter_events', '/clock'}
            if not re.search(r'parameter|type_description|transition|state', name)}


def test_the_tables_of_parameters_are_those_of_the_code():
    assert with_tables(TEXT) == TEXT, (
        'the table is stale; python -m lstm_depth.ros.parameter_table lstm_depth/ros/README.md')


def test_tables_are_written_between_the_marks_only(tmp_path):
    path = tmp_path / 'README.md'
    path.write_text(TEXT.replace('`max_gap_s`', 'gone'), encoding='utf-8')
    subprocess.run([sys.executable, '-m', 'lstm_depth.ros.parameter_table', str(path)], check=True)
    assert path.read_text(encoding='utf-8') == TEXT
    with pytest.raises(ConfigError, match='no place for the tables'):
        with_tables('a text without marks')


def test_topics_services_and_diagnostics_of_depth_node_are_documented(rig: Rig, checkpoint):
    pytest.importorskip('nav_msgs.msg', reason='needs nav_msgs, for the anchor')
    node = rig.active_node(checkpoint, listen=(), anchor='odometry')
    documented = section('depth_node')
    found = names(node)
    assert {'~/depth/points', '/image', '/odom', '~/reset'} <= found
    assert not [name for name in found if f'`{name}`' not in documented
                and f'`{name.lstrip("/")}`' not in documented]
    status, = node.cameras[0].diagnostics({'state': '', 'enabled': True, 'checkpoint': ''},
                                          [], 0.0).status
    assert not [each.key for each in status.values if f'`{each.key}`' not in documented]
    assert not [reason for reason in ResetReason if f'`{reason.value}`' not in documented]


def test_every_cause_of_a_drop_is_documented():
    causes = {'lost_in_transport', 'superseded_in_queue', 'out_of_memory', 'engine_error',
              *re.findall(r'``(\w+)``', MessageError.__doc__)} - {'bad_calibration'}
    for path in REFERENCE.parent.glob('*.py'):
        causes.update(re.findall(r"(?:drop|drop_loudly)\('(\w+)'", path.read_text('utf-8')))
    assert {'superseded', 'no_subscriber', 'bad_image', 'too_large'} <= causes
    assert not [cause for cause in causes if f'`{cause}`' not in section('depth_node')]


def test_topics_of_the_other_nodes_are_documented(rig: Rig, tmp_path):
    import cv2
    cv2.imwrite(str(tmp_path / '1.png'), np.zeros((24, 32, 3), np.uint8))
    camera = rig.spin(CameraNode(context=rig.context, parameter_overrides=[
        Parameter('source', value=str(tmp_path)), Parameter('wait_for_subscribers', value=9),
        Parameter('publish_depth', value=True), Parameter('image_transport', value='both')]))
    assert names(camera) == {'/image', '/image/compressed', '/camera_info', '/depth'}
    assert not [name for name in names(camera)
                if f'`{name.lstrip("/")}`' not in section('camera_node')]
    evaluation = rig.spin(EvaluationNode(context=rig.context))
    wait_for(lambda: '/depth/image' in names(evaluation))
    documented = section('evaluation_node')
    others = {name for name in names(evaluation) if not name.startswith('~/')} - {'/diagnostics'}
    assert not [name for name in others if f'`{name.lstrip("/")}`' not in documented
                and f'`{name}`' not in documented]
    assert '~/reset' in names(evaluation)
