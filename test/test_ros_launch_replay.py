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
"""replay.launch.py: which player plays what, how the nodes are wired, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
import runpy
import subprocess
from typing import Any

from _have_ros_launch import installed_fixture, on_the_path_fixture  # noqa: F401
from _ros import domain_id, process_environment, tiny_checkpoint
import cv2
from launch import LaunchContext
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
)
from launch_ros.actions import Node
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagWriter
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures('on_the_path')

LAUNCH = Path(__file__).resolve().parents[1] / 'launch' / 'replay.launch.py'
CAMERA = Camera(8, 6, 5.0, 5.0, 3.5, 2.5)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Write eleven frames at 10 Hz."""
    with BagWriter(tmp_path / 'drive') as writer:
        for index in range(11):
            header = (index * 10**8, 'cam')
            writer.write_image('/rgb/image', np.zeros((6, 8, 3), np.uint8), 'rgb8', *header)
            writer.write_camera_info('/rgb/camera_info', CAMERA, *header)
            writer.write_image('/range/image', np.ones((6, 8), np.float32), '32FC1', *header)
            writer.write_camera_info('/range/camera_info', CAMERA, *header)
    return tmp_path / 'drive'


def actions(installed: bool = False, **arguments: str) -> list[Any]:
    """Return what the launch file does with *arguments*; *installed*: whether ros2bag is."""
    module = runpy.run_path(str(LAUNCH))
    module['make_actions'].__globals__['has_ros2bag'] = lambda: installed
    description = module['generate_launch_description']()
    context = LaunchContext()
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            context.launch_configurations[entity.name] = arguments.pop(entity.name, None) or (
                entity.default_value[0].perform(context) if entity.default_value[0:] else '')
    assert not arguments, f'no such launch arguments: {arguments}'
    function, = (entity for entity in description.entities
                 if isinstance(entity, OpaqueFunction))
    return function.execute(context)


def nodes(found: list[Any]) -> dict[str, Node]:
    """Return the nodes by the name of their executable."""
    return {Path(action.node_executable).name: action for action in found
            if isinstance(action, Node)}


def included(found: list[Any]) -> dict[str, str]:
    """Return the arguments of the included launch file."""
    include, = (action for action in found if isinstance(action, IncludeLaunchDescription))
    return dict(include.launch_arguments)


def test_without_ros2bag_our_camera_node_plays_and_waits_for_both_nodes(bag):
    found = actions(bag=str(bag))
    assert set(nodes(found)) == {'camera_node', 'evaluation_node'}
    assert included(found)['image'] == '/image'
    assert included(found)['use_sim_time'] == 'false'
    assert len([action for action in found if isinstance(action, RegisterEventHandler)]) == 2


def test_with_ros2bag_it_plays_the_topics_that_are_needed_once_the_node_is_active(bag):
    found = actions(installed=True, bag=str(bag), rate='0.5')
    assert set(nodes(found)) == {'evaluation_node'}
    assert included(found)['image'] == '/rgb/image'
    assert included(found)['camera_info'] == '/rgb/camera_info'
    assert included(found)['use_sim_time'] == 'true'
    # Not started at once, but by the handler of the lifecycle event.
    assert not any(type(action) is ExecuteProcess for action in found)
    player, = (entity for action in found if isinstance(action, RegisterEventHandler)
               for entity in getattr(action.event_handler, 'entities', ())
               if isinstance(entity, ExecuteProcess))
    environment = {part[0][0].text: part[1][0].text for part in player.additional_env}
    assert environment['FASTRTPS_DEFAULT_PROFILES_FILE'].endswith('.xml')
    command = [part[0].text for part in player.cmd]
    assert command == [
        'ros2', 'bag', 'play', str(bag), '--clock', '--rate', '0.5', '--delay', '2.0', '--topics',
        '/rgb/image', '/rgb/camera_info', '/range/image', '/range/camera_info', '/tf_static']


@pytest.mark.parametrize(('arguments', 'words'), [
    ({'rate': '0'}, 'rate must be a number above 0'),
    ({'rate': 'fast'}, "not 'fast'"),
    ({'player': 'vlc'}, 'player must be one of auto, ros2bag, camera_node'),
    ({'depth_topic': '/nope'}, '(?s)no topic /nope.*/range/image'),
    ({'bag': '/no/such/bag'}, '/no/such/bag does not exist'),
])
def test_what_cannot_be_is_refused_in_one_sentence(bag, arguments, words):
    with pytest.raises(RuntimeError, match=words):
        actions(**{'bag': str(bag), **arguments})


def test_a_bag_without_depth_is_refused_with_its_topics(tmp_path):
    with BagWriter(tmp_path / 'plain') as writer:
        writer.write_image('/rgb/image', np.zeros((6, 8, 3), np.uint8), 'rgb8', 0, 'cam')
    with pytest.raises(RuntimeError, match='(?s)has no depth to compare with.*/rgb/image'):
        actions(bag=str(tmp_path / 'plain'))


def test_compressed_images_are_played_by_our_node_which_decodes_them(tmp_path):
    with BagWriter(tmp_path / 'jpeg') as writer:
        jpeg = cv2.imencode('.jpg', np.zeros((6, 8, 3), np.uint8))[1].tobytes()
        writer.write_compressed('/rgb/image/compressed', jpeg, 'jpeg', 0, 'cam')
        writer.write_image('/range/image', np.ones((6, 8), np.float32), '32FC1', 0, 'cam')
    found = actions(installed=True, bag=str(tmp_path / 'jpeg'))
    assert 'camera_node' in nodes(found)


def test_ros2_launch_plays_to_the_end_and_leaves_the_numbers(installed, bag, tmp_path):
    numbers = tmp_path / 'numbers.json'
    done = subprocess.run(
        ['ros2', 'launch', 'lstm_depth', 'replay.launch.py', f'bag:={bag}', 'player:=camera_node',
         'rate:=0.5', f'checkpoint:={tiny_checkpoint(tmp_path)}', 'device:=cpu',
         f'output:={numbers}'],
        env=process_environment(domain_id(__name__)), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=180)
    assert done.returncode == 0, done.stdout
    assert 'abs_rel' in done.stdout and 'Traceback' not in done.stdout, done.stdout
    assert json.loads(numbers.read_text())['frames_scored'] >= 8
