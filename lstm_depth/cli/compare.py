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
Compare checkpoints on the same frames: accuracy, temporal consistency, parameters, speed.

A paired bootstrap against the first says which differences are real.
"""

from __future__ import annotations

import argparse

from lstm_depth.cli._anchoring import add_anchor_arguments, anchorings_from
from lstm_depth.cli._outputs import OutputFile, OutputFolder
from lstm_depth.cli.evaluate import (
    add_evaluation_arguments,
    config_from,
    data_from,
    MODE_HELP,
)
from lstm_depth.cli.models import print_table
from lstm_depth.evaluation.modes import MODES

HELP = 'put checkpoints beside each other: accuracy, consistency, size and speed'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth compare``."""
    add_evaluation_arguments(parser)
    add_anchor_arguments(parser, several=True)
    parser.add_argument('--checkpoints', nargs='+', default=['shipped'], metavar='CHECKPOINT',
                        help='.safetensors files, model names, or "shipped"; CHECKPOINT@HOW '
                        'runs one in that mode, by that backend or in that precision only, as '
                        'in shipped@torch shipped@openvino+int8')
    parser.add_argument('--mode', nargs='+', default=['stateful'], choices=tuple(MODES),
                        help=f'run every checkpoint in each of these ways: {MODE_HELP}')
    parser.add_argument('--published', action='store_true',
                        help="show papers' numbers on the official test images, marked as such")
    parser.add_argument('--output', type=OutputFolder, metavar='DIR',
                        help='write comparison.md, .csv, .json and .svg here')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write everything here')


def run(args: argparse.Namespace) -> int:
    """Compare, print the tables, write what was asked for."""
    from lstm_depth.evaluation import comparison_files
    from lstm_depth.evaluation.compare import compare, parse_contenders
    from lstm_depth.evaluation.report import require_packages
    from lstm_depth.files import write_json

    if args.output:
        require_packages()
    taking_part = parse_contenders(args.checkpoints, args.mode,
                                   anchorings_from(args, args.dataset))
    found = compare(taking_part, data_from(args), config_from(args))
    # Before anything is printed: into "| head", that may end the command.
    if args.json:
        write_json(args.json, comparison_files.json_values(found, published=args.published))
    if args.output:
        comparison_files.write_comparison(found, args.output, published=args.published)
    print(found.title)
    for columns, published in ((comparison_files.ACCURACY, args.published),
                               (comparison_files.TEMPORAL, False)):
        rows = comparison_files.table_rows(found, columns, published=published)
        if len(rows[0]) > 1:
            print()
            print_table(rows, right=range(1, len(rows[0])))
    print()
    for line in (*comparison_files.legend(found, published=args.published), *found.notes,
                 *(f'{name}: {text}' for name, text in found.settings.items())):
        print(line)
    if args.output:
        print(f'written to {args.output}')
    return 0
