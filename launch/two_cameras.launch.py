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
r"""
Start one depth_node for two cameras, which share its network.

    ros2 launch lstm_depth two_cameras.launch.py front:=/cam0/image_raw \
        front_info:=/cam0/camera_info left:=/cam1/image_raw left_info:=/cam1/camera_info
    ros2 launch lstm_depth two_cameras.launch.py front_source:=a.mcap left_source:=b.mp4

Depth comes on /depth_node/front/depth/image and /depth_node/left/depth/image, and so on.
"""

from pathlib import Path
import runpy

from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / 'config'
executable = runpy.run_path(str(HERE / 'depth.launch.py'))['executable']
# To have others, or more, change this line.
CAMERAS = ('front', 'left')

# Name: (default, description).
ARGUMENTS = {
    'checkpoint': ('', 'Path of the checkpoint; empty for that of params_file.'),
    'params_file': (str(CONFIG / 'depth.yaml'), 'Parameters of the nodes.'),
    **{name: text for camera in CAMERAS for name, text in {
        camera: (f'{camera}/image', f'Topic of the image of the {camera} camera.'),
        f'{camera}_info': (f'{camera}/camera_info', 'Topic of its calibration.'),
        f'{camera}_source': ('', 'Bag, video file, image folder or /dev/videoN for a camera_node '
                             'to publish as that camera; empty where one publishes already.'),
    }.items()},
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the nodes that depend on them."""
    arguments = [DeclareLaunchArgument(name, default_value=default, description=text)
                 for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription([*arguments, OpaqueFunction(function=make_actions)])


def make_actions(context: LaunchContext) -> 'list[Action]':
    """Return the nodes."""
    values = {name: LaunchConfiguration(name).perform(context).strip() for name in ARGUMENTS}
    common = {'output': 'screen', 'sigterm_timeout': '20'}
    remappings = []
    actions = []
    for camera in CAMERAS:
        topics = {'image': values[camera], 'image/compressed': f'{values[camera]}/compressed',
                  'camera_info': values[f'{camera}_info']}
        remappings += [(f'{camera}/{name}', topic) for name, topic in topics.items()]
        if source := values[f'{camera}_source']:
            actions.append(Node(
                name=f'{camera}_camera_node', **executable('camera_node'), **common,
                parameters=[{'source': ParameterValue(source, value_type=str),
                             'wait_for_subscribers': 1}],
                remappings=list(topics.items())))
    given = {'cameras': list(CAMERAS), 'autostart': True}
    if values['checkpoint']:
        given['checkpoint'] = ParameterValue(values['checkpoint'], value_type=str)
    depth = Node(name='depth_node', **executable('depth_node'), **common,
                 parameters=[values['params_file'], given], remappings=remappings)
    return [depth, *actions]
