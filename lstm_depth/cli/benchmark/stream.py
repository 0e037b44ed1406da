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
Measure whether a stream costs the same after ten thousand frames as after ten.

One stream after the other takes more and more frames; the milliseconds of a frame are the
median of its last ones, the memory is what the process has grown by since the first ten.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
import os
from pathlib import Path
import statistics
import time

from lstm_depth.cli.benchmark._common import machine_line
from lstm_depth.cli.benchmark.node import parse_size
from lstm_depth.errors import ConfigError
import numpy as np
from tqdm import tqdm

HELP = 'a stream of 10, 1,000, 10,000 frames: are time and memory flat?'

# The last so many frames give the time of a frame.
_LAST = 200


@dataclass(frozen=True)
class StreamLength:
    """*frames* in one stream: the median *ms* of its last ones, *growth_mb* of the process."""

    frames: int
    ms: float
    growth_mb: float


@dataclass(frozen=True)
class StreamSpeed:
    """
    What was measured.

    *ratio*: the time of a frame of the longest stream against that of the shortest.
    *slope_kb_per_frame*: of memory, between the two longest streams. *anchor*: which one was
    measured as well, empty for none, and *anchor_ms*, the median it adds to a frame.
    """

    machine: str
    engine: str
    mode: str
    lengths: list[StreamLength]
    ratio: float
    slope_kb_per_frame: float
    anchor: str = ''
    anchor_ms: float = 0.0

    def rows(self) -> list[tuple[str, str]]:
        """Return the result for a table."""
        return [(f'a stream of {self.lengths[-1].frames} frames against one of '
                 f'{self.lengths[0].frames}',
                 f'{self.ratio:.2f} times the time a frame, '
                 f'{self.slope_kb_per_frame:+.3f} kB a frame')]

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.engine}, {self.mode}; {self.machine}']
        lines += [f'{item.frames:>7} frames: {item.ms:7.2f} ms a frame, {item.growth_mb:+7.1f} MB'
                  for item in self.lengths]
        lines.append(f'longest against shortest: {self.ratio:.2f} times the time a frame, '
                     f'{self.slope_kb_per_frame:+.3f} kB a frame')
        if self.anchor:
            lines.append(f'anchor {self.anchor}: {self.anchor_ms:.2f} ms of processor time more '
                         'a frame')
        return '\n'.join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark stream``."""
    parser.add_argument('--frames', type=int, nargs='+', default=[10, 1000, 10000],
                        help='lengths of the streams')
    parser.add_argument('--size', default='640x480', metavar='WxH', help='size of the images')
    parser.add_argument('--mode', default='stateful', choices=('stateful', 'window'),
                        help='of the stream')
    parser.add_argument('--checkpoint', default=None, help='default: the shipped one')
    parser.add_argument('--backend', default='auto', help='library that runs the network')
    parser.add_argument('--anchor', default='', choices=('', 'odometry', 'visual'),
                        help='measure this anchor as well, in a rendered room')


def measure(args: argparse.Namespace) -> StreamSpeed:
    """Return how time and memory follow the number of frames."""
    from lstm_depth import DepthStream, load_model

    if min(args.frames) < 1:
        raise ConfigError('a stream must have at least 1 frame')
    width, height = parse_size(args.size)
    engine = load_model(args.checkpoint, backend=args.backend)
    images = np.random.default_rng(0).integers(0, 256, (4, height, width, 3), np.uint8)
    # What is allocated once, whatever the length.
    _times(DepthStream(engine, mode=args.mode), images, 10)
    start_mb = _resident_mb()
    lengths = []
    for frames in sorted(args.frames):
        times = _times(DepthStream(engine, mode=args.mode), images, frames)
        lengths.append(StreamLength(frames, statistics.median(times[-_LAST:]) * 1e3,
                                    _resident_mb() - start_mb))
    first, last = lengths[0], lengths[-1]
    before = lengths[-2] if len(lengths) > 1 else StreamLength(0, 0.0, 0.0)
    return StreamSpeed(
        machine_line(), f'{engine.name} by {engine.backend} on {engine.device}', args.mode,
        lengths, last.ms / first.ms, (last.growth_mb - before.growth_mb) * 1024 / last.frames,
        args.anchor, _anchor_ms(args.anchor, width, height) if args.anchor else 0.0)


def _anchor_ms(source: str, width: int, height: int, frames: int = 45) -> float:
    """Return the median processor time of an anchor on the second half of a rendered walk."""
    from lstm_depth.anchor import AnchorStage
    from lstm_depth.render import sample_frames

    stage, times = AnchorStage(source), []
    walk = list(sample_frames(frames, 7, width=width, height=height))
    for frame in walk:
        depth = (np.nan_to_num(frame.depth, nan=5.0) * 1.2).astype(np.float32)
        # Of the processor, which a busy machine does not change as much.
        started = time.process_time()
        stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s, frame.pose)
        times.append(time.process_time() - started)
    return statistics.median(times[frames // 2:]) * 1e3


def _times(stream: object, images: np.ndarray, frames: int) -> list[float]:
    """Return the seconds of the last pushes of a stream of *frames* frames."""
    times: list[float] = []
    for index in tqdm(range(frames), desc=f'{frames} frames', unit='frame', leave=False,
                      disable=None):
        started = time.perf_counter()
        stream.push(images[index % len(images)], index / 30)
        times.append(time.perf_counter() - started)
        del times[:-_LAST]
    return times


def _resident_mb() -> float:
    """Return the resident size of this process."""
    pages = int(Path('/proc/self/statm').read_text(encoding='utf-8').split()[1])
    return pages * os.sysconf('SC_PAGE_SIZE') / 2**20
