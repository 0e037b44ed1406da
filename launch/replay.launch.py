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
Play a bag through depth_node and compare the depth with the bag's own while it plays.

    ros2 launch lstm_depth replay.launch.py bag:=office.mcap
    ros2 launch lstm_depth replay.launch.py bag:=drive depth_topic:=/depth/image_raw rate:=0.5

evaluation_node publishes the running means and prints a table when the bag has ended.
"""

import os
from pathlib import Path
import runpy

from ament_index_python.packages import get_package_prefix, PackageNotFoundError
from launch import LaunchContext, LaunchDescription
from launch.action import Action
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    ExecuteProcess,
    IncludeLaunchDescription,
    OpaqueFunction,
    RegisterEventHandler,
    TimerAction,
)
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.parameter_descriptions import ParameterValue

try:
    from lstm_depth.errors import LstmDepthError
    from lstm_depth.media.bag import BagReader
    from lstm_depth.media.bag.common import IMAGE
    from lstm_depth.media.bag.topics import FrameTopics, listing
    from lstm_depth.ros.transport import choose_profile
except ImportError as error:
    raise RuntimeError(
        f'this launch file reads the bag itself, and the Python of "ros2 launch" lacks what that '
        f'needs ({error}); install lstm_depth for it, or put the site-packages of the virtual '
        'environment that holds it on the PYTHONPATH') from error

HERE = Path(__file__).resolve().parent
executable = runpy.run_path(str(HERE / 'depth.launch.py'))['executable']
PLAYERS = ('auto', 'ros2bag', 'camera_node')
DEPTH = '/depth_node/depth/image'
# What depth_node still works on when the bag has ended is answered within this.
SETTLE_S = 5.0

ARGUMENTS = {
    'image_topic': ('', 'Colour images in the bag; empty for the only ones.'),
    'camera_info_topic': ('', 'Their camera_info; empty for the one beside them.'),
    'depth_topic': ('', 'Ground truth in the bag; empty where there is one that fits.'),
    'player': ('auto', 'What plays the bag. ros2bag: "ros2 bag play --clock". camera_node: our '
               'own. auto: ros2bag where it is installed and can play this bag. One of: '
               f'{", ".join(PLAYERS)}.'),
    'rate': ('1.0', 'Speed of playing; 0.5 takes twice the time.'),
    'output': ('', 'JSON file for the numbers; empty for none.'),
    'checkpoint': ('', 'Path of the checkpoint; empty for that of params_file.'),
    'device': ('', 'auto, cpu, cuda or cuda:N; empty for that of params_file.'),
    'params_file': (str(HERE.parent / 'config' / 'depth.yaml'), 'Parameters of the nodes.'),
    'rviz': ('false', 'Open RViz on the image, the coloured depth and the cloud.'),
    'fixed_frame': ('camera_optical_frame', "RViz's fixed frame: the frame_id of the images."),
}
FOR_DEPTH_NODE = ('checkpoint', 'device', 'params_file', 'rviz', 'fixed_frame')


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and what depends on them."""
    arguments = [DeclareLaunchArgument(name, default_value=default, description=text)
                 for name, (default, text) in ARGUMENTS.items()]
    return LaunchDescription([
        DeclareLaunchArgument('bag', description='The recording: a rosbag of ROS 2 or ROS 1.'),
        *arguments, OpaqueFunction(function=make_actions)])


def make_actions(context: LaunchContext) -> 'list[Action]':
    """Return the player, the two nodes, and the end of it all."""
    values = {name: LaunchConfiguration(name).perform(context).strip()
              for name in ('bag', *ARGUMENTS)}
    rate = playing_rate(values['rate'])
    try:
        with BagReader(values['bag']) as bag:
            topics = bag.choose_topics(*(values[name] or None for name in (
                'image_topic', 'camera_info_topic', 'depth_topic')))
            seconds, count = bag.duration_s, bag.frame_count(topics.image)
            if topics.depth is None:
                raise RuntimeError(f'bag {values["bag"]} has no depth to compare with; name its '
                                   f'depth_topic, of\n{listing(bag.topics)}')
            raw = {name: topic.msgtype == IMAGE for name, topic in bag.topics.items()}
    except LstmDepthError as error:
        raise RuntimeError(str(error)) from error
    if chosen_player(values['player'], values['bag'], raw[topics.image]) == 'ros2bag':
        player = bag_player(values['bag'], topics, rate)
        names = (topics.image, topics.camera_info or 'camera_info', topics.depth,
                 topics.depth_info or 'ground_truth/camera_info')
        start = RegisterEventHandler(OnStateTransition(goal_state='active', entities=[player]))
        compressed, sim_time = not raw[topics.depth], True
    else:
        # Its own pace, unless another is wanted.
        hertz = 0.0 if rate == 1 or seconds == 0 else rate * (count - 1) / seconds
        player = start = camera_player(values, topics, hertz)
        names = ('/image', '/camera_info', '/depth', '/camera_info')
        compressed = sim_time = False
    return [
        depth_node(values, names, sim_time),
        evaluation_node(values, names, compressed, sim_time),
        start,
        RegisterEventHandler(OnProcessExit(target_action=player, on_exit=[
            TimerAction(period=SETTLE_S, actions=[
                EmitEvent(event=Shutdown(reason='the bag has ended'))])])),
        RegisterEventHandler(OnStateTransition(
            start_state='configuring', goal_state='unconfigured', entities=[
                EmitEvent(event=Shutdown(reason='depth_node cannot be configured'))])),
    ]


def playing_rate(text: str) -> float:
    """Return the speed of playing."""
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < float('inf'):
        raise RuntimeError(f'argument rate must be a number above 0, not {text!r}')
    return rate


def chosen_player(player: str, bag: str, raw: bool) -> str:
    """Return what plays *bag*; *raw*: whether its images are not compressed."""
    if player not in PLAYERS:
        raise RuntimeError(f'argument player must be one of {", ".join(PLAYERS)}, not {player!r}')
    if player != 'auto':
        return player
    # depth_node would need image_transport compressed; ros2 bag knows no ROS 1 bags.
    return 'ros2bag' if raw and not bag.endswith('.bag') and has_ros2bag() else 'camera_node'


def has_ros2bag() -> bool:
    """Return whether "ros2 bag" is installed."""
    try:
        return bool(get_package_prefix('ros2bag'))
    except (PackageNotFoundError, OSError):  # OSError: AMENT_PREFIX_PATH is not set.
        return False


def bag_player(bag: str, topics: FrameTopics, rate: float) -> ExecuteProcess:
    """Return the ``ros2 bag play`` of the topics that the nodes need."""
    wanted = dict.fromkeys(filter(None, (topics.image, topics.camera_info, topics.depth,
                                         topics.depth_info, '/tf_static')))
    # A delay between advertising and playing, or the first messages find no subscriber.
    return ExecuteProcess(
        cmd=['ros2', 'bag', 'play', bag, '--clock', '--rate', str(rate), '--delay', '2.0',
             '--topics', *wanted],
        # The process that publishes the images needs the room for them.
        additional_env=dict(choose_profile(os.environ).variables),
        name='bag_player', output='screen')


def camera_player(values: 'dict[str, str]', topics: FrameTopics, hertz: float) -> Node:
    """Return a camera_node that starts when both nodes listen."""
    text = {'source': values['bag'], 'image_topic': topics.image, 'depth_topic': topics.depth,
            'camera_info_topic': topics.camera_info or ''}
    return Node(
        **executable('camera_node'), name='camera_node', output='screen',
        parameters=[values['params_file'], {
            **{name: ParameterValue(value, value_type=str) for name, value in text.items()},
            'publish_depth': True, 'wait_for_subscribers': 1, 'rate': hertz}])


def depth_node(values: 'dict[str, str]', names: 'tuple[str, ...]',
               sim_time: bool) -> IncludeLaunchDescription:
    """Return depth_node, configured and activated, on the images."""
    arguments = {name: values[name] for name in FOR_DEPTH_NODE}
    return IncludeLaunchDescription(
        PythonLaunchDescriptionSource(str(HERE / 'depth.launch.py')),
        launch_arguments={**arguments, 'image': names[0], 'camera_info': names[1],
                          'use_sim_time': str(sim_time).lower()}.items())


def evaluation_node(values: 'dict[str, str]', names: 'tuple[str, ...]', compressed: bool,
                    sim_time: bool) -> Node:
    """Return evaluation_node on the depth and the ground truth, both asked for reliably."""
    truth = 'ground_truth/image/compressedDepth' if compressed else 'ground_truth/image'
    remappings = {'depth/image': DEPTH, 'depth/camera_info': '/depth_node/depth/camera_info',
                  truth: names[2], 'ground_truth/camera_info': names[3]}
    parameters = {
        'use_sim_time': sim_time, 'output': ParameterValue(values['output'], value_type=str),
        'truth_transport': 'compressedDepth' if compressed else 'raw',
        f'qos_overrides.{DEPTH}.subscription.reliability': 'reliable'}
    if not sim_time:
        # A bag may have been recorded from a sensor that offers no more than best effort.
        parameters[f'qos_overrides.{names[2]}.subscription.reliability'] = 'reliable'
    return Node(
        **executable('evaluation_node'), name='evaluation_node', output='screen',
        parameters=[values['params_file'], parameters],
        remappings=list(remappings.items()))
