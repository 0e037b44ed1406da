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
"""The launch file of two cameras: its arguments, and both cameras' depth from real processes."""

from __future__ import annotations

from pathlib import Path
import runpy
import signal
import subprocess

from _have_ros_launch import installed_fixture, on_the_path_fixture  # noqa: F401
from _ros import PATIENCE_S, process_environment, Rig, tiny_checkpoint, wait_for
from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch_ros.actions import Node
from lstm_depth.render.sample import write_sample
import pytest
from sensor_msgs.msg import Image

LAUNCH = Path(__file__).resolve().parents[1] / 'launch' / 'two_cameras.launch.py'


@pytest.mark.parametrize(('arguments', 'nodes'), [
    ({}, ['depth_node']),
    ({'left_source': 'b.mp4'}, ['depth_node', 'camera_node']),
    ({'front_source': 'a.mcap', 'left_source': 'b.mp4'},
     ['depth_node', 'camera_node', 'camera_node'])])
def test_a_camera_node_is_started_for_each_source(on_the_path, arguments, nodes):
    description = runpy.run_path(str(LAUNCH))['generate_launch_description']()
    context = LaunchContext()
    for entity in description.entities:
        if isinstance(entity, DeclareLaunchArgument):
            context.launch_configurations[entity.name] = arguments.get(
                entity.name, entity.default_value[0].perform(context))
    function, = (entity for entity in description.entities if isinstance(entity, OpaqueFunction))
    started = [action for action in function.execute(context) if isinstance(action, Node)]
    assert [Path(action.node_executable).name for action in started] == nodes


def test_ros2_launch_gives_depth_of_both_cameras(installed, tmp_path, capfd):
    rig = Rig(__name__, capfd)
    write_sample(tmp_path / 'room', 4, seed=3, width=64, height=48)
    process = subprocess.Popen(
        ['ros2', 'launch', 'lstm_depth', 'two_cameras.launch.py',
         f'checkpoint:={tiny_checkpoint(tmp_path)}',
         *(f'{camera}_source:={tmp_path / "room"}' for camera in ('front', 'left'))],
        env=process_environment(rig.domain), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True)
    received = {'front': [], 'left': []}
    for camera, messages in received.items():
        rig.driver.create_subscription(
            Image, f'/depth_node/{camera}/depth/image', messages.append, 10)
    try:
        wait_for(lambda: all(received.values()), what='for depth of both cameras')
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE_S)
        rig.close()
    assert process.returncode == 0 and 'Traceback' not in output, output
