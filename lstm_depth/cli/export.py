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
Export a checkpoint as a graph that runs without PyTorch, by ONNX Runtime or OpenVINO.

The state is an input and an output, preprocessing is inside, and the header goes along.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lstm_depth.cli._outputs import OutputFile

HELP = 'write a checkpoint as an ONNX or OpenVINO graph, which needs no PyTorch'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth export``."""
    parser.add_argument('checkpoint', nargs='?', metavar='CHECKPOINT',
                        help='the .safetensors file; the shipped one when left out')
    parser.add_argument('--format', choices=('onnx', 'openvino'), default='onnx',
                        help='.onnx, which both libraries read, or .xml and .bin')
    parser.add_argument('--output', type=OutputFile, metavar='FILE',
                        help='where to; beside the checkpoint when left out')
    parser.add_argument('--half', action='store_true',
                        help='store all weights as float16; those that it holds exactly are '
                        'stored so anyway, and arithmetic is float32 all the same')
    parser.add_argument('--precision', choices=('float32', 'int8'), default='float32',
                        help='int8: 8-bit arithmetic for the dense convolutions')
    parser.add_argument('--calibration', nargs='+', metavar='SOURCE',
                        help='videos, bags or image folders of the camera to calibrate int8 on; '
                        'rendered rooms when left out')
    parser.add_argument('--calibration-frames', type=int, default=100, metavar='N',
                        help='the first so many images of each')
    parser.add_argument('--shipped', action='store_true',
                        help='make the graph of the shipped checkpoint, inside the package, anew')


def _export_int8(args: argparse.Namespace, source: Path, output: Path) -> None:
    """Export to a temporary file and quantise that to *output*."""
    from itertools import islice
    import tempfile

    from lstm_depth.checkpoint import load_network
    from lstm_depth.media.sources import open_source
    from lstm_depth.runtime.cache import file_hash
    from lstm_depth.runtime.export import export_graph
    from lstm_depth.runtime.quantize import quantize_graph

    videos = None
    if args.calibration:
        videos = []
        for place in args.calibration:
            with open_source(place) as frames:
                videos.append([frame.rgb for frame in islice(frames, args.calibration_frames)])
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / 'whole.onnx'
        export_graph(load_network(source), whole, checkpoint=file_hash(source), half=args.half)
        quantize_graph(whole, output, videos)


def run(args: argparse.Namespace) -> int:
    """Export, check the graph against PyTorch, print where it is."""
    from lstm_depth.checkpoint import load_network
    from lstm_depth.errors import ConfigError
    from lstm_depth.header import read_header, shipped_checkpoint, shipped_graph
    from lstm_depth.runtime.cache import file_hash
    from lstm_depth.runtime.export import export_graph, FORMATS
    from lstm_depth.runtime.graph import disagreement
    from lstm_depth.runtime.loading import load_model

    if args.precision == 'int8' and args.format != 'onnx':
        raise ConfigError('int8 graphs are .onnx files, which OpenVINO reads, too; leave --format '
                          'out')
    if args.shipped and (args.checkpoint or args.output or args.precision != 'float32'):
        raise ConfigError('--shipped takes the shipped checkpoint and its place; leave '
                          'CHECKPOINT and --output out')
    source = Path(args.checkpoint).expanduser() if args.checkpoint else shipped_checkpoint()
    read_header(source)
    output = args.output
    if args.shipped:
        output = shipped_graph()
    elif output is None:
        output = (source if args.checkpoint else Path(source.name)).with_suffix(
            FORMATS[args.format])
    if args.precision == 'int8':
        _export_int8(args, source, output)
    else:
        export_graph(load_network(source), output, checkpoint=file_hash(source), half=args.half)
    engine = load_model(output)
    print(f'{output}: {output.stat().st_size / 1e6:.1f} MB, {engine.backend} gives depth that '
          f'differs from PyTorch by {disagreement(engine, engine.graph.expected):.1e}')
    return 0
