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

import math

from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.losses import DepthLoss, LOSS_NAMES, PerceptualLoss, structure
from lstm_depth.losses.pixel import berhu_loss, mse_loss, rmse_loss, silog_loss, std_penalty
from lstm_depth.losses.structure import (
    drift_loss,
    edge_loss,
    gradient_loss,
    ssim_loss,
    temporal_loss,
    tgm_loss,
)
import pytest
import torch

TERMS = [name for name in LOSS_NAMES if name != 'perceptual']


@pytest.fixture
def clip():
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 1, 16, 20) * 4 + 0.5
    valid = torch.rand(truth.shape) > 0.3
    return truth, valid


@pytest.mark.parametrize('name', TERMS)
def test_a_perfect_prediction_costs_nothing(clip, name):
    truth, valid = clip
    total, terms = DepthLoss({name: 2.0})(truth.clone(), truth, valid)
    assert total < 3e-3
    assert list(terms) == [name]


@pytest.mark.parametrize('name', TERMS)
def test_an_invalid_pixel_carries_neither_loss_nor_gradient(clip, name):
    truth, valid = clip
    loss = DepthLoss({name: 1.0})
    prediction = (truth + torch.rand_like(truth)).requires_grad_()
    expected, _ = loss(prediction, truth, valid)
    expected.backward()
    assert torch.isfinite(prediction.grad).all()
    assert (prediction.grad[~valid] == 0).all()
    for value in (float('nan'), 0.0):
        broken = torch.where(valid, truth, torch.full_like(truth, value))
        assert torch.equal(loss(prediction, broken, valid)[0], expected)


@pytest.mark.parametrize('name', TERMS)
def test_no_valid_pixel_gives_zero_and_no_nan(clip, name):
    truth, valid = clip
    prediction = (truth + 1).requires_grad_()
    total, _ = DepthLoss({name: 1.0})(prediction, truth, torch.zeros_like(valid))
    total.backward()
    assert 0 <= total < 2e-3
    assert torch.isfinite(prediction.grad).all()


@pytest.mark.parametrize('name', TERMS)
def test_gradients_agree_with_finite_differences(name):
    torch.manual_seed(3)
    truth = torch.rand(1, 2, 1, 12, 12) * 3 + 1
    valid = torch.rand(truth.shape) > 0.2
    # Below the truth's spread and off its values, away from the kinks of hinges and |x|.
    prediction = (2 + 0.5 * (truth - 2) + 0.05 * torch.rand_like(truth)).requires_grad_()
    loss = DepthLoss({name: 1.0})
    gradient, = torch.autograd.grad(loss(prediction, truth, valid)[0], prediction)
    # BerHu's threshold follows the largest error and by definition is no variable of it.
    largest = (prediction - truth).abs().where(valid, 0.0).argmax()
    direction = gradient.flatten().index_fill(0, largest, 0.0).view_as(gradient)
    direction = direction / direction.norm()
    step = 2e-3
    with torch.no_grad():
        ahead, _ = loss(prediction + step * direction, truth, valid)
        behind, _ = loss(prediction - step * direction, truth, valid)
    slope = (gradient * direction).sum()
    assert torch.allclose(slope, (ahead - behind) / (2 * step), rtol=0.05)


@pytest.mark.parametrize('name', TERMS)
def test_losses_are_float32_under_autocast(clip, name):
    truth, valid = clip
    with torch.autocast('cpu', torch.bfloat16):
        total, _ = DepthLoss({name: 1.0})((truth + 0.1).bfloat16(), truth, valid)
    assert total.dtype == torch.float32


def test_hand_computed_values():
    truth = torch.tensor([1.0, 2.0, 4.0, 9.0]).view(1, 1, 1, 1, 4)
    prediction = torch.tensor([1.0, 3.0, 2.0, 0.0]).view(1, 1, 1, 1, 4)
    valid = torch.tensor([True, True, True, False]).view(1, 1, 1, 1, 4)
    assert mse_loss(prediction, truth, valid) == pytest.approx(5 / 3)
    assert rmse_loss(prediction, truth, valid) == pytest.approx(math.sqrt(5 / 3))
    # c = 0.4: 0 stays, 1 -> (1 + 0.16) / 0.8, 2 -> (4 + 0.16) / 0.8.
    assert berhu_loss(prediction, truth, valid) == pytest.approx((1.16 + 4.16) / 0.8 / 3)
    # Neighbouring errors 0, 1, -2: changes of 1 and 3.
    assert edge_loss(prediction, truth, valid) == pytest.approx(2.0)


def test_silog_of_a_constant_scale_is_what_the_focus_leaves(clip):
    truth, valid = clip
    expected = 10 * math.log(1.3) * math.sqrt(1 - 0.85)
    assert silog_loss(1.3 * truth, truth, valid) == pytest.approx(expected, rel=1e-4)
    assert silog_loss(1.3 * truth, truth, valid, focus=1.0) < 5e-3


def test_a_wrong_edge_costs_gradient_but_a_wrong_scale_does_not(clip):
    truth, valid = clip
    full = torch.ones_like(valid)
    assert gradient_loss(1.3 * truth, truth, full) < 1e-5
    edge = truth.clone()
    edge[..., 5:] *= 1.3
    assert gradient_loss(edge, truth, full) > 0.01


def test_ssim_equals_a_slow_transcription(monkeypatch):
    torch.manual_seed(0)
    a, b = torch.rand(2, 1, 1, 1, 16, 18, dtype=torch.float64)
    x = torch.arange(11, dtype=torch.float64) - 5
    window = torch.exp(-x ** 2 / 4.5)
    window = torch.outer(window, window) / window.sum() ** 2
    values = []
    for row in range(5, 11):
        for column in range(5, 13):
            pa, pb = (image[0, 0, 0, row - 5:row + 6, column - 5:column + 6] for image in (a, b))
            ma, mb = (window * pa).sum(), (window * pb).sum()
            va, vb = (window * (pa - ma) ** 2).sum(), (window * (pb - mb) ** 2).sum()
            cov = (window * (pa - ma) * (pb - mb)).sum()
            values.append((2 * ma * mb + 1e-4) * (2 * cov + 9e-4)
                          / ((ma ** 2 + mb ** 2 + 1e-4) * (va + vb + 9e-4)))
    inner = torch.zeros(a.shape, dtype=torch.bool)
    inner[..., 5:11, 5:13] = True
    # Only the inner windows are asked for, but every pixel is compared.
    full = torch.ones_like(inner)
    expected = 1 - torch.stack(values).mean()
    found = structure.masked_mean
    monkeypatch.setattr(structure, 'masked_mean',
                        lambda ssim, _: found(ssim, inner.flatten(0, -4)))
    assert ssim_loss(a, b, full) == pytest.approx(expected.item(), abs=1e-4)


def test_the_std_penalty_is_a_hinge_on_each_image():
    truth = torch.tensor([[1.0, 3.0], [1.0, 3.0]]).view(1, 2, 1, 1, 2)
    full = torch.ones_like(truth, dtype=torch.bool)
    flat = torch.full_like(truth, 2.0)
    assert std_penalty(flat, truth, full) == pytest.approx(1.0, abs=1e-3)
    assert std_penalty(3 * truth, truth, full) == 0
    half = torch.stack([flat[:, 0], truth[:, 0]], dim=1)
    assert std_penalty(half, truth, full) == pytest.approx(0.5, abs=1e-3)


def test_flicker_costs_what_was_injected():
    truth = torch.full((1, 4, 1, 6, 6), 2.0)
    truth[..., 3:] = 4.0
    full = torch.ones_like(truth, dtype=torch.bool)
    flicker = truth * torch.tensor([1.0, 1.1, 1.0, 1.1]).view(1, 4, 1, 1, 1)
    assert temporal_loss(flicker, truth, full) == pytest.approx(math.log(1.1), rel=1e-5)
    assert tgm_loss(flicker, truth, full) == pytest.approx(0.3, rel=1e-5)
    assert drift_loss(flicker, truth, full) == pytest.approx(math.log(1.1) / 2, rel=0.01)
    assert temporal_loss(1.1 * truth, truth, full) < 1e-6
    assert drift_loss(1.1 * truth, truth, full) == pytest.approx(0, abs=1e-6)
    # What is not known does not drift.
    full[:, 1::2] = False
    assert drift_loss(flicker, truth, full) == pytest.approx(0, abs=1e-6)


def test_tgm_looks_only_where_the_truth_stands_still():
    truth = torch.ones(1, 2, 1, 1, 4)
    truth[:, 1, ..., 0] = 3.0
    prediction = truth.clone()
    prediction[:, 1, ..., 0] = 9.0
    full = torch.ones_like(truth, dtype=torch.bool)
    assert tgm_loss(prediction, truth, full) == 0
    prediction[:, 1, ..., 1] += 0.3
    assert tgm_loss(prediction, truth, full) == pytest.approx(0.1, rel=1e-4)


def test_weights_and_unit_scale_the_sum(clip):
    truth, valid = clip
    prediction = truth + 1
    one, terms = DepthLoss({'l1': 1.0, 'mse': 3.0})(prediction, truth, valid)
    assert one == pytest.approx(4.0, rel=1e-4)
    assert terms['mse'] == pytest.approx(1.0, rel=1e-4)
    tenth, _ = DepthLoss({'l1': 1.0, 'mse': 3.0}, unit=10.0)(prediction, truth, valid)
    assert tenth == pytest.approx(0.1 + 0.03, rel=1e-4)


@pytest.mark.parametrize('weights,message', [
    ({'mze': 1}, "did you mean 'mse'"), ({'mse': -1}, '0 or more'), ({'mse': 0}, 'at least one'),
    ({}, 'at least one'), ({'mse': float('nan')}, '0 or more')])
def test_an_unusable_recipe_is_refused(weights, message):
    with pytest.raises(ConfigError, match=message):
        DepthLoss(weights)


@pytest.mark.parametrize('network,file', [
    ('vgg16', 'vgg16_features_to_relu4_3_fp16.pth'), ('squeezenet1_1', 'squeezenet1_1.pth')])
def test_perceptual_loss_sees_a_lost_edge(shared, network, file):
    loss = PerceptualLoss(network, str(shared / 'weights' / file))
    truth = torch.full((1, 1, 1, 48, 48), 2.0)
    truth[..., 24:] = 5.0
    full = torch.ones_like(truth, dtype=torch.bool)
    blurred = torch.linspace(2, 5, 48).expand(1, 1, 1, 48, 48).clone().requires_grad_()
    shifted = truth + 0.2
    assert loss(truth, truth, full) == 0
    cost = loss(blurred, truth, full)
    assert cost > loss(shifted, truth, full) > 0
    cost.backward()
    assert torch.isfinite(blurred.grad).all()
    assert blurred.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in loss.parameters())


def test_perceptual_weights_of_another_network_are_refused(shared):
    with pytest.raises(CheckpointError, match='does not hold the features of vgg16'):
        PerceptualLoss('vgg16', str(shared / 'weights' / 'squeezenet1_1.pth'))


def test_an_unknown_perceptual_network_is_refused():
    with pytest.raises(ConfigError, match='knows vgg16'):
        PerceptualLoss('vgg99')
