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
Start depth_node, and with ``source:=`` a camera_node that feeds it.

    ros2 launch lstm_depth depth.launch.py image:=/cam/image camera_info:=/cam/camera_info
    ros2 launch lstm_depth depth.launch.py source:=office.mcap rviz:=true

It imports nothing of lstm_depth, so that it also works where ROS runs in another Python
than the nodes, as with a virtual environment beside an installation of ROS.
"""

from pathlib import Path
import shutil
import sys

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

PACKAGE = 'lstm_depth'
HERE = Path(__file__).resolve().parent
CONFIG = HERE.parent / 'config'

# Name: (default, description).
ARGUMENTS = {
    'image': ('image', 'Topic of the camera image; with a compressed image_transport, '
              '<image>/compressed.'),
    'camera_info': ('camera_info', 'Topic of the camera calibration.'),
    'checkpoint': ('', 'Path of the checkpoint; empty for that of params_file.'),
    'device': ('', 'auto, cpu, cuda or cuda:N; empty for that of params_file.'),
    'anchor': ('', 'What anchors the scale: auto, none, odometry, points, camera_height or '
               'visual; empty for that of params_file.'),
    'odom': ('odom', 'Topic of the nav_msgs/Odometry, for the anchor.'),
    'points': ('points', 'Topic of the laser scan, cloud or range, for the anchor.'),
    'points_type': ('', 'What it is: laser_scan, point_cloud or range; empty for that of '
                    'params_file.'),
    'namespace': ('', 'Namespace of all nodes.'),
    'params_file': (str(CONFIG / 'depth.yaml'), 'Parameters of the nodes.'),
    'autostart': ('true', 'Configure and activate depth_node; false leaves that to you.'),
    'use_sim_time': ('false', 'Take the time from /clock.'),
    'source': ('', 'Bag, video file, image folder or /dev/videoN for a camera_node to '
               'publish; empty where a camera publishes already.'),
    'rviz': ('false', 'Open RViz on the image, the coloured depth and the cloud.'),
    'fixed_frame': ('camera_optical_frame', "RViz's fixed frame: the frame_id of the images, or "
                    'any frame that TF connects to it.'),
}


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and the nodes that depend on them."""
    arguments = [DeclareLaunchArgument(name, default_value=default, description=text)
                 for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription([*arguments, OpaqueFunction(function=make_actions)])


def make_actions(context: LaunchContext) -> 'list[Action]':
    """Return the nodes and the events between them."""
    values = {name: LaunchConfiguration(name).perform(context).strip() for name in ARGUMENTS}
    flags = {name: is_true(name, values[name])
             for name in ('autostart', 'use_sim_time', 'rviz')}
    topics = {'image': values['image'], 'image/compressed': f'{values["image"]}/compressed',
              'camera_info': values['camera_info'], 'odom': values['odom'],
              'points': values['points']}
    common = {'namespace': values['namespace'], 'output': 'screen',
              # A node that loads its model ends when it is loaded, on a busy machine after more
              # than the 5 s of the default.
              'remappings': list(topics.items()), 'sigterm_timeout': '20'}
    time = {'use_sim_time': flags['use_sim_time']}
    # An argument that is not given must not hide what params_file says.
    given = {name: ParameterValue(values[name], value_type=str)
             for name in ('checkpoint', 'device', 'anchor', 'points_type') if values[name]}
    # Autostart by events: were the node to start itself, too, both would configure it.
    depth = LifecycleNode(
        name='depth_node', **executable('depth_node'),
        parameters=[values['params_file'], {**time, **given, 'autostart': False}], **common)
    actions = [depth, *(autostart(depth) if flags['autostart'] else [])]
    if values['source']:
        # No frame is played before depth_node is active.
        camera = {'source': ParameterValue(values['source'], value_type=str),
                  'wait_for_subscribers': 1}
        actions.append(Node(
            name='camera_node', **executable('camera_node'),
            parameters=[values['params_file'], {**time, **camera}], **common))
    if flags['rviz']:
        actions.append(rviz(values, time))
    return actions


def executable(name: str) -> 'dict[str, str]':
    """Return the arguments of an action that start *name*, by colcon or by pip installed."""
    # Installed, this file is PREFIX/share/lstm_depth/launch/depth.launch.py.
    prefixes = [(HERE / '../../..').resolve(), Path(sys.prefix)]
    try:
        prefixes.insert(0, Path(get_package_prefix(PACKAGE)))
    except (PackageNotFoundError, OSError):  # OSError: AMENT_PREFIX_PATH is not set.
        pass
    else:
        if (prefixes[0] / 'lib' / PACKAGE / name).exists():
            return {'package': PACKAGE, 'executable': name}
    # pip puts executables beside python and on the PATH.
    for folder in (prefix / 'bin' for prefix in prefixes):
        if (folder / name).is_file():
            return {'executable': str(folder / name)}
    if found := shutil.which(name):
        return {'executable': found}
    raise RuntimeError(
        f'{name} is not installed: it is in no lib/{PACKAGE} or bin of '
        f'{", ".join(map(str, prefixes))} and not on the PATH; build the workspace with colcon '
        'and source its setup file, or run "pip install" on this package')


def is_true(name: str, value: str) -> bool:
    """Return the truth of a launch argument."""
    if value.lower() not in ('true', 'false', '1', '0'):
        raise RuntimeError(f'argument {name} must be true or false, not {value!r}')
    return value.lower() in ('true', '1')


def autostart(node: LifecycleNode) -> 'list[Action]':
    """Return the handlers that configure *node* when it runs and activate it when configured."""
    def change(transition: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(
            lifecycle_node_matcher=matches_action(node), transition_id=transition))

    return [
        RegisterEventHandler(OnProcessStart(
            target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)])),
        RegisterEventHandler(OnStateTransition(
            target_lifecycle_node=node, start_state='configuring', goal_state='inactive',
            entities=[change(Transition.TRANSITION_ACTIVATE)])),
    ]


def rviz(values: 'dict[str, str]', time: 'dict[str, bool]') -> Node:
    """Return RViz on the topics of the other nodes."""
    namespace = values['namespace'].strip('/')
    prefix = f'/{namespace}' if namespace else ''
    image = values['image']
    remappings = [(f'/depth_node/depth/{name}', f'{prefix}/depth_node/depth/{name}')
                  for name in ('colored', 'points')]
    remappings.append(('/image', image if image.startswith('/') else f'{prefix}/{image}'))
    return Node(
        package='rviz2', executable='rviz2', name='rviz2', output='screen',
        arguments=['-d', str(CONFIG / 'depth.rviz'), '-f', values['fixed_frame']],
        parameters=[time], remappings=remappings)
