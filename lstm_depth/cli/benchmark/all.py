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
Measure all that the README's table holds, one target after the other, with its defaults.

A target that cannot run here (without ROS 2, say) is left out with the reason. On an idle
machine this takes some minutes; ``--quick`` takes one, and its numbers are rough.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import importlib
from typing import Any

from lstm_depth.cli.benchmark._common import machine_line
from lstm_depth.errors import LstmDepthError

HELP = 'everything for the README: engine, node, cloud, stream'

# Target: the options that make it quick.
TARGETS: dict[str, list[str]] = {
    'engine': ['--repeats', '10', '--starts', '1'],
    'node': ['--seconds', '10'],
    'cloud': ['--repeats', '10'],
    'stream': ['--frames', '10', '100'],
}


@dataclass(frozen=True)
class AllSpeeds:
    """The result of each target that ran, and why the others did not."""

    machine: str
    results: dict[str, Any]
    left_out: dict[str, str]

    def __str__(self) -> str:
        """Return a Markdown table for people."""
        lines = [self.machine, '', '| what | measured |', '| --- | --- |']
        for name, result in self.results.items():
            rows = result.rows() if hasattr(result, 'rows') else [(name, str(result))]
            lines += [f'| {what} | {value} |' for what, value in rows]
        lines += [f'| {name} | left out: {why} |' for name, why in self.left_out.items()]
        return '\n'.join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark all``."""
    parser.add_argument('--quick', action='store_true', help='few repeats')
    parser.add_argument('--targets', nargs='+', default=list(TARGETS), choices=list(TARGETS),
                        help='which to run')


def measure(args: argparse.Namespace) -> AllSpeeds:
    """Return what the targets measure."""
    results, left_out = {}, {}
    for name in args.targets:
        try:
            results[name] = _measure(name, TARGETS[name] if args.quick else [])
        except (LstmDepthError, ImportError) as error:
            left_out[name] = str(error).splitlines()[0]
            print(f'{name}: {left_out[name]}')
        else:
            print(results[name])
    return AllSpeeds(machine_line(), results, left_out)


def _measure(name: str, options: list[str]) -> Any:
    """Return the result of one target with its defaults and *options*."""
    module = importlib.import_module(f'{__package__}.{name}')
    parser = argparse.ArgumentParser(prog=name)
    module.add_arguments(parser)
    return module.measure(parser.parse_args(options))
