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
"""A run from the first step to its summary: what is written, what it notices, what stops it."""

from __future__ import annotations

from functools import partial
import inspect
import json
from pathlib import Path

from _training import draw_stills, history, tiny, write_recipe, written_recipe
import cv2
import lstm_depth
from lstm_depth.checkpoint import load_network, read_header, save_checkpoint
from lstm_depth.cli import main
from lstm_depth.errors import ConfigError, DataError, TrainingError
from lstm_depth.models import create_model
from lstm_depth.training import trainer
from lstm_depth.training.collapse import FLAT
from lstm_depth.training.parse import load_config
from lstm_depth.training.step import Stepper
from lstm_depth.training.trainer import train
import pytest
from safetensors.torch import load_file
import torch

FLAT_MODEL = {'input_height': 32, 'input_width': 32, 'filters': 8, 'hourglasses': 1,
              'hourglass_depth': 1, 'hourglass_blocks': 1, 'dropout': 0.0, 'temporal': 'none'}
BACKBONE = {'name': 'residual_lstm',
            'settings': FLAT_MODEL | {'encoder': 'tf_efficientnet_lite0', 'norm': True}}


@pytest.fixture(scope='module')
def stills(tmp_path_factory):
    return draw_stills(tmp_path_factory.mktemp('stills'))


@pytest.fixture(scope='module')
def run(stills, tmp_path_factory):
    """Return the output and the summary of a run of two phases."""
    output = tmp_path_factory.mktemp('run') / 'run'
    return output, train(tiny(stills, output))


def state_of(path):
    return load_file(path / 'model.safetensors')


def same(one, other):
    return all(torch.equal(weight, other[name]) for name, weight in one.items())


def spoil(monkeypatch, *steps):
    """Make the loss of these steps, counted from 1, NaN."""
    whole_forward, count = Stepper._forward, 0

    def forward(self, batch):
        nonlocal count
        count += 1
        loss, terms, spread = whole_forward(self, batch)
        return (loss * float('nan') if count in steps else loss), terms, spread

    monkeypatch.setattr(Stepper, '_forward', forward)


def test_everything_a_run_promises_is_written(run):
    output, summary = run
    names = {path.name for path in output.iterdir()}
    assert names == {'config.yaml', 'history.csv', 'validation.csv', 'tensorboard', 'last.pt',
                     'phase_1.safetensors', 'best.safetensors', 'model.safetensors',
                     'curves.png', 'strip.png', 'summary.json'}
    assert list((output / 'tensorboard').glob('events.*'))
    for name, width in (('curves', 1000), ('strip', 200)):
        picture = cv2.imread(str(output / f'{name}.png'))
        assert picture.shape[1] > width and picture.std() > 5
    assert json.loads((output / 'summary.json').read_text())['steps'] == summary['steps'] == 8
    rows = history(output, 'validation')
    assert [row['step'] for row in rows] == [2, 4, 6, 8]
    assert rows[-1]['rmse'] == pytest.approx(summary['metrics']['rmse'], rel=1e-4)
    assert summary['best'] == pytest.approx(min(row['abs_rel'] for row in rows), rel=1e-4)


def test_the_checkpoint_says_how_it_was_trained(run):
    output, summary = run
    header = read_header(output / 'model.safetensors')
    assert header['training']['steps'] == 8
    assert header['training']['recipe'] == written_recipe(output)
    assert header['training']['data'] == '9 frames of 3 stills; 3 frames of 1 sequences held out'
    assert header['metrics']['held_out'] == summary['metrics']
    depth, _ = load_network(output / 'model.safetensors')(torch.rand(1, 3, 32, 32))
    assert depth.shape == (1, 1, 32, 32)


def test_the_same_seed_makes_the_same_weights_and_another_others(run, stills, tmp_path):
    train(tiny(stills, tmp_path / 'again'))
    assert same(state_of(run[0]), state_of(tmp_path / 'again'))
    train(tiny(stills, tmp_path / 'other', train={'seed': 1}))
    assert not same(state_of(run[0]), state_of(tmp_path / 'other'))


def test_worker_processes_make_no_difference(stills, tmp_path):
    for workers in (0, 1):
        train(tiny(stills, tmp_path / str(workers), train={'workers': workers, 'max_steps': 2}))
    assert same(state_of(tmp_path / '0'), state_of(tmp_path / '1'))


def test_a_learning_rate_acts_five_hops_from_its_file(stills, tmp_path, monkeypatch):
    hops, adam = [], torch.optim.Adam

    def recorded(groups, **kwargs):
        assert {group['lr'] for group in groups} == {0.5}
        hops.append([frame.function for frame in inspect.stack()
                     if Path(lstm_depth.__file__).parent in Path(frame.filename).parents])
        return adam(groups, **kwargs)

    monkeypatch.setattr(torch.optim, 'Adam', recorded)
    recipe = write_recipe(tmp_path / 'recipe.yaml', stills, tmp_path / 'run')
    train(load_config(recipe, ['train.max_steps=1', 'phases.0.learning_rate=0.5']))
    # The fifth is load_config, which has returned the recipe.
    assert hops == [['make_optimizer', '_run_phase', 'run', 'train']]


def test_a_phase_has_its_own_loss_and_rate(run):
    rows = history(run[0])
    assert [row['phase'] for row in rows] == [1] * 4 + [2] * 4
    for row in rows[:4]:
        assert row['loss'] == pytest.approx(row['loss_mse'] + 0.1 * row['loss_std'], rel=1e-4)
        assert row['loss_l1'] != row['loss_l1']
    for row in rows[4:]:
        assert row['loss'] == row['loss_l1'] and row['loss_mse'] != row['loss_mse']
    # Each phase walks its schedule anew.
    assert rows[0]['lr'] == rows[4]['lr'] > rows[3]['lr'] == rows[7]['lr']


def test_a_phase_freezes_what_it_says_and_the_next_lets_go(stills, tmp_path, monkeypatch):
    output, states = tmp_path / 'run', []

    def remember(path, model, **_):
        states.append((path.stem, {name: value.clone()
                                   for name, value in model.state_dict().items()}))

    monkeypatch.setattr(trainer, 'save_checkpoint', remember)
    short = {'epochs': 1, 'steps': 2, 'ema': 0.0, 'schedule': {'name': 'constant'},
             'sampling': {'length': 1}}
    train(tiny(stills, output, model=BACKBONE, validation={'frames': 1},
               phases=[short | {'freeze': 'all'}, short]))
    torch.manual_seed(0)
    start = create_model(BACKBONE['name'], **BACKBONE['settings']).state_dict()
    first, last = (dict(states)[name] for name in ('phase_1', 'model'))
    inside = [name for name in start if name.startswith('encoder.backbone')]
    outside = [name for name in start if name.startswith('decoder')]
    assert same({name: start[name] for name in inside}, first)
    assert not any(torch.equal(start[name], first[name]) for name in outside
                   if name.endswith('weight'))
    assert not same({name: first[name] for name in inside if name.endswith('weight')}, last)
    # Statistics of a frozen encoder hold; those of one that trains move.
    moved = [name for name in inside if name.endswith('running_mean')]
    assert moved and not same({name: first[name] for name in moved}, last)


@pytest.mark.parametrize('held', [False, True])
def test_held_statistics_hold_through_validation(held, stills, tmp_path):
    torch.manual_seed(0)
    start = create_model('residual_lstm', **FLAT_MODEL | {'norm': True}).state_dict()
    train(tiny(stills, tmp_path / 'run', model={'settings': FLAT_MODEL | {'norm': True}},
               phases=[{'hold_statistics': held, 'epochs': 3, 'ema': 0.0}]))
    assert len(history(tmp_path / 'run', 'validation')) == 3
    statistics = [name for name in start if name.endswith(('running_mean', 'running_var'))]
    end = state_of(tmp_path / 'run')
    assert statistics and same({name: start[name] for name in statistics}, end) == held
    assert not same({name: value for name, value in start.items() if name.endswith('weight')},
                    end)


def test_only_a_backbone_has_paths_to_drop(stills, tmp_path):
    with pytest.raises(ConfigError, match='no pretrained backbone; set drop_path to 0'):
        train(tiny(stills, tmp_path / 'run', phases=[{'drop_path': 0.2}]))
    with pytest.raises(ConfigError, match=r'drop_path must be in \[0, 1\)'):
        tiny(stills, tmp_path / 'run', phases=[{'drop_path': 1.0}])


def test_a_backbone_trains_with_dropped_paths_which_make_a_difference(stills, tmp_path):
    phase = {'epochs': 1, 'steps': 2, 'sampling': {'length': 1}}
    for rate in (0.0, 0.8):
        train(tiny(stills, tmp_path / str(rate), model=BACKBONE, train={'half': True},
                   validation={'frames': 1}, phases=[phase | {'drop_path': rate}]))
    one, other = ([row['loss'] for row in history(tmp_path / str(rate))] for rate in (0.0, 0.8))
    assert one != other


def test_a_phase_stops_early_when_nothing_gets_better(stills, tmp_path):
    summary = train(tiny(stills, tmp_path / 'run', phases=[
        {'epochs': 50, 'patience': 2, 'learning_rate': 0.0, 'name': 'idle'}, {}]))
    assert [row['step'] for row in history(tmp_path / 'run', 'validation')] == [2, 4, 6, 8, 10]
    assert summary['steps'] == 10
    assert 'idle stopped after epoch 3: 2 validations without a better abs_rel' in (
        summary['notes'])


def test_the_best_checkpoint_is_that_of_the_best_validation(stills, tmp_path):
    # A rate that only does harm after the first epoch.
    train(tiny(stills, tmp_path / 'run', validation={'metric': 'd1'}, phases=[
        {'epochs': 1, 'ema': 0.0, 'learning_rate': 0.0},
        {'epochs': 1, 'ema': 0.0, 'learning_rate': 50.0, 'optimizer': {'name': 'sgd'},
         'schedule': {'name': 'constant'}}]))
    rows = history(tmp_path / 'run', 'validation')
    assert rows[0]['d1'] > rows[1]['d1']
    assert read_header(tmp_path / 'run' / 'best.safetensors')['training']['steps'] == 2


def test_the_averaged_weights_are_what_is_validated_and_saved(stills, tmp_path):
    output = tmp_path / 'run'
    train(tiny(stills, output, train={'max_steps': 3}, phases=[{'epochs': 2}]))
    saved = torch.load(output / 'last.pt', weights_only=True)['shared']
    written = state_of(output)
    assert same(written, saved['average']) and not same(written, saved['model'])


def test_a_phase_starts_from_the_averaged_weights(stills, tmp_path):
    output = tmp_path / 'run'
    train(tiny(stills, output, phases=[{'epochs': 2}, {
        'epochs': 1, 'ema': 0.0, 'learning_rate': 0.0, 'hold_statistics': True}]))
    assert same(state_of(output), load_file(output / 'phase_1.safetensors'))


def test_accumulation_sees_as_many_clips_as_a_larger_batch(stills, tmp_path):
    plain = FLAT_MODEL | {'filters': 2}
    for name, phase in (('large', {'batch': 4}), ('small', {'batch': 2, 'accumulate': 2})):
        train(tiny(stills, tmp_path / name, model={'settings': plain},
                   phases=[phase | {'ema': 0.0}]))
    large, small = history(tmp_path / 'large'), history(tmp_path / 'small')
    assert len(large) == len(small) == 4
    for one, other in zip(large, small):
        assert one['loss'] == pytest.approx(other['loss'], rel=1e-4)


def test_steps_without_a_number_are_skipped_and_counted(stills, tmp_path, monkeypatch, capsys):
    spoil(monkeypatch, 2, 3, 5)
    summary = train(tiny(stills, tmp_path / 'run'))
    assert summary['skipped'] == 3 and summary['steps'] == 8
    assert [row['skipped'] for row in history(tmp_path / 'run')] == [0, 1, 2, 2, 3, 3, 3, 3]
    assert 'step 3: the loss is not finite; skipped. Clips of: ' in capsys.readouterr().out
    for weight in state_of(tmp_path / 'run').values():
        assert torch.isfinite(weight).all()


def test_three_in_a_row_stop_the_run_and_name_the_files(stills, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        spoil(patch, 4, 5, 6)
        with pytest.raises(TrainingError) as error:
            train(tiny(stills, tmp_path / 'run'))
    assert 'not finite 3 times in a row, last at step 6' in str(error.value)
    assert '.png' in str(error.value) and '--resume' in str(error.value)
    # What was saved last is sound.
    assert train(tiny(stills, tmp_path / 'run'), resume=True)['steps'] == 8


def test_out_of_memory_says_what_to_lower(stills, tmp_path, monkeypatch):
    def forward(self, batch):
        raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')

    monkeypatch.setattr(Stepper, '_forward', forward)
    with pytest.raises(TrainingError) as error:
        train(tiny(stills, tmp_path / 'run'))
    for words in ('no memory for 2 clips of 2 frames at 32x32', 'phases.0.batch', 'accumulate',
                  'phases.0.sampling.length', 'train.precision=bf16-mixed (now 32-true)'):
        assert words in str(error.value)


def test_other_runtime_errors_are_not_taken_for_it(stills, tmp_path, monkeypatch):
    def forward(self, batch):
        raise RuntimeError('sizes do not match')

    monkeypatch.setattr(Stepper, '_forward', forward)
    with pytest.raises(RuntimeError, match='sizes do not match'):
        train(tiny(stills, tmp_path / 'run'))


@pytest.fixture(scope='module')
def from_flat(tmp_path_factory):
    """Return a function that trains a model whose output is flat, with a given loss."""
    folder = tmp_path_factory.mktemp('flat')
    stills = draw_stills(folder / 'stills', relief=0.3)
    torch.manual_seed(2)
    model = create_model('residual_lstm', **FLAT_MODEL)
    with torch.no_grad():
        model.decoder.head.conv.weight.mul_(1e-3)
    save_checkpoint(folder / 'flat.safetensors', model, training={}, metrics={})

    def run(name, loss):
        summary = train(tiny(
            stills, folder / name, validation={'frames': 1},
            model={'settings': FLAT_MODEL, 'checkpoint': str(folder / 'flat.safetensors')},
            phases=[{'epochs': 1, 'steps': 60, 'ema': 0.0, 'loss': loss,
                     'optimizer': {'name': 'sgd'}, 'schedule': {'name': 'constant'},
                     'learning_rate': 0.003, 'sampling': {'length': 1}}]))
        return [row['spread'] for row in history(folder / name)], summary['notes']

    return run


def test_a_flat_start_stays_flat_without_the_std_penalty_and_this_is_said(from_flat):
    spread, notes = from_flat('without', {'mse': 1.0})
    assert max(spread) < FLAT
    assert len(notes) == 1 and notes[0].startswith('first: the predictions are flat')


def test_the_std_penalty_rescues_a_flat_start(from_flat):
    spread, notes = from_flat('with', {'mse': 1.0, 'std': 1.0})
    assert spread[0] < FLAT and min(spread[-10:]) > 5 * FLAT and not notes


def test_data_that_goes_bad_is_left_out_and_told(tmp_path):
    stills = draw_stills(tmp_path / 'stills')
    (stills / 'rgb' / '00001.png').write_bytes(b'no picture')
    summary = train(tiny(stills, tmp_path / 'run'))
    assert summary['steps'] == 8 and summary['damaged'] > 0
    assert any('00001.png' in note for note in summary['notes'])
    for path in (stills / 'rgb').iterdir():
        path.write_bytes(b'no picture')
    with pytest.raises(DataError, match='no clip of 3 steps in a row could be read'):
        train(tiny(stills, tmp_path / 'none'))


def test_the_command_prints_a_summary_and_writes_it(stills, tmp_path, capsys):
    recipe = write_recipe(tmp_path / 'recipe.yaml', stills, tmp_path / 'run')
    assert main(['train', '--config', str(recipe), 'train.max_steps=2', '--json',
                 str(tmp_path / 'summary.json')]) == 0
    said = capsys.readouterr().out
    for words in ('residual_lstm', 'abs_rel', 'best abs_rel', 'curves.png'):
        assert words in said
    assert json.loads((tmp_path / 'summary.json').read_text())['steps'] == 2


def test_it_trains_from_a_checkpoint_with_fresh_layers_where_it_has_none(run, stills, tmp_path):
    start = run[0] / 'model.safetensors'
    train(tiny(stills, tmp_path / 'run', phases=[{'learning_rate': 0.0, 'epochs': 1, 'ema': 0.0}],
               model={'settings': {'temporal': 'pixel_lstm', 'hourglasses': 2},
                      'checkpoint': str(start)}))
    old, new = load_file(start), state_of(tmp_path / 'run')
    kept = [name for name in old if new[name].shape == old[name].shape]
    assert 0 < len(kept) < len(old) < len(new)
    assert same({name: old[name] for name in kept}, new)
    with pytest.raises(ConfigError, match='holds a residual_lstm, the recipe trains a double'):
        train(tiny(stills, tmp_path / 'other', model={'name': 'double_hourglass', 'settings': {},
                                                      'checkpoint': str(start)}))


def test_compiled_it_makes_the_same_steps(stills, tmp_path, monkeypatch):
    # Traced as any compiled model is, without the minute that machine code takes.
    monkeypatch.setattr(torch, 'compile', partial(torch.compile, backend='eager'))
    for name, compiled in (('plain', False), ('compiled', True)):
        train(tiny(stills, tmp_path / name, model={'settings': FLAT_MODEL | {'filters': 2}},
                   train={'compile': compiled, 'max_steps': 2}))
    for one, other in zip(history(tmp_path / 'plain'), history(tmp_path / 'compiled')):
        assert one['loss'] == pytest.approx(other['loss'], rel=1e-5)
    assert state_of(tmp_path / 'plain').keys() == state_of(tmp_path / 'compiled').keys()
