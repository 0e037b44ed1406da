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
Measure one step of the network by every installed library, in turn, on the same frames.

Beside them runs Depth Anything V2 Small's architecture, where transformers is installed. With
``--load N`` everything is measured again beside N busy processes. Then processes are started
anew, to see how long it is from start to first depth and how much memory that takes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
import itertools
import json
import statistics
import subprocess
import sys

from lstm_depth.cli.benchmark._common import interleaved_ms, machine_line, medians
from lstm_depth.errors import ConfigError, EngineError, LstmDepthError

HELP = 'a step of the network by every library, beside a peer; start and memory'

_BUSY = 'while True: pass'
# The largest resident size is read from the kernel: getrusage() counts that of the parent, too.
_FIRST_DEPTH = """
import json, os, re, sys, time
import numpy as np
import lstm_depth
source, backend = json.loads(sys.argv[1])
stream = lstm_depth.DepthStream(lstm_depth.load_model(source, backend=backend))
stream.push(np.zeros((480, 640, 3), np.uint8), 0.0)
now = time.clock_gettime(time.CLOCK_BOOTTIME)
ticks = open('/proc/self/stat').read().rpartition(')')[2].split()[19]
peak = re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1]
print(json.dumps([now - int(ticks) / os.sysconf('SC_CLK_TCK'), int(peak) / 1024]))
"""


@dataclass(frozen=True)
class StepSpeed:
    """
    One library, or a peer. *ms*: median of a step; *loaded_ms*: beside busy processes.

    *ratio*: how many times faster than eager PyTorch, None without it. *differs*: from
    PyTorch's depth, as a share; None for a peer.
    """

    name: str
    ms: float
    loaded_ms: float | None
    ratio: float | None
    differs: float | None

    def __str__(self) -> str:
        """Return the measured for people."""
        text = f'{self.ms:.1f} ms'
        if self.ratio is not None:
            text += f', {self.ratio:.2f} times as fast as eager PyTorch'
        if self.loaded_ms is not None:
            text += f'; loaded {self.loaded_ms:.1f} ms, {self.loaded_ms / self.ms:.2f} times'
        return text if self.differs is None else f'{text}; differs by {self.differs:.1e}'


@dataclass(frozen=True)
class StartSpeed:
    """One library. *seconds*: of a process from its start to the first depth; *memory_mb*."""

    name: str
    seconds: float
    memory_mb: float

    def __str__(self) -> str:
        """Return the measured for people."""
        return f'{self.seconds:.2f} s from start to first depth, {self.memory_mb:.0f} MB resident'


@dataclass(frozen=True)
class EngineSpeed:
    """The result: *steps* and *starts* of all libraries; *load*: how many busy processes."""

    machine: str
    model: str
    repeats: int
    threads: int
    load: int
    steps: list[StepSpeed]
    starts: list[StartSpeed]
    left_out: dict[str, str]

    def rows(self) -> list[tuple[str, str]]:
        """Return the result for a table."""
        return [*((f'a step by {step.name}', str(step)) for step in self.steps),
                *((f'start with {start.name}', str(start)) for start in self.starts)]

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.model}, {self.threads} threads, medians of {self.repeats} interleaved '
                 f'repeats, load: {self.load} busy processes; {self.machine}']
        lines += [f'{what}: {text}' for what, text in self.rows()]
        return '\n'.join([*lines, *(f'{name}: left out: {why}'
                                    for name, why in self.left_out.items())])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark engine``."""
    parser.add_argument('--checkpoint', default=None, help='default: the shipped one')
    parser.add_argument('--device', default='auto', help='where the networks run')
    parser.add_argument('--precisions', nargs='+', default=['float32'],
                        choices=('float32', 'float16', 'bfloat16', 'int8'))
    parser.add_argument('--repeats', type=int, default=50, help='steps of each')
    parser.add_argument('--load', type=int, default=2, metavar='N',
                        help='measure again beside so many busy processes')
    parser.add_argument('--starts', type=int, default=3, metavar='N',
                        help='processes to start with each library')
    parser.add_argument('--no-peers', dest='peers', action='store_false',
                        help='leave other networks out')


def measure(args: argparse.Namespace) -> EngineSpeed:
    """Return the speed of every library; ConfigError for numbers below 0."""
    from lstm_depth.cli.benchmark._peers import peers
    from lstm_depth.runtime.threads import thread_count

    if min(args.load, args.starts) < 0:
        raise ConfigError('load and starts must be 0 or more')
    engines, left_out = _engines(args)
    candidates = {name: _stepper(engine) for name, engine in engines.items()}
    candidates |= peers() if args.peers else {}
    idle = medians(interleaved_ms(candidates, args.repeats))
    loaded = {}
    if args.load:
        with busy_processes(args.load):
            loaded = medians(interleaved_ms(candidates, args.repeats))
    differs = _differences(engines)
    eager = idle.get('torch')
    steps = [StepSpeed(name, ms, loaded.get(name),
                       eager / ms if eager is not None and name in engines else None,
                       differs.get(name)) for name, ms in idle.items()]
    starts = [start for name in dict.fromkeys(engine.backend for engine in engines.values())
              if args.starts for start in [_start(args.checkpoint, name, args.starts)]]
    return EngineSpeed(machine_line(), next(iter(engines.values())).name, args.repeats,
                       thread_count(), args.load, steps, starts, left_out)


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Let *count* processes do nothing as fast as they can."""
    processes = [subprocess.Popen([sys.executable, '-c', _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _engines(args: argparse.Namespace) -> tuple[dict, dict[str, str]]:
    """Return the engines that can be had, by name, and why others cannot."""
    from lstm_depth.runtime.loading import load_model
    from lstm_depth.runtime.registry import BACKENDS

    engines, left_out = {}, {}
    for backend, precision in itertools.product(BACKENDS, args.precisions):
        name = backend if precision == 'float32' else f'{backend} {precision}'
        try:
            engines[name] = load_model(args.checkpoint, backend=backend, device=args.device,
                                       precision=precision)
        except LstmDepthError as error:
            left_out[name] = str(error).splitlines()[0]
    if not engines:
        raise EngineError(f'no library runs the model: {left_out}')
    return engines, left_out


def _stepper(engine) -> Callable[[], None]:
    """Return a function that takes *engine* one step on, over rendered frames again and again."""
    from lstm_depth.render import sample_frames

    height, width = engine.input_size
    images = itertools.cycle([frame.rgb for frame in sample_frames(8, 7, width, height)])
    state = engine.init()

    def step() -> None:
        nonlocal state
        _, state = engine.step(next(images), state)

    return step


def _differences(engines: dict) -> dict[str, float]:
    """Return how far the depth of each engine lies from PyTorch's on the check images."""
    from lstm_depth.runtime.graph import check_depth, depth_samples, disagreement

    expected = next((engine.graph.expected for engine in engines.values()
                     if hasattr(engine, 'graph')), None)
    if expected is None:
        expected = depth_samples(check_depth(next(iter(engines.values()))))
    return {name: disagreement(engine, expected) for name, engine in engines.items()}


def _start(checkpoint: str | None, backend: str, count: int) -> StartSpeed:
    """Return the median of *count* processes; EngineError where one fails."""
    found = []
    for _ in range(count):
        result = subprocess.run([sys.executable, '-c', _FIRST_DEPTH,
                                 json.dumps([checkpoint, backend])],
                                capture_output=True, text=True)
        if result.returncode:
            raise EngineError(f'a process with {backend} failed: {result.stderr[-500:]}')
        found.append(json.loads(result.stdout))
    seconds, memory = zip(*found)
    return StartSpeed(backend, statistics.median(seconds), statistics.median(memory))
