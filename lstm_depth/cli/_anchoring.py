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
"""The arguments of commands that can anchor depth."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lstm_depth.evaluation.anchoring import Anchoring

_SOURCES = ('none', 'odometry', 'points', 'camera_height', 'visual')


def add_anchor_arguments(parser: argparse.ArgumentParser, several: bool = False) -> None:
    """Add the arguments that say what anchors depth; *several*: one contender for each."""
    group = parser.add_argument_group('anchored depth')
    group.add_argument(
        '--anchor', choices=_SOURCES, default=['none'] if several else 'none',
        nargs='+' if several else None,
        help='what gives depth the scale of the world: the poses of the camera, the points of '
        'another sensor, its height above the floor, or, for steadiness only, the motion seen in '
        'the images'
        + ('; several are compared' if several else ''))
    group.add_argument('--trajectory', type=Path, metavar='FILE',
                       help='poses of the camera in TUM format, in place of those of the bag')
    group.add_argument('--odometry-topic', metavar='TOPIC',
                       help='nav_msgs/Odometry of the bag, beside its /tf and /tf_static')
    group.add_argument('--odom-frame', default='', metavar='FRAME',
                       help='the frame that the camera moves in; guessed from /tf: odom')
    group.add_argument('--odom-time-offset', type=float, default=0.0, metavar='S',
                       help='added to the stamp of an image to find its pose [s]')
    group.add_argument('--points-topic', metavar='TOPIC',
                       help='LaserScan, PointCloud2 or Range of the bag, for points')
    group.add_argument('--camera-height', type=float, metavar='M',
                       help='height of the camera above the floor, for camera_height [m]')


def anchorings_from(args: argparse.Namespace, place: str) -> list[Anchoring]:
    """
    Return what the arguments say, one for each source named; *place*: the recording.

    ConfigError where a source lacks what it cannot do without.
    """
    from lstm_depth.anchor import AnchorConfig
    from lstm_depth.errors import ConfigError
    from lstm_depth.evaluation.anchoring import Anchoring
    from lstm_depth.media.points import RecordedPoints
    from lstm_depth.media.poses import open_poses

    names = args.anchor if isinstance(args.anchor, list) else [args.anchor]
    if set(names) == {'none'}:
        return [Anchoring()]
    poses = open_poses(place, trajectory=args.trajectory, odometry_topic=args.odometry_topic,
                       world=args.odom_frame, offset_s=args.odom_time_offset)
    config = AnchorConfig(camera_height_m=args.camera_height)
    points = None
    if 'points' in names:
        if not args.points_topic:
            raise ConfigError('anchor points needs --points-topic, a LaserScan, PointCloud2 or '
                              'Range of the bag')
        points = RecordedPoints(place, args.points_topic, poses)
    return [Anchoring() if name == 'none' else
            Anchoring(name, config, poses, points if name == 'points' else None)
            for name in names]
