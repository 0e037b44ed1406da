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
"""The launch file: its arguments, and the nodes it starts from an installed package."""

from __future__ import annotations

from pathlib import Path
import runpy
import signal
import subprocess
import sys
import time
from typing import Any

from _have_ros_launch import installed_fixture, on_the_path_fixture  # noqa: F401
from _ros import (
    camera_info,
    image,
    PATIENCE_S,
    process_environment,
    Rig,
    tiny_checkpoint,
    wait_for,
)
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node
from lifecycle_msgs.srv import GetState
import pytest
import yaml

pytestmark = pytest.mark.usefixtures('on_the_path')

LAUNCH = Path(__file__).resolve().parents[1] / 'launch' / 'depth.launch.py'


def actions(**arguments: str) -> list[Any]:
    """Return what the launch file does with *arguments*."""
    description = runpy.run_path(str(LAUNCH))['generate_launch_description']()
    context = LaunchContext()
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            context.launch_configurations[entity.name] = arguments.pop(
                entity.name, entity.default_value[0].perform(context))
    assert not arguments, f'no such launch arguments: {arguments}'
    function, = (entity for entity in description.entities
                 if isinstance(entity, OpaqueFunction))
    return function.execute(context)


def executables(**arguments: str) -> list[str]:
    """Return which nodes are started, by the names of their executables."""
    return [Path(action.node_executable).name for action in actions(**arguments)
            if isinstance(action, Node)]


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty prefix with our marker, which ament finds and Python runs from."""
    index = tmp_path / 'prefix' / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'lstm_depth').touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'prefix'))
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'prefix'))
    return tmp_path / 'prefix'


def depth_node() -> Node:
    """Return the action that starts depth_node."""
    return next(action for action in actions() if isinstance(action, Node))


def test_executables_of_colcon_are_found_by_their_package(prefix):
    (prefix / 'lib' / 'lstm_depth').mkdir(parents=True)
    (prefix / 'lib' / 'lstm_depth' / 'depth_node').touch(0o755)
    assert (depth_node().node_package, depth_node().node_executable) == (
        'lstm_depth', 'depth_node')


def test_executables_of_pip_are_found_beside_python_or_on_the_path(prefix, on_the_path):
    assert depth_node().node_executable == str(on_the_path / 'depth_node')
    (prefix / 'bin').mkdir()
    (prefix / 'bin' / 'depth_node').touch(0o755)
    assert depth_node().node_package is None
    assert depth_node().node_executable == str(prefix / 'bin' / 'depth_node')


def test_without_the_package_in_the_index_executables_are_found_too(monkeypatch, on_the_path):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    monkeypatch.setattr(sys, 'prefix', '/nowhere')
    assert depth_node().node_executable == str(on_the_path / 'depth_node')


def test_executables_that_are_nowhere_are_told_with_what_to_do(prefix, monkeypatch):
    monkeypatch.setenv('PATH', '/nowhere')
    with pytest.raises(RuntimeError, match='depth_node is not installed.*colcon.*pip install'):
        actions()


def test_the_nodes_that_the_arguments_ask_for_are_started():
    assert executables() == ['depth_node']
    assert executables(source='room.mcap') == ['depth_node', 'camera_node']
    assert executables(source='/dev/video0', rviz='true') == [
        'depth_node', 'camera_node', 'rviz2']


def test_autostart_adds_the_two_transitions():
    assert len(actions(autostart='true')) - len(actions(autostart='false')) == 2


def test_a_flag_that_is_neither_true_nor_false_is_refused():
    with pytest.raises(RuntimeError, match="use_sim_time must be true or false, not 'perhaps'"):
        actions(use_sim_time='perhaps')


def test_rviz_shows_topics_that_exist_with_qos_that_fits():
    content = yaml.safe_load((LAUNCH.parents[1] / 'config' / 'depth.rviz').read_text('utf-8'))
    manager = content['Visualization Manager']
    topics = {display['Topic']['Value']: display['Topic']
              for display in manager['Displays'] if 'Topic' in display}
    assert set(topics) == {'/image', '/depth_node/depth/colored', '/depth_node/depth/points'}
    assert {topic['Durability Policy'] for topic in topics.values()} == {'Volatile'}
    assert topics['/image']['Reliability Policy'] == 'Best Effort'
    assert manager['Global Options']['Fixed Frame'] == 'camera_optical_frame'


def test_ros2_launch_brings_up_an_active_node_and_stops_cleanly(installed, tmp_path, capfd):
    rig = Rig(__name__, capfd)
    process = subprocess.Popen(
        ['ros2', 'launch', 'lstm_depth', 'depth.launch.py', 'image:=/image', 'namespace:=robot',
         'camera_info:=/camera_info', f'checkpoint:={tiny_checkpoint(tmp_path)}'],
        env=process_environment(rig.domain), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    try:
        wait_for(rig.images.get_subscription_count, what='for the node to activate')
        state = rig.call(GetState, '/robot/depth_node/get_state', GetState.Request())
        assert state.current_state.label == 'active'
        rig.listen('image', '/robot/depth_node')
        for index in range(100):
            rig.show(image(1 + index / 10), camera_info())
            time.sleep(0.05)
            if rig.received['image']:
                break
        assert rig.received['image']
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)
        rig.close()
    assert process.returncode == 0, output
    assert 'process has finished cleanly' in output and 'Traceback' not in output, output
