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

from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.models import DepthModel
from lstm_depth.scoring.metrics import depth_metrics, MetricsMean
from lstm_depth.scoring.protocol import find_protocol
from lstm_depth.stream import DepthStream
from lstm_depth.visualize import DepthPicture
import numpy as np

# What a checkpoint's header says about the numbers of `validate`.
PROTOCOL = ('NYU: Eigen crop for 640x480, cap 10 m, no alignment, no flip averaging, frames held '
            'out of the training data')

Frames = list[tuple[FrameSequence, list[int]]]


@dataclass(frozen=True, eq=False)
class Validation:
    """
    The mean of `depth_metrics` over the held-out frames, and some of them to look at.

    *damage*: of frames that could not be read and were left out.
    """

    metrics: dict[str, float]
    pictures: list[DepthPicture]
    damage: list[str]


def choose_frames(sequences: Sequence[FrameSequence], frames: int) -> Frames:
    """
    Return about *frames* frames of *sequences* (0: all), as (sequence, numbers).

    Of a video they are consecutive, because a recurrent model is to be scored on video.
    """
    total = sum(map(len, sequences))
    if not frames or total <= frames:
        return [(sequence, list(range(len(sequence)))) for sequence in sequences]
    if len(sequences) > frames:
        places = np.linspace(0, len(sequences) - 1, frames).round().astype(int)
        sequences = [sequences[place] for place in places]
    share = max(1, frames // len(sequences))
    return [(sequence, list(range(min(share, len(sequence))))) for sequence in sequences]


def validate(model: DepthModel, frames: Frames, device: str, pictures: int = 4) -> Validation:
    """
    Score a copy of *model* as ``lstm_depth evaluate`` does by default.

    The NYU protocol; the state goes on within a video and starts anew at each still.
    """
    stream = DepthStream(copy.deepcopy(model), device=device)
    protocol = find_protocol('nyu')
    mean = MetricsMean()
    kept: list[DepthPicture] = []
    damage: list[str] = []
    total = sum(len(numbers) for _, numbers in frames)
    wanted = set(np.linspace(0, total - 1, min(pictures, total)).round().astype(int).tolist())
    count = -1
    for sequence, numbers in frames:
        stream.reset()
        for number in numbers:
            count += 1
            try:
                frame = sequence.frame(number)
            except DataError as error:
                damage.append(str(error))
                continue
            if not sequence.video:
                stream.reset()
            answer = stream.push(frame.rgb, frame.stamp_s, camera=frame.camera)
            compared = answer and protocol.compare(answer.depth, frame.depth)
            if compared:
                metrics = depth_metrics(compared.pred, compared.truth, protocol.min_depth,
                                        protocol.max_depth)
                mean.add(metrics)
                if count in wanted:
                    kept.append(DepthPicture(
                        frame.rgb, compared.depth, frame.depth,
                        f'{sequence.name} {number}    abs_rel {metrics["abs_rel"]:.3f}    '
                        f'rmse {metrics["rmse"]:.2f} m    d1 {metrics["d1"]:.3f}'))
    return Validation(mean.mean(), kept, damage)
