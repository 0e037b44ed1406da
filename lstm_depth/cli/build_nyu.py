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
Build sequences from raw NYU Depth V2 scenes.

RAW is a raw scene, a folder of them or a zip archive; archives are read without
unpacking. A build that was stopped goes on where it was when run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.cli._outputs import OutputFile, OutputFolder

if TYPE_CHECKING:
    from lstm_depth.data.nyu.split import SceneSplit

HELP = 'build synchronised, undistorted, projected sequences from raw NYU Depth V2 scenes'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth build-nyu``."""
    parser.add_argument('raw', type=Path, help='raw scene, folder of scenes and zip archives, '
                        'or one zip archive')
    parser.add_argument('output', type=OutputFolder, help='folder to build in')
    parser.add_argument('--width', type=int, default=640,
                        help='width of the output images; the height follows')
    parser.add_argument('--format', default='jpg', choices=('jpg', 'png'),
                        help='format of the colour images; depth is always 16-bit PNG')
    parser.add_argument('--jpeg-quality', type=int, default=95, help='quality of JPEG images')
    parser.add_argument('--fill', action='store_true', help='fill holes in depth along the '
                        'colours, as the toolbox does (slow: seconds a frame)')
    parser.add_argument('--fraction', type=float, default=1.0, help='use this share of the '
                        'frames of every scene, in runs of video from all over it; 0.2 is what '
                        'the residual-LSTM paper used')
    parser.add_argument('--max-gap', type=float, default=None, metavar='S',
                        help='skip frames whose colour frame is farther away in time [s]; the '
                        'toolbox has no limit')
    parser.add_argument('--labeled', type=Path, metavar='MAT', help='nyu_depth_v2_labeled.mat, '
                        'for the official split; needs --splits')
    parser.add_argument('--splits', type=Path, metavar='MAT', help='splits.mat, for the '
                        'official split; needs --labeled')
    parser.add_argument('--split-list', type=Path, metavar='FILE', help='own split: a text '
                        'file with lines "train SCENE" and "test SCENE"')
    parser.add_argument('--part', choices=('train', 'test'), help='build only the scenes of '
                        'this part of the split')
    parser.add_argument('--workers', type=int, default=0, help='processes; 0 for one per core')
    parser.add_argument('--scheduler', metavar='ADDRESS', help='use the Dask cluster with this '
                        'scheduler instead, such as tcp://10.0.0.1:8786; its workers must see '
                        'both folders under the same paths')
    parser.add_argument('--json', type=OutputFile, metavar='FILE', help='write the report here')


def run(args: argparse.Namespace) -> int:
    """Build, print the report, write it."""
    from lstm_depth.data.nyu.build import build, BuildConfig
    from lstm_depth.data.nyu.output import FrameSettings
    from lstm_depth.files import write_json

    report = build(BuildConfig(
        raw=args.raw, output=args.output, split=_split(args), part=args.part,
        workers=args.workers, scheduler=args.scheduler,
        settings=FrameSettings(
            width=args.width, image_format=args.format, jpeg_quality=args.jpeg_quality,
            fill=args.fill, fraction=args.fraction, max_gap_s=args.max_gap)))
    print(report)
    if args.json:
        write_json(args.json, report.to_dict())
    return 0


def _split(args: argparse.Namespace) -> SceneSplit | None:
    """Return the split that was asked for, None where none was."""
    from lstm_depth.data.nyu.split import listed_split, official_split
    from lstm_depth.errors import ConfigError

    if args.split_list and (args.labeled or args.splits):
        raise ConfigError('give either --split-list or --labeled and --splits, not both')
    if args.split_list:
        return listed_split(args.split_list)
    if bool(args.labeled) != bool(args.splits):
        raise ConfigError('the official split needs both --labeled and --splits')
    return official_split(args.labeled, args.splits) if args.labeled else None
