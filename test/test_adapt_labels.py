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
"""What a network is adapted by: chosen frames, landmarks, teachers; and which mixture is kept."""

from __future__ import annotations

from _anchoring import abs_rel, fake_network, short_walk
from lstm_depth.adaptation import labels
from lstm_depth.adaptation.config import RecordingConfig
from lstm_depth.adaptation.mixing import choose, mixed, Scores
from lstm_depth.adaptation.recording import chosen
from lstm_depth.adaptation.teacher import open_teacher, to_metres
from lstm_depth.anchor.stage import AnchoredDepth
from lstm_depth.errors import CheckpointError
import numpy as np
import onnx
from onnx import helper, TensorProto
import pytest
import torch


def test_frames_are_chosen_at_ten_hertz_and_in_stretches_of_a_long_recording():
    short = RecordingConfig(source='x')
    assert list(chosen(300, 30.0, short)) == list(range(0, 300, 3))
    assert list(chosen(100, 5.0, RecordingConfig(source='x', part=(0.5, 1)))) == list(
        range(50, 100))
    found = chosen(30_000, 30.0, RecordingConfig(source='x', frames=120))
    assert len(found) == 120 and found[0] == 0 and found[-1] == 29_997
    gaps = np.diff(found)
    assert np.count_nonzero(gaps == 3) == 117 and np.count_nonzero(gaps > 3) == 2


def test_landmarks_of_the_motion_correct_a_wrong_network(monkeypatch):
    frames = short_walk()
    wrong = [fake_network(frame, index) for index, frame in enumerate(frames)]
    points = labels.landmark_points(frames, wrong)
    sparse = [labels.sparse_depth(found, frame) for found, frame in zip(points, frames)]
    ratio = np.concatenate([(depth / frame.depth)[np.isfinite(depth) & np.isfinite(frame.depth)]
                            for depth, frame in zip(sparse, frames)])
    assert np.median(np.abs(ratio - 1)) < 0.12
    # Backward in time, early frames have landmarks, too.
    assert min(len(found) for found in points[4:8]) > 20

    monkeypatch.setattr(labels, 'network_depths', lambda *_: iter(wrong))
    made = np.array(labels.odometry_labels(frames, None))
    truth = np.array([frame.depth for frame in frames])
    labelled = np.isfinite(made) & np.isfinite(truth)
    assert labelled.mean() > 0.5
    assert abs_rel(made[labelled], truth[labelled]) < 0.4 * abs_rel(np.array(wrong), truth)


def test_what_was_corrected_far_is_learnt_where_landmarks_tell_it_and_nothing_else(monkeypatch):
    frames = short_walk()
    rng = np.random.default_rng(0)
    # Too near by half on one side of the view, right on the other.
    half = np.where(np.arange(frames[0].depth.shape[1]) < 80, 0.6, 1.0).astype(np.float32)
    wrong = [np.nan_to_num(frame.depth, nan=5.0) * half for frame in frames]
    monkeypatch.setattr(labels, 'network_depths', lambda *_: iter(wrong))
    made = np.array(labels.odometry_labels(frames, None))
    truth = np.array([frame.depth for frame in frames])
    labelled = np.isfinite(made) & np.isfinite(truth)
    for side in (labelled[..., :70], labelled[..., 90:]):
        assert side.mean() > 0.4
    ratio = (made / truth)[..., :70][labelled[..., :70]]
    assert np.mean(np.abs(np.log(ratio)) < np.log(1.25)) > 0.8
    # Where no landmark is, nothing is learnt, however sure the network's depth may be.
    few = AnchoredDepth(np.full((8, 8), 2.0), 1.0, 0.01, rng.uniform(size=(9, 3)),
                        evidence=np.array([[1.0, 0.0]]), correction=np.array([[0.5, 0.0]]))
    known = labels.known_pixels(few)
    assert known[:, :2].all() and not known[:, -2:].any()


@pytest.mark.parametrize('gives', ['disparity', 'depth'])
def test_scale_and_shift_of_a_teacher_come_from_what_is_known(gives):
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.5, 6, (40, 50)).astype(np.float32)
    told = ((1 / truth if gives == 'disparity' else truth) - 0.1) * 7
    known = np.where(rng.random(truth.shape) < 0.1, truth, np.nan)
    # A tenth of what is known is wrong.
    known[:4] *= 3
    found = to_metres(told, gives, known)
    np.testing.assert_allclose(found, truth, rtol=0.05)
    assert np.isnan(to_metres(-told, gives, known)).all()
    assert np.isnan(to_metres(told, gives, np.full_like(truth, np.nan))).all()
    np.testing.assert_array_equal(to_metres(told, 'metric', known), told)


def grey_graph(path, channels=3):
    """Write an ONNX file that gives the mean of the channels."""
    image = helper.make_tensor_value_info('pixels', TensorProto.FLOAT, [1, channels, 'h', 'w'])
    grey = helper.make_tensor_value_info('out', TensorProto.FLOAT, [1, 'h', 'w'])
    node = helper.make_node('ReduceMean', ['pixels'], ['out'], axes=[1], keepdims=0)
    model = helper.make_model(helper.make_graph([node], 'grey', [image], [grey]),
                              opset_imports=[helper.make_opsetid('', 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def test_any_onnx_file_with_one_image_is_a_teacher(tmp_path):
    teacher = open_teacher(str(grey_graph(tmp_path / 'grey.onnx')))
    assert teacher.gives == 'disparity'
    frame = short_walk()[0]
    found = teacher.predict(frame)
    grey = ((frame.rgb / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).mean(axis=-1)
    assert found.shape == grey.shape and np.corrcoef(found.ravel(), grey.ravel())[0, 1] > 0.95
    assert open_teacher(str(tmp_path / 'grey.onnx'), 'metric').gives == 'metric'
    with pytest.raises(CheckpointError, match='takes one image'):
        open_teacher(str(grey_graph(tmp_path / 'mono.onnx', channels=1)))


def test_a_folder_of_transformers_is_a_teacher(tmp_path):
    transformers = pytest.importorskip('transformers', reason='needs transformers')
    backbone = transformers.Dinov2Config(
        hidden_size=12, num_attention_heads=2, num_hidden_layers=4, image_size=28, patch_size=14,
        out_indices=[1, 2, 3, 4], apply_layernorm=True, reshape_hidden_states=False)
    torch.manual_seed(0)
    transformers.DepthAnythingForDepthEstimation(transformers.DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=12, patch_size=14,
        reassemble_factors=[4, 2, 1, 0.5], neck_hidden_sizes=[4, 4, 4, 4], fusion_hidden_size=4,
        head_in_index=-1, head_hidden_size=4)).save_pretrained(tmp_path / 'model')
    with pytest.raises(CheckpointError, match='preprocessing'):
        open_teacher(str(tmp_path / 'model'))
    transformers.DPTImageProcessor(size={'height': 28, 'width': 28}).save_pretrained(
        tmp_path / 'model')
    teacher = open_teacher(str(tmp_path / 'model'))
    assert teacher.gives == 'disparity'
    found = teacher.predict(short_walk()[0])
    assert found.shape == short_walk()[0].depth.shape and np.isfinite(found).all()


def scores(share, here, elsewhere, d1=0.5, d1_elsewhere=0.8):
    return Scores(share, {'abs_rel': here, 'd1': d1},
                  {'rooms': {'abs_rel': elsewhere, 'd1': d1_elsewhere},
                   'flats': {'abs_rel': 0.2, 'd1': 0.7}})


def test_the_best_that_is_no_worse_elsewhere_is_kept():
    before = scores(0.0, 0.3, 0.1)
    kept, _ = choose([before, scores(0.5, 0.2, 0.102), scores(1.0, 0.1, 0.12)])
    assert kept.share == 0.5
    kept, reason = choose([before, scores(0.5, 0.2, 0.11), scores(1.0, 0.1, 0.12)])
    assert kept is None and ('worse elsewhere: abs_rel 0.100 to 0.110, d1 0.800 to 0.800 on '
                             'rooms, even with 50% of the new weights') in reason
    kept, reason = choose([before, scores(0.5, 0.299, 0.1)])
    assert kept is None and 'no better on the held-out part' in reason
    kept, _ = choose([before, scores(1.0, 0.2, 0.1, d1=0.49)])
    assert kept is None
    # More pixels that are right weigh up a mean error that is as large.
    kept, _ = choose([before, scores(0.5, 0.2, 0.1, d1=0.6), scores(1.0, 0.201, 0.1, d1=0.62)])
    assert kept.share == 1.0
    kept, _ = choose([before, scores(0.5, 0.29, 0.1), scores(1.0, 0.299, 0.1, d1=0.9)])
    assert kept.share == 0.5


def test_pixels_that_are_right_elsewhere_count_too():
    before = scores(0.0, 0.3, 0.1)
    kept, _ = choose([before, scores(0.5, 0.2, 0.1, d1_elsewhere=0.78),
                      scores(1.0, 0.1, 0.1, d1_elsewhere=0.75)])
    assert kept.share == 0.5
    kept, reason = choose([before, scores(1.0, 0.1, 0.1, d1_elsewhere=0.76)])
    assert kept is None and 'd1 0.800 to 0.760 on rooms' in reason


def test_mixed_weights_lie_between():
    old = {'w': torch.zeros(3), 'n': torch.tensor(4)}
    new = {'w': torch.full((3,), 2.0), 'n': torch.tensor(9)}
    found = mixed(old, new, 0.25)
    assert torch.equal(found['w'], torch.full((3,), 0.5)) and found['n'] == 4
