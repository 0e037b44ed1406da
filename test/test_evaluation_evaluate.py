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
"""Models on data sets: what they are fed before a frame is scored, and what is said of it."""

from __future__ import annotations

from dataclasses import replace

from _nyu_files import write_labeled, write_scene, write_splits
from _oracles import CountingModel, drawn, REACH_M, ReadingModel, steps, Video, write_stills
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.evaluate import (
    evaluate,
    evaluate_sequences,
    evaluate_with_crop,
    EvaluateConfig,
)
from lstm_depth.evaluation.evaluation_data import EvaluationData, open_evaluation_data
from lstm_depth.evaluation.predictor import Predictor
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import NYU_CAMERA
from lstm_depth.runtime.loading import as_engine
import numpy as np
import pytest
import torch

CPU = {'device': 'cpu'}


def counted(sequences, **settings):
    """Return how many frames the model had seen since its state was zero, for each frame."""
    counts = []

    class Noting(CountingModel):

        def forward(self, frame, state=None):
            depth, state = super().forward(frame, state)
            counts.append(int(state[0]))
            return depth, state

    config = EvaluateConfig(temporal=False, **CPU, **settings)
    found = evaluate_sequences(Noting(), sequences, config)
    return counts, found


def test_a_perfect_model_scores_perfectly_and_one_that_is_off_by_what_it_is_off():
    # Every block of the drawn frames is at a depth of its own, which no edge filter leaves alone.
    perfect = evaluate_sequences(ReadingModel(), [Video(3)],
                                 EvaluateConfig(sharpen=False, **CPU))
    assert perfect.metrics['d1'].mean == 1
    assert perfect.metrics['rmse'].mean == pytest.approx(0, abs=1e-5)
    assert perfect.temporal['tgm'] == pytest.approx(0, abs=1e-5)
    far = evaluate_sequences(ReadingModel(scale=1.2), [Video(3)],
                             EvaluateConfig(sharpen=False, **CPU))
    assert far.metrics['abs_rel'].mean == pytest.approx(0.2, rel=1e-3)
    assert [frame.scale_ratio for frame in far.frames] == pytest.approx([1.2] * 3, rel=1e-4)
    aligned = evaluate_sequences(ReadingModel(scale=0.5), [Video(3)],
                                 EvaluateConfig(align='median', sharpen=False, **CPU))
    assert aligned.metrics['abs_rel'].mean == pytest.approx(0, abs=1e-5)
    assert aligned.settings['alignment'].startswith('median')
    assert any('without alignment' in note for note in aligned.notes)


def test_state_is_carried_through_a_video_and_not_into_the_next():
    counts, found = counted([Video(3), Video(2, name='other')])
    assert counts == [1, 2, 3, 1, 2]
    assert [frame.name for frame in found.frames] == ['0', '1', '2', '0', '1']
    assert all(frame.reset == '' for frame in found.frames)


def test_every_still_starts_from_zero():
    counts, found = counted([Video(3, video=False)])
    assert counts == [1, 1, 1]
    assert found.settings['warm-up'] == 'none (stills from a zero state)'


def test_single_mode_forgets_every_frame():
    assert counted([Video(4)], mode='single')[0] == [1, 1, 1, 1]


def test_window_mode_runs_the_last_frames_from_zero():
    found = evaluate_sequences(CountingModel(), [Video(10)],
                               EvaluateConfig(mode='window', temporal=False, **CPU))
    # The buffer holds eight frames: the prediction stops growing there.
    ratios = [frame.scale_ratio * 8 / found.frames[7].scale_ratio for frame in found.frames[:3]]
    assert len(found.frames) == 10 and ratios[0] < ratios[1] < ratios[2]
    assert found.settings['mode'] == 'window: the last 8 frames from a zero state'


def test_window_may_have_another_length():
    counts, found = counted([Video(5)], mode='window', window=3)
    assert counts == [1, 1, 2, 1, 2, 3, 1, 2, 3, 1, 2, 3]
    assert found.settings['mode'] == 'window: the last 3 frames from a zero state'


def test_warm_up_feeds_the_frames_before_each_from_zero_and_reads_each_once():
    video = Video(5)
    counts, found = counted([video], warmup=2)
    assert counts == [1, 1, 2, 1, 2, 3, 1, 2, 3, 1, 2, 3]
    assert len(found.frames) == 5 and video.read_indices == [0, 1, 2, 3, 4]
    assert found.settings['warm-up'] == '2 frames before each, from a zero state'


def test_warm_up_of_a_model_without_state_is_left_out_and_said():
    found = evaluate_sequences(ReadingModel(), [Video(3)],
                               EvaluateConfig(warmup=2, temporal=False, **CPU))
    assert any('carries no state' in note for note in found.notes)
    assert found.settings['warm-up'].startswith('none')


def test_warm_up_of_stills_is_one_clear_error(tmp_path):
    data = open_evaluation_data(str(write_stills(tmp_path / 'stills')))
    with pytest.raises(ConfigError, match='holds stills.*evaluate without --warmup'):
        evaluate(CountingModel(), data, EvaluateConfig(warmup=2, **CPU))


def test_labelled_frames_are_warmed_up_with_their_raw_scene(tmp_path):
    pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
    pytest.importorskip('scipy', reason='reading splits.mat needs scipy (the nyu extra)')
    scene = write_scene(tmp_path / 'raw' / 'office_0002', 3)
    last = max(path.name for path in scene.glob('d-*'))
    path = tmp_path / 'labeled.mat'
    write_labeled(path, ['office_0002', 'cafe_0001'],
                  [f'office_0002/{last}', 'cafe_0001/d-1.0-1.pgm'], width=640, height=480)
    write_splits(tmp_path / 'splits.mat', [], [0, 1])
    config = EvaluateConfig(warmup=5, **CPU)
    with pytest.raises(ConfigError, match='give the raw scenes .* with --raw'):
        evaluate(CountingModel(), open_evaluation_data(str(path)), config)
    found = evaluate(CountingModel(), open_evaluation_data(str(path), raw=tmp_path / 'raw'),
                     config)
    # 0.1 m a frame: two raw frames came before the first labelled one, none before the other.
    assert found.worst[0].depth.max() == pytest.approx(0.1, rel=1e-5)
    assert found.best[0].depth.max() == pytest.approx(0.3, rel=1e-5)
    assert any('without their raw scene' in note and '00001' in note for note in found.notes)


def test_video_without_stamps_is_a_video_all_the_same():
    counts, found = counted([Video(3, stamped=False)])
    assert counts == [1, 2, 3]
    assert found.frames[2].stamp_s == pytest.approx(2 / 30)


def test_frames_that_cannot_be_read_are_left_out_and_counted():
    found = evaluate_sequences(ReadingModel(), [Video(5, damaged=(0, 3))],
                               EvaluateConfig(temporal=False, **CPU))
    assert [frame.name for frame in found.frames] == ['1', '2', '4']
    assert '2 frames were left out: they could not be read' in found.notes
    assert 'the first that could not be read: frame 0 is damaged' in found.notes


def test_the_limit_counts_over_sequences():
    found = evaluate_sequences(ReadingModel(), [Video(2), Video(5, name='b')],
                               EvaluateConfig(limit=3, **CPU))
    assert [(frame.scene, frame.name) for frame in found.frames] == [
        ('video', '0'), ('video', '1'), ('b', '0')]
    assert found.settings['frames'] == 'all, the first 3'


def test_flip_averaging_is_the_mean_with_the_prediction_for_the_mirrored_image():
    class Slanted(ReadingModel):
        """Add up to 1 m towards the right of whatever is seen."""

        def decode(self, features):
            depth = super().decode(features)
            return depth + torch.linspace(0, 1, depth.shape[-1])

    frame = Video(1).frame(0)
    plain, averaged = (Predictor(as_engine(Slanted(), 'cpu'), flip_average=flip,
                                 sharpen=False).push(frame)
                       for flip in (False, True))
    assert np.ptp(plain.depth - frame.depth) == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(averaged.depth, frame.depth + 0.5, atol=1e-4)
    found = evaluate_sequences(Slanted(), [Video(1)], EvaluateConfig(flip_average=True, **CPU))
    assert found.settings['flip averaging'] == 'yes'


class Framed(Video):
    """Stills of 640x480, which a white frame surrounds where *white*."""

    def __init__(self, white):
        super().__init__(2, video=False)
        self.white = white

    def read(self, index):
        red = steps(np.random.default_rng(index), 480, 640)
        depth = (red / 255 * REACH_M).astype(np.float32)
        rgb = drawn(red)
        if self.white:
            frame = np.ones((480, 640), bool)
            frame[7:-6, 6:-8] = False
            rgb[frame] = 255
        return CameraFrame(rgb, 0, camera=NYU_CAMERA, depth=depth)


class FrightenedModel(ReadingModel):
    """See everything half as far in an image that has white in a corner."""

    def decode(self, features):
        depth = super().decode(features)
        white = features.core[..., :1, :1] > 0.99
        return depth * (1 - 0.5 * white.float())


def test_official_protocol_comes_first_and_beside_it_what_the_white_frame_costs():
    data = EvaluationData('stills', [Framed(white=True)])
    model = FrightenedModel(480, 640)
    config = EvaluateConfig(**CPU, sharpen=False)
    found = evaluate_with_crop(model, data, config)
    whole = evaluate(model, data, config)
    assert found.metrics['rmse'] == whole.metrics['rmse']
    assert found.metrics['abs_rel'].mean == pytest.approx(0.5, rel=1e-3)
    assert 'seen by the model' in found.settings['white frame']
    # The same pixels: those of the Eigen crop.
    inside = found.beside['white frame cut off']
    assert inside['abs_rel'].mean == pytest.approx(0, abs=2e-3)
    assert inside['valid'] == found.metrics['valid']
    line = next(line for line in found.table().splitlines() if line.startswith('d1 '))
    assert line.index('0.0000') < line.index('white frame cut off: 1.0000')
    assert found.to_dict()['beside']['white frame cut off']['d1']['mean'] == 1


def test_images_without_a_white_frame_are_scored_once():
    data = EvaluationData('stills', [Framed(white=False)])
    found = evaluate_with_crop(ReadingModel(480, 640), data, EvaluateConfig(limit=1, **CPU))
    assert found.beside == {} and 'white frame' not in found.settings


def test_a_pause_in_the_stamps_is_a_reset_that_is_reported():
    class Paused(Video):

        def read(self, index):
            frame = super().read(index)
            return replace(frame, stamp_ns=frame.stamp_ns + 5 * 10**9 * (index >= 2))

    _, found = counted([Paused(4)])
    assert [frame.reset for frame in found.frames] == ['', '', 'gap', '']


def test_repeated_stamps_are_left_out_and_counted():
    class Repeating(Video):

        def read(self, index):
            return super().read(index // 2)

    found = evaluate_sequences(ReadingModel(), [Repeating(4)],
                               EvaluateConfig(temporal=False, **CPU))
    assert len(found.frames) == 2
    assert '2 frames were left out: their stamp repeats the one before' in found.notes


def test_temporal_measures_are_of_video_and_can_be_left_out():
    config = EvaluateConfig(**CPU)
    assert evaluate_sequences(ReadingModel(), [Video(2, video=False)], config).temporal is None
    assert evaluate_sequences(ReadingModel(), [Video(2)], config).temporal['tgm'] >= 0
    assert evaluate_sequences(ReadingModel(), [Video(2)],
                              replace(config, temporal=False)).temporal is None


def test_a_model_of_another_range_is_noted():
    near = evaluate_sequences(ReadingModel(depth_max=3.0), [Video(2)], EvaluateConfig(**CPU))
    assert any('farther than 3 m' in note for note in near.notes)
    fitting = evaluate_sequences(ReadingModel(), [Video(2)], EvaluateConfig(**CPU))
    assert not any('does not fit' in note for note in fitting.notes)


def test_data_that_cannot_be_scored_is_one_clear_error():
    class Blind(Video):

        def read(self, index):
            return replace(super().read(index), depth=np.full((48, 64), np.nan, np.float32))

    with pytest.raises(DataError, match='none of the 2 frames of given sequences has ground'):
        evaluate_sequences(ReadingModel(), [Blind(2)], EvaluateConfig(**CPU))
    with pytest.raises(DataError, match='none of the 2 frames .* could be read: frame 0 is dam'):
        evaluate_sequences(ReadingModel(), [Video(2, damaged=(0, 1))], EvaluateConfig(**CPU))
    with pytest.raises(DataError, match='has no frame'):
        evaluate(ReadingModel(), EvaluationData('nothing', []), EvaluateConfig(**CPU))


@pytest.mark.parametrize(('settings', 'says'), [
    ({'protocol': 'nope'}, 'no protocol'), ({'align': 'nope'}, 'no alignment'),
    ({'mode': 'nope'}, 'mode must be one of'), ({'limit': -1}, '0 or more'),
    ({'warmup': -1}, '0 or more'), ({'window': 0}, '1 or more'),
    ({'static_warmup': -1}, '0 or more'), ({'mode': 'single', 'warmup': 3}, 'nothing to warm up')])
def test_settings_that_make_no_sense_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says):
        EvaluateConfig(**settings)
