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
"""Optimizers, learning rates over time, and averaged weights."""

from __future__ import annotations

from lstm_depth.errors import CheckpointError
from lstm_depth.models import create_model
from lstm_depth.training.optim import (
    make_optimizer,
    make_schedule,
    restore_optimizer,
    WeightAverage,
)
from lstm_depth.training.recipe import OptimizerSection, PhaseSection, ScheduleSection
import pytest
import torch

EPOCH = 10


@pytest.fixture(scope='module')
def model():
    return create_model('residual_lstm', input_height=32, input_width=32, filters=2)


@pytest.fixture(scope='module')
def with_backbone():
    return create_model('resnet34_upsampling', input_height=32, input_width=32)


def rates(model, steps, done=0, **schedule):
    """Return the rates of a phase of three epochs of ten steps, from step *done* on."""
    phase = PhaseSection(epochs=3, learning_rate=0.01, schedule=ScheduleSection(**schedule),
                         optimizer=OptimizerSection(name='sgd'))
    optimizer = make_optimizer(model, phase)
    steps_of = make_schedule(optimizer, phase, EPOCH, done)
    seen = []
    for _ in range(steps):
        seen.append(steps_of.get_last_lr()[0])
        optimizer.step()
        steps_of.step()
    return seen


@pytest.mark.parametrize(('name', 'kind'), [
    ('adam', torch.optim.Adam), ('adamw', torch.optim.AdamW), ('sgd', torch.optim.SGD)])
def test_the_optimizer_is_the_one_that_was_asked_for(model, name, kind):
    section = OptimizerSection(name=name, weight_decay=0.25, momentum=0.5, betas=(0.5, 0.6),
                               amsgrad=True)
    optimizer = make_optimizer(model, PhaseSection(learning_rate=0.3, optimizer=section))
    assert type(optimizer) is kind
    group, = optimizer.param_groups
    assert group['lr'] == 0.3 and group['weight_decay'] == 0.25
    if name == 'sgd':
        assert group['momentum'] == 0.5
    else:
        assert group['betas'] == (0.5, 0.6) and group['amsgrad']


def test_a_backbone_has_a_rate_of_its_own_and_frozen_layers_none(with_backbone):
    phase = PhaseSection(learning_rate=0.1, optimizer=OptimizerSection(encoder_rate=0.01))
    ours, backbone = make_optimizer(with_backbone, phase).param_groups
    assert ours['lr'] == 0.1 and backbone['lr'] == pytest.approx(0.001)
    with_backbone.freeze('all')
    frozen = make_optimizer(with_backbone, phase).param_groups
    assert [len(group['params']) for group in frozen] == [len(ours['params'])]
    with_backbone.freeze('none')


def test_a_core_has_a_rate_of_its_own(model):
    phase = PhaseSection(learning_rate=0.1, optimizer=OptimizerSection(core_rate=5.0))
    others, core = make_optimizer(model, phase).param_groups
    assert (others['lr'], core['lr']) == pytest.approx((0.1, 0.5))
    assert {id(p) for p in core['params']} == {id(p) for p in model.core.parameters()}


def test_constant_and_step(model):
    assert rates(model, 30) == [0.01] * 30
    stepped = rates(model, 30, name='step', every=2, factor=0.5)
    assert stepped == pytest.approx([0.01] * 20 + [0.005] * 10)


def test_one_cycle_goes_up_and_then_to_nothing(model):
    seen = rates(model, 30, name='one_cycle', warmup=0.2)
    assert max(seen) == pytest.approx(0.01) and seen.index(max(seen)) == 5
    assert seen[0] < 0.001 and seen[-1] < 1e-6 and seen[5:] == sorted(seen[5:], reverse=True)


def test_cosine_starts_linearly_and_is_half_at_the_middle_of_the_rest(model):
    seen = rates(model, 30, name='cosine', warmup=0.2)
    assert seen[:6] == pytest.approx([0.01 * (step / 6 + (1 - step / 6) / 6)
                                      for step in range(6)])
    assert seen[6] == pytest.approx(0.01) and seen[18] == pytest.approx(0.005)
    assert 0 < seen[-1] < 0.0002


def test_cyclic_climbs_falls_and_climbs_half_as_high(model):
    seen = rates(model, 25, name='cyclic', peak=0.05, up=5, down=10)
    assert seen[0] == pytest.approx(0.01) and seen[5] == pytest.approx(0.05)
    assert seen[15] == pytest.approx(0.01) and seen[20] == pytest.approx(0.03)


@pytest.mark.parametrize('name', ['constant', 'one_cycle', 'cosine', 'step', 'cyclic'])
def test_a_schedule_goes_on_where_it_was(model, name):
    options = {'name': name, 'every': 1, 'up': 5, 'down': 7}
    assert rates(model, 17, done=13, **options) == pytest.approx(
        rates(model, 30, **options)[13:], rel=1e-6)


def test_an_optimizer_takes_what_it_gathered_and_the_rate_of_the_recipe(model):
    def stepped(rate):
        optimizer = make_optimizer(model, PhaseSection(learning_rate=rate))
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        return optimizer

    saved = stepped(0.0).state_dict()
    fresh = make_optimizer(model, PhaseSection(learning_rate=0.5))
    restore_optimizer(fresh, saved)
    assert fresh.param_groups[0]['lr'] == 0.5
    moments = [entry['exp_avg'] for entry in fresh.state.values()]
    assert moments and all(torch.equal(entry, torch.full_like(entry, 0.1)) for entry in moments)


def test_an_optimizer_of_other_layers_is_refused(with_backbone):
    saved = make_optimizer(with_backbone, PhaseSection()).state_dict()
    with_backbone.freeze('all')
    with pytest.raises(CheckpointError, match='trained other layers'):
        restore_optimizer(make_optimizer(with_backbone, PhaseSection()), saved)
    with_backbone.freeze('none')


def test_averaged_weights_forget_their_start_and_follow():
    model = create_model('residual_lstm', input_height=32, input_width=32, filters=2, norm=True)
    average = WeightAverage(model, 0.9)
    name, weight = next(iter(model.named_parameters()))
    start = weight.detach().clone()
    expected = start.clone()
    for update in range(1, 150):
        with torch.no_grad():
            weight.add_(1.0)
        average.update(model)
        decay = min(0.9, (1 + update) / (10 + update))
        expected = decay * expected + (1 - decay) * weight.detach()
    mine = dict(average.model.named_parameters())[name]
    torch.testing.assert_close(mine, expected)
    assert not mine.requires_grad and not average.model.training
    # In the end it lags by decay / (1 - decay) updates.
    torch.testing.assert_close(weight.detach() - mine, torch.full_like(mine, 9.0), rtol=1e-3,
                               atol=0)


def test_averaged_weights_take_batchnorm_statistics_along():
    model = create_model('residual_lstm', input_height=32, input_width=32, filters=2, norm=True)
    average = WeightAverage(model, 0.5)
    for name, buffer in model.named_buffers():
        if name.endswith(('running_mean', 'num_batches_tracked')):
            buffer.fill_(7)
    for _ in range(60):
        average.update(model)
    for name, buffer in average.model.named_buffers():
        if name.endswith(('running_mean', 'num_batches_tracked')):
            torch.testing.assert_close(buffer, torch.full_like(buffer, 7))
