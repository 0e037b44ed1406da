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
The command line: ``lstm_depth <command>``, one module of this package a command.

A command module holds a one-line ``HELP``, ``add_arguments(parser)`` and
``run(args) -> int`` (the exit status), and imports nothing heavy at its top, so
that ``lstm_depth --help`` answers at once.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import importlib
import pkgutil
import sys

from lstm_depth import __version__
from lstm_depth.cli._outputs import check_outputs
from lstm_depth.errors import LstmDepthError
from lstm_depth.extras import missing_package
from lstm_depth.runtime.threads import settle_threads


def command_names() -> list[str]:
    """Return the names of all commands, sorted; ``build_nyu.py`` is ``build-nyu``."""
    return sorted(module.name.replace('_', '-') for module in pkgutil.iter_modules(__path__)
                  if not module.name.startswith('_'))


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every command."""
    parser = argparse.ArgumentParser(
        prog='lstm_depth', description='Metric depth from a video stream, for robots.')
    parser.add_argument('--version', action='version', version=f'lstm_depth {__version__}')
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name in command_names():
        module = importlib.import_module(f'{__name__}.{name.replace("-", "_")}')
        command = commands.add_parser(
            name, help=module.HELP, description=module.__doc__,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def printable(text: str) -> str:
    """Return *text* without characters that steer a terminal; it may come from a file."""
    return ''.join(char if char.isprintable() or char == '\n' else '?' for char in text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status (2 for an expected failure)."""
    settle_threads()
    args = build_parser().parse_args(argv)
    try:
        check_outputs(args)
        return args.run(args)
    except LstmDepthError as error:
        print(f'lstm_depth {args.command}: {printable(str(error))}', file=sys.stderr)
        return 2
    except BrokenPipeError:
        raise
    # A full disk, a folder that may not be written to, a file where a folder should be.
    except OSError as error:
        place = f'{error.filename}: ' if error.filename else ''
        text = f'{place}{error.strerror or error}; mend that and run it again'
        print(f'lstm_depth {args.command}: {printable(text)}', file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        missing = missing_package(error)
        if missing is error:
            raise
        print(f'lstm_depth {args.command}: {missing}', file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f'\nlstm_depth {args.command}: interrupted', file=sys.stderr)
        return 130
