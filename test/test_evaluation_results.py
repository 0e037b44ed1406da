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
"""What an evaluation keeps of its frames, and the table, JSON and CSV made of it."""

from __future__ import annotations

import csv
from dataclasses import replace
import json
import math
import tracemalloc

from lstm_depth.evaluation.builder import EvaluationBuilder
from lstm_depth.evaluation.results import HEADLINE
from lstm_depth.files import write_json
from lstm_depth.frames import CameraFrame
from lstm_depth.scoring.protocol import find_protocol
import numpy as np
import pytest

NAN = float('nan')


def wall(distance: float, *, stamp_s: float = 0.0, shape=(24, 32)) -> CameraFrame:
    """Return a frame of a wall at *distance* metres."""
    return CameraFrame(np.full((*shape, 3), 90, np.uint8), round(stamp_s * 1e9),
                       depth=np.full(shape, distance, np.float32))


def builder(**options) -> EvaluationBuilder:
    return EvaluationBuilder(find_protocol('nyu'), {'mode': 'stateful'}, **options)


def finish(collected: EvaluationBuilder, **options):
    return collected.finish(title='NYU protocol on walls', data='walls', model='none',
                            checkpoint='none', command='lstm_depth evaluate walls', **options)


@pytest.fixture
def walls():
    """Return the evaluation of four walls, the fourth without ground truth."""
    collected = builder()
    for name, true, prediction, scene in (('a', 2.0, 2.0, 'hall'), ('b', 4.0, 3.0, 'hall'),
                                          ('c', 8.0, 4.0, 'cafe')):
        collected.add(wall(true), np.full((12, 16), prediction), latency_s=0.02, name=name,
                      scene=scene)
    collected.add(replace(wall(1), depth=None), np.ones((24, 32)), latency_s=0.04, reset='gap',
                  name='d', scene='cafe')
    return finish(collected)


def test_means_are_over_the_images_that_have_truth(walls):
    assert (len(walls.frames), walls.scored) == (4, 3)
    assert walls.metrics['abs_rel'].mean == pytest.approx((0 + 0.25 + 0.5) / 3)
    assert walls.metrics['d1'].mean == pytest.approx(1 / 3)
    assert 0 <= walls.metrics['d1'].low < 1 / 3 < walls.metrics['d1'].high <= 1


def test_every_frame_keeps_its_numbers(walls):
    assert [frame.name for frame in walls.frames] == ['a', 'b', 'c', 'd']
    assert [frame.scale_ratio for frame in walls.frames[:3]] == [1, 0.75, 0.5]
    unscored = walls.frames[3]
    assert (unscored.scored, unscored.reset, unscored.metrics) == (False, 'gap', {})
    assert walls.latencies == [0.02, 0.02, 0.02, 0.04]


def test_bands_and_scenes_are_means_over_images(walls):
    assert walls.by_band['3-5 m'] == pytest.approx(
        {'share': 1 / 3, 'abs_rel': 0.25, 'rmse': 1.0, 'd1': 0.0})
    assert walls.by_band['0-1 m']['share'] == 0
    assert math.isnan(walls.by_band['0-1 m']['abs_rel'])
    assert {scene: values['images'] for scene, values in walls.by_scene.items()} == {
        'hall': 2, 'cafe': 1}
    assert walls.by_scene['hall']['abs_rel'] == pytest.approx(0.125)


def test_the_table_states_how_it_was_scored_and_every_measure(walls):
    text = walls.table()
    for words in ('NYU protocol on walls', 'ground truth   filled', 'alignment      none',
                  'cap            0.001 m < ground truth < 10 m', 'crop           none (32x24',
                  'images         3 scored of 4', 'latency', '0-1 m', 'cafe'):
        assert words in text
    assert all(f'\n{name} ' in text for name in HEADLINE)
    assert '-         -         -' in text


def test_the_table_shows_the_worst_of_many_scenes():
    collected = builder()
    for number in range(20):
        collected.add(wall(2.0), np.full((24, 32), 2.0 + 0.1 * number), scene=f'room {number:02d}')
    text = finish(collected).table(scenes=3)
    assert 'scene (worst 3 of 20)' in text
    assert 'room 19' in text and 'room 16' not in text


def test_json_holds_everything_but_pictures(walls, tmp_path):
    write_json(tmp_path / 'a.json', walls.to_dict())
    report = json.loads((tmp_path / 'a.json').read_text())
    assert report['metrics']['rmse']['mean'] == pytest.approx((0 + 1 + 4) / 3)
    assert report['frames'][1]['bands']['3-5 m']['d1'] == 0
    assert report['frames'][3]['scale_ratio'] is None
    assert report['settings']['protocol'] == 'nyu'
    assert {'torch', 'numpy', 'opencv', 'python'} <= report['versions'].keys()
    assert 'worst' not in report and report['command'] == 'lstm_depth evaluate walls'


def test_csv_has_a_line_a_frame(walls, tmp_path):
    walls.write_csv(tmp_path / 'a.csv')
    with (tmp_path / 'a.csv').open(newline='') as file:
        lines = list(csv.DictReader(file))
    assert [line['name'] for line in lines] == ['a', 'b', 'c', 'd']
    assert float(lines[2]['abs_rel']) == 0.5 and float(lines[0]['latency_ms']) == 20
    assert lines[3]['abs_rel'] == '' and lines[3]['reset'] == 'gap'


def test_worst_and_best_frames_keep_their_pictures():
    collected = builder(keep=2)
    for number, prediction in enumerate((2.2, 2.0, 2.8, 2.4, 2.6)):
        collected.add(wall(2.0), np.full((12, 16), prediction), name=str(number))
    found = finish(collected)
    assert [picture.result.name for picture in found.worst] == ['2', '4']
    assert [picture.result.name for picture in found.best] == ['1', '0']
    picture = found.worst[0]
    assert picture.rgb.shape == (24, 32, 3) and picture.truth.shape == (24, 32)
    assert picture.depth.dtype == np.float32 and (picture.depth == np.float32(2.8)).all()


def test_one_moment_of_a_video_is_one_picture():
    collected = builder(keep=3)
    for number, prediction in enumerate((2.8, 2.9, 2.7, 2.1, 2.2)):
        collected.add(wall(2.0, stamp_s=1 + number * 0.4), np.full((24, 32), prediction),
                      scene='bag')
    worst = [picture.result.name for picture in finish(collected).worst]
    assert worst[0] == '1' and not {'0', '2'} & set(worst)


def test_memory_hardly_grows_with_the_frames():
    collected = builder(keep=2)
    shape = (96, 128)
    prediction = np.full(shape, 2.1)

    def add(count):
        for number in range(count):
            collected.add(wall(2.0, shape=shape), prediction + 0.001 * number)

    add(10)
    tracemalloc.start()
    add(100)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # One frame's image, depth and truth are 130 kB.
    assert grown / 100 < 10_000


def test_truth_with_holes_is_called_raw_unless_it_is_known():
    frame = wall(2.0)
    frame.depth[:6] = NAN
    collected = builder()
    collected.add(frame, np.full((24, 32), 2.0))
    assert finish(collected).settings['ground truth'] == 'raw, 25.0% of the pixels have no value'
    collected = builder(ground_truth='exact')
    collected.add(frame, np.full((24, 32), 2.0))
    assert finish(collected).settings['ground truth'] == 'exact'


@pytest.mark.parametrize(('depth_range', 'says'), [
    ((0.1, 3.0), '50.0% farther than 3 m'), ((4.0, 20.0), '50.0% nearer than 4 m'),
    ((0.1, 10.0), None), (None, None)])
def test_truth_that_the_model_cannot_predict_is_noted(depth_range, says):
    collected = builder(depth_range=depth_range)
    for distance in (2.0, 5.0):
        collected.add(wall(distance), np.full((24, 32), 2.5))
    notes = finish(collected).notes
    assert notes == [] if says is None else says in notes[0] and 'does not fit' in notes[0]


def test_frames_left_out_are_counted_by_cause():
    collected = builder()
    collected.add(wall(2.0), np.full((24, 32), 2.0))
    for cause in ('damaged', 'damaged', 'late'):
        collected.skip(cause)
    collected.note('once')
    collected.note('once')
    assert finish(collected).notes == [
        'once', '2 frames were left out: damaged', '1 frames were left out: late']


def test_no_truth_at_all_gives_no_metrics_and_still_a_table():
    collected = builder()
    collected.add(replace(wall(1), depth=None), np.ones((24, 32)), latency_s=0.1)
    found = finish(collected)
    assert found.metrics == {} and found.by_band == {} and found.by_scene == {}
    assert '0 scored of 1' in found.table()


def test_pictures_show_no_truth_that_does_not_count():
    frame = wall(2.0)
    frame.depth[:, :8], frame.depth[0] = 41.0, 0.0
    collected = builder()
    collected.add(frame, np.full((24, 32), 2.0, np.float32))
    truth = finish(collected).worst[0].truth
    assert np.isnan(truth[:, :8]).all() and np.isnan(truth[0]).all()
    assert (truth[1:, 8:] == 2.0).all() and truth.dtype == np.float32
