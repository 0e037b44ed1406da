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
Measure the data loader: clips a second, and how long training waits for it.

The clips are read, augmented and put together as in training, first alone, then with a
model trained on them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
import itertools
import time
from typing import Any

from lstm_depth.cli.dataset import add_dataset_arguments, open_from
from lstm_depth.errors import DataError
from tqdm import tqdm

HELP = 'clips per second from disk, and the share of a training step spent waiting for them'


@dataclass(frozen=True)
class DataSpeed:
    """
    What was measured.

    *clips_per_s*: of the loader alone. *wait_share*: of a training step's time spent
    waiting for the next batch; None where no model was trained.
    """

    clips: int
    length: int
    batch: int
    workers: int
    width: int
    height: int
    clips_per_s: float
    model: str | None = None
    step_s: float | None = None
    wait_share: float | None = None

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.clips_per_s:.2f} clips/s ({self.clips_per_s * self.length:.1f} frames/s) '
                 f'of {self.length} frames at {self.width}x{self.height}, batches of '
                 f'{self.batch}, {self.workers} workers']
        if self.model:
            lines.append(f'{self.model}: {self.step_s:.3f} s a training step, '
                         f'{self.wait_share:.1%} of it waiting for data')
        return '\n'.join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark data``."""
    add_dataset_arguments(parser)
    parser.add_argument('--workers', type=int, default=2, help='processes that make clips')
    parser.add_argument('--batch', type=int, default=4, help='clips a batch')
    parser.add_argument('--length', type=int, default=4, help='frames a clip')
    parser.add_argument('--width', type=int, default=320, help='width of the frames')
    parser.add_argument('--height', type=int, default=240, help='height of the frames')
    parser.add_argument('--batches', type=int, default=20, help='batches to measure over')
    parser.add_argument('--model', default='residual_lstm', help='model to train meanwhile, at '
                        'its default settings; "none" for none')
    parser.add_argument('--device', default='cpu', help='device to train it on')


def measure(args: argparse.Namespace) -> DataSpeed:
    """Return the speed of the loader that *args* describes; DataError without enough clips."""
    from lstm_depth.data.augment import recipe
    from lstm_depth.data.dataset import clip_loader, ClipDataset
    from lstm_depth.data.sampling import ClipSampler, SamplingConfig
    from lstm_depth.errors import ConfigError

    if min(args.batch, args.batches, args.length) < 1 or args.workers < 0:
        raise ConfigError('batch, batches and length must be at least 1, workers at least 0')
    sequences = open_from(args).sequences
    dataset = ClipDataset(sequences, recipe('video', width=args.width, height=args.height),
                          read_width=args.width * 3 // 2)
    sampler = ClipSampler(sequences, SamplingConfig(length=args.length))
    loader = clip_loader(dataset, sampler, batch=args.batch, workers=args.workers)
    alone_s = _time_loader(loader, args.batches)
    step_s = wait_share = None
    model = None if args.model == 'none' else args.model
    if model:
        step_s, wait_share = _time_training(loader, args)
    return DataSpeed(args.batches * args.batch, args.length, args.batch, args.workers, args.width,
                     args.height, args.batches * args.batch / alone_s, model, step_s, wait_share)


def _endless(loader: Any) -> Iterator[Any]:
    """Yield batches, epoch after epoch."""
    for epoch in itertools.count():
        loader.sampler.set_epoch(epoch)
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise DataError('the data set has fewer clips than a batch; take smaller batches or '
                            'shorter clips')


def _time_loader(loader: Any, batches: int) -> float:
    """Return the seconds that *batches* take, after the first, which starts the workers."""
    stream = _endless(loader)
    next(stream)
    started = time.perf_counter()
    for _ in tqdm(range(batches), desc='loading', unit='batch'):
        next(stream)
    return time.perf_counter() - started


def _time_training(loader: Any, args: argparse.Namespace) -> tuple[float, float]:
    """Return the mean seconds of a training step, waiting included, and the share waited."""
    from lstm_depth.models import create_model
    import torch

    device = torch.device(args.device)
    model = create_model(args.model, pretrained=False).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    stream = _endless(loader)
    next(stream)
    waited = 0.0
    started = time.perf_counter()
    for _ in tqdm(range(args.batches), desc='training', unit='step'):
        before = time.perf_counter()
        batch = next(stream).to(device)
        waited += time.perf_counter() - before
        depth, _ = model.forward_clip(batch.frames.float() / 255)
        loss = (depth - batch.depth)[batch.valid].abs().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        # Reading the value waits for the device to finish.
        loss.item()
    total = time.perf_counter() - started
    return total / args.batches, waited / total
