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
"""From a recipe's data to batches: which clips, in which order, on which process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
import hashlib

from lstm_depth.data.dataset import clip_loader, ClipDataset
from lstm_depth.data.readers import open_dataset
from lstm_depth.data.rooms import room_sequences
from lstm_depth.data.sampling import ClipRequest, ClipSampler, ContinuousSampler
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.data.split import hold_out, part_of
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.models import DepthModel
from lstm_depth.training.recipe import DataSection, PhaseSection
from torch.utils.data import DataLoader, Sampler

_ROOM_SEED = 10_000


@dataclass(frozen=True)
class TrainingData:
    """Sequences to train on by kind ('stills', 'videos', 'rooms'), and those held out."""

    train: dict[str, list[FrameSequence]]
    held_out: list[FrameSequence]

    @property
    def notes(self) -> list[str]:
        """Return what readers assumed or missed, one sentence each."""
        sequences = [*self.held_out, *(item for items in self.train.values() for item in items)]
        return list(dict.fromkeys(note for item in sequences for note in item.notes))

    def describe(self) -> str:
        """Return one line for people."""
        parts = [f'{sum(map(len, sequences))} frames of {len(sequences)} {kind}'
                 for kind, sequences in self.train.items()]
        return (f'{", ".join(parts)}; {sum(map(len, self.held_out))} frames of '
                f'{len(self.held_out)} sequences held out')

    def fingerprint(self) -> str:
        """Return a few characters that change with the sequences' names and lengths."""
        text = [f'{kind} {sequence.name} {len(sequence)}' for kind, sequences in
                [*self.train.items(), ('held out', self.held_out)] for sequence in sequences]
        return hashlib.sha256('\n'.join(text).encode()).hexdigest()[:16]


def open_data(section: DataSection) -> TrainingData:
    """Open what *section* names; DataError or ConfigError where nothing is left to train on."""
    train: dict[str, list[FrameSequence]] = {}
    held_out: list[FrameSequence] = []
    for path in [*section.paths, *section.train_only_paths]:
        sequences = open_dataset(path, section.options).sequences
        if not section.validation_paths and path not in section.train_only_paths:
            sequences, held = hold_out(sequences, section.hold_out_every)
            held_out += held
        for sequence in sequences:
            train.setdefault('videos' if sequence.video else 'stills', []).append(sequence)
    if section.share < 1:
        train = {kind: part_of(sequences, section.share) for kind, sequences in train.items()}
    for path in section.validation_paths:
        held_out += open_dataset(path, section.options).sequences
    if section.rooms:
        # The demo, the samples and "rooms:N" count from 0; none of those is trained on.
        train['rooms'] = room_sequences(section.rooms, seed=_ROOM_SEED,
                                        frames=section.room_frames, folder=section.room_folder)
    if not train:
        raise ConfigError('there is nothing to train on; name a data set: data=PATH (see '
                          '"lstm_depth dataset inspect PATH"), or data.rooms=24')
    return TrainingData(train, held_out)


class MixedSampler(Sampler[ClipRequest]):
    """
    Independent clips of several kinds of sequences, in given shares.

    *kinds*: sequences by name; requests count through all of them in this order. *shares*:
    by kind, empty for every clip once. *clips*: of an epoch, 0 for as many as it takes to
    see each clip of the kind with the largest share once. An epoch goes on in a kind where
    its last one ended.
    """

    def __init__(self, kinds: dict[str, list[FrameSequence]], shares: dict[str, float],
                 phase: PhaseSection, seed: int, clips: int = 0) -> None:
        """Check that there is a clip of every kind that has a share."""
        used = {kind: shares[kind] for kind in kinds if shares.get(kind)}
        if shares and not used:
            raise ConfigError(f'mix has shares of {", ".join(shares)}, the data only '
                              f'{", ".join(kinds)}')
        offsets, first = {}, 0
        for kind, sequences in kinds.items():
            offsets[kind], first = first, first + len(sequences)
        self._samplers = {kind: (offsets[kind], ClipSampler(kinds[kind], phase.sampling, seed))
                          for kind in (used or kinds)}
        sizes = {kind: len(sampler) for kind, (_, sampler) in self._samplers.items()}
        if not used:
            used = dict(sizes)
        largest = max(used, key=used.__getitem__)
        total = sum(used.values())
        clips = clips or round(sizes[largest] * total / used[largest])
        self._counts = {kind: max(1, round(clips * share / total))
                        for kind, share in used.items()}
        # Rounding goes to the largest share, so that an epoch has the clips it should have.
        self._counts[largest] += clips - sum(self._counts.values())
        self._sizes, self._seed, self._epoch = sizes, seed, 0

    def __len__(self) -> int:
        """Return the number of clips in an epoch."""
        return sum(self._counts.values())

    def __iter__(self) -> Iterator[ClipRequest]:
        """Yield the epoch's clips, the kinds spread evenly."""
        clips = [(place / count, request) for kind, count in self._counts.items()
                 for place, request in enumerate(self._take(kind, count))]
        return iter([request for _, request in sorted(clips, key=lambda item: item[0])])

    def set_epoch(self, epoch: int) -> None:
        """Draw the clips of *epoch* from now on."""
        self._epoch = epoch

    def _take(self, kind: str, count: int) -> list[ClipRequest]:
        """Return the epoch's clips of one kind, from as many passes as it takes."""
        offset, sampler = self._samplers[kind]
        passes = -(-count // self._sizes[kind])
        taken: list[ClipRequest] = []
        number = self._epoch * passes
        while len(taken) < count:
            sampler.set_epoch(number)
            number += 1
            taken += [replace(request, sequence=request.sequence + offset)
                      for request in sampler]
        return taken[:count]


class Batches(Sampler[list[ClipRequest]]):
    """
    The batches of one process: its part of each batch of all processes together.

    *sampler*: of clips, or of rows over all processes. *batch*: clips on each process.
    *count*: batches of an epoch, 0 for what the sampler has. Set *start* to skip batches of
    the first epoch, which a resumed run has behind it.
    """

    def __init__(self, sampler: MixedSampler | ContinuousSampler, batch: int, *, rank: int = 0,
                 world: int = 1, count: int = 0) -> None:
        """Check that there is a batch; DataError where the data are too few."""
        self._sampler, self._batch = sampler, batch
        self._rank, self._world = rank, world
        self._continuous = isinstance(sampler, ContinuousSampler)
        natural = len(sampler) if self._continuous else len(sampler) // (batch * world)
        self._count = count or natural
        if not natural:
            raise DataError(f'the data have {len(sampler)} clips, fewer than a batch of '
                            f'{batch * world}; lower batch, or give more data')
        # Counted once: later passes through videos can be of another length, and which pass
        # an epoch begins with must not depend on those before it.
        self._passes = -(-self._count // natural)
        self._epoch = self.start = 0

    def __len__(self) -> int:
        """Return how many batches are left of the epoch."""
        return self._count - self.start

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Give the batches of *epoch*, without the first *start*."""
        self._epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Yield the requests of one batch after the other."""
        mine = slice(self._rank * self._batch, (self._rank + 1) * self._batch)
        for number, batch in enumerate(self._all()):
            if number >= self._count:
                return
            if number >= self.start:
                yield batch[mine]

    def _all(self) -> Iterator[list[ClipRequest]]:
        """Yield the batches of all processes together, for ever."""
        number = self._epoch * self._passes
        while True:
            self._sampler.set_epoch(number)
            if self._continuous:
                yield from self._sampler
            else:
                clips, size = list(self._sampler), self._batch * self._world
                for first in range(0, len(clips) - size + 1, size):
                    yield clips[first:first + size]
            number += 1


def phase_loader(data: TrainingData, section: DataSection, phase: PhaseSection,
                 model: DepthModel, seed: int, *, workers: int = 0, rank: int = 0,
                 world: int = 1) -> tuple[DataLoader, Batches]:
    """Return the loader of a phase and its batches, whose epoch is to be set."""
    config = model.config
    size = {'width': config.input_width, 'height': config.input_height}
    changes = {} if phase.augmentation.width else size
    if config.focal:
        changes['focal'] = config.focal
    kinds = data.train
    if phase.carry_state and phase.mix:
        kinds = {kind: kinds[kind] for kind in kinds if phase.mix.get(kind)}
    sequences: Sequence[FrameSequence] = [item for group in kinds.values() for item in group]
    dataset = ClipDataset(sequences, replace(phase.augmentation, **changes),
                          motion=phase.motion, read_width=section.read_width,
                          cache=section.cache, skip_damaged=True)
    count = phase.steps * phase.accumulate
    if phase.carry_state:
        sampler: MixedSampler | ContinuousSampler = ContinuousSampler(
            sequences, phase.sampling, phase.batch * world, seed)
    else:
        sampler = MixedSampler(kinds, phase.mix, phase, seed,
                               clips=count * phase.batch * world)
    batches = Batches(sampler, phase.batch, rank=rank, world=world, count=count)
    if len(batches) < phase.accumulate:
        raise DataError(f'the data have {len(batches)} batches of {phase.batch * world} clips, '
                        f'fewer than the {phase.accumulate} of a step; lower batch or accumulate')
    return clip_loader(dataset, batches, batch=None, workers=workers), batches
