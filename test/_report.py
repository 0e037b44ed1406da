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
"""Evaluations of a few small frames for tests of reports."""

from __future__ import annotations

from dataclasses import replace

from lstm_depth.evaluation.builder import EvaluationBuilder
from lstm_depth.evaluation.results import Evaluation, FrameResult
from lstm_depth.frames import CameraFrame
from lstm_depth.scoring.protocol import find_protocol
import numpy as np


def made(count: int = 4, *, scale: float = 0.8, drift: float = 0.0, truth: bool = True,
         video: bool = True, align: str = 'none', **changes) -> Evaluation:
    """Return the evaluation of *count* small frames, estimates *scale* times the truth."""
    rng = np.random.default_rng(0)
    builder = EvaluationBuilder(find_protocol('raw', align), {'mode': 'stateful'}, keep=2,
                                resamples=1000)
    ramp = np.linspace(0.6, 6.0, 64, dtype=np.float32)[None].repeat(48, 0)
    for index in range(count):
        frame = CameraFrame(rng.integers(0, 255, (48, 64, 3), np.uint8),
                            index * 10**8 if video else 0, depth=ramp if truth else None)
        builder.add(frame, (scale + index * drift) * ramp, latency_s=0.02 + 0.001 * index,
                    reset='gap' if index == 2 else '', scene=f'room {index % 2}')
    evaluation = builder.finish(
        title='Raw protocol on ramps', data='ramps', model='residual_lstm', checkpoint='shipped',
        header={'model': 'residual_lstm'}, command='lstm_depth evaluate ramps',
        temporal={'tgm': 0.012, 'opw': 0.034, 'opw_truth': 0.025} if video else None)
    return replace(evaluation, **changes)


def numbered(count: int, **changes) -> list[FrameResult]:
    """Return *count* frames, a tenth of a second apart, with an error of 10 %."""
    return [FrameResult(**({'name': str(index), 'scene': 'room', 'metrics': {'abs_rel': 0.1},
                            'bands': {}, 'stamp_s': 100 + index / 10, 'latency_s': 0.02,
                            'scale_ratio': 1.0} | changes)) for index in range(count)]
