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
Which clips an epoch consists of: the same for the same seed, epoch and data.

A sampler yields requests, not data. Each carries its own seed, so a clip does not depend
on which worker makes it or on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError
import numpy as np
from torch.utils.data import Sampler


@dataclass(frozen=True)
class ClipRequest:
    """
    One clip to be made.

    *sequence*: its number in the data set. *indices*: the frames; for a still its number
    alone. *span*: for a still, (start, stop, count) of the path through it. *seed*: of
    everything random about it; clips that go on where another ended share it. *reset*:
    whether it does not go on where the one before it in its row ended.
    """

    sequence: int
    indices: tuple[int, ...]
    seed: tuple[int, ...]
    span: tuple[int, int, int] | None = None
    reset: bool = True


@dataclass(frozen=True, kw_only=True)
class SamplingConfig:
    """
    How clips are drawn.

    *length*: frames of a clip. *strides*: steps between a video's frames, one drawn for each
    pass through it, 0 for a camera that stands; how fast the camera moves through a still is
    MotionConfig's to say.
    *reverse*: probability that a clip runs backwards. *balance*: let every scene give as
    many clips as the others, instead of as many as it has room for. *still_clips*: clips
    in the path through one still.
    """

    length: int = 4
    strides: tuple[int, ...] = (1,)
    reverse: float = 0.0
    balance: bool = True
    still_clips: int = 1

    def __post_init__(self) -> None:
        """Raise ConfigError for values that make no clip."""
        if self.length < 1 or self.still_clips < 1:
            raise ConfigError('a clip has at least one frame, a path at least one clip')
        if not self.strides or min(self.strides) < 0:
            raise ConfigError(f'strides must not be negative, not {self.strides}')
        if not 0 <= self.reverse <= 1:
            raise ConfigError(f'reverse is a probability, not {self.reverse}')


@dataclass(frozen=True)
class _Pass:
    """Consecutive clips through a part of one sequence."""

    scene: str
    requests: tuple[ClipRequest, ...]


class ClipSampler(Sampler[ClipRequest]):
    """
    Independent clips in random order.

    Every epoch cuts each sequence into clips from another starting point. Call
    set_epoch() before each, as with PyTorch's DistributedSampler.
    """

    def __init__(self, sequences: Sequence[FrameSequence], config: SamplingConfig,
                 seed: int = 0) -> None:
        """Check that there is a clip to draw; DataError where all sequences are too short."""
        self._sequences, self._config, self._seed = sequences, config, seed
        self._epoch = 0
        self._clips = len(self._draw())

    def __len__(self) -> int:
        """Return the number of clips in an epoch."""
        return self._clips

    def __iter__(self) -> Iterator[ClipRequest]:
        """Yield the epoch's clips."""
        return iter(self._draw())

    def set_epoch(self, epoch: int) -> None:
        """Draw the clips of *epoch* from now on."""
        self._epoch = epoch
        self._clips = len(self._draw())

    def _draw(self) -> list[ClipRequest]:
        """Return the epoch's clips in order."""
        rng = np.random.default_rng([self._seed, self._epoch])
        by_scene: dict[str, list[ClipRequest]] = {}
        for part in passes(self._sequences, self._config, (self._seed, self._epoch), rng):
            by_scene.setdefault(part.scene, []).extend(part.requests)
        if self._config.balance:
            # As many clips as unbalanced, the same from each scene: some twice, some not.
            share = -(-sum(map(len, by_scene.values())) // len(by_scene))
            by_scene = {scene: [clips[place % len(clips)] for place in
                                _places(len(clips), share, rng)]
                        for scene, clips in by_scene.items()}
        clips = [clip for group in by_scene.values() for clip in group]
        return [_own_seed(clips[place], (self._seed, self._epoch, 1, number))
                for number, place in enumerate(rng.permutation(len(clips)))]


class ContinuousSampler(Sampler[list[ClipRequest]]):
    """
    Batches for truncated back-propagation through time.

    Each of *batch* rows walks through whole sequences, clip by clip: what a row gives
    goes on where its clip in the batch before ended, unless *reset* is set. The epoch
    ends when the sequences run out for one of the rows. Use it as *batch_sampler*.
    """

    def __init__(self, sequences: Sequence[FrameSequence], config: SamplingConfig, batch: int,
                 seed: int = 0) -> None:
        """Check that every row has something to do; DataError where not."""
        self._sequences, self._config, self._seed = sequences, config, seed
        self._batch, self._epoch = batch, 0
        if batch < 1:
            raise ConfigError(f'a batch has at least one row, not {batch}')
        self._length = len(self._draw())
        if not self._length:
            raise DataError(f'there are fewer sequences than the {batch} rows of a batch; take '
                            'a smaller batch')

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self._length

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Yield the epoch's batches."""
        return iter(self._draw())

    def set_epoch(self, epoch: int) -> None:
        """Draw the batches of *epoch* from now on."""
        self._epoch = epoch
        self._length = len(self._draw())

    def _draw(self) -> list[list[ClipRequest]]:
        """Return the epoch's batches in order."""
        rng = np.random.default_rng([self._seed, self._epoch])
        parts = list(passes(self._sequences, self._config, (self._seed, self._epoch), rng))
        queue = iter([parts[place] for place in rng.permutation(len(parts))])
        rows: list[list[ClipRequest]] = [[] for _ in range(self._batch)]
        batches = []
        while True:
            for number, row in enumerate(rows):
                if not row:
                    part = next(queue, None)
                    if part is None:
                        return batches
                    rows[number] = list(part.requests)
            batches.append([row.pop(0) for row in rows])


def passes(sequences: Sequence[FrameSequence], config: SamplingConfig, seed: tuple[int, ...],
           rng: np.random.Generator) -> Iterator[_Pass]:
    """
    Yield one pass of consecutive clips through each sequence, and through each still.

    DataError where no sequence has a clip's worth of frames.
    """
    found = False
    for number, sequence in enumerate(sequences):
        if sequence.video:
            requests = _video_pass(number, len(sequence), config, (*seed, 0, number), rng)
            if requests:
                found = True
                yield _Pass(sequence.scene, requests)
            continue
        for index in range(len(sequence)):
            found = True
            yield _Pass(sequence.scene, _still_pass(number, index, config,
                                                    (*seed, 2, number, index)))
    if not found:
        raise DataError(f'no sequence has the {config.length} frames of a clip; take shorter '
                        'clips or a smaller stride')


def _video_pass(number: int, frames: int, config: SamplingConfig, seed: tuple[int, ...],
                rng: np.random.Generator) -> tuple[ClipRequest, ...]:
    """Return the clips that fit into a video from a random start on; none if it is too short."""
    stride = int(rng.choice(config.strides))
    backwards = rng.random() < config.reverse
    if config.length > frames:
        return ()
    # A stride that is too long for this video is shortened, not the video left out.
    if config.length > 1:
        stride = min(stride, (frames - 1) // (config.length - 1))
    step = config.length * max(stride, 1)
    reach = (config.length - 1) * stride + 1
    start = int(rng.integers(min(step, frames - reach + 1)))
    clips = [tuple(first + stride * place for place in range(config.length))
             for first in range(start, frames - reach + 1, step)]
    if backwards:
        clips = [clip[::-1] for clip in reversed(clips)]
    if not stride:
        # The next clip stands somewhere else, and has nothing to do with this one.
        return tuple(ClipRequest(number, clip, (*seed, place)) for place, clip in enumerate(clips))
    return tuple(ClipRequest(number, clip, seed, reset=place == 0)
                 for place, clip in enumerate(clips))


def _still_pass(number: int, index: int, config: SamplingConfig,
                seed: tuple[int, ...]) -> tuple[ClipRequest, ...]:
    """Return the clips of one path through a still."""
    total = config.length * config.still_clips
    return tuple(ClipRequest(number, (index,), seed, (start, start + config.length, total),
                             reset=start == 0)
                 for start in range(0, total, config.length))


def _places(count: int, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Return *wanted* numbers below *count*, each as often as the others within one."""
    rounds = [rng.permutation(count) for _ in range(-(-wanted // count))]
    return np.concatenate(rounds)[:wanted]


def _own_seed(request: ClipRequest, seed: tuple[int, ...]) -> ClipRequest:
    """Return a request that goes on from none and shares its seed with none."""
    return ClipRequest(request.sequence, request.indices, seed, request.span, reset=True)
