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
"""Every model has a recipe; it says what its paper says, and it trains."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from statistics import mean
from typing import Any

from _models import THIN
import cv2
from lstm_depth.models import create_model, list_models
from lstm_depth.models.registry import model_entry
from lstm_depth.training.parse import load_config
from lstm_depth.training.trainer import train
import numpy as np
import pytest
import torch

PAPERS_MODELS = [name for name in list_models() if model_entry(name).paper]
RECIPES = Path(__file__).resolve().parents[1] / 'config' / 'train'
# One scene of four to train on, another of two to hold out: the batch is always the same.
NYU_FRAMES = ('00002', '00003', '00004', '00005', '00492', '00493')

PAPER_000 = {
    'model.settings.input_height': 256, 'model.settings.input_width': 256,
    'model.settings.filters': 3, 'model.settings.dropout': 0.2, 'model.pretrained': False,
    'phases.0.epochs': 250, 'phases.0.steps': 100, 'phases.0.batch': 8,
    'phases.0.loss.mse': 1.0, 'phases.0.learning_rate': 1e-3,
    'phases.0.optimizer.name': 'adam', 'phases.0.schedule.name': 'constant',
    'phases.1.epochs': 50, 'phases.1.steps': 100, 'phases.1.batch': 8,
    'phases.1.loss.mse': 1.0, 'phases.1.loss.perceptual': 0.5, 'phases.1.learning_rate': 1e-3,
    'perceptual.network': 'vgg16',
}
PAPER_001 = {
    'model.settings.input_height': 224, 'model.settings.input_width': 224,
    'model.pretrained': True, 'data.hold_out_every': 5,
    'phases.0.epochs': 25, 'phases.0.batch': 8, 'phases.0.learning_rate': 1e-3,
    'phases.0.loss': {'mse': 1.0}, 'phases.0.freeze': 'all', 'phases.0.optimizer.name': 'adam',
    'phases.0.augmentation.flip': 0.5, 'phases.0.augmentation.squeeze': True,
    'phases.1.learning_rate': 1e-5, 'phases.1.loss': {'mse': 1.0}, 'phases.1.batch': 8,
    'phases.1.hold_batchnorm': True,
}
PAPER_002 = {
    'model.settings.input_height': 128, 'model.settings.input_width': 128,
    'model.pretrained': True, 'phases.0.epochs': 50, 'phases.0.batch': 64,
    'phases.0.optimizer.name': 'adam', 'phases.0.optimizer.weight_decay': 0.0,
    'phases.0.loss': {'l1': 1.0}, 'phases.0.unit': 10.0, 'phases.0.freeze': 'none',
    'phases.0.augmentation.rotation_deg': 5.0, 'phases.0.augmentation.crop': (480, 480),
    'phases.0.augmentation.brightness': (0.8, 1.2), 'phases.0.augmentation.flip': 0.5,
}
PAPER_003 = {
    'model.settings.input_height': 240, 'model.settings.input_width': 320,
    'model.pretrained': True, 'phases.0.epochs': 15, 'phases.0.batch': 16,
    'phases.0.learning_rate': 1e-4, 'phases.0.optimizer.name': 'adam',
    'phases.0.optimizer.amsgrad': True, 'phases.0.optimizer.betas': (0.9, 0.999),
    'phases.0.loss': {'l1': 0.3, 'edge': 1.0, 'ssim': 0.5}, 'phases.0.unit': 10.0,
    'phases.0.augmentation.flip': 0.5, 'phases.0.augmentation.rotation_deg': 0.0,
}
PAPER_004 = {
    'model.settings.input_height': 224, 'model.settings.input_width': 224,
    'model.settings.depth_max': 20.0, 'model.pretrained': True, 'phases.0.epochs': 100,
    'phases.0.batch': 32, 'phases.0.learning_rate': 1e-3, 'phases.0.optimizer.name': 'adam',
    'phases.0.optimizer.weight_decay': 1e-5, 'phases.0.schedule.name': 'cyclic',
    'phases.0.schedule.mode': 'triangular2', 'phases.0.schedule.peak': 5e-3,
    'phases.0.schedule.up': 1000, 'phases.0.schedule.down': 2000,
    'phases.0.loss': {'rmse': 1.0, 'ssim': 1.0}, 'phases.0.unit': 1.0, 'validation.every': 2,
    'phases.0.augmentation.squeeze': True, 'phases.0.augmentation.flip': 0.0,
}
FACTS = {'000': PAPER_000, '001': PAPER_001, '002': PAPER_002, '003': PAPER_003,
         '004': PAPER_004}
# What is smaller in a test than in the recipe, besides images.


@pytest.fixture(scope='module')
def drawn(tmp_path_factory) -> Path:
    """Return a folder of drawn stills, four of one scene and two of another."""
    folder = tmp_path_factory.mktemp('drawn')
    rows, columns = np.mgrid[:120, :160].astype(np.float32)
    for number in (0, 1, 2, 3, 10, 11):
        depth = 1.5 + columns / 80 + rows / 120 * (number % 4)
        rgb = np.stack([depth * 40, 255 - depth * 40, rows], axis=-1).clip(0, 255)
        for kind, image in (('rgb', rgb.astype(np.uint8)),
                            ('depth', (depth * 1000).astype(np.uint16))):
            path = folder / kind / f'{number:05d}.{"jpg" if kind == "rgb" else "png"}'
            path.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(path), image)
    return folder


@pytest.fixture(scope='module')
def nyu(tmp_path_factory, shared) -> Path:
    """Return a folder of six of NYU's labelled frames, four of one scene and two of another."""
    folder = tmp_path_factory.mktemp('nyu')
    for kind, suffix in (('rgb', 'jpg'), ('depth', 'png')):
        (folder / kind).mkdir()
        for name in NYU_FRAMES:
            frame = shared / 'data' / 'nyu_labeled_train' / kind / f'{name}.{suffix}'
            (folder / kind / frame.name).symlink_to(frame)
    return folder


def recipe_facts() -> list[Any]:
    """Return (model, facts of its paper) of every model."""
    return [pytest.param(name, FACTS[model_entry(name).paper], id=name)
            for name in PAPERS_MODELS]


def at(value: Any, path: str) -> Any:
    """Return what a dotted path leads to within dataclasses, lists and dictionaries."""
    for key in path.split('.'):
        if isinstance(value, list):
            value = value[int(key)]
        else:
            value = value[key] if isinstance(value, dict) else getattr(value, key)
    return value


def small(name: str, data: Path, output: Path, *changes: str) -> Any:
    """Return the recipe of *name* for small images, batches and disks."""
    return load_config(RECIPES / f'{name}.yaml', [
        f'data.path={data}', 'data.options.border=8', 'data.read_width=96', 'data.cache=true',
        'model.settings.input_height=64', 'model.settings.input_width=64',
        'model.pretrained=false', 'validation.frames=2', 'train.device=cpu', 'train.log_every=1',
        'train.pictures=1', 'train.half=true', f'train.output={output}', 'phases.0.batch=2',
        *(f'model.settings.{key}={json.dumps(value)}'
          for key, value in THIN[model_entry(name).paper].items()), *changes])


def history(output: Path) -> list[dict[str, float]]:
    """Return the rows that a run wrote."""
    with (output / 'history.csv').open(encoding='utf-8', newline='') as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def table_rows() -> list[tuple[str, list[str]]]:
    """Return (models, the cells after them) of each row of the table of recipes."""
    rows, models = [], ''
    for line in (RECIPES / 'README.md').read_text(encoding='utf-8').splitlines():
        first, *cells = [cell.strip() for cell in line.strip('|').split('|')]
        models = first or models
        if len(cells) == 10 and cells[1].isdigit():
            rows.append((models, cells))
    return rows


def check_that_it_learns(name: str, data: Path, output: Path, steps: int) -> None:
    """Take *steps* steps on the same few stills: the loss falls and the model can be scored."""
    summary = train(small(name, data, output, f'train.max_steps={steps}', 'phases.0.epochs=1',
                          f'phases.0.steps={steps}'))
    losses = [row['loss'] for row in history(output)]
    assert len(losses) == steps and all(map(math.isfinite, losses)) and not summary['skipped']
    assert mean(losses[-steps // 2:]) < mean(losses[:steps // 2])
    assert 0 < summary['metrics']['rmse'] < 10
    # The weights of fifteen models are a gigabyte.
    for path in output.glob('*.*'):
        path.unlink()


def test_every_model_has_a_recipe():
    assert set(PAPERS_MODELS) <= {path.stem for path in RECIPES.glob('*.yaml')}


@pytest.mark.parametrize('path', sorted(RECIPES.glob('*.yaml')), ids=lambda path: path.stem)
def test_a_recipe_makes_its_model_and_freezes_what_there_is(path):
    config = load_config(path)
    assert config.train.output == f'runs/{path.stem}'
    with torch.device('meta'):
        model = create_model(config.model.name, **config.model.settings)
    for phase in config.phases:
        model.freeze(phase.freeze, hold_batchnorm=phase.hold_batchnorm)
        assert any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(('name', 'facts'), recipe_facts())
def test_a_recipe_says_what_its_paper_says(name, facts):
    config = load_config(RECIPES / f'{name}.yaml')
    assert config.model.name == name
    assert {path: at(config, path) for path in facts} == facts


@pytest.mark.parametrize('name', PAPERS_MODELS)
def test_the_table_of_recipes_says_what_the_recipe_says(name):
    config = load_config(RECIPES / f'{name}.yaml')
    rows = [cells for models, cells in table_rows() if f'`{name}`' in models]
    assert len(rows) == len(config.phases)
    for number, (phase, cells) in enumerate(zip(config.phases, rows), 1):
        loss = ' + '.join(f'{weight:g} {term}' for term, weight in phase.loss.items())
        size = config.model.settings
        said = cells[:2] + cells[4:5] + cells[6:8]
        assert said == [f'{size["input_width"]}x{size["input_height"]}', str(number),
                        str(phase.batch), loss, f'{phase.unit:g} m']
        assert cells[2].split(',')[0] == phase.optimizer.name
        assert cells[3].split(',')[0] == f'{phase.learning_rate:g}'
        steps = f' x {phase.steps} steps' if phase.steps else ''
        assert cells[5].split(',')[0] == f'{phase.epochs}{steps}'
        assert ('flip' in cells[8]) == bool(phase.augmentation.flip)
        assert cells[9].split(',')[0] == phase.freeze


def test_both_models_of_paper_000_punish_flat_depth_in_both_phases():
    for name in ('residual_lstm', 'double_hourglass'):
        first, second = load_config(RECIPES / f'{name}.yaml').phases
        assert first.loss['std'] == second.loss['std'] > 0


def test_the_lstm_trains_on_clips_and_its_base_model_on_single_images():
    for name in PAPERS_MODELS:
        phases = load_config(RECIPES / f'{name}.yaml').phases
        assert {phase.sampling.length > 1 for phase in phases} == {name == 'residual_lstm'}


@pytest.mark.parametrize('name', PAPERS_MODELS)
def test_an_epoch_without_steps_goes_once_through_the_data(name):
    for phase in load_config(RECIPES / f'{name}.yaml').phases:
        assert not phase.sampling.balance and not phase.mix and phase.sampling.still_clips == 1
        assert bool(phase.steps) == (model_entry(name).paper == '000')


@pytest.mark.parametrize('name', ['mobilenetv2_fastdepth', 'resnet50_fastdepth'])
def test_paper_001_trains_the_decoder_and_then_part_of_the_encoder_too(name):
    config = load_config(RECIPES / f'{name}.yaml')
    with torch.device('meta'):
        model = create_model(name)
    trained = []
    for phase in config.phases:
        model.freeze(phase.freeze, hold_batchnorm=phase.hold_batchnorm)
        trained.append({key for key, value in model.named_parameters() if value.requires_grad})
    encoder = {key for key, _ in model.named_parameters() if key.startswith('encoder')}
    assert not trained[0] & encoder
    assert trained[0] < trained[1] and encoder & trained[1] and encoder - trained[1]


@pytest.mark.parametrize('name', ['residual_lstm', 'mobilenetv2_fastdepth', 'de_noskip'])
def test_twenty_steps_of_a_recipe_on_nyu_frames_lower_its_loss(name, nyu, tmp_path):
    check_that_it_learns(name, nyu, tmp_path / 'run', steps=20)


@pytest.mark.parametrize('name', PAPERS_MODELS)
def test_every_recipe_learns_drawn_stills(name, drawn, tmp_path):
    check_that_it_learns(name, drawn, tmp_path / 'run', steps=10)


def test_paper_001_goes_from_one_phase_to_the_next(drawn, tmp_path):
    train(small('mobilenetv2_fastdepth', drawn, tmp_path, *(
        f'phases.{number}.{change}' for number in (0, 1)
        for change in ('epochs=1', 'steps=2', 'batch=2'))))
    assert [(row['phase'], row['lr']) for row in history(tmp_path)] == [
        (1, 1e-3), (1, 1e-3), (2, 1e-5), (2, 1e-5)]


def test_paper_000_adds_the_perceptual_loss_in_its_second_phase(drawn, shared, tmp_path):
    weights = shared / 'weights' / 'vgg16_features_to_relu4_3_fp16.pth'
    train(small('residual_lstm', drawn, tmp_path, f'perceptual.weights={weights}', *(
        f'phases.{number}.{change}' for number in (0, 1)
        for change in ('epochs=1', 'steps=2', 'batch=1'))))
    first, second = history(tmp_path)[:2], history(tmp_path)[2:]
    assert all(math.isnan(row['loss_perceptual']) for row in first)
    for row in second:
        total = row['loss_mse'] + 0.5 * row['loss_perceptual'] + 0.1 * row['loss_std']
        assert row['loss'] == pytest.approx(total, rel=1e-4) and row['loss_perceptual'] > 0
