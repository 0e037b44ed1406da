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
"""Knowledge distillation: what teachers say, and how a phase of training listens."""

from __future__ import annotations

from dataclasses import replace

from _training import draw_stills, history, tiny
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.models import create_model
from lstm_depth.training.distill import Ensemble, make_distillation
from lstm_depth.training.recipe import DistillSection
from lstm_depth.training.trainer import train
import pytest
import torch

STUDENT = {'input_height': 32, 'input_width': 32, 'filters': 2, 'hourglasses': 1,
           'hourglass_depth': 1, 'hourglass_blocks': 1, 'dropout': 0.0, 'temporal': 'none'}


def network(seed=0, **changes):
    torch.manual_seed(seed)
    return create_model('residual_lstm', **STUDENT | changes).eval()


def clip(seed=0, frames=2, side=32):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (1, frames, 3, side, side), generator=draw, dtype=torch.uint8)


@pytest.fixture(scope='module')
def stills(tmp_path_factory):
    return draw_stills(tmp_path_factory.mktemp('stills'))


def saved(path, model):
    save_checkpoint(path, model)
    return path


@pytest.fixture
def teacher(tmp_path):
    return saved(tmp_path / 'teacher.safetensors', network(7, filters=3))


def distilled(stills, output, teacher, **changes):
    """Return the tiny recipe with a student that begins anywhere, and *teacher*."""
    distill = {'teachers': [str(teacher)], 'weight': 1.0} | changes.pop('distill', {})
    phase = {'ema': 0.0, 'sampling': {'length': 1}, 'distill': distill} | changes
    return tiny(stills, output, model={'settings': STUDENT}, validation={'every': 99, 'frames': 1},
                phases=[phase])


def test_several_teachers_say_the_geometric_mean():
    one, two = network(1), network(2)
    frames = clip()
    with torch.no_grad():
        depths = [model.forward_clip(frames.float() / 255)[0] for model in (one, two)]
    torch.testing.assert_close(Ensemble([one, two])(frames), (depths[0] * depths[1]).sqrt())
    assert not torch.allclose(*depths)


def test_asked_about_mirrored_images_they_do_not_mind_mirrors():
    frames = clip()
    plain, mirrored = Ensemble([network()]), Ensemble([network()], flip=True)
    torch.testing.assert_close(mirrored(frames.flip(-1)).flip(-1), mirrored(frames))
    assert not torch.allclose(plain(frames.flip(-1)).flip(-1), plain(frames), rtol=1e-3)


def test_a_teacher_of_another_size_sees_images_of_its_own():
    large, seen = network(input_height=64, input_width=64), []
    large.encoder.register_forward_hook(lambda module, inputs, output: seen.append(
        inputs[0].shape[-2:]))
    depth = Ensemble([large])(clip(frames=3))
    assert depth.shape == (1, 3, 1, 32, 32) and seen == [(64, 64)]


def test_teachers_neither_learn_nor_leave_inference_mode():
    ensemble = Ensemble([network(norm=True, dropout=0.3)])
    ensemble.train()
    assert not any(module.training for module in ensemble.modules())
    assert not any(parameter.requires_grad for parameter in ensemble.parameters())
    before = {name: value.clone() for name, value in ensemble.state_dict().items()}
    assert not ensemble(clip()).requires_grad
    assert all(torch.equal(value, before[name])
               for name, value in ensemble.state_dict().items())


def test_a_phase_weighs_truth_and_teachers(stills, tmp_path, teacher):
    train(distilled(stills, tmp_path / 'run', teacher, distill={'weight': 0.25}))
    rows = history(tmp_path / 'run')
    for row in rows:
        truth = row['loss_mse'] + 0.1 * row['loss_std']
        assert row['loss'] == pytest.approx(0.75 * truth + 0.25 * row['loss_distill'], rel=1e-4)
    assert rows[0]['loss_distill'] > 0


def test_with_teachers_alone_the_student_comes_to_say_what_they_say(stills, tmp_path, teacher):
    # Its truth is elsewhere: depth in these images is about 2.5 m.
    train(distilled(stills, tmp_path / 'run', teacher, epochs=1, steps=60, learning_rate=0.02,
                    loss={'l1': 1.0}, schedule={'name': 'cosine'}))
    rows = history(tmp_path / 'run')
    first, last = (sum(row['loss_distill'] for row in part) for part in (rows[:5], rows[-5:]))
    assert last < first / 3


def test_what_is_saved_is_the_student_alone(stills, tmp_path, teacher):
    train(distilled(stills, tmp_path / 'run', teacher, epochs=1))
    kept = torch.load(tmp_path / 'run' / 'last.pt', weights_only=True)['shared']['model']
    assert kept.keys() == network().state_dict().keys()


def test_a_run_with_teachers_resumes_to_the_same_weights(stills, tmp_path, teacher):
    def config(name, **steps):
        recipe = distilled(stills, tmp_path / name, teacher)
        return replace(recipe, train=replace(recipe.train, **steps))

    train(config('whole'))
    train(config('parts', max_steps=3))
    train(config('parts'), resume=True)
    assert history(tmp_path / 'whole')[-1]['loss_distill'] == pytest.approx(
        history(tmp_path / 'parts')[-1]['loss_distill'], rel=1e-5)


def test_teachers_say_nothing_about_change_over_time(stills, tmp_path, teacher):
    config = distilled(stills, tmp_path / 'run', teacher,
                       loss={'l1': 1.0, 'temporal': 10.0, 'drift': 1.0, 'tgm': 1.0})
    found = make_distillation(config, config.phases[0], network())
    assert found.loss.weights == {'l1': 1.0}
    config = distilled(stills, tmp_path / 'run', teacher, loss={'temporal': 1.0})
    with pytest.raises(ConfigError, match='a recipe needs at least one loss'):
        make_distillation(config, config.phases[0], network())


def test_teachers_that_cannot_teach_are_refused_by_name(stills, tmp_path, teacher):
    with pytest.raises(ConfigError, match=r'distill.weight must be above 0 and at most 1, not 2'):
        DistillSection(weight=2.0)
    with pytest.raises(CheckpointError, match='nowhere.safetensors'):
        train(distilled(stills, tmp_path / 'one', tmp_path / 'nowhere.safetensors'))
    other = saved(tmp_path / 'tele.safetensors', network(focal=(2.0, 2.0)))
    with pytest.raises(ConfigError, match=r'tele.safetensors gives depth for a focal length of '
                                          r'\(2.0, 2.0\), the network to train for None'):
        train(distilled(stills, tmp_path / 'two', other))


def test_a_recipe_without_teachers_has_none(stills, tmp_path):
    config = tiny(stills, tmp_path / 'run')
    assert make_distillation(config, config.phases[0], network()) is None
    train(config)
    assert 'loss_distill' not in history(tmp_path / 'run')[0]
