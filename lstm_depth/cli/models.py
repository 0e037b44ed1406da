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
List the models, or show the layers of one.

Without a name: every model with its paper, input size, parameters beside the
paper's own count, multiply-adds, encoder, output range, and whether it carries a
state from frame to frame. With a name: its layer table. Nothing is downloaded
and no network runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lstm_depth.cli._outputs import OutputFile

HELP = 'list the models, or show the layers of one'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth models``."""
    parser.add_argument('name', nargs='?', help='model whose layer table to print')
    parser.add_argument('--depth', type=int, default=2, metavar='N',
                        help='how many names deep the layer table goes')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the numbers here')


def run(args: argparse.Namespace) -> int:
    """Print the list or the layer table; write the JSON file."""
    from lstm_depth.errors import ConfigError

    if args.depth < 1:
        raise ConfigError(f'--depth must be at least 1, not {args.depth}')
    value = _show_layers(args.name, args.depth) if args.name else _show_models()
    if args.json:
        from lstm_depth.files import write_json
        write_json(args.json, value)
    return 0


def _show_models() -> list[dict]:
    """Print one line a model; return their summaries."""
    from lstm_depth.models import list_models
    from lstm_depth.models.layer_table import summarise_model
    from tqdm import tqdm

    summaries = [summarise_model(name) for name in tqdm(list_models(), desc='measuring models',
                                                        leave=False)]
    rows = [('model', 'paper', 'input', 'parameters', 'counted', "paper's", 'GMACs', 'encoder',
             'range [m]', 'streaming')]
    for item in summaries:
        part = ' (encoder)' if item.counted_part == 'encoder' else ''
        rows.append((
            item.name, item.paper or '-', 'x'.join(map(str, item.input_size)),
            f'{item.parameters:,}',
            f'{item.counted:,}{part}',
            f'{item.paper_parameters:,}' if item.paper_parameters else '-',
            f'{item.macs / 1e9:.2f}', item.encoder,
            '{:g} to {:g}'.format(*item.output_range_m), 'yes' if item.streaming else 'no'))
    print_table(rows, right=(3, 4, 5, 6))
    print('\ninput: height x width. counted: with BatchNorm statistics, as the papers count. '
          '\nstreaming: every model takes temporal=conv_lstm or pixel_lstm and then carries a '
          'state.')
    return [item.to_dict() for item in summaries]


def _show_layers(name: str, depth: int) -> dict:
    """Print the layer table of a model; return it."""
    from dataclasses import asdict

    from lstm_depth.models import create_model
    from lstm_depth.models.layer_table import layer_table
    import torch

    with torch.device('meta'):
        model = create_model(name)
    layers = layer_table(model, depth)
    rows = [('part', 'kind', 'output', 'parameters', 'MMACs')]
    rows += [(row.name, row.kind, 'x'.join(map(str, row.shape)), f'{row.parameters:,}',
              f'{row.macs / 1e6:,.1f}') for row in layers]
    rows.append(('total', '', '', f'{sum(row.parameters for row in layers):,}',
                 f'{sum(row.macs for row in layers) / 1e6:,.1f}'))
    print_table(rows, right=(3, 4))
    return {'name': name, 'config': model.config.to_dict(),
            'layers': [asdict(row) for row in layers]}


def print_table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print *rows*, a heading first, in columns; those in *right* are right-aligned."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    for index, row in enumerate(rows):
        print('  '.join(cell.rjust(width) if column in right else cell.ljust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))).rstrip())
        if index == 0:
            print('  '.join('-' * width for width in widths))
