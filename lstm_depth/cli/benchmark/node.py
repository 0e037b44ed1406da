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
Measure depth_node from end to end: a camera, the node and a subscriber as three processes.

The camera publishes reliably at a fixed rate, the subscriber listens best effort. Delivered is
the share of the images published in the measured seconds whose depth (and every other output
asked for) reached the subscriber; latency is from an image's stamp to the arrival of its depth.
Needs ROS 2.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import statistics
import tempfile
import time
from typing import Any

from lstm_depth.cli.benchmark._common import machine_line
from lstm_depth.errors import ConfigError, DataError

HELP = 'depth_node between a camera and a subscriber: delivered share, latency, CPU, memory'

OUTPUTS = {
    'depth': ('depth/image', 'depth/camera_info'),
    'all': ('depth/image', 'depth/camera_info', 'depth/points', 'depth/colored'),
}
# The first seconds after the first depth do not count.
_WARM_UP_S = 3.0


@dataclass(frozen=True)
class NodeRun:
    """
    One run. *delivered*: share by output. *p50_ms*, *p95_ms*: stamp to arrival of depth.

    *first_depth_s*: from the start of the node's process to the first depth. *stream_ms*,
    *node_ms*: medians inside the node, of the stream (the image shrunk, the network, the depth
    grown) and of the rest from the image's arrival to the last output published.
    *cpu_s_per_frame*, *memory_mb*: of the node's process, seconds a published frame and the
    largest resident size.
    """

    delivered: dict[str, float]
    p50_ms: float
    p95_ms: float
    stream_ms: float
    node_ms: float
    cpu_s_per_frame: float
    memory_mb: float
    first_depth_s: float

    def __str__(self) -> str:
        """Return the run for people."""
        share = ', '.join(f'{output.partition("/")[2]} {value:.1%}'
                          for output, value in self.delivered.items())
        return (f'delivered {min(self.delivered.values()):.1%} ({share}); stamp to arrival p50 '
                f'{self.p50_ms:.1f} ms, p95 {self.p95_ms:.1f} ms; stream {self.stream_ms:.1f} '
                f'ms, node beyond it {self.node_ms:.1f} ms; {self.cpu_s_per_frame * 1e3:.1f} ms '
                f'CPU a frame, {self.memory_mb:.0f} MB, first depth after '
                f'{self.first_depth_s:.1f} s')


@dataclass(frozen=True)
class NodeSpeed:
    """The median run for each set of outputs, and every run."""

    machine: str
    fps: float
    width: int
    height: int
    seconds: float
    repeats: int
    medians: dict[str, NodeRun]
    runs: dict[str, list[NodeRun]]

    def rows(self) -> list[tuple[str, str]]:
        """Return the result for a table."""
        return [(f'{self.width}x{self.height} at {self.fps:g} Hz, {name} subscribed', str(run))
                for name, run in self.medians.items()]

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.width}x{self.height} at {self.fps:g} Hz for {self.seconds:g} s, median '
                 f'of {self.repeats}; {self.machine}']
        return '\n'.join([*lines, *(f'{name}: {run}' for name, run in self.medians.items())])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark node``."""
    parser.add_argument('--fps', type=float, default=30.0, help='rate of the camera')
    parser.add_argument('--size', default='640x480', metavar='WxH', help='size of its images')
    parser.add_argument('--seconds', type=float, default=60.0, help='measured time of a run')
    parser.add_argument('--outputs', nargs='+', default=['depth', 'all'], choices=list(OUTPUTS),
                        help='what is subscribed to: depth and camera_info, or all four')
    parser.add_argument('--repeats', type=int, default=1, help='runs of each, interleaved')
    parser.add_argument('--checkpoint', default='', help='for the node; default: the shipped one')
    parser.add_argument('--backend', default='auto', help='for the node')


def measure(args: argparse.Namespace) -> NodeSpeed:
    """Return how the node served its subscriber; DataError when it did not start."""
    width, height = parse_size(args.size)
    if args.fps <= 0 or args.seconds <= 0 or args.repeats < 1:
        raise ConfigError('fps and seconds must be above 0, repeats at least 1')
    machine = machine_line()
    runs: dict[str, list[NodeRun]] = {name: [] for name in args.outputs}
    for _ in range(args.repeats):
        for name, done in runs.items():
            done.append(_run(args, OUTPUTS[name], width, height))
    return NodeSpeed(machine, args.fps, width, height, args.seconds, args.repeats,
                     {name: _median(done) for name, done in runs.items()}, runs)


def parse_size(text: str) -> tuple[int, int]:
    """Return (width, height) of a text such as 640x480; ConfigError for others."""
    try:
        width, height = (int(part) for part in text.lower().split('x'))
    except ValueError:
        width = height = 0
    if min(width, height) < 1:
        raise ConfigError(f'a size is WIDTHxHEIGHT, such as 640x480, not {text!r}')
    return width, height


def _run(args: argparse.Namespace, outputs: tuple[str, ...], width: int, height: int) -> NodeRun:
    """Run the three processes once."""
    from lstm_depth.ros.trial import Trial
    from lstm_depth.ros.usage import usage

    with tempfile.TemporaryDirectory() as folder, Trial(Path(folder)) as trial:
        seen, sent = Path(folder) / 'seen.json', Path(folder) / 'sent.json'
        listener = trial.start(['lstm_depth.ros.bench_ends', 'listener'],
                               {'output': str(seen), 'outputs': list(outputs)})
        camera = trial.start(
            ['lstm_depth.ros.bench_ends', 'camera'],
            {'output': str(sent), 'fps': float(args.fps), 'width': width, 'height': height})
        started_ns = time.time_ns()
        node = trial.start(['lstm_depth.ros', 'depth_node'], {
            'autostart': True, 'checkpoint': args.checkpoint, 'backend': args.backend})
        trial.wait_for(node, 'configured')
        time.sleep(_WARM_UP_S)
        before, begin_ns = usage(node.pid), time.time_ns()
        trial.sleep(args.seconds)
        end_ns, after = time.time_ns(), usage(node.pid)
        # What is under way still arrives.
        time.sleep(1.0)
        trial.stop(camera, node, listener)
        return _summary(json.loads(sent.read_text()), json.loads(seen.read_text()), outputs,
                        (begin_ns, end_ns), started_ns, after.cpu_s - before.cpu_s, after.peak_mb)


def _summary(sent: list[int], seen: Mapping[str, Any], outputs: tuple[str, ...],
             window_ns: tuple[int, int], started_ns: int, cpu_s: float,
             memory_mb: float) -> NodeRun:
    """Return the numbers of what was sent and seen."""
    asked = {stamp for stamp in sent if window_ns[0] <= stamp < window_ns[1]}
    arrived = {name: {stamp: at for output, stamp, at in seen['arrivals'] if output == name}
               for name in outputs}
    depth = arrived['depth/image']
    latencies = sorted((depth[stamp] - stamp) / 1e6 for stamp in asked if stamp in depth)
    if not latencies:
        raise DataError('no depth image arrived in the measured time; see '
                        '"lstm_depth doctor" for what is wrong between the processes')
    facts = seen['diagnostics']
    stream_ms = float(facts.get('inference p50 [ms]', 'nan'))
    return NodeRun(
        delivered={name: len(asked & set(stamps)) / len(asked)
                   for name, stamps in arrived.items()},
        p50_ms=statistics.median(latencies), p95_ms=latencies[int(len(latencies) * 0.95)],
        stream_ms=stream_ms, node_ms=float(facts.get('latency p50 [ms]', 'nan')) - stream_ms,
        cpu_s_per_frame=cpu_s / len(latencies), memory_mb=memory_mb,
        first_depth_s=(min(depth.values()) - started_ns) / 1e9)


def _median(runs: list[NodeRun]) -> NodeRun:
    """Return the run of each number's median."""
    def middle(name: str) -> Any:
        values = [getattr(run, name) for run in runs]
        if isinstance(values[0], dict):
            return {key: statistics.median(value[key] for value in values) for key in values[0]}
        return statistics.median(values)

    return NodeRun(**{name: middle(name) for name in asdict(runs[0])})
