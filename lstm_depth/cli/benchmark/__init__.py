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
Measure how fast parts of the project are on this machine.

Every module beside this file is a target. It holds a one-line ``HELP``,
``add_arguments(parser)`` and ``measure(args)``, which returns a dataclass whose ``str``
is for people, and imports nothing heavy at its top.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import asdict
import importlib
import pkgutil
from types import ModuleType

from lstm_depth.cli._outputs import OutputFile

HELP = 'measure how fast parts of the project are on this machine'


def target_modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield (name, module) of every target, sorted by name."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)
                       if not module.name.startswith('_')):
        yield name.replace('_', '-'), importlib.import_module(f'{__name__}.{name}')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add one sub-command for each target."""
    targets = parser.add_subparsers(dest='target', metavar='TARGET', required=True)
    for name, module in target_modules():
        target = targets.add_parser(name, help=module.HELP, description=module.__doc__,
                                    formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        module.add_arguments(target)
        target.add_argument('--json', type=OutputFile, metavar='FILE',
                            help='write the result here')
        target.set_defaults(measure=module.measure)


def run(args: argparse.Namespace) -> int:
    """Measure the target that was named, print and write the result."""
    from lstm_depth.files import write_json

    result = args.measure(args)
    if args.json:
        write_json(args.json, asdict(result))
    print(result)
    return 0
