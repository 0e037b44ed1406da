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
"""One yardstick: whatever scores depth gets what a transcription of the protocol gets."""

from __future__ import annotations

from types import SimpleNamespace

from _messages import image_message
from _oracles import drawn, REACH_M, ReadingModel, steps
from _protocol import transcribed
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.evaluation import replay
from lstm_depth.evaluation.evaluate import evaluate_sequences, EvaluateConfig
from lstm_depth.evaluation.live import LiveEvaluation
from lstm_depth.evaluation.recording import scored_recording
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import BagWriter
from lstm_depth.media.sources import Source
from lstm_depth.runtime.loading import as_engine
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.training.validation import validate
import numpy as np
import pytest

STAMP_NS = 10**18
RANGE = (0.3, 8.0)


class HalfSize(FrameSequence):
    """An image of half the size of its ground truth, which says nothing in places."""

    name = scene = 'half size'
    video = True

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        red = steps(rng, 48, 64)
        self.truth = (steps(rng, 96, 128) / 255 * REACH_M).astype(np.float32)
        self.truth[:20, :30] = np.nan
        red[rng.random(red.shape) < 0.05] = 0
        self.rgb = drawn(red)
        self.prediction = np.where(red, red / np.float32(255) * np.float32(REACH_M), np.nan)

    def __len__(self) -> int:
        return 1

    def read(self, index: int) -> CameraFrame:
        return CameraFrame(self.rgb, STAMP_NS, depth=self.truth)


class SilentModel(ReadingModel):
    """Read depth from the image, and nothing where it is black."""

    def decode(self, features):
        depth = super().decode(features)
        return depth.where(depth > 0, float('nan'))


def by_evaluate(scene, tmp_path, monkeypatch):
    config = EvaluateConfig(device='cpu', temporal=False)
    found = evaluate_sequences(SilentModel(), [scene], config).metrics
    return {name: value.mean for name, value in found.items()}


def by_validation(scene, tmp_path, monkeypatch):
    return validate(SilentModel(), [scene], 'cpu').metrics


def by_replay(scene, tmp_path, monkeypatch):
    class One(Source):

        def _frames(self):
            yield scene.frame(0)

    monkeypatch.setattr(replay, 'load_model',
                        lambda source, device: as_engine(SilentModel(), device))
    monkeypatch.setattr(replay, 'open_source',
                        lambda *args, **options: One('one', 1, 30.0, None, False))
    return replay.run_replay(replay.ReplayConfig('one', device='cpu')).metrics


def by_live(scene, tmp_path, monkeypatch):
    live = LiveEvaluation(*RANGE, 0.01, 10)
    for add, depth in ((live.add_truth, scene.truth), (live.add_depth, scene.prediction)):
        msg = image_message(depth.astype(np.float32), '32FC1')
        msg.header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0), frame_id='cam')
        add(msg)
    return live.mean.mean()


def by_recording(scene, tmp_path, monkeypatch):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_image('/image', scene.rgb, 'rgb8', STAMP_NS, 'cam')
        bag.write_image('/depth', scene.prediction.astype(np.float32), '32FC1', STAMP_NS, 'cam')
    item, = scored_recording(tmp_path / 'bag', '/image', '/depth', truth=[scene.frame(0)],
                             min_depth=RANGE[0], max_depth=RANGE[1])
    return item.metrics


@pytest.mark.parametrize(('scorer', 'bounds'), [
    (by_evaluate, (1e-3, 10.0)), (by_validation, (1e-3, 10.0)), (by_replay, RANGE),
    (by_live, RANGE), (by_recording, RANGE)])
def test_a_prediction_of_half_the_size_with_holes_scores_the_same_everywhere(
        scorer, bounds, tmp_path, monkeypatch):
    scene = HalfSize()
    expected = transcribed(scene.prediction, scene.truth, bounds)
    found = scorer(scene, tmp_path, monkeypatch)
    assert {name: found[name] for name in METRIC_NAMES} == pytest.approx(expected, rel=1e-5)
