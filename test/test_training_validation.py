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
"""Validation in the middle of a training: the loop and the yardstick of an evaluation."""

from __future__ import annotations

import math

from _oracles import CountingModel, ReadingModel, Video
from lstm_depth.evaluation.evaluate import evaluate_sequences, EvaluateConfig
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.training.validation import choose_frames, validate
import pytest


@pytest.mark.parametrize('stamped', [True, False])
def test_every_frame_of_a_clip_is_scored_with_its_state(stamped):
    clip = [Video(5, stamped=stamped)]
    found = validate(CountingModel(), choose_frames(clip, 0), 'cpu', pictures=5)
    # 0.1 m a frame since the state was zero.
    assert [float(picture.depth.max()) for picture in found.pictures] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5])


def test_numbers_are_those_of_an_evaluation():
    clip = [Video(3), Video(2, name='still', video=False)]
    config = EvaluateConfig(device='cpu', temporal=False, sharpen=False)
    expected = evaluate_sequences(ReadingModel(scale=1.1), clip, config).metrics
    found = validate(ReadingModel(scale=1.1), choose_frames(clip, 0), 'cpu')
    assert set(found.metrics) == {*METRIC_NAMES, 'valid'}
    assert found.metrics == {name: expected[name].mean for name in found.metrics}
    assert len(found.pictures) == 4 and 'video 0    abs_rel 0.100' in found.pictures[0].caption


def test_damaged_frames_are_left_out_and_told():
    found = validate(ReadingModel(), choose_frames([Video(3, damaged=(1,))], 0), 'cpu')
    assert found.metrics['d1'] == 1 and found.damage == ['frame 1 is damaged']
    nothing = validate(ReadingModel(), [Video(2, damaged=(0, 1))], 'cpu')
    assert math.isnan(nothing.metrics['abs_rel']) and 'frame 0 is damaged' in nothing.damage[0]
    assert nothing.pictures == []


def test_the_model_in_training_is_left_as_it_is():
    model = ReadingModel().train()
    validate(model, [Video(1)], 'cpu')
    assert model.training


@pytest.mark.parametrize(('frames', 'lengths'), [
    (0, [4, 2, 6]), (12, [4, 2, 6]), (6, [2, 2, 2]), (2, [1, 1])])
def test_some_frames_of_every_sequence_are_chosen(frames, lengths):
    videos = [Video(count, name=str(count)) for count in (4, 2, 6)]
    assert [len(part) for part in choose_frames(videos, frames)] == lengths
