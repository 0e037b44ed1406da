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
Write a sample bag: a camera moves through a rendered, furnished room.

The rosbag2 (MCAP) holds colour, exact metric depth, both camera_info, the camera's
pose and /tf. The same arguments give the same images; other seeds, other rooms.
"""

from __future__ import annotations

import argparse

from lstm_depth.cli._outputs import OutputFile, OutputFolder

HELP = 'render a furnished room into a bag with colour, exact depth and poses'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth sample``."""
    parser.add_argument('output', type=OutputFolder, help='folder of the bag to write')
    parser.add_argument('--frames', type=int, default=300, metavar='N', help='frames to render')
    parser.add_argument('--seed', type=int, default=0, help='which room and which path')
    parser.add_argument('--width', type=int, default=320, help='width of the images [pixels]')
    parser.add_argument('--height', type=int, default=240, help='height of the images [pixels]')
    parser.add_argument('--rate', type=float, default=30.0, metavar='HZ', help='frames a second')
    parser.add_argument('--depth-encoding', default='32FC1', choices=('32FC1', '16UC1'),
                        help='exact metres, or millimetres as depth cameras send them')
    parser.add_argument('--still-from', type=float, default=0.0, metavar='S',
                        help='when the camera stops, seconds after the first frame')
    parser.add_argument('--still-for', type=float, default=0.0, metavar='S',
                        help='how long the camera stands still [s]; inf for good')
    parser.add_argument('--overwrite', action='store_true', help='replace an older bag')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the report here')


def run(args: argparse.Namespace) -> int:
    """Render, write the bag, say what to try next."""
    from dataclasses import asdict
    import shlex

    from lstm_depth.files import write_json
    from lstm_depth.render.config import PathConfig
    from lstm_depth.render.sample import DEPTH_TOPIC, IMAGE_TOPIC, write_sample

    report = write_sample(
        args.output, args.frames, args.seed, width=args.width, height=args.height,
        rate_hz=args.rate, depth_encoding=args.depth_encoding, overwrite=args.overwrite,
        path_config=PathConfig(still_from_s=args.still_from, still_for_s=args.still_for))
    if args.json:
        write_json(args.json, asdict(report))
    print(f'wrote {report.frames} frames of {report.width}x{report.height} to {report.path} in '
          f'{report.seconds:.1f} s; next: lstm_depth replay {shlex.quote(report.path)} '
          f'--image-topic {IMAGE_TOPIC} --depth-topic {DEPTH_TOPIC}')
    return 0
