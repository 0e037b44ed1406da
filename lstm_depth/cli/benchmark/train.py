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
Measure a training step with and without the recurrent core, in turns.

Both networks of paper 000 train on the same frames in the same run: `residual_lstm` with its
LSTM, `double_hourglass` without. The paper's LSTM made training 4.4 times as long.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from operator import truediv
from statistics import median
import time
from typing import Any, TYPE_CHECKING

from lstm_depth.errors import ConfigError
from tqdm import tqdm

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lstm_depth.data.clip import ClipBatch
    from lstm_depth.training.step import Stepper
    from torch.utils.data import DataLoader

HELP = 'seconds of a training step with and without the LSTM, and their ratio'
# Section III-B of paper 000: seconds of training with and without the LSTM.
PAPER_RATIO = 38_700 / 8_750
WARM_UP = 2


@dataclass(frozen=True)
class StepSpeed:
    """The median *step_s* of one network's training steps, and the frames that go through."""

    step_s: float
    frames_per_s: float


@dataclass(frozen=True)
class TrainSpeed:
    """
    What was measured.

    *models*: by name. *ratio*: of a step of `residual_lstm` and one of `double_hourglass` in
    the same round, median over the rounds; *raster_ratio*: of the paper's LSTM over pixels
    instead, None where it was not asked for.
    *memory_mb*: most memory of the GPU, else of the process. *wait_share*: of a training
    step of `residual_lstm` spent waiting for the loader, None without data.
    """

    device: str
    batch: int
    length: int
    width: int
    height: int
    steps: int
    models: dict[str, StepSpeed]
    ratio: float
    raster_ratio: float | None
    paper_ratio: float
    memory_mb: float
    wait_share: float | None

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.batch} clips of {self.length} frames at {self.width}x{self.height}, '
                 f'median of {self.steps} steps in turns, on {self.device}']
        lines += [f'{name:17} {speed.step_s:9.4f} s a step {speed.frames_per_s:9.1f} frames/s'
                  for name, speed in self.models.items()]
        lines.append(f'the LSTM over frames costs {self.ratio:.2f} times the base model '
                     f'(paper 000: {self.paper_ratio:.1f})')
        if self.raster_ratio is not None:
            lines.append(f'the LSTM over pixels costs {self.raster_ratio:.2f} times')
        lines.append(f'peak memory {self.memory_mb:.0f} MB')
        lines.append('frames were random: --data measures the wait for a loader'
                     if self.wait_share is None else
                     f'residual_lstm waits for data {self.wait_share:.1%} of the time')
        return '\n'.join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark train``."""
    parser.add_argument('--batch', type=int, default=2, help='clips a batch')
    parser.add_argument('--length', type=int, default=4, help='frames a clip')
    parser.add_argument('--width', type=int, default=256, help='width of the frames')
    parser.add_argument('--height', type=int, default=256, help='height of the frames')
    parser.add_argument('--steps', type=int, default=20, help='steps of each network to measure '
                        f'over, after {WARM_UP} to warm up')
    parser.add_argument('--raster', action='store_true',
                        help="also measure the LSTM over one image's pixels (raster_lstm)")
    parser.add_argument('--data', metavar='DATASET', help='train on these clips and measure how '
                        'long the loader is waited for; without it the frames are random')
    parser.add_argument('--workers', type=int, default=0, help='processes that make clips')
    parser.add_argument('--device', default='auto', help='auto, cpu, cuda or cuda:N')


def measure(args: argparse.Namespace) -> TrainSpeed:
    """Return how long steps take as *args* describes."""
    from lstm_depth.training.recipe import TrainSection
    from lstm_depth.training.run_summary import peak_memory_mb
    from lstm_depth.training.setup import make_fabric

    if min(args.batch, args.length, args.width, args.height, args.steps) < 1 or args.workers < 0:
        raise ConfigError('batch, length, width, height and steps must be at least 1, workers '
                          'at least 0')
    fabric = make_fabric(TrainSection(device=args.device))
    networks = {'double_hourglass': ('double_hourglass', {}),
                'residual_lstm': ('residual_lstm', {})}
    if args.raster:
        networks['raster_lstm'] = ('residual_lstm', {'temporal': 'raster_lstm'})
    size = {'input_width': args.width, 'input_height': args.height}
    steppers = {name: _stepper(fabric, model, settings | size)
                for name, (model, settings) in networks.items()}
    loader = _loader(args) if args.data else None
    batch = next(iter(loader)) if loader else _random_batch(args)
    seconds = _time_in_turns(steppers, batch.to(fabric.device), args.steps)
    wait_share = _wait_share(steppers['residual_lstm'], loader, fabric) if loader else None
    middle = {name: median(values) for name, values in seconds.items()}
    base = seconds['double_hourglass']
    # Of steps side by side: a machine that is busy for a while slows both.
    ratios = {name: median(map(truediv, values, base)) for name, values in seconds.items()}
    frames = args.batch * args.length
    return TrainSpeed(
        str(fabric.device), args.batch, args.length, args.width, args.height, args.steps,
        {name: StepSpeed(value, frames / value) for name, value in middle.items()},
        ratios['residual_lstm'], ratios.get('raster_lstm'), PAPER_RATIO,
        peak_memory_mb(fabric.device), wait_share)


def _stepper(fabric: Fabric, name: str, settings: dict[str, Any]) -> Stepper:
    """Return what takes the trainer's steps with a new model and phase 1 of paper 000."""
    from lstm_depth.losses import DepthLoss
    from lstm_depth.training.optim import make_optimizer
    from lstm_depth.training.recipe import ModelSection, PhaseSection
    from lstm_depth.training.setup import build_model
    from lstm_depth.training.step import ClipRunner, Stepper
    import torch

    torch.manual_seed(0)
    model = build_model(ModelSection(name=name, settings=settings)).to(
        fabric.device, memory_format=torch.channels_last).train()
    runner, optimizer = fabric.setup(ClipRunner(model), make_optimizer(model, PhaseSection()))
    return Stepper(fabric, runner, model, optimizer, DepthLoss({'mse': 1.0, 'std': 0.1}))


def _random_batch(args: argparse.Namespace) -> ClipBatch:
    """Return clips of noise: what a step costs does not depend on what they show."""
    from lstm_depth.data.clip import ClipBatch
    import torch

    shape = args.batch, args.length
    depth = torch.rand(*shape, 1, args.height, args.width) * 9 + 0.5
    return ClipBatch(
        frames=torch.randint(256, (*shape, 3, args.height, args.width), dtype=torch.uint8),
        depth=depth, valid=depth > 0, intrinsics=torch.zeros(args.batch, 4),
        poses=torch.full((*shape, 4, 4), torch.nan, dtype=torch.float64),
        stamps=torch.zeros(shape, dtype=torch.float64),
        reset=torch.ones(args.batch, dtype=torch.bool), names=('noise',) * args.batch)


def _loader(args: argparse.Namespace) -> DataLoader:
    """Return the trainer's loader of clips of the data set."""
    from lstm_depth.data.augment import AugmentConfig
    from lstm_depth.data.sampling import SamplingConfig
    from lstm_depth.models import create_model
    from lstm_depth.training.batches import open_data, phase_loader
    from lstm_depth.training.recipe import DataSection, PhaseSection

    section = DataSection(path=args.data, read_width=args.width * 3 // 2)
    phase = PhaseSection(
        steps=args.steps + 1, batch=args.batch, sampling=SamplingConfig(length=args.length),
        augmentation=AugmentConfig(width=args.width, height=args.height, squeeze=True))
    loader, _ = phase_loader(open_data(section), section, phase, create_model('residual_lstm'),
                             seed=0, workers=args.workers)
    return loader


def _time_in_turns(steppers: dict[str, Stepper], batch: ClipBatch,
                   steps: int) -> dict[str, list[float]]:
    """Return the seconds of *steps* steps of each, one of each a round."""
    seconds: dict[str, list[float]] = {name: [] for name in steppers}
    for number in tqdm(range(-WARM_UP, steps), desc='training', unit='round'):
        # Forwards and backwards: none is always the one behind the slowest.
        for name in list(steppers)[::-1 if number % 2 else 1]:
            started = time.perf_counter()
            # A step ends with its loss as a number, which waits for the device.
            steppers[name].step([batch])
            if number >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def _wait_share(stepper: Stepper, loader: DataLoader, fabric: Fabric) -> float:
    """Return the share of the time of training through *loader* that its batches take."""
    batches = iter(loader)
    next(batches)
    waited, started = 0.0, time.perf_counter()
    before = started
    for batch in tqdm(batches, desc='loading', unit='step', total=len(loader) - 1):
        waited += time.perf_counter() - before
        stepper.step([batch.to(fabric.device)])
        before = time.perf_counter()
    return waited / (before - started)
