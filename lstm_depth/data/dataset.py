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
from typing import Any

import cv2
from lstm_depth.data.augment import augment, AugmentConfig
from lstm_depth.data.clip import Clip, clip_of, collate
from lstm_depth.data.motion import frames_from_still, MotionConfig
from lstm_depth.data.sampling import ClipRequest, ClipSampler, LaneSampler
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.data.stills import shrunk
from lstm_depth.frames import CameraFrame
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset


class ClipDataset(Dataset):
    """
    Clips of sequences, indexed by the ClipRequests of a sampler.

    *augmentation*: what is changed at random. *motion*: how the camera moves through
    stills. *read_width*: shrink frames to this width when they are read, which makes
    stills and augmentation cheaper; None keeps their size.
    """

    def __init__(self, sequences: Sequence[FrameSequence],
                 augmentation: AugmentConfig | None = None, *,
                 motion: MotionConfig | None = None, read_width: int | None = None) -> None:
        """Hold the sequences; nothing is read yet."""
        self.sequences = sequences
        self._augmentation = augmentation or AugmentConfig()
        self._motion = motion or MotionConfig()
        self._read_width = read_width

    def __getitem__(self, request: ClipRequest) -> Clip:
        """Return one clip; DataError where a file of it cannot be read."""
        sequence = self.sequences[request.sequence]
        frames = [self._frame(sequence, index) for index in request.indices]
        if request.span:
            start, stop, count = request.span
            frames = frames_from_still(frames[0], count, self._motion,
                                       np.random.default_rng([*request.seed, 0]),
                                       start=start, stop=stop)
        return augment(clip_of(frames, sequence.name, request.reset), self._augmentation,
                       np.random.default_rng([*request.seed, 1]))

    def _frame(self, sequence: FrameSequence, index: int) -> CameraFrame:
        """Return a frame at the width to read at."""
        frame = sequence.frame(index)
        if self._read_width is None or self._read_width >= frame.rgb.shape[1]:
            return frame
        return shrunk(frame, self._read_width)


def clip_loader(dataset: ClipDataset, sampler: ClipSampler | LaneSampler, *, batch: int = 1,
                workers: int = 0, **options: Any) -> DataLoader:
    """
    Return a DataLoader of ClipBatches.

    *batch*: clips a batch; a LaneSampler brings its own. *workers*: processes.
    Further *options* go to the DataLoader.
    """
    if isinstance(sampler, LaneSampler):
        options['batch_sampler'] = sampler
    else:
        options |= {'sampler': sampler, 'batch_size': batch, 'drop_last': True}
    if workers:
        options |= {'worker_init_fn': _start_worker, 'persistent_workers': True,
                    'multiprocessing_context': 'spawn'}
    return DataLoader(dataset, num_workers=workers, collate_fn=collate, **options)


def _start_worker(_: int) -> None:
    """Use one core a worker."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
