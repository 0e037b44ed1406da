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
The parameters of the nodes: one table each, for declaration, checks and docs.

A table is a frozen dataclass whose fields carry a description, a range, the
allowed choices and whether they may change at run time. An instance is always
valid; a change builds a new one, so that a frame never sees half a change.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
import re
from typing import Any, TypeVar

from lstm_depth.errors import ConfigError
from lstm_depth.msgs.camera_info import RECTIFIED
from lstm_depth.runtime.device import split_device
from lstm_depth.runtime.engine import PRECISIONS
from lstm_depth.runtime.registry import find_backend
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.exceptions import ParameterException
from rclpy.node import Node
from rclpy.parameter import Parameter


def _parameter(default: Any, description: str, *, low: float | None = None,
               high: float | None = None, choices: tuple[str, ...] = (),
               read_only: bool = False) -> Any:
    """Return a dataclass field that knows its parameter descriptor."""
    return field(default=default, metadata={
        'description': description, 'low': low, 'high': high, 'choices': choices,
        'read_only': read_only})


class Settings:
    """Base of the tables: checks ranges and choices of every field."""

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first parameter that is out of range."""
        for item in fields(self):
            value, meta = getattr(self, item.name), item.metadata
            if meta['choices'] and value not in meta['choices']:
                raise ConfigError(f'{item.name} must be one of {", ".join(meta["choices"])}, '
                                  f'not {value!r}')
            if meta['low'] is not None and not meta['low'] <= value <= meta['high']:
                raise ConfigError(f'{item.name} must be between {meta["low"]} and '
                                  f'{meta["high"]}, not {value}')


SettingsT = TypeVar('SettingsT', bound=Settings)


@dataclass(frozen=True)
class DepthSettings(Settings):
    """Parameters of depth_node."""

    checkpoint: str = _parameter(
        '', 'Path of the .safetensors checkpoint; empty for the one that ships with the package. '
        'Changed while configured (as backend, device and precision), it is loaded beside the '
        'running one, and the hidden state is rebuilt from the newest frames.')
    backend: str = _parameter(
        'auto', 'The library that runs the network: auto for the fastest that is installed, or '
        'its name (torch, ...).')
    device: str = _parameter(
        'auto', 'Where the network runs: auto (a GPU where there is one), cpu, cuda or cuda:N. '
        'A device that is asked for but absent gives the CPU and a warning.')
    precision: str = _parameter(
        'float32', 'Number type of the network; not every backend and device has every one.',
        choices=PRECISIONS)
    cameras: tuple[str, ...] = _parameter(
        ('',), 'Names of several cameras that share the network. Each has its own topics, '
        '<camera>/image and ~/<camera>/depth/image and so on, its own hidden state and '
        'diagnostics. One empty name is a single camera, whose topics have no prefix.',
        read_only=True)
    mode: str = _parameter(
        'stateful', 'stateful: one recurrent step a frame. window: the last buffer_size frames '
        'from a zero state at every frame, as in training clips, at buffer_size times the cost.',
        choices=('stateful', 'window'))
    buffer_size: int = _parameter(
        8, 'How many of the newest frames are kept to rebuild the hidden state from.',
        low=1, high=64)
    reprime_every: int = _parameter(
        0, 'In stateful mode, rebuild the hidden state from the kept frames every so many '
        'frames, to bound drift; 0 is never.', low=0, high=100000)
    max_gap_s: float = _parameter(
        1.0, 'A longer pause between two image stamps resets the hidden state [s].',
        low=0.001, high=3600.0)
    focal_scaling: bool = _parameter(
        True, 'Correct the metric scale by the focal length in camera_info.')
    sharpen: bool = _parameter(
        True, 'Move the edges of depth to those of the image and make them steeper.')
    max_image_megapixels: float = _parameter(
        40.0, 'Compressed images that claim to be larger are dropped before they are decoded '
        '[1e6 pixels].', low=0.01, high=1000.0)
    anchor: str = _parameter(
        'none', 'What gives depth the scale of the world: odometry (camera poses from /tf or '
        'odom), points (of another sensor), camera_height, visual (steadier only), auto (points '
        'where points_type is set and some come, else poses where there are any, else '
        'camera_height where that is given, else visual), none.',
        choices=('auto', 'none', 'odometry', 'points', 'camera_height', 'visual'), read_only=True)
    points_type: str = _parameter(
        '', 'What comes on "points" for the anchor: laser_scan (sensor_msgs/LaserScan), '
        'point_cloud (PointCloud2), range (Range); empty for nothing. Its place is taken from '
        '/tf.', choices=('', 'laser_scan', 'point_cloud', 'range'), read_only=True)
    odom_frame: str = _parameter(
        '', 'The frame that camera poses are in; empty for odom, else map, else the topmost.',
        read_only=True)
    anchor_wait_s: float = _parameter(
        0.03, 'How long an image waits for the pose of its stamp [s].', low=0.0, high=1.0,
        read_only=True)
    odom_time_offset_s: float = _parameter(
        0.0, 'Added to the stamp of an image to find its pose and points, for a camera that '
        'stamps late (below 0) or early; lstm_depth doctor --anchor says how much [s].',
        low=-1.0, high=1.0, read_only=True)
    camera_height: float = _parameter(
        0.0, 'Height of the camera above the floor [m]; 0 where it is not known.', low=0.0,
        high=100.0, read_only=True)
    rectified: str = _parameter(
        'auto', 'Whether the images are rectified, so that P of camera_info describes them and '
        'not K and D: auto (by the name of the image topic, image_rect..., or where D is 0), '
        'true, false.', choices=RECTIFIED)
    image_transport: str = _parameter(
        'raw', 'raw: sensor_msgs/Image on "image". compressed: sensor_msgs/CompressedImage on '
        '"image/compressed".', choices=('raw', 'compressed'), read_only=True)
    input_reliability: str = _parameter(
        'auto', 'How images are received. reliable: sent again where they got lost; only from '
        'publishers that offer it. best_effort: from any publisher. auto: reliable where all '
        'publishers offer it.', choices=('auto', 'reliable', 'best_effort'))
    depth_encoding: str = _parameter(
        '32FC1', '32FC1: float metres, NaN where invalid. 16UC1: millimetres, 0 where invalid.',
        choices=('32FC1', '16UC1'))
    output_scale: float = _parameter(
        1.0, 'Size of every output relative to the image; camera_info is scaled with it.',
        low=0.1, high=1.0)
    min_depth: float = _parameter(
        0.0, 'Depth below this is invalid [m].', low=0.0, high=1000.0)
    max_depth: float = _parameter(
        100.0, 'Depth above this is invalid [m].', low=0.0, high=1000.0)
    cloud_stride: int = _parameter(
        1, 'The cloud holds one pixel in so many of each row, and one row in so many.',
        low=1, high=64)
    cloud_drop_flying: bool = _parameter(
        True, 'Leave points out of the cloud (NaN) that float between a thing and what is behind '
        'it: depth changes from one to the other over several pixels.')
    cloud_min_confidence: float = _parameter(
        0.0, 'Leave points out of the cloud (NaN) whose ~/depth/confidence is below this; 0 for '
        'none.', low=0.0, high=1.0)
    colormap: str = _parameter(
        'inferno_r', 'Colours of ~/depth/colored.', choices=('inferno_r', 'turbo'))
    color_min: float = _parameter(
        0.3, 'Depth at the near end of the colours [m].', low=0.0, high=1000.0)
    color_max: float = _parameter(
        8.0, 'Depth at the far end of the colours [m].', low=0.0, high=1000.0)
    lazy: bool = _parameter(
        False, 'Skip the network while nobody subscribes to any output. Off by default: the '
        'hidden state stays warm, so that the first subscriber gets settled depth.')
    no_input_timeout_s: float = _parameter(
        5.0, 'Warn once when no image arrives for so long [s]; 0 is never.',
        low=0.0, high=3600.0)
    diagnostics_period_s: float = _parameter(
        1.0, 'Time between two messages on /diagnostics [s].', low=0.1, high=60.0,
        read_only=True)
    autostart: bool = _parameter(
        False, 'Configure and activate at start, for use without a launch system.',
        read_only=True)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value, or a pair of values, that cannot work."""
        super().__post_init__()
        split_device(self.device)
        if self.anchor == 'camera_height' and not self.camera_height:
            raise ConfigError('anchor camera_height needs camera_height, the height of the camera '
                              'above the floor in metres')
        if self.anchor == 'points' and not self.points_type:
            raise ConfigError('anchor points needs points_type, the type of the messages on '
                              '"points": laser_scan, point_cloud or range')
        if self.backend != 'auto':
            find_backend(self.backend)
        names = self.cameras
        if names != ('',) and not (names and len(set(names)) == len(names) and all(
                re.fullmatch(r'[A-Za-z][A-Za-z0-9_]{0,99}', name) for name in names)):
            raise ConfigError('cameras must be different names of letters, digits and _, such as '
                              f'[front, left], not {list(names)}')
        for low, high in (('min_depth', 'max_depth'), ('color_min', 'color_max')):
            if not getattr(self, low) < getattr(self, high):
                raise ConfigError(
                    f'{low} must be below {high}, not {getattr(self, low)} and '
                    f'{getattr(self, high)}; to move both, set them in one call')


@dataclass(frozen=True)
class CameraSettings(Settings):
    """Parameters of camera_node."""

    source: str = _parameter(
        '', 'What to publish: a rosbag, a video file, a folder of images, or a webcam '
        '(/dev/videoN).', read_only=True)
    rate: float = _parameter(
        0.0, 'Frames a second [Hz]; 0 for the pace of the source.', low=0.0, high=1000.0)
    loop: bool = _parameter(
        False, 'Start again at the end.', read_only=True)
    calibration: str = _parameter(
        '', 'Camera calibration YAML (camera_calibration format) for sources without '
        'camera_info; empty publishes an uncalibrated camera_info (K[0] is 0).', read_only=True)
    rectified: str = _parameter(
        'auto', 'Whether the images are rectified, so that P of their camera_info describes them '
        'and not K and D: auto (by the topic in the bag, image_rect..., or where D is 0), true, '
        'false.', choices=RECTIFIED, read_only=True)
    frame_id: str = _parameter(
        '', 'frame_id of every message; empty keeps the one of the source.')
    stamps: str = _parameter(
        'source', 'source: the recorded stamps. now: the time of publishing.',
        choices=('source', 'now'))
    image_transport: str = _parameter(
        'raw', 'raw: "image". compressed: "image/compressed" (JPEG). both: both.',
        choices=('raw', 'compressed', 'both'), read_only=True)
    jpeg_quality: int = _parameter(
        95, 'Quality of compressed images.', low=1, high=100)
    publish_depth: bool = _parameter(
        False, "Publish the source's own depth, where it has one, as 32FC1 metres on \"depth\".",
        read_only=True)
    image_topic: str = _parameter(
        '', 'Image topic inside the bag; empty to take the only one.', read_only=True)
    camera_info_topic: str = _parameter(
        '', 'camera_info topic inside the bag; empty to take the one beside the image.',
        read_only=True)
    depth_topic: str = _parameter(
        '', 'Depth topic inside the bag, for publish_depth.', read_only=True)
    wait_for_subscribers: int = _parameter(
        0, 'Publish nothing before so many nodes subscribe to the image, and one to camera_info '
        'and, with publish_depth, to depth.', low=0, high=100, read_only=True)
    exit_when_done: bool = _parameter(
        True, 'Exit with status 0 at the end of the source; false keeps the node alive.')


@dataclass(frozen=True)
class EvaluationSettings(Settings):
    """Parameters of evaluation_node."""

    min_depth: float = _parameter(
        0.3, 'Ground truth nearer than this does not count [m].', low=0.001, high=1000.0,
        read_only=True)
    max_depth: float = _parameter(
        8.0, 'Ground truth farther than this does not count [m].', low=0.001, high=1000.0,
        read_only=True)
    tolerance_s: float = _parameter(
        0.015, 'A depth image is compared with the ground truth of its very stamp, or else with '
        'the nearest that is at most so far away [s].', low=0.0, high=10.0)
    queue_size: int = _parameter(
        60, 'How many messages of either topic may wait for their counterpart: the delay of the '
        'depth times the rate of the ground truth, at least.', low=1, high=1000, read_only=True)
    truth_transport: str = _parameter(
        'raw', 'raw: sensor_msgs/Image on "ground_truth/image". compressedDepth: '
        'sensor_msgs/CompressedImage on "ground_truth/image/compressedDepth".',
        choices=('raw', 'compressedDepth'), read_only=True)
    output: str = _parameter(
        '', 'JSON file for the numbers, written at the end; empty for none.', read_only=True)
    no_score_timeout_s: float = _parameter(
        5.0, 'Say why when no frame was scored for so long [s]; 0 is never.',
        low=0.0, high=3600.0)
    diagnostics_period_s: float = _parameter(
        1.0, 'Time between two messages on /diagnostics [s].', low=0.1, high=60.0,
        read_only=True)

    def __post_init__(self) -> None:
        """Raise ConfigError for a value, or a pair of values, that cannot work."""
        super().__post_init__()
        if not self.min_depth < self.max_depth:
            raise ConfigError(f'min_depth must be below max_depth, not {self.min_depth} and '
                              f'{self.max_depth}')
        if self.output and Path(self.output).is_dir():
            raise ConfigError(f'output must be a file, but {self.output} is a folder')


def descriptor(item: Any) -> ParameterDescriptor:
    """Return the ROS descriptor of one field of a table."""
    meta = item.metadata
    text = meta['description']
    if meta['choices']:
        text += f' One of: {", ".join(meta["choices"])}.'
    result = ParameterDescriptor(description=text, read_only=meta['read_only'])
    if meta['low'] is not None:
        if isinstance(item.default, float):
            result.floating_point_range = [
                FloatingPointRange(from_value=meta['low'], to_value=meta['high'])]
        else:
            result.integer_range = [
                IntegerRange(from_value=meta['low'], to_value=meta['high'], step=1)]
    return result


def declare(node: Node, table: type[SettingsT]) -> SettingsT:
    """
    Declare every parameter of *table* on *node* and return their values.

    Raises ConfigError saying which start-up value is wrong and why.
    """
    values = {}
    for item in fields(table):
        try:
            values[item.name] = node.declare_parameter(
                item.name, item.default, descriptor(item)).value
            if isinstance(item.default, tuple):
                values[item.name] = tuple(values[item.name])
        except ParameterException as error:
            raise ConfigError(f'parameter {item.name} of {node.get_name()} cannot be used: '
                              f'{error} ({item.metadata["description"]})') from error
    return table(**values)


def updated(settings: SettingsT, parameters: list[Parameter]) -> SettingsT:
    """
    Return *settings* with those of *parameters* that belong to the table.

    Raises ConfigError with the reason when the result cannot work.
    """
    names = {item.name for item in fields(settings)}
    changes = {parameter.name: tuple(parameter.value)
               if isinstance(parameter.value, list) else parameter.value
               for parameter in parameters if parameter.name in names}
    for name, value in changes.items():
        if value is None:
            raise ConfigError(f'{name} cannot be unset; set it to its default instead')
    return replace(settings, **changes)
