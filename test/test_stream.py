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
"""The streaming engine: state, resets, and nothing that breaks it."""

from __future__ import annotations

from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera
from lstm_depth.models import create_model
from lstm_depth.stream import DepthStream, ResetReason
import numpy as np
import pytest
import torch


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return create_model('residual_lstm', filters=4, input_height=24, input_width=32)


@pytest.fixture
def video():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (20, 48, 64, 3), dtype=np.uint8)


def run(stream, video, start=0.0):
    return [stream.push(rgb, start + 0.1 * i) for i, rgb in enumerate(video)]


def test_a_frame_gives_depth_at_its_own_size(model, video):
    frame = DepthStream(model).push(video[0], 12.5)
    assert frame.depth.shape == (48, 64)
    assert frame.depth.dtype == np.float32
    assert np.isfinite(frame.depth).all()
    assert frame.stamp_s == 12.5
    assert frame.latency_s > 0
    assert frame.reset is None


@pytest.mark.parametrize('step', [1, 2])
def test_depth_can_be_written_into_memory_of_the_callers(model, video, step):
    # At twice the network's size, and at its own.
    video = np.ascontiguousarray(video[:3, ::step, ::step])
    expected = [frame.depth for frame in run(DepthStream(model), video)]
    stream, out = DepthStream(model), np.zeros(video.shape[1:3], np.float32)
    for index, rgb in enumerate(video):
        assert stream.push(rgb, 0.1 * index, out=out).depth is out
        np.testing.assert_array_equal(out, expected[index])


def test_stateful_equals_the_clip(model, video):
    video = np.ascontiguousarray(video[:6, ::2, ::2])
    stream = DepthStream(model, sharpen=False)
    depths = np.stack([frame.depth for frame in run(stream, video)])
    clip = torch.from_numpy(video).permute(0, 3, 1, 2).unsqueeze(0).float() / 255
    with torch.inference_mode():
        expected, _ = model.forward_clip(clip)
    assert np.abs(depths - expected[0, :, 0].numpy()).max() < 1e-5


def test_window_runs_only_the_buffer_from_a_zero_state(model, video):
    window = DepthStream(model, mode='window', buffer_size=4)
    last = run(window, video)[-1].depth
    fresh = DepthStream(model)
    assert np.allclose(run(fresh, video[-4:])[-1].depth, last, atol=1e-5)
    assert not np.allclose(run(DepthStream(model), video)[-1].depth, last, atol=1e-5)


def test_a_window_of_one_frame_is_the_single_image_answer(model, video):
    window = DepthStream(model, mode='window', buffer_size=1)
    assert np.allclose(run(window, video)[-1].depth,
                       DepthStream(model).push(video[-1], 0.0).depth, atol=1e-5)


def test_repriming_rebuilds_the_state_from_the_buffer(model, video):
    stream = DepthStream(model, buffer_size=3, reprime_every=5)
    last = run(stream, video[:6])[-1].depth
    # The sixth frame finds a state of the three frames before it only.
    assert np.allclose(run(DepthStream(model), video[2:6])[-1].depth, last, atol=1e-5)


def test_a_duplicate_stamp_is_skipped_without_touching_the_state(model, video):
    stream = DepthStream(model)
    stream.push(video[0], 1.0)
    before = [tensor.clone() for tensor in stream.state]
    assert stream.push(video[1], 1.0) is None
    assert stream.skipped == 1
    assert all(torch.equal(a, b) for a, b in zip(before, stream.state))


@pytest.mark.parametrize('stamp,size,reason', [
    (0.5, 48, ResetReason.BACKWARD_STAMP),
    (9.0, 48, ResetReason.GAP),
    (1.1, 40, ResetReason.SIZE_CHANGE),
])
def test_a_broken_stream_resets_with_its_reason(model, video, stamp, size, reason):
    stream = DepthStream(model, max_gap_s=1.0)
    run(stream, video[:5], start=0.6)
    stream.push(video[5], 1.05)
    frame = stream.push(video[6][:size], stamp)
    assert frame.reset is reason
    assert stream.reset_counts == {reason: 1}
    fresh = DepthStream(model).push(video[6][:size], stamp)
    assert np.array_equal(frame.depth, fresh.depth)
    assert stream.push(video[7][:size], stamp + 0.1).reset is None


def test_an_explicit_reset_is_told_with_the_next_answer(model, video):
    stream = DepthStream(model)
    run(stream, video[:3])
    stream.reset()
    assert stream.state == ()
    assert stream.push(video[3], 5.0).reset is ResetReason.EXPLICIT


class Poisoned(torch.nn.Module):
    """A decoder that, while it is on, answers NaN or infinity in the first column."""

    def __init__(self, decoder, value):
        super().__init__()
        self.decoder, self.value = decoder, value

    def forward(self, features):
        depth = self.decoder(features)
        return depth.index_fill(-1, torch.tensor([0]), self.value) if self.on else depth


@pytest.mark.parametrize('mode', ['stateful', 'window'])
@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_non_finite_output_is_nan_and_resets(video, value, mode):
    model = create_model('residual_lstm', filters=4, input_height=48, input_width=64)
    model.decoder = Poisoned(model.decoder, value)
    model.decoder.on = False
    stream = DepthStream(model, mode=mode)
    run(stream, video[:3])
    model.decoder.on = True
    frame = stream.push(video[3], 0.4)
    assert frame.reset is ResetReason.NON_FINITE
    assert np.isnan(frame.depth[:, 0]).all()
    assert np.isfinite(frame.depth[:, 1:]).all()
    assert stream.state == ()
    model.decoder.on = False
    after = stream.push(video[4], 0.5)
    assert np.isfinite(after.depth).all()
    assert after.reset is None
    assert stream.reset_counts[ResetReason.NON_FINITE] == 1


def test_a_duplicate_of_a_non_finite_frame_is_still_a_duplicate(video):
    model = create_model('residual_lstm', filters=4, input_height=48, input_width=64)
    with torch.no_grad():
        model.decoder.head.conv.bias.fill_(float('nan'))
    stream = DepthStream(model)
    assert np.isnan(stream.push(video[0], 1.0).depth).all()
    assert stream.push(video[0], 1.0) is None


@pytest.mark.parametrize('frame', [
    np.zeros((0, 0, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8),
    np.zeros((4, 4, 3), np.float32), None, [[1, 2, 3]]])
def test_a_bad_frame_is_refused_with_the_state_untouched(model, video, frame):
    stream = DepthStream(model)
    run(stream, video[:2])
    before = [tensor.clone() for tensor in stream.state]
    with pytest.raises(DataError, match='uint8 RGB'):
        stream.push(frame, 0.2)
    assert all(torch.equal(a, b) for a, b in zip(before, stream.state))


@pytest.mark.filterwarnings('error')
def test_a_read_only_frame_of_the_models_size_is_taken(model, video):
    small = np.ascontiguousarray(video[0][::2, ::2])
    expected = DepthStream(model).push(small.copy(), 0.0).depth
    small.flags.writeable = False
    assert np.array_equal(DepthStream(model).push(small, 0.0).depth, expected)


@pytest.mark.parametrize('stamp', [float('nan'), float('inf')])
def test_a_bad_stamp_is_refused(model, video, stamp):
    with pytest.raises(DataError, match='stamp'):
        DepthStream(model).push(video[0], stamp)


def test_a_swapped_model_is_primed_from_the_buffer(model, video):
    torch.manual_seed(1)
    other = create_model('residual_lstm', filters=4, input_height=24, input_width=32)
    stream = DepthStream(model, buffer_size=8)
    run(stream, video[:5])
    stream.swap_model(other)
    swapped = stream.push(video[5], 0.5)
    assert np.allclose(run(DepthStream(other), video[:6])[-1].depth, swapped.depth, atol=1e-5)


def test_a_swapped_model_of_another_size_starts_afresh(model, video):
    other = create_model('residual_lstm', input_height=32, input_width=32)
    stream = DepthStream(model)
    run(stream, video[:3])
    stream.swap_model(other)
    assert stream.state == ()
    assert np.isfinite(stream.push(video[3], 0.3).depth).all()


def test_a_single_image_model_streams_with_an_empty_state(video):
    stream = DepthStream(create_model('double_hourglass', input_height=24, input_width=32))
    run(stream, video[:3])
    assert stream.state == ()


def test_depth_scales_with_the_focal_length(video):
    model = create_model('residual_lstm', input_height=24, input_width=32, focal=(0.8, 1.1))
    same = Camera(64, 48, 0.8 * 64, 1.1 * 48, 32, 24)
    tele = Camera(64, 48, 1.6 * 64, 2.2 * 48, 32, 24)
    depth = DepthStream(model).push(video[0], 0.0).depth
    assert np.allclose(DepthStream(model).push(video[0], 0.0, camera=same).depth, depth)
    assert np.allclose(DepthStream(model).push(video[0], 0.0, camera=tele).depth, 2 * depth)
    off = DepthStream(model, focal_scaling=False)
    assert np.array_equal(off.push(video[0], 0.0, camera=tele).depth, depth)
    blind = Camera(64, 48, 0, 0, 0, 0)
    assert np.array_equal(DepthStream(model).push(video[0], 0.0, camera=blind).depth, depth)


@pytest.mark.parametrize('settings,message', [
    ({'mode': 'fast'}, 'mode must be one of'),
    ({'buffer_size': 0}, 'buffer_size'),
    ({'max_gap_s': 0.0}, 'max_gap_s'),
    ({'max_gap_s': float('nan')}, 'max_gap_s'),
    ({'reprime_every': -1}, 'reprime_every'),
    ({'device': 'abacus'}, 'there is no device'),
])
def test_settings_out_of_range_are_refused(model, settings, message):
    with pytest.raises(ConfigError, match=message):
        DepthStream(model, **settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without CUDA')
def test_an_absent_device_gives_the_cpu_and_a_note(model):
    stream = DepthStream(model, device='cuda')
    assert stream.device == 'cpu'
    assert 'using the CPU' in stream.device_note
