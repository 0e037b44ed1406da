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
"""Look into training data: a built NYU folder, the labelled file, image folders, a bag, rooms."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.cli._outputs import OutputFile

if TYPE_CHECKING:
    from lstm_depth.data.readers import DataSet, ReaderOptions

HELP = 'look into training data'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth dataset``."""
    actions = parser.add_subparsers(dest='action', metavar='ACTION', required=True)
    what = 'print sizes and a depth histogram, write a PNG of some frames'
    inspect = actions.add_parser('inspect', help=what, description=what,
                                 formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add_dataset_arguments(inspect)
    inspect.add_argument('--samples', type=int, default=50, metavar='N',
                         help='look at this many frames, spread over all')
    inspect.add_argument('--png', type=OutputFile, default=OutputFile('dataset.png'),
                         metavar='FILE', help='write the picture here')
    inspect.add_argument('--json', type=OutputFile, metavar='FILE',
                         help='write the report here')


def add_dataset_arguments(parser: argparse.ArgumentParser, *,
                          parts: tuple[str, ...] = ('train', 'test'),
                          default_part: str = '') -> None:
    """Add the arguments that say which data to open and how; *default_part* ends a help text."""
    parser.add_argument('dataset', help='folder, .mat, .csv or bag; or rooms:N for N rendered '
                        'rooms, such as rooms:4,seed=100,frames=90,size=160x120,still_from=0.5 '
                        '(the camera stops after half a second)')
    parser.add_argument('--image-topic', help='colour images in a bag')
    parser.add_argument('--depth-topic', help='depth images in a bag, aligned to colour')
    parser.add_argument('--camera-info-topic', help='camera_info in a bag')
    parser.add_argument('--max-depth', type=float, default=10.0, metavar='M',
                        help='depth in a bag beyond this is invalid [m]')
    parser.add_argument('--splits', type=Path, metavar='MAT',
                        help='splits.mat, for a part of the labelled file')
    parser.add_argument('--part', choices=parts, help='part of a built folder or of the '
                        'labelled file' + default_part)
    parser.add_argument('--border', type=int, default=0, metavar='PX',
                        help="cut this many pixels off each side (NYU's white frame)")
    parser.add_argument('--camera', default='', metavar='CAMERA', help='camera of the images of '
                        'a folder: a file, FX,FY,CX,CY in pixels, nyu or none; a file beside '
                        'them is found')
    parser.add_argument('--depth-scale', type=float, metavar='UNITS', help='units a metre of '
                        '16-bit depth files: 1000 for millimetres, 5000 for TUM RGB-D')
    parser.add_argument('--option', action='append', default=[], metavar='NAME=VALUE',
                        help='any other option of a reader, such as rectified=true')


def open_from(args: argparse.Namespace) -> DataSet:
    """Return the DataSet that the arguments of add_dataset_arguments() name."""
    from lstm_depth.data.readers import open_dataset

    return open_dataset(args.dataset, reader_options(args))


def reader_options(args: argparse.Namespace) -> ReaderOptions:
    """Return what the arguments of add_dataset_arguments() tell the readers."""
    from lstm_depth.data.readers import reader_options as told
    from lstm_depth.data.readers import ReaderOptions

    return replace(ReaderOptions(
        image_topic=args.image_topic, depth_topic=args.depth_topic,
        camera_info_topic=args.camera_info_topic, max_depth_m=args.max_depth,
        splits=args.splits, part=args.part, border=args.border, camera=args.camera,
        depth_scale=args.depth_scale), **told(args.option))


def run(args: argparse.Namespace) -> int:
    """Inspect the data set, print and write what was found."""
    from lstm_depth.data.inspection import inspect_dataset
    from lstm_depth.errors import ConfigError
    from lstm_depth.files import write_json

    if args.samples < 1:
        raise ConfigError(f'--samples must be at least 1, not {args.samples}')
    found = inspect_dataset(open_from(args), args.samples, args.png)
    print(found)
    print(f'picture: {args.png}')
    if args.json:
        write_json(args.json, found.to_dict())
    return 0
