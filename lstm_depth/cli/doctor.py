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
Say what this machine has and lacks for the network and for ROS 2, and what to do about it.

With a recording or --anchor, what anchors depth: residual, time offset and mount of the camera.

It runs the shipped network by every library there is, and sends camera-sized images at 30 Hz
from one process to another as a camera would. The exit status is 1 when something is not ok.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.cli._anchoring import add_anchor_arguments, anchorings_from
from lstm_depth.cli._outputs import OutputFile

if TYPE_CHECKING:
    from lstm_depth.health import Check

HELP = 'check this machine: libraries, engines, ROS 2, shared memory, images between processes'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth doctor``."""
    parser.add_argument('recording', nargs='?', help='a bag: check what anchors its depth '
                        '(--anchor, odometry where nothing is said) and not this machine; with '
                        '--anchor and without a bag, what running nodes say of theirs')
    parser.add_argument('--seconds', type=float, default=2.0,
                        help='how long images are sent between two processes')
    parser.add_argument('--no-ros', action='store_true',
                        help='leave out what is about ROS 2, on a machine that needs none')
    parser.add_argument('--image-topic', help='colour images in the recording')
    parser.add_argument('--calibration', metavar='YAML',
                        help='camera calibration file for a recording without camera_info')
    parser.add_argument('--limit', type=int, default=300, metavar='N',
                        help='images of the recording that are looked at')
    add_anchor_arguments(parser)
    parser.add_argument('--json', type=OutputFile, metavar='FILE',
                        help='write the findings here, too')


def run(args: argparse.Namespace) -> int:
    """Print every finding when it is there; 1 when one is not ok."""
    from lstm_depth.errors import ConfigError

    if not 0.5 <= args.seconds <= 600:
        raise ConfigError(f'--seconds must be from 0.5 to 600, not {args.seconds:g}')
    checks = []
    for check in _checks(args):
        print(check, flush=True)
        checks.append(check)
    wrong = [check.name for check in checks if check.ok is False]
    print(f'\nnot ok: {", ".join(wrong)}' if wrong else '\nall is well')
    if args.json:
        _write(args.json, checks)
    return 1 if wrong else 0


def _checks(args: argparse.Namespace) -> Iterator[Check]:
    """Yield the findings that were asked for."""
    if args.recording:
        from lstm_depth.evaluation.anchor_doctor import anchor_checks
        args.anchor = 'odometry' if args.anchor == 'none' else args.anchor
        yield from anchor_checks(args.recording, anchorings_from(args, args.recording)[0],
                                 limit=args.limit, image_topic=args.image_topic,
                                 calibration=args.calibration)
    elif args.anchor != 'none':
        from lstm_depth.ros.anchor_doctor import node_checks
        yield from node_checks(args.seconds)
    else:
        from lstm_depth.health import machine_checks
        from lstm_depth.ros.doctor import ros_checks
        yield from () if args.no_ros else ros_checks(args.seconds)
        yield from machine_checks()


def _write(path: Path, checks: list) -> None:
    """Write the findings as JSON."""
    from dataclasses import asdict

    from lstm_depth.files import write_json
    write_json(path, {'ok': all(check.ok is not False for check in checks),
                      'checks': [asdict(check) for check in checks]})
