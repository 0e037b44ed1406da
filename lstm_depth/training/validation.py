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
"""Held-out frames, scored while training goes on."""

from __future__ import annotations

from collections.abc import Sequence
import copy
from dataclasses import dataclass
import math

from lstm_depth.data.sequence import FrameSequence
from lstm_depth.data.split import PartSequence
from lstm_depth.errors import DataError
from lstm_depth.evaluation.evaluate import evaluate_sequences, EvaluateConfig
from lstm_depth.evaluation.results import FramePicture
from lstm_depth.models import DepthModel
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.visualize import DepthPicture
import numpy as np

# What a checkpoint's header says about the numbers of `validate`.
PROTOCOL = ('NYU: Eigen crop for 640x480, cap 10 m, no alignment, no flip averaging, frames held '
            'out of the training data')


@dataclass(frozen=True, eq=False)
class Validation:
    """
    The mean of `METRIC_NAMES` over the held-out frames, and some of them to look at.

    NaN where none could be scored. *damage*: of frames that could not be read and were left
    out.
    """

    metrics: dict[str, float]
    pictures: list[DepthPicture]
    damage: list[str]


def choose_frames(sequences: Sequence[FrameSequence], frames: int) -> list[FrameSequence]:
    """
    Return about *frames* frames of *sequences* (0: all).

    Of a video they are consecutive, because a recurrent model is to be scored on video.
    """
    total = sum(map(len, sequences))
    if not frames or total <= frames:
        return list(sequences)
    if len(sequences) > frames:
        places = np.linspace(0, len(sequences) - 1, frames).round().astype(int)
        sequences = [sequences[place] for place in places]
    share = max(1, frames // len(sequences))
    return [PartSequence(sequence, 0, min(share, len(sequence))) for sequence in sequences]


def validate(model: DepthModel, sequences: Sequence[FrameSequence], device: str,
             pictures: int = 4) -> Validation:
    """Score a copy of *model* as ``lstm_depth evaluate --no-sharpen`` does."""
    config = EvaluateConfig(device=device, temporal=False, sharpen=False, keep=0, samples=pictures,
                            detailed=False, progress=False)
    try:
        found = evaluate_sequences(copy.deepcopy(model), sequences, config)
    except DataError as error:
        # A training goes on without its validation.
        return Validation(dict.fromkeys((*METRIC_NAMES, 'valid'), math.nan), [], [str(error)])
    return Validation(
        {name: found.metrics[name].mean for name in (*METRIC_NAMES, 'valid')},
        [_drawn(picture) for picture in found.samples], found.damage)


def _drawn(picture: FramePicture) -> DepthPicture:
    """Return a frame to draw, with its numbers below it."""
    result = picture.result
    return DepthPicture(
        picture.rgb, picture.depth, picture.truth,
        f'{result.scene} {result.name}    abs_rel {result.metrics["abs_rel"]:.3f}    '
        f'rmse {result.metrics["rmse"]:.2f} m    d1 {result.metrics["d1"]:.3f}')
