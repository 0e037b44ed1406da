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
"""The PyTorch data set: requests in, augmented clips out."""

from __future__ import annotations

from collections.abc import Sequence
import signal
from typing import Any

import cv2
from lstm_depth.data.augment import augment, AugmentConfig
from lstm_depth.data.clip import blank_clip, Clip, clip_of, collate
from lstm_depth.data.motion import frames_from_still, MotionConfig
from lstm_depth.data.sampling import ClipRequest
from lstm_depth.data.sequence import FrameSequence, shrunk
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler


class ClipDataset(Dataset):
    """
    Clips of sequences, indexed by the ClipRequests of a sampler.

    *augmentation*: what is changed at random. *motion*: how the camera moves through
    stills. *read_width*: shrink frames to this width when they are read, which makes
    stills and augmentation cheaper; None keeps their size. *cache*: keep the frames that
    were read; every worker process keeps its own. *skip_damaged*: give a blank clip, which
    says why in ``damage``, where a file cannot be read, so that one among thousands does not
    end a night's training; the augmentation must then name the size.
    """

    def __init__(self, sequences: Sequence[FrameSequence],
                 augmentation: AugmentConfig | None = None, *,
                 motion: MotionConfig | None = None, read_width: int | None = None,
                 cache: bool = False, skip_damaged: bool = False) -> None:
        """Hold the sequences; nothing is read yet."""
        self.sequences = sequences
        self._augmentation = augmentation or AugmentConfig()
        self._motion = motion or MotionConfig()
        self._read_width = read_width
        self._kept: dict[tuple[int, int], CameraFrame] | None = {} if cache else None
        self._skip_damaged = skip_damaged

    def __getitem__(self, request: ClipRequest) -> Clip:
        """Return one clip; DataError where a file of it cannot be read."""
        name = self._name(request)
        try:
            return self._clip(request, name)
        except DataError as error:
            size = self._augmentation.width, self._augmentation.height
            if not self._skip_damaged or None in size:
                raise
            start, stop, _ = request.span or (0, len(request.indices), 0)
            return blank_clip(stop - start, *size, name, reset=request.reset, damage=str(error))

    def _name(self, request: ClipRequest) -> str:
        """Return where the frames of a clip come from."""
        first = self.sequences[request.sequence].source(request.indices[0])
        more = len(request.indices) - 1
        return f'{first} and {more} more' if more else first

    def _clip(self, request: ClipRequest, name: str) -> Clip:
        """Return one clip called *name*; DataError where a file of it cannot be read."""
        frames = [self._kept_frame(request.sequence, index) for index in request.indices]
        # A path of one frame stays at the still: there is nothing to be moved for.
        if request.span and request.span[2] > 1:
            start, stop, count = request.span
            frames = frames_from_still(frames[0], count, self._motion,
                                       np.random.default_rng([*request.seed, 0]),
                                       start=start, stop=stop)
        return augment(clip_of(frames, name, request.reset), self._augmentation,
                       np.random.default_rng([*request.seed, 1]))

    def _kept_frame(self, sequence: int, index: int) -> CameraFrame:
        """Return a frame at the width to read at, from memory where it is kept."""
        if self._kept is None:
            return self._frame(sequence, index)
        if (sequence, index) not in self._kept:
            self._kept[sequence, index] = self._frame(sequence, index)
        return self._kept[sequence, index]

    def _frame(self, sequence: int, index: int) -> CameraFrame:
        """Return a frame at the width to read at."""
        frame = self.sequences[sequence].frame(index)
        if self._read_width is None or self._read_width >= frame.rgb.shape[1]:
            return frame
        return shrunk(frame, self._read_width)


def clip_loader(dataset: ClipDataset, sampler: Sampler, *, batch: int | None = 1,
                workers: int = 0, **options: Any) -> DataLoader:
    """
    Return a DataLoader of ClipBatches.

    *sampler*: of ClipRequests, or of batches of them, such as a ContinuousSampler. *batch*: clips
    a batch, None where the sampler yields batches. *workers*: processes. Further *options*
    go to the DataLoader. Nothing is drawn from PyTorch's global random numbers.
    """
    if batch is None:
        options['batch_sampler'] = sampler
    else:
        options |= {'sampler': sampler, 'batch_size': batch, 'drop_last': True}
    options.setdefault('generator', torch.Generator())
    if workers:
        options |= {'worker_init_fn': _start_worker, 'persistent_workers': True,
                    'multiprocessing_context': 'spawn'}
    return DataLoader(dataset, num_workers=workers, collate_fn=collate, **options)


def _start_worker(_: int) -> None:
    """Use one core a worker, and leave Ctrl-C to the process that asks for clips."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
