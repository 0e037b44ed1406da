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
Train a model by a recipe.

A recipe is a YAML file (config/train has one for each model); any of its values can be
changed on the command line. Under torchrun it trains on several GPUs or machines.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
import shlex

from lstm_depth.cli._outputs import OutputFile

HELP = 'train a model by a recipe'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth train``."""
    parser.add_argument('overrides', nargs='*', metavar='KEY=VALUE',
                        help='change a value of the recipe, such as data=PATH, '
                        'train.max_steps=100 or phases.0.batch=4')
    parser.add_argument('--config', type=Path, metavar='YAML', help='the recipe; all defaults '
                        'where none is given')
    parser.add_argument('--resume', action='store_true',
                        help='go on with the run in train.output')
    parser.add_argument('--print_config', '--print-config', action='store_true',
                        help='print the whole recipe as YAML, and stop')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the summary here')
    short_help = parser.format_help

    def format_help() -> str:
        # Only who asks for help pays for importing what knows the keys.
        from lstm_depth.training.parse import config_help

        return f'{short_help()}\n{config_help()}\n'

    parser.format_help = format_help  # type: ignore[method-assign]


def run(args: argparse.Namespace) -> int:
    """Train, print the summary; 0 also where it was interrupted and saved."""
    from lstm_depth.training.parse import dump_config, load_config

    config = load_config(args.config, args.overrides)
    if args.print_config:
        print(dump_config(config), end='')
        return 0
    from lstm_depth.files import write_json
    from lstm_depth.training.run_summary import summary_table
    from lstm_depth.training.trainer import train

    summary = train(config, args.resume)
    if summary.get('interrupted'):
        print(f'interrupted and saved at step {summary["step"]}; go on with:\n'
              f'  {resume_command(args)}')
    elif 'metrics' in summary:
        print(summary_table(summary))
        if args.json:
            write_json(args.json, summary)
    return 0


def resume_command(args: argparse.Namespace) -> str:
    """Return what to type to go on, in the words of a shell."""
    start = ['lstm_depth', 'train']
    if int(os.environ.get('WORLD_SIZE', '1')) > 1:
        start = ['torchrun', '--nproc_per_node', os.environ.get('LOCAL_WORLD_SIZE', '1'), '-m',
                 *start]
    config = ['--config', str(args.config)] if args.config else []
    return shlex.join([*start, *config, *args.overrides, '--resume'])
