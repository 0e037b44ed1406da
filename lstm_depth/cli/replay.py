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
"""Run a recording through a depth model without ROS: depth files, pictures, a report."""

from __future__ import annotations

import argparse

from lstm_depth.cli._anchoring import add_anchor_arguments, anchorings_from
from lstm_depth.cli._outputs import OutputFile, OutputFolder

HELP = 'run a bag, a video or an image folder through a model and measure it'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth replay``."""
    parser.add_argument('source', help='rosbag (ROS 1 or 2), video file or image folder')
    parser.add_argument('--image-topic', help='colour images in the bag; needed where it has '
                        'more than one image topic')
    parser.add_argument('--depth-topic', help='ground-truth depth images in the bag; guessed '
                        'where there is one of the size of the colour images, or one that its '
                        'camera_info lets be registered to them')
    parser.add_argument('--camera-info-topic', help='camera_info in the bag; guessed from the '
                        'image topic')
    parser.add_argument('--calibration', metavar='YAML',
                        help='camera calibration file for sources without camera_info')
    parser.add_argument('--rectified', default='auto', choices=('auto', 'true', 'false'),
                        help='whether the images are, so that P of their camera_info describes '
                        'them and not K and D; auto: by the topic (image_rect...), or where D is '
                        '0')
    parser.add_argument('--checkpoint', help='.safetensors file or model name; none for the '
                        'checkpoint that ships with the package')
    parser.add_argument('--output', type=OutputFolder, metavar='DIR',
                        help='write depth/, frames.csv, strip.png, video.mp4, bag/ and '
                        'report.json here, replacing older ones')
    parser.add_argument('--report', type=OutputFolder, metavar='DIR',
                        help='write report.html here: one file with pictures and charts; keeps '
                        'about 3 kB a frame in memory')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the report here')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')
    parser.add_argument('--mode', default='stateful', choices=('stateful', 'window'),
                        help='one recurrent step a frame, or a window of frames from zero state')
    parser.add_argument('--min-depth', type=float, default=0.3, metavar='M',
                        help='ground truth nearer than this does not count [m]')
    parser.add_argument('--max-depth', type=float, default=8.0, metavar='M',
                        help='ground truth farther than this does not count [m]')
    parser.add_argument('--limit', type=int, default=0, metavar='N',
                        help='stop after N frames; 0 for all')
    parser.add_argument('--colormap', default='inferno_r', choices=('inferno_r', 'turbo'),
                        help='colours of depth in pictures')
    parser.add_argument('--cloud-stride', type=int, default=2, metavar='N',
                        help='clouds in the bag hold every Nth pixel of every Nth row')
    parser.add_argument('--temporal', action=argparse.BooleanOptionalAction, default=True,
                        help='measure how steady depth is from frame to frame')
    add_anchor_arguments(parser)
    for name, what in (('depth-files', 'depth/ with a 16-bit PNG a frame'),
                       ('video', 'video.mp4'), ('bag', 'bag/ with depth, camera_info, cloud')):
        parser.add_argument(f'--{name}', action=argparse.BooleanOptionalAction, default=True,
                            help=f'write {what}')


def run(args: argparse.Namespace) -> int:
    """Replay, print the table, write the report."""
    from lstm_depth.evaluation.replay import ReplayConfig, run_replay
    from lstm_depth.files import write_json

    report = run_replay(ReplayConfig(
        source=args.source, image_topic=args.image_topic, depth_topic=args.depth_topic,
        camera_info_topic=args.camera_info_topic, calibration=args.calibration,
        rectified=args.rectified,
        checkpoint=args.checkpoint, output=args.output, device=args.device, mode=args.mode,
        min_depth=args.min_depth, max_depth=args.max_depth, limit=args.limit,
        depth_files=args.depth_files, video=args.video, bag=args.bag,
        cloud_stride=args.cloud_stride, colormap=args.colormap, temporal=args.temporal,
        report=args.report, anchoring=anchorings_from(args, args.source)[0]))
    paths = {args.json} if args.json else set()
    if args.output:
        paths.add(args.output / 'report.json')
    # Before anything is printed: into "| head", that may end the command.
    for path in paths:
        write_json(path, report.to_dict())
    print(report.table())
    if args.report:
        print(f'report in {args.report}')
    if args.output:
        print(f'written to {args.output}')
    return 0
