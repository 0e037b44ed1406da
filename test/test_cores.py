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
"""Recurrent cores: a clip and its frames agree, and a pixel LSTM is PyTorch's LSTM."""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from lstm_depth.models import create_model, detach_state
from lstm_depth.models.config import ModelConfig, TEMPORAL_CORES
from lstm_depth.models.cores import make_core
import pytest
import torch
from torch import nn


@pytest.mark.parametrize(('temporal', 'residual'), [
    (temporal, residual) for temporal in TEMPORAL_CORES for residual in (False, True)
    if (temporal, residual) != ('aligned_lstm', True)])
def test_a_clip_equals_its_frames_one_by_one(temporal, residual):
    torch.manual_seed(0)
    model = create_model('residual_lstm', temporal=temporal, temporal_residual=residual,
                         filters=4).eval().double()
    clip = torch.rand(2, 5, 3, 24, 32).double()
    with torch.inference_mode():
        whole, last = model.forward_clip(clip)
        state = None
        for t in range(clip.shape[1]):
            depth, state = model(clip[:, t], state)
            assert torch.allclose(depth, whole[:, t], atol=1e-5)
    assert len(state) == len(last)
    assert bool(state) == model.recurrent
    for one, other in zip(state, last):
        assert torch.allclose(one, other, atol=1e-5)


def test_a_clip_goes_on_from_a_carried_state():
    torch.manual_seed(0)
    model = create_model('residual_lstm', filters=4).eval().double()
    clip = torch.rand(1, 6, 3, 16, 16).double()
    with torch.inference_mode():
        whole, _ = model.forward_clip(clip)
        _, state = model.forward_clip(clip[:, :4])
        rest, _ = model.forward_clip(clip[:, 4:], state)
    assert torch.allclose(rest, whole[:, 4:], atol=1e-5)


def test_pixel_lstm_is_one_lstm_cell_at_every_pixel():
    torch.manual_seed(0)
    core = make_core(ModelConfig(temporal='pixel_lstm'), 3).double()
    cell = nn.LSTMCell(3, 3).double()
    with torch.no_grad():
        cell.weight_ih.copy_(core.input_gates.weight.flatten(1))
        cell.weight_hh.copy_(core.hidden_gates.weight.flatten(1))
        cell.bias_ih.copy_(core.input_gates.bias)
        cell.bias_hh.zero_()
    clip = torch.randn(2, 4, 3, 5, 6).double()
    output, _ = core.sequence(clip)
    state = None
    for t in range(4):
        state = cell(clip[:, t].permute(0, 2, 3, 1).reshape(-1, 3), state)
        expected = state[0].reshape(2, 5, 6, 3).permute(0, 3, 1, 2)
        assert torch.allclose(output[:, t], expected, atol=1e-6)


def test_raster_lstm_reads_pixels_row_after_row_and_keeps_no_state():
    torch.manual_seed(0)
    core = make_core(ModelConfig(temporal='raster_lstm'), 3)
    image = torch.randn(1, 3, 4, 5)
    output, state = core(image)
    assert state == ()
    changed = image.clone()
    changed[0, :, 2, 1] += 1
    difference = (core(changed)[0] - output).abs().sum(1)[0].flatten()
    assert (difference[:2 * 5 + 1] == 0).all()
    assert (difference[2 * 5 + 1:] > 0).all()


def test_the_state_remembers_earlier_frames():
    torch.manual_seed(0)
    model = create_model('residual_lstm', filters=4).eval()
    first, other, last = torch.rand(3, 1, 3, 16, 16)
    with torch.inference_mode():
        after_first = model(last, model(first)[1])[0]
        after_other = model(last, model(other)[1])[0]
    assert (after_first - after_other).abs().max() > 1e-4


def test_gradients_flow_through_time_until_the_state_is_detached():
    torch.manual_seed(0)
    model = create_model('residual_lstm', filters=4).eval()
    first = torch.rand(1, 3, 16, 16, requires_grad=True)
    _, state = model(first)
    model(torch.rand(1, 3, 16, 16), state)[0].sum().backward(retain_graph=True)
    assert first.grad.abs().sum() > 0
    assert not any(tensor.requires_grad for tensor in detach_state(state))


def test_a_state_of_another_size_is_refused():
    model = create_model('residual_lstm').eval()
    _, state = model(torch.rand(1, 3, 16, 16))
    with pytest.raises(ConfigError, match='reset the state'):
        model(torch.rand(1, 3, 24, 16), state)


LEAN = {'temporal_separable': True, 'temporal_keys': 4}


def aligned_core(channels=8, **settings):
    torch.manual_seed(0)
    config = ModelConfig(temporal='aligned_lstm', **settings)
    return make_core(config, channels).double().eval()


def smooth_features(channels=8, height=16, width=20):
    torch.manual_seed(1)
    noise = torch.rand(1, channels, height + 2, width + 2, dtype=torch.float64)
    return nn.functional.avg_pool2d(noise, 3, 1)


@pytest.mark.parametrize('settings', [{}, LEAN])
def test_the_aligned_memory_passes_the_first_frame_on_and_stays_at_a_still_image(settings):
    core, x = aligned_core(**settings), smooth_features()
    y, state = core(x)
    assert torch.equal(y, x)
    zero = tuple(torch.zeros_like(tensor) for tensor in state)
    assert torch.equal(core(x, zero)[0], x)


@pytest.mark.parametrize(('settings', 'share'), [({}, 0.05), (LEAN, 0.15)])
def test_the_aligned_memory_follows_a_shift_of_the_image(settings, share):
    core, x = aligned_core(**settings), smooth_features()
    for shift in ((0, 1), (2, 0), (-1, 2)):
        moved = torch.roll(x, shift, (2, 3))
        h, c = core._moved(moved, x, x)
        inside = (slice(None), slice(None), slice(3, -3), slice(3, -3))
        error = (h - moved)[inside].abs().mean()
        assert error < share * (x - moved)[inside].abs().mean()
        assert torch.equal(h, c)


def test_the_aligned_memory_averages_noise_away():
    core, x = aligned_core(), smooth_features()
    state, outputs = None, []
    for _ in range(12):
        y, state = core(x + 0.02 * torch.randn_like(x), state)
        outputs.append(y)
    # Half open gates halve the variance twice over: c' = c / 2 + x / 2 leaves a third.
    settled = torch.stack(outputs[4:]).std(0).mean()
    assert settled < 0.75 * 0.02


def test_the_aligned_memory_comes_to_rest_on_a_frozen_image():
    core, x = aligned_core(), smooth_features()
    _, state = core(smooth_features() * 0.5)
    changes = []
    for _ in range(40):
        before = state[0]
        y, state = core(x, state)
        changes.append((y - before).abs().max().item())
    assert changes[-1] < 1e-6 * changes[0]


def test_a_lean_memory_has_cheap_gates_and_few_keys():
    core, whole = aligned_core(64, **LEAN), aligned_core(64)
    assert core.keys.weight.shape == (4, 64, 1, 1)
    weights, before = (sum(p.numel() for p in gates.parameters()) for gates in (core, whole))
    assert weights < before / 7
    clip = smooth_features(64).unsqueeze(1).expand(-1, 3, -1, -1, -1)
    outputs, state = core.sequence(clip)
    step, one = core(clip[:, 0])
    step, one = core(clip[:, 1], one)
    assert torch.allclose(outputs[:, 1], step) and len(one) == len(state)
    with pytest.raises(ConfigError, match='temporal_separable and temporal_keys are for'):
        ModelConfig(temporal='conv_lstm', temporal_keys=4)


def test_an_aligned_memory_of_another_size_is_refused():
    core = aligned_core()
    _, state = core(smooth_features())
    with pytest.raises(ConfigError, match='reset the state'):
        core(smooth_features(height=8), state)
    with pytest.raises(ConfigError, match='temporal_residual'):
        make_core(ModelConfig(temporal='aligned_lstm', temporal_residual=True), 8)
