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
"""Comparisons: who takes part, which differences are real, and what is written."""

from __future__ import annotations

import csv
import io
import json
import math
from xml.etree import ElementTree

from _recordings import camera_frames, tiny_checkpoint, write_bag
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.cli import main
from lstm_depth.errors import CheckpointError, ConfigError, DataError
from lstm_depth.evaluation.compare import (
    compare,
    Comparison,
    Contender,
    Difference,
    Entry,
    paired_differences,
    parse_contenders,
    temporal_differences,
)
from lstm_depth.evaluation.comparison_files import (
    ACCURACY,
    legend,
    markdown,
    PUBLISHED,
    table_rows,
    TEMPORAL,
)
from lstm_depth.evaluation.evaluate import evaluate, EvaluateConfig
from lstm_depth.evaluation.evaluation_data import open_evaluation_data
from lstm_depth.evaluation.report.comparison_chart import accuracy_speed_chart
from lstm_depth.evaluation.results import Evaluation, FrameResult, HEADLINE, Interval
from lstm_depth.models import create_model
from lstm_depth.runtime.loading import load_model
from lstm_depth.scoring.temporal import PAIR_MEASURES
import numpy as np
import pytest


def evaluation(errors, *, rate_hz=0.0, scene='room', names=None):
    """Return an evaluation whose frames have *errors* as every measure."""
    frames = [FrameResult(names[index] if names else str(index), scene,
                          dict.fromkeys(HEADLINE, float(error)), {},
                          stamp_s=index / rate_hz if rate_hz else 0.0, latency_s=0.01)
              for index, error in enumerate(errors)]
    return Evaluation('title', 'data', 'model', 'checkpoint', None, {}, frames, {}, {}, {})


def noise(count, seed=0):
    return np.random.default_rng(seed).standard_normal(count)


def entry(label, *, mode='stateful', checkpoint='a', temporal=None, differences=None, ms=10.0,
          error=0.2):
    metrics = {name: Interval(error, error - 0.01, error + 0.02) for name in HEADLINE}
    return Entry(Contender(checkpoint, mode, label), 'residual_lstm', 3_290_729, ms, metrics,
                 temporal or {}, differences or {})


def comparison(*entries, truth=None, clusters=100):
    return Comparison('NYU protocol on data', list(entries), truth or {}, clusters, 'image',
                      {'alignment': 'none'}, ['a note'], 'lstm_depth compare data', {'numpy': '2'},
                      10)


def test_every_checkpoint_runs_in_every_mode_unless_it_names_its_own():
    found = parse_contenders(['runs/a.safetensors', 'shipped@window'], ['stateful', 'single'])
    assert [(each.checkpoint, each.mode, each.label) for each in found] == [
        ('runs/a.safetensors', 'stateful', 'a stateful'),
        ('runs/a.safetensors', 'single', 'a single'),
        ('shipped', 'window', 'shipped window')]
    assert [each.source for each in found] == ['runs/a.safetensors'] * 2 + [None]


def test_labels_are_short_unless_that_confuses():
    label = [each.label for each in parse_contenders(
        ['x/best.safetensors', 'y/best.safetensors', 'z/last.safetensors'], ['stateful'])]
    assert label == ['x/best.safetensors', 'y/best.safetensors', 'last']


def test_backend_and_precision_are_named_as_the_mode_is():
    found = parse_contenders(
        ['shipped@torch', 'shipped@openvino+int8', 'shipped@window+bfloat16'], ['stateful'])
    assert [(each.mode, each.backend, each.precision, each.label) for each in found] == [
        ('stateful', 'torch', 'float32', 'shipped stateful torch'),
        ('stateful', 'openvino', 'int8', 'shipped stateful openvino int8'),
        ('window', 'auto', 'bfloat16', 'shipped window bfloat16')]


def test_at_sign_of_a_path_is_no_mode():
    found, = parse_contenders(['runs@home/a.safetensors'], ['window'])
    assert (found.checkpoint, found.mode) == ('runs@home/a.safetensors', 'window')


@pytest.mark.parametrize(('names', 'modes', 'match'), [
    (['a'], ['fast'], 'mode must be one of'), (['a', 'a'], ['stateful'], 'named? it once|once'),
    (['a', 'a@window'], ['window'], 'a@window')])
def test_unknown_modes_and_repetitions_are_refused(names, modes, match):
    with pytest.raises(ConfigError, match=match):
        parse_contenders(names, modes)


def test_small_difference_on_every_image_is_real_though_images_differ_widely():
    errors = 0.2 + 0.05 * noise(60)
    first, other = evaluation(errors), evaluation(errors + 0.005 + 0.002 * noise(60, seed=1))
    found = paired_differences(first, other, video=False)
    assert found['abs_rel'].mean == pytest.approx(0.005, abs=0.001)
    assert 0 < found['abs_rel'].low < found['abs_rel'].mean < found['abs_rel'].high
    assert found['abs_rel'].verdict == 'worse' and found['d1'].verdict == 'better'
    back = paired_differences(other, first, video=False)
    assert back['abs_rel'].verdict == 'better' and back['d1'].verdict == 'worse'
    assert back['abs_rel'].mean == pytest.approx(-found['abs_rel'].mean)


def test_differences_that_go_either_way_are_not_real():
    first, other = evaluation(0.2 + 0.05 * noise(60)), evaluation(0.2 + 0.05 * noise(60, seed=3))
    found = paired_differences(first, other, video=False)
    assert found['rmse'].low < 0 < found['rmse'].high and found['rmse'].verdict == ''
    same = paired_differences(first, first, video=False)
    assert same['d1'] == Difference(0.0, 0.0, 0.0, '')


def test_interval_has_the_width_that_statistics_gives_it():
    difference = noise(400)
    found = paired_differences(evaluation(np.zeros(400)), evaluation(difference), video=False)
    half = 1.96 * difference.std() / math.sqrt(400)
    assert found['rmse'].high - found['rmse'].low == pytest.approx(2 * half, rel=0.1)


def test_images_are_paired_by_name_and_only_common_ones_count():
    first = evaluation([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], names=list('abcdef'))
    other = evaluation([0.6, 0.5, 0.4, 0.3, 0.2, 9.0], names=list('fedcbx'))
    assert paired_differences(first, other, video=False)['rmse'].mean == pytest.approx(0)
    with pytest.raises(DataError, match='no scored image in common'):
        paired_differences(first, evaluation([1.0], names=['x']), video=False)


def test_frames_of_one_second_are_one_piece_of_evidence():
    seconds = 0.1 + noise(12)
    once = paired_differences(evaluation(np.zeros(12)), evaluation(seconds), video=False)
    many = paired_differences(evaluation(np.zeros(360), rate_hz=30.0),
                              evaluation(np.repeat(seconds, 30), rate_hz=30.0), video=True)
    assert (many['rmse'].low, many['rmse'].high) == pytest.approx(
        (once['rmse'].low, once['rmse'].high))
    naive = paired_differences(evaluation(np.zeros(360)), evaluation(np.repeat(seconds, 30)),
                               video=False)
    assert naive['rmse'].high - naive['rmse'].low < 0.3 * (once['rmse'].high - once['rmse'].low)


def test_a_few_seconds_of_video_tell_nothing():
    first, other = (evaluation(np.full(100, value), rate_hz=30.0) for value in (0.1, 0.2))
    found = paired_differences(first, other, video=True)['rmse']
    assert found.mean == pytest.approx(0.1)
    assert math.isnan(found.low) and math.isnan(found.high) and found.verdict == ''


def video(values, truth=None):
    """Return an evaluation of 12 s of video whose every pair measure has *values*."""
    found = evaluation(np.zeros(len(values)), rate_hz=10.0)
    found.series.update(
        sequence=[0.0] * len(values), stamp_s=list(np.arange(len(values)) / 10),
        **{name: [math.nan, *values[1:]] for name in PAIR_MEASURES})
    if truth is not None:
        found.series.update({name: [math.nan, *[truth] * (len(values) - 1)]
                             for name in PAIR_MEASURES if name.endswith('_truth')})
    return found


def test_steadier_video_is_really_better_where_it_is_nearer_to_the_truth():
    first, other = (video(level + 0.01 * noise(120, seed=level), truth=0.0) for level in (2, 1))
    found = temporal_differences(first, other)
    assert {name: each.verdict for name, each in found.items()} == dict.fromkeys(
        ('tgm', 'opw', 'rtc_1.01', 'rtc_1.25', 'tae'), 'better')
    assert found['opw'].mean == pytest.approx(-1, abs=0.01)
    assert found['opw'].low < -1 < found['opw'].high < 0
    # Where the truth itself changes by 3, depth that changes less is worse.
    first, other = (video(level + 0.01 * noise(120, seed=level), truth=3.0) for level in (2, 1))
    found = temporal_differences(first, other)
    assert found['opw'].verdict == found['rtc_1.01'].verdict == 'worse'
    assert found['tgm'].verdict == 'better'


def test_pairs_of_frames_that_one_lacks_do_not_count():
    first, other = video(np.ones(120), truth=0.0), video(np.full(120, 3.0), truth=0.0)
    other.series['tae'] = [math.nan] * 120
    other.series['tgm'][50] = other.series['opw'][60] = math.nan
    found = temporal_differences(first, other)
    assert 'tae' not in found and found['tgm'].mean == found['opw'].mean == 2
    other.series['stamp_s'] = [-1.0] * 120
    assert temporal_differences(first, other) == {}
    assert temporal_differences(evaluation([1.0]), evaluation([2.0])) == {}


def test_measure_that_an_image_lacks_gets_no_difference():
    first = evaluation(noise(8))
    first.frames[3].metrics['r2'] = math.nan
    assert set(HEADLINE) - set(paired_differences(first, evaluation(noise(8)), video=False)) == \
        {'r2'}


@given(st.lists(st.floats(-1, 1), min_size=6, max_size=20), st.floats(0.01, 5))
@settings(max_examples=25, deadline=None)
def test_differences_under_shift_of_both_and_reversed_roles(errors, shift):
    first, other = np.zeros(len(errors)), np.array(errors)
    found = paired_differences(evaluation(first), evaluation(other), video=False)['rmse']
    assert found.low <= found.mean + 1e-9 and found.mean <= found.high + 1e-9
    shifted = paired_differences(evaluation(first + shift), evaluation(other + shift),
                                 video=False)['rmse']
    assert (shifted.low, shifted.high) == pytest.approx((found.low, found.high), abs=1e-6)
    back = paired_differences(evaluation(other), evaluation(first), video=False)['rmse']
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_table_marks_real_differences_and_shows_the_floor_and_the_published():
    marked = {'d1': Difference(0.1, 0.05, 0.15, 'better'),
              'abs_rel': Difference(0.1, 0.05, 0.15, 'worse'),
              'rmse': Difference(0.1, -0.05, 0.15, '')}
    found = comparison(entry('a', temporal={'opw': 0.5}),
                       entry('b', temporal={'opw': 0.7}, differences=marked), truth={'opw': 0.3})
    rows = table_rows(found, (*ACCURACY, *TEMPORAL), published=True)
    heading, first, second, truth, *published = rows
    assert heading[:4] == ['', 'd1', 'abs_rel', 'rmse'] and heading[-1] == 'opw'
    assert first == ['a', *['0.2000'] * 7, '3.29 M', '10.0',
                     '0.5000']
    assert second[1:4] == ['0.2000 (+)', '0.2000 (-)', '0.2000']
    assert truth == ['ground truth', *['-'] * 9, '0.3000']
    assert len(published) == len(PUBLISHED)
    assert published[0][:4] == ['Metric3D v2 ViT-L, fine-tuned (published)', '0.989', '0.047',
                                '0.183']


def test_table_has_no_columns_in_which_nothing_stands():
    found = comparison(entry('a'))
    assert table_rows(found, TEMPORAL) == [[''], ['a']]
    assert table_rows(found, ACCURACY)[0][1:] == [column.title for column in ACCURACY]


def test_legend_says_what_cannot_be_told():
    assert any('leaves out 0' in line for line in legend(comparison(entry('a'), entry('b'))))
    few = legend(comparison(entry('a'), entry('b'), clusters=2))
    assert any('cannot be told from 2' in line for line in few)
    alone = legend(comparison(entry('a')))
    assert not any('real' in line for line in alone)


def test_markdown_is_one_table_that_bars_in_names_do_not_break():
    text = markdown(comparison(entry('a|b'), entry('c')))
    lines = [line for line in text.splitlines() if line.startswith('|')]
    assert len(lines) == 4
    assert {line.replace('\\|', '').count('|') for line in lines} == {len(ACCURACY) + 2}
    assert '- alignment: none' in text and '- a note' in text


def test_chart_places_entries_by_speed_and_error():
    found = comparison(entry('a & <b>', ms=20.0, error=0.1),
                       entry('b', checkpoint='b', mode='single', ms=180.0, error=0.3))
    drawing = ElementTree.fromstring(accuracy_speed_chart(found))
    text = {element.text for element in drawing.iter() if element.text}
    assert {'a & <b>', 'b', 'abs_rel, lower is better'} <= text
    assert 'a & <b>: 0.1000 at 20.0 ms; b: 0.3000 at 180.0 ms' in text
    places = [next((float(each.get('x')), float(each.get('y'))) for each in drawing.iter()
                   if each.tag.endswith('use') and color in each.get('style', ''))
              for color in ('#0072b2', '#d55e00')]
    (column_a, row_a), (column_b, row_b) = places
    assert column_a < column_b - 200 and row_a > row_b + 80


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Give a bag and two checkpoints that predict differently."""
    folder = tmp_path_factory.mktemp('compare')
    write_bag(folder / 'bag', camera_frames(4))
    tiny_checkpoint(folder / 'near.safetensors')
    far = create_model('double_hourglass', input_height=32, input_width=32, initial_depth=6.0)
    save_checkpoint(folder / 'far.safetensors', far)
    return folder


def test_command_writes_the_same_numbers_in_every_form(folder, capsys):
    output = folder / 'out'
    assert main(['compare', str(folder / 'bag'), '--checkpoints',
                 str(folder / 'near.safetensors'), f'{folder / "far.safetensors"}@single',
                 '--mode', 'stateful', 'window', '--published', '--device', 'cpu',
                 '--output', str(output), '--json', str(folder / 'all.json')]) == 0
    printed = capsys.readouterr().out
    assert 'Eigen 2014 (published)' in printed and 'frozen_std' in printed
    written = json.loads((output / 'comparison.json').read_text())
    assert written == json.loads((folder / 'all.json').read_text())
    labels = [each['contender']['label'] for each in written['entries']]
    assert labels == ['near stateful', 'near window', 'far single']
    lines = list(csv.DictReader(io.StringIO((output / 'comparison.csv').read_text())))
    assert [line['source'] for line in lines] == [
        *['measured'] * 3, 'ground truth', *['published'] * len(PUBLISHED)]
    text = (output / 'comparison.md').read_text()
    for each, line in zip(written['entries'], lines):
        value = each['metrics']['abs_rel']['mean']
        assert float(line['abs_rel']) == pytest.approx(value, rel=1e-6)
        assert line['parameters'] == str(each['parameters'])
        assert f'{value:.4f}' in text and f'{value:.4f}' in printed
        assert each['ms_per_frame'] > 0
    # A single-image model forgets; the prediction for a frozen frame is always the same.
    assert written['entries'][2]['temporal']['frozen_std'] == 0
    assert ElementTree.parse(output / 'comparison.svg').getroot().get('role') == 'img'
    assert '](comparison.svg)' in text


def test_modes_of_one_checkpoint_predict_differently_but_weigh_the_same(folder):
    data = open_evaluation_data(str(folder / 'bag'))
    contenders = parse_contenders([str(folder / 'near.safetensors')], ['stateful', 'single'])
    found = compare(contenders, data, EvaluateConfig(device='cpu'))
    stateful, single = found.entries
    assert stateful.parameters == single.parameters
    assert stateful.metrics['rmse'].mean != single.metrics['rmse'].mean
    expected = single.metrics['rmse'].mean - stateful.metrics['rmse'].mean
    assert single.differences['rmse'].mean == pytest.approx(expected)
    # Less than a second of video.
    assert found.clusters <= 2 and not found.can_tell
    assert 'opw' in found.truth and 'opw' in stateful.temporal


@pytest.mark.parametrize('mode', ['window', 'single'])
def test_mode_of_the_command_is_the_mode_of_every_checkpoint(folder, mode):
    assert main(['compare', str(folder / 'bag'), '--mode', mode, '--device', 'cpu',
                 '--no-temporal', '--checkpoints', str(folder / 'near.safetensors'),
                 '--json', str(folder / 'mode.json')]) == 0
    only, = json.loads((folder / 'mode.json').read_text())['entries']
    data = open_evaluation_data(str(folder / 'bag'))
    expected = evaluate(load_model(folder / 'near.safetensors', device='cpu'), data,
                        EvaluateConfig(mode=mode, device='cpu', temporal=False))
    assert only['contender']['mode'] == mode
    assert only['metrics']['rmse']['mean'] == expected.metrics['rmse'].mean


def test_notes_say_whom_they_are_about(folder):
    short = create_model('double_hourglass', input_height=32, input_width=32, depth_max=3.0)
    save_checkpoint(folder / 'short.safetensors', short)
    contenders = parse_contenders(
        [str(folder / f'{name}.safetensors') for name in ('far', 'short')], ['single'])
    found = compare(contenders, open_evaluation_data(str(folder / 'bag')),
                    EvaluateConfig(device='cpu', temporal=False))
    assert sum(note.startswith('short: ') for note in found.notes) == 1
    assert not any(note.startswith('far: ') for note in found.notes)
    assert found.entries[0].temporal == {}


def test_missing_checkpoint_is_noticed_before_anything_runs(folder, monkeypatch):
    monkeypatch.setattr('lstm_depth.evaluation.compare.evaluate', None)
    data = open_evaluation_data(str(folder / 'bag'))
    contenders = parse_contenders([str(folder / 'near.safetensors')], ['stateful', 'single'])
    with pytest.raises(ConfigError, match='nothing to warm up'):
        compare(contenders, data, EvaluateConfig(warmup=2))
    contenders = parse_contenders(
        [str(folder / f'{name}.safetensors') for name in ('near', 'gone')], ['stateful'])
    with pytest.raises(CheckpointError, match='gone'):
        compare(contenders, data)
    with pytest.raises(ConfigError, match='nothing to compare'):
        compare([], data)


def test_steadiness_of_a_standing_camera_in_a_rendered_room_after_a_warm_up(folder, capsys):
    arguments = ['compare', 'rooms:1,seed=8,frames=9,size=48x36,still_from=0', '--device', 'cpu',
                 '--checkpoints', str(folder / 'near.safetensors'),
                 '--json', str(folder / 'still.json')]
    found = {}
    for warmup in (1, 6):
        assert main([*arguments, '--static-warmup', str(warmup)]) == 0
        assert f'after {warmup} frames of a camera that stands' in capsys.readouterr().out
        entries = json.loads((folder / 'still.json').read_text())['entries']
        found[warmup] = [each['temporal']['static_std'] for each in entries]
    assert 0 < found[6][0] < found[1][0]


def test_second_half_of_a_bag_can_be_compared(folder):
    assert main(['compare', str(folder / 'bag'), '--held-out', '--device', 'cpu', '--no-temporal',
                 '--checkpoints', str(folder / 'near.safetensors'),
                 '--json', str(folder / 'half.json')]) == 0
    assert json.loads((folder / 'half.json').read_text())['settings']['frames'] == \
        'held out of all (the second half of one recording)'
