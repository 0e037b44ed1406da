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
"""One optimizer step: accumulation, carried state, and losses that are no numbers."""

from __future__ import annotations

from dataclasses import replace

from lightning_fabric import Fabric
from lstm_depth.data.clip import blank_clip, ClipBatch, collate
from lstm_depth.losses import DepthLoss
from lstm_depth.models import create_model
from lstm_depth.training.optim import make_optimizer
from lstm_depth.training.recipe import OptimizerSection, PhaseSection
from lstm_depth.training.step import ClipRunner, relative_spread, started_anew, Stepper
import pytest
import torch


def batch_of(clips: int, *, length: int = 2, seed: int = 0) -> ClipBatch:
    """Return random clips of 16x16 pixels with depth everywhere."""
    draw = torch.Generator().manual_seed(seed)
    blank = collate([blank_clip(length, 16, 16, f'clip {number}') for number in range(clips)])
    return replace(
        blank, frames=torch.randint(0, 256, blank.frames.shape, generator=draw,
                                    dtype=torch.uint8),
        depth=1 + torch.rand(blank.depth.shape, generator=draw), valid=blank.depth == 0)


def part(batch: ClipBatch, clips: slice) -> ClipBatch:
    return replace(batch, frames=batch.frames[clips], depth=batch.depth[clips],
                   valid=batch.valid[clips], reset=batch.reset[clips],
                   names=batch.names[clips])


def make(*, norm=False, clip=0.0, carry=False, loss=None, name='sgd'):
    """Return a model and what takes steps with it."""
    torch.manual_seed(0)
    model = create_model('residual_lstm', input_height=16, input_width=16, filters=2,
                         hourglasses=1, hourglass_depth=1, hourglass_blocks=1, dropout=0.0,
                         norm=norm, temporal='conv_lstm').train()
    fabric = Fabric(accelerator='cpu', devices=1)
    phase = PhaseSection(learning_rate=0.1, optimizer=OptimizerSection(name=name, momentum=0.0))
    runner, optimizer = fabric.setup(ClipRunner(model), make_optimizer(model, phase))
    return model, Stepper(fabric, runner, model, optimizer, loss or DepthLoss({'mse': 1.0}),
                          clip_gradient=clip, carry_state=carry)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


class FailingLoss:
    """A loss that is NaN where it is told to be."""

    def __init__(self, factor=float('nan')):
        self.factor = factor

    def __call__(self, prediction, truth, valid):
        value = prediction.mean()
        return value * self.factor, {'mse': value.detach()}


def test_accumulated_batches_move_the_weights_as_one_large_batch():
    whole = batch_of(4)
    one, stepper = make()
    large = stepper.step([whole])
    two, stepper = make()
    small = stepper.step([part(whole, slice(0, 2)), part(whole, slice(2, 4))])
    assert small.loss == pytest.approx(large.loss, rel=1e-5)
    assert small.terms['mse'] == pytest.approx(large.terms['mse'], rel=1e-5)
    for name, value in weights(one).items():
        torch.testing.assert_close(weights(two)[name], value, rtol=1e-4, atol=1e-5)


def test_the_gradient_is_clipped_and_its_norm_before_that_is_told():
    batch = batch_of(2)
    model, stepper = make(clip=0.01)
    before = weights(model)
    result = stepper.step([batch])
    assert result.gradient > 0.01
    moved = sum(((weights(model)[name] - value) ** 2).sum() for name, value in before.items())
    assert moved.sqrt() == pytest.approx(0.1 * 0.01, rel=1e-3)


@pytest.mark.parametrize('factor', [float('nan'), float('inf')])
def test_a_loss_that_is_no_number_leaves_everything_as_it_was(factor):
    model, stepper = make(norm=True, carry=True, loss=FailingLoss(factor))
    before = weights(model)
    stepper.state = (torch.ones(2, 2, 16, 16),) * 2
    result = stepper.step([batch_of(2)])
    assert not result.finite and not torch.isfinite(torch.tensor(result.loss))
    for name, value in weights(model).items():
        assert torch.equal(value, before[name]), name
    assert all(torch.equal(tensor, torch.ones_like(tensor)) for tensor in stepper.state)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_gradient_that_is_no_number_skips_the_step_too():
    def loss(prediction, target, valid):
        # Finite at 0, but its slope is not.
        value = (prediction - prediction.detach()).abs().sum().sqrt()
        return value, {'mse': value.detach()}

    model, stepper = make(loss=loss)
    before = weights(model)
    result = stepper.step([batch_of(1)])
    assert result.loss == 0 and not result.finite
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())


def test_state_goes_on_from_clip_to_clip_and_starts_anew_between_scenes():
    long = batch_of(2, length=4)
    model, stepper = make(carry=True, loss=FailingLoss(0.0))
    first = replace(long, frames=long.frames[:, :2], depth=long.depth[:, :2],
                    valid=long.valid[:, :2])
    second = replace(long, frames=long.frames[:, 2:], depth=long.depth[:, 2:],
                     valid=long.valid[:, 2:], reset=torch.tensor([False, True]))
    stepper.step([first])
    assert all(not tensor.requires_grad for tensor in stepper.state)
    stepper.step([second])
    with torch.no_grad():
        _, on = model.forward_clip(long.frames.float() / 255)
        _, anew = model.forward_clip(long.frames[:, 2:].float() / 255)
    for mine, whole, fresh in zip(stepper.state, on, anew):
        torch.testing.assert_close(mine[0], whole[0])
        torch.testing.assert_close(mine[1], fresh[1])
        assert not torch.allclose(mine[0], fresh[0])


def test_without_carrying_no_state_is_kept():
    _, stepper = make()
    stepper.step([batch_of(1)])
    assert stepper.state == ()


def test_starting_anew_forgets_nan_too():
    state = (torch.full((2, 1, 2, 2), float('nan')),)
    kept, = started_anew(state, torch.tensor([True, False]))
    assert (kept[0] == 0).all() and kept[1].isnan().all()
    assert started_anew((), torch.tensor([True])) is None


def test_spread_is_relative_to_the_truth_and_blind_to_what_is_invalid():
    truth = torch.arange(16.0).view(1, 1, 1, 4, 4)
    valid = torch.ones_like(truth, dtype=torch.bool)
    assert relative_spread(truth / 4 + 3, truth, valid) == pytest.approx(0.25)
    assert relative_spread(torch.full_like(truth, 2.0), truth, valid) == 0
    hidden = truth.clone()
    hidden[..., 0, 0] = 1e6
    valid[..., 0, 0] = False
    assert relative_spread(hidden, truth, valid) == pytest.approx(1.0)
    assert relative_spread(truth, truth, torch.zeros_like(valid)) == 0
