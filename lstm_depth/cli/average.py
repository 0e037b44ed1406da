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
Average the weights of checkpoints of one network that came of one another by training.

Runs from the same weights that saw other data, or ended otherwise, err in other places, and so
their mean often errs less, at the cost of one ("Model soups", Wortsman et al. 2022).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lstm_depth.cli._outputs import OutputFile

HELP = 'average the weights of checkpoints of one network'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth average``."""
    parser.add_argument('checkpoints', nargs='+', metavar='CHECKPOINT',
                        help='.safetensors files of one model with the same settings; one that is '
                        'named twice counts twice')
    parser.add_argument('--output', type=OutputFile, required=True, metavar='FILE',
                        help='the .safetensors file to write')
    parser.add_argument('--half', action='store_true', help='store the weights as float16')


def run(args: argparse.Namespace) -> int:
    """Average, write, say what to do next."""
    from lstm_depth.checkpoint import load_network, save_checkpoint
    from lstm_depth.header import read_header
    from lstm_depth.training.average import average_weights
    import torch

    model = average_weights([(name, load_network(name)) for name in args.checkpoints])
    first = read_header(Path(args.checkpoints[0]).expanduser())
    save_checkpoint(args.output, model, dtype=torch.float16 if args.half else torch.float32,
                    training={**first.get('training', {}),
                              'average_of': [Path(name).name for name in args.checkpoints]})
    print(f'{args.output}: the mean of {len(args.checkpoints)} checkpoints; score it beside them '
          'with "lstm_depth compare DATA --checkpoints ..."')
    return 0
