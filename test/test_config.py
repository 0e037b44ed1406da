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
"""Configurations for other packages: their names are real, and ours are what we publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIG = Path(__file__).resolve().parents[1] / 'config'
# What the sources of the packages declare.
# nav2_costmap_2d, obstacle_layer.cpp and voxel_layer.cpp, branches humble, jazzy and kilted.
VOXEL_LAYER = {
    'plugin', 'enabled', 'footprint_clearing_enabled', 'min_obstacle_height',
    'max_obstacle_height', 'combination_method', 'observation_sources', 'z_voxels', 'origin_z',
    'z_resolution', 'unknown_threshold', 'mark_threshold', 'publish_voxel_map'}
OBSERVATION_SOURCE = {
    'topic', 'sensor_frame', 'observation_persistence', 'expected_update_rate', 'data_type',
    'min_obstacle_height', 'max_obstacle_height', 'inf_is_valid', 'marking', 'clearing',
    'obstacle_max_range', 'obstacle_min_range', 'raytrace_max_range', 'raytrace_min_range'}
# depthimage_to_laserscan, DepthImageToLaserScanROS.cpp, branch ros2, with the default's type.
LASERSCAN = {'scan_time': float, 'range_min': float, 'range_max': float, 'scan_height': int,
             'output_frame': str}
# rtabmap_ros, CommonDataSubscriber.cpp, CoreWrapper.cpp, OdometryROS.cpp and rgbd_odometry.cpp,
# branches humble-devel, jazzy-devel and ros2.
RTABMAP = {'frame_id': str, 'subscribe_depth': bool, 'subscribe_rgb': bool, 'approx_sync': bool,
           'topic_queue_size': int, 'sync_queue_size': int, 'qos': int}
# rtabmap, Parameters.h: handed on as words, whatever their type.
RTABMAP_CORE = {'Vis/MaxDepth', 'Kp/MaxDepth', 'Grid/RangeMax', 'Rtabmap/DetectionRate'}
PANELS = {'3D', 'Image', 'DiagnosticSummary'}


def load(name: str) -> Any:
    """Return the content of a configuration."""
    return yaml.safe_load((CONFIG / name).read_text(encoding='utf-8'))


def topics() -> set[str]:
    """Return the topics of depth_node, named as without remappings."""
    outputs = pytest.importorskip('lstm_depth.ros.outputs', reason='needs ROS 2')
    return {'/image', '/camera_info', '/diagnostics',
            *(f'/depth_node/{name}' for name in outputs.TOPICS)}


def test_every_configuration_is_in_the_table():
    text = (CONFIG / 'README.md').read_text(encoding='utf-8')
    assert not [path.name for path in CONFIG.iterdir()
                if path.is_file() and path.name != 'README.md' and f'({path.name})' not in text]


def test_nav2_reads_the_cloud_by_parameters_that_it_has():
    costmap = load('nav2_voxel_layer.yaml')['local_costmap']['local_costmap']['ros__parameters']
    layer = costmap['voxel_layer']
    assert set(costmap) == {'plugins', *costmap['plugins']}
    sources = layer['observation_sources'].split()
    assert set(layer) <= VOXEL_LAYER | set(sources)
    for source in map(layer.get, sources):
        assert set(source) <= OBSERVATION_SOURCE
        assert source['topic'] in topics() and source['data_type'] == 'PointCloud2'
        assert source['raytrace_max_range'] > source['obstacle_max_range']
    # The layer refuses more than 16.
    assert layer['z_voxels'] <= 16


@pytest.mark.parametrize(('name', 'known', 'words'), [
    ('depthimage_to_laserscan.yaml', LASERSCAN, set()), ('rtabmap.yaml', RTABMAP, RTABMAP_CORE)])
def test_parameters_have_the_names_and_types_of_their_packages(name, known, words):
    (_, node), = load(name).items()
    for parameter, value in node['ros__parameters'].items():
        assert type(value) is (str if parameter in words else known[parameter]), parameter


def test_the_layout_shows_what_depth_node_publishes():
    layout = json.loads((CONFIG / 'depth.foxglove.json').read_text(encoding='utf-8'))

    def leaves(part: Any) -> set[str]:
        return {part} if isinstance(part, str) else leaves(part['first']) | leaves(part['second'])

    assert leaves(layout['layout']) == set(layout['configById'])
    assert {name.partition('!')[0] for name in layout['configById']} <= PANELS
    shown = {value for panel in layout['configById'].values()
             for value in (*panel.get('imageMode', {}).values(), *panel.get('topics', {}),
                           panel.get('topicToRender', '/image'))}
    assert shown <= topics() and len(shown) == 5
