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
Score a model on data with ground truth: accuracy with intervals, by distance and by scene.

The protocol is NYU's unless another one is named; every table says what was scored and how.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.cli._anchoring import add_anchor_arguments, anchorings_from
from lstm_depth.cli._outputs import OutputFile, OutputFolder
from lstm_depth.cli.dataset import add_dataset_arguments, reader_options
from lstm_depth.evaluation.modes import MODES

if TYPE_CHECKING:
    from lstm_depth.evaluation.evaluate import EvaluateConfig
    from lstm_depth.evaluation.evaluation_data import EvaluationData

HELP = 'score a model on data with ground truth'
MODE_HELP = ('one recurrent step a frame, a window of frames from a zero state, or every frame '
             'from a zero state')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth evaluate``."""
    add_evaluation_arguments(parser)
    add_anchor_arguments(parser)
    parser.add_argument('--mode', default='stateful', choices=tuple(MODES), help=MODE_HELP)
    parser.add_argument('--checkpoint', help='.safetensors file or model name; none for the '
                        'checkpoint that ships with the package')
    parser.add_argument('--confidence', action='store_true',
                        help='print how often depth is right, by what its confidence says')
    parser.add_argument('--json', type=OutputFile, metavar='FILE',
                        help='write everything, frame by frame, here')
    parser.add_argument('--csv', type=OutputFile, metavar='FILE', help='write a line a frame here')
    parser.add_argument('--report', type=OutputFolder, metavar='DIR',
                        help='write one HTML file for people here')


def add_evaluation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is scored and how, whatever the models."""
    add_dataset_arguments(parser, parts=('train', 'test', 'all'), default_part='; by default the '
                          'official test part where there is a split, else all')
    parser.add_argument('--held-out', action='store_true',
                        help='score only the scenes that training leaves out (of the training '
                        'part where there is a split); of a single video its second half')
    parser.add_argument('--raw', type=Path, metavar='DIR',
                        help='raw scenes of the labelled file, to warm up with')
    parser.add_argument('--limit', type=int, default=0, metavar='N',
                        help='score the first N frames; 0 for all')
    parser.add_argument('--protocol', default='nyu',
                        help='nyu, or a variant: fastdepth, densedepth, raw (whole images; raw '
                        'depth of the labelled file)')
    parser.add_argument('--align', default='none',
                        help='correct the scale of each image first: none, median, lsq')
    parser.add_argument('--flip-average', action='store_true',
                        help='average with the prediction for the mirrored image')
    parser.add_argument('--sharpen', action=argparse.BooleanOptionalAction, default=True,
                        help='score depth with the sharper edges that nodes publish, or as the '
                        'network gives it')
    parser.add_argument('--warmup', type=int, default=0, metavar='N',
                        help='feed the N frames before each scored one, from a zero state; 0 '
                        'carries the state through each video')
    parser.add_argument('--window', type=int, default=8, metavar='N',
                        help='frames of mode window')
    parser.add_argument('--temporal', action=argparse.BooleanOptionalAction, default=True,
                        help='measure temporal consistency on video')
    parser.add_argument('--static-warmup', type=int, default=10, metavar='N',
                        help='frames that a standing camera is given before static_std counts')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')


def data_from(args: argparse.Namespace) -> EvaluationData:
    """Return the frames that the arguments of add_evaluation_arguments() name."""
    from lstm_depth.evaluation.evaluation_data import open_evaluation_data

    options = replace(reader_options(args), depth='raw' if args.protocol == 'raw' else 'filled')
    return open_evaluation_data(args.dataset, options, held_out=args.held_out, raw=args.raw)


def config_from(args: argparse.Namespace, mode: str = 'stateful') -> EvaluateConfig:
    """Return how the arguments of add_evaluation_arguments() say to score, in *mode*."""
    from lstm_depth.evaluation.evaluate import EvaluateConfig

    return EvaluateConfig(
        protocol=args.protocol, align=args.align, flip_average=args.flip_average,
        sharpen=args.sharpen, warmup=args.warmup, mode=mode, window=args.window,
        device=args.device, limit=args.limit, temporal=args.temporal,
        static_warmup=args.static_warmup)


def run(args: argparse.Namespace) -> int:
    """Evaluate, print the table, write what was asked for."""
    from lstm_depth.evaluation.evaluate import evaluate_with_crop
    from lstm_depth.evaluation.report import require_packages, write_report
    from lstm_depth.files import write_json
    from lstm_depth.runtime.loading import load_model

    if args.report:
        require_packages()
    # What is quickly found wrong comes before the network, which takes seconds.
    config, data = config_from(args, args.mode), data_from(args)
    config = replace(config, anchoring=anchorings_from(args, args.dataset)[0],
                     confidence=args.confidence)
    found = evaluate_with_crop(load_model(args.checkpoint, device=args.device), data, config,
                               checkpoint=args.checkpoint or '')
    # Before anything is printed: into "| head", that may end the command.
    if args.json:
        write_json(args.json, found.to_dict())
    if args.csv:
        found.write_csv(args.csv)
    if args.report:
        report = write_report(found, args.report)
    print(found.table())
    if args.report:
        print(f'report: {report}')
    return 0
