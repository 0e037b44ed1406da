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
"""Losses: masks, known values, gradients."""

from __future__ import annotations

from lstm_depth.losses import gradient_loss, l1_loss, log_error, silog_loss, temporal_loss
import pytest
import torch


@pytest.fixture
def clip():
    torch.manual_seed(0)
    target = torch.rand(2, 3, 1, 8, 10) * 4 + 0.5
    valid = torch.rand(target.shape) > 0.3
    return target, valid


def every_loss(prediction, target, valid):
    error = log_error(prediction, target, valid)
    return torch.stack([silog_loss(error, valid), gradient_loss(error, valid),
                        l1_loss(prediction, target, valid), temporal_loss(error, valid)])


def test_a_perfect_prediction_costs_nothing(clip):
    target, valid = clip
    assert every_loss(target.clone(), target, valid).abs().max() < 2e-3


def test_invalid_pixels_carry_neither_loss_nor_gradient(clip):
    target, valid = clip
    prediction = (target + torch.rand_like(target)).requires_grad_()
    every_loss(prediction, target, valid).sum().backward()
    assert (prediction.grad[~valid] == 0).all()
    broken = torch.where(valid, target, torch.full_like(target, float('nan')))
    zeros = torch.where(valid, target, torch.zeros_like(target))
    expected = every_loss(prediction, target, valid)
    assert torch.equal(every_loss(prediction, broken, valid), expected)
    assert torch.equal(every_loss(prediction, zeros, valid), expected)


def test_no_valid_pixel_gives_zero_and_no_nan(clip):
    target, valid = clip
    losses = every_loss(target + 1, target, torch.zeros_like(valid))
    assert torch.isfinite(losses).all()
    assert losses.abs().max() < 2e-3


def test_silog_of_a_constant_scale_is_what_the_focus_leaves(clip):
    target, valid = clip
    error = log_error(1.3 * target, target, valid)
    expected = 10 * torch.tensor(1.3).log() * (1 - 0.85) ** 0.5
    assert torch.allclose(silog_loss(error, valid), expected, rtol=1e-4)
    assert silog_loss(error, valid, focus=1.0) < 5e-3


def test_a_wrong_edge_costs_gradient_but_a_wrong_scale_does_not(clip):
    target, valid = clip
    full = torch.ones_like(valid)
    assert gradient_loss(log_error(1.3 * target, target, full), full) < 1e-5
    edge = target.clone()
    edge[..., 5:] *= 1.3
    assert gradient_loss(log_error(edge, target, full), full) > 0.01


def test_flicker_costs_what_was_injected():
    target = torch.full((1, 4, 1, 6, 6), 2.0)
    full = torch.ones_like(target, dtype=torch.bool)
    flicker = target * torch.tensor([1.0, 1.1, 1.0, 1.1]).view(1, 4, 1, 1, 1)
    change = temporal_loss(log_error(flicker, target, full), full)
    assert torch.allclose(change, torch.tensor(1.1).log(), atol=1e-6)
    assert temporal_loss(log_error(1.1 * target, target, full), full) < 1e-6


def test_gradients_agree_with_finite_differences():
    torch.manual_seed(0)
    # The losses are in float32 by design, so the check is a directional one.
    target = torch.rand(1, 2, 1, 4, 4) * 3 + 1
    valid = torch.rand(target.shape) > 0.2
    prediction = (target * (1 + 0.3 * torch.rand_like(target))).requires_grad_()
    direction = torch.randn_like(target)
    step = 1e-2
    for index in range(4):
        loss = every_loss(prediction, target, valid)[index]
        gradient, = torch.autograd.grad(loss, prediction)
        with torch.no_grad():
            ahead = every_loss(prediction + step * direction, target, valid)[index]
            behind = every_loss(prediction - step * direction, target, valid)[index]
        assert torch.allclose((gradient * direction).sum(), (ahead - behind) / (2 * step),
                              rtol=0.1, atol=2e-3)


def test_losses_are_float32_under_autocast(clip):
    target, valid = clip
    with torch.autocast('cpu', torch.bfloat16):
        losses = every_loss((target + 0.1).bfloat16(), target, valid)
    assert losses.dtype == torch.float32
