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

It runs the shipped network by every library there is, and sends camera-sized images at 30 Hz
from one process to another as a camera would. The exit status is 1 when something is not ok.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lstm_depth.cli._outputs import OutputFile

HELP = 'check this machine: libraries, engines, ROS 2, shared memory, images between processes'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth doctor``."""
    parser.add_argument('--seconds', type=float, default=2.0,
                        help='how long images are sent between two processes')
    parser.add_argument('--no-ros', action='store_true',
                        help='leave out what is about ROS 2, on a machine that needs none')
    parser.add_argument('--json', type=OutputFile, metavar='FILE',
                        help='write the findings here, too')


def run(args: argparse.Namespace) -> int:
    """Print every finding when it is there; 1 when one is not ok."""
    from lstm_depth.errors import ConfigError
    from lstm_depth.health import machine_checks
    from lstm_depth.ros.doctor import ros_checks

    if not 0.5 <= args.seconds <= 600:
        raise ConfigError(f'--seconds must be from 0.5 to 600, not {args.seconds:g}')
    checks = []
    for source in (() if args.no_ros else ros_checks(args.seconds), machine_checks()):
        for check in source:
            print(check, flush=True)
            checks.append(check)
    wrong = [check.name for check in checks if check.ok is False]
    print(f'\nnot ok: {", ".join(wrong)}' if wrong else '\nall is well')
    if args.json:
        _write(args.json, checks)
    return 1 if wrong else 0


def _write(path: Path, checks: list) -> None:
    """Write the findings as JSON."""
    from dataclasses import asdict

    from lstm_depth.files import write_json
    write_json(path, {'ok': all(check.ok is not False for check in checks),
                      'checks': [asdict(check) for check in checks]})
