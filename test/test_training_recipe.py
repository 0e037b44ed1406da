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
"""A recipe is typed: what it does not know or cannot use is one clear error."""

from __future__ import annotations

from lstm_depth.cli import main
from lstm_depth.errors import ConfigError
from lstm_depth.training.parse import config_from, dump_config, load_config, read_yaml
from lstm_depth.training.recipe import PhaseSection, TrainConfig
import pytest
import yaml

RECIPE = """\
model: {name: double_hourglass, settings: {input_height: 32, input_width: 48}}
data: {path: somewhere}
phases:
- {name: first, epochs: 3, loss: {mse: 1, std: 0.1}}
- {name: second, learning_rate: 1.0e-4, sampling: {length: 2, strides: [1, 2]}}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / 'recipe.yaml'
    path.write_text(RECIPE)
    return path


def test_a_file_and_overrides_make_one_recipe(recipe):
    config = load_config(recipe, ['train.max_steps=20', 'phases.1.learning_rate=1e-5',
                                  'model.settings.filters=4', 'data.rooms=3', 'data=other'])
    assert config.train.max_steps == 20
    assert config.phases[0].loss == {'mse': 1, 'std': 0.1}
    assert config.phases[1].learning_rate == 1e-5
    assert config.phases[1].sampling.strides == (1, 2)
    assert config.model.settings == {'input_height': 32, 'input_width': 48, 'filters': 4}
    assert config.data.paths == ['other']


def test_data_is_short_for_its_path_and_keeps_the_rest(recipe):
    config = load_config(recipe, ['data=[a, b]', 'data.rooms=3', 'data.cache=true'])
    assert config.data.paths == ['a', 'b']
    assert config.data.rooms == 3 and config.data.cache
    recipe.write_text(RECIPE.replace('data: {path: somewhere}', 'data: {path: x, rooms: 5}'))
    config = load_config(recipe, ['data=y'])
    assert config.data.paths == ['y'] and config.data.rooms == 5


def test_printed_configuration_reads_back_the_same(recipe, capsys):
    assert main(['train', '--config', str(recipe), 'train.seed=3', '--print_config']) == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert config_from(printed, 'printed') == load_config(recipe, ['train.seed=3'])
    assert yaml.safe_load(dump_config(TrainConfig())) is not None


@pytest.mark.parametrize(('override', 'said'), [
    ('phases.0.learning_rat=1', "a recipe has no key 'phases.0.learning_rat'; did you mean "
                                "'phases.0.learning_rate'?"),
    ('trian.max_steps=1', "no key 'trian.max_steps'; did you mean 'train.max_steps'?"),
    ('quux=1', "no key 'quux'; there are: data, model, perceptual, phases, train, validation"),
    ('train.max_steps=2.5', 'train.max_steps'),
    ('phases.0.epochs=many', 'epochs'),
    ('phases.7.epochs=1', "no key 'phases.7.epochs'; did you mean 'phases."),
    ('phases.0.optimizer.name=adamm', 'optimizer.name must be one of adam, adamw, sgd'),
    ('phases.0.mix.films=1', 'a key of mix must be one of stills, videos, rooms'),
    ('train.precision=8bit', 'train.precision must be one of'),
    ('phases.0.ema=1.5', 'ema must be in'),
    ('phases.0.sampling.length=0', 'at least one frame'),
    ('data.hold_out_every=1', 'hold_out_every must be at least 2'),
    ('validation.metric=psnr', 'validation.metric must be one of'),
    ('nonsense', "'nonsense' is not KEY=VALUE"),
    ('train.seed.x=1', "no key 'train.seed.x'; did you mean 'train.seed'?"),
    ('train.max_steps=[', '"train.max_steps": Expected a int'),
])
def test_what_is_wrong_is_named(recipe, override, said):
    with pytest.raises(ConfigError) as error:
        load_config(recipe, ['train.seed=1', override])
    assert said in str(error.value)


@pytest.mark.parametrize(('values', 'said'), [
    ({'phases': []}, 'at least one phase'),
    ({'phases': {'epochs': 3}}, 'phases must be a list'),
    ({'phases': [{'optimizer': {'nam': 'sgd'}}]}, "did you mean 'phases.0.optimizer.name'?"),
    ({'data': 'somewhere'}, "no key 'data'; did you mean 'data.path'?"),
])
def test_what_is_wrong_in_a_file_is_named(values, said):
    with pytest.raises(ConfigError) as error:
        config_from(values, 'a file')
    assert said in str(error.value)


def test_files_that_are_no_recipe(tmp_path):
    with pytest.raises(ConfigError, match='cannot be read'):
        read_yaml(tmp_path / 'absent.yaml')
    path = tmp_path / 'list.yaml'
    path.write_text('- 1\n')
    with pytest.raises(ConfigError, match='is no recipe'):
        read_yaml(path)
    path.write_text('a: [')
    with pytest.raises(ConfigError, match='is not YAML'):
        read_yaml(path)


def test_help_lists_every_key_with_type_and_default(capsys):
    with pytest.raises(SystemExit):
        main(['train', '--help'])
    text = capsys.readouterr().out
    lines = [' '.join(line.split()) for line in text.splitlines()]
    for line in ('train.max_steps MAX_STEPS (type: int, default: 0)',
                 'phases.0.optimizer.betas [ITEM,...] (type: tuple[float, float], '
                 'default: (0.9, 0.999))',
                 'phases.0.sampling.length LENGTH (type: int, default: 4)'):
        assert line in lines


def test_a_phase_without_a_share_above_zero_is_refused():
    with pytest.raises(ConfigError, match='share above 0'):
        PhaseSection(mix={'stills': 0.0})
