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
Adapt a network to your own recordings, in minutes.

It learns from a depth topic, from odometry (landmarks that the motion of the camera fixes; no
depth camera), or from a teacher, on all but the last part of the recording, which decides
whether the result is kept: only where it is better there and no worse elsewhere.
"""

from __future__ import annotations

import argparse
import sys

from lstm_depth.cli._outputs import OutputFile, OutputFolder

HELP = 'adapt a network to your own recordings'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth adapt``."""
    parser.add_argument('source', help='rosbag (ROS 1 or 2), video file or image folder')
    parser.add_argument('--output', type=OutputFolder, default=OutputFolder('runs/adapted'),
                        metavar='DIR', help='write labels, rooms, the run and '
                        'adapted.safetensors here')
    parser.add_argument('--checkpoint', help='.safetensors file to start from; none for the one '
                        'that ships with the package')
    parser.add_argument('--resume', action='store_true', help='go on in the same folder')
    parser.add_argument('--labels', choices=('auto', 'depth', 'odometry'), default='auto',
                        help='what to learn from; auto: the depth topic where there is one, else '
                        'odometry')
    parser.add_argument('--teacher', metavar='MODEL', help='learn from a model: a checkpoint or '
                        'graph of ours, another .onnx file, or a folder of transformers')
    parser.add_argument('--teacher-gives', choices=('auto', 'metric', 'disparity', 'depth'),
                        default='auto', help='what that is: metres, or inverse depth or depth up '
                        'to scale and shift, which are fitted to what is known')
    parser.add_argument('--elsewhere', metavar='DATA', help='a data set on whose held-out scenes '
                        'it must not become worse, beside rendered rooms')
    parser.add_argument('--part', nargs=2, type=float, default=(0.0, 1.0), metavar=('FROM', 'TO'),
                        help='use only this part of the recording, as shares of it')
    parser.add_argument('--frames', type=int, default=400, metavar='N',
                        help='label at most so many frames')
    parser.add_argument('--held-out', type=float, default=0.25, metavar='SHARE',
                        help='the last share of them, which only decides')
    parser.add_argument('--set', nargs='+', default=(), metavar='KEY=VALUE', help='change values '
                        'of the recipe, such as phases.0.epochs=3 or train.device=cuda')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the result here')
    group = parser.add_argument_group('the recording')
    for name, what in (('image-topic', 'colour images in the bag'),
                       ('depth-topic', 'depth images in the bag'),
                       ('camera-info-topic', 'camera_info in the bag'),
                       ('odometry-topic', 'nav_msgs/Odometry of the bag, beside its /tf')):
        group.add_argument(f'--{name}', metavar='TOPIC', help=f'{what}; guessed where there is '
                           'one that fits')
    group.add_argument('--calibration', metavar='YAML', help='camera calibration file for sources '
                       'without camera_info')
    group.add_argument('--rectified', default='auto', choices=('auto', 'true', 'false'),
                       help='whether the images are; auto: by the topic, or where D is 0')
    group.add_argument('--trajectory', metavar='FILE', help='poses of the camera in TUM format, '
                       'in place of those of the bag')
    group.add_argument('--odom-frame', default='', metavar='FRAME',
                       help='the frame that the camera moves in; guessed from /tf: odom')


def run(args: argparse.Namespace) -> int:
    """Adapt, print the table; 1 where the result was no better and is not kept."""
    from lstm_depth.adaptation.adapt import adapt
    from lstm_depth.adaptation.config import AdaptConfig, RecordingConfig
    from lstm_depth.files import write_json

    names = ('source', 'image_topic', 'depth_topic', 'camera_info_topic', 'calibration',
             'rectified', 'trajectory', 'odometry_topic', 'odom_frame', 'frames', 'held_out')
    recording = RecordingConfig(**{name: getattr(args, name) for name in names},
                                part=tuple(args.part))
    found = adapt(AdaptConfig(
        recording=recording, output=args.output, checkpoint=args.checkpoint, labels=args.labels,
        teacher=args.teacher, teacher_gives=args.teacher_gives, elsewhere=args.elsewhere,
        overrides=tuple(args.set)), args.resume)
    if found.interrupted:
        print('interrupted and saved; go on with the same command and --resume')
        return 0
    if args.json:
        write_json(args.json, found.to_dict())
    print(found.table())
    if found.kept is None:
        print(f'lstm_depth adapt: {found.reason}; nothing was written', file=sys.stderr)
        return 1
    return 0
