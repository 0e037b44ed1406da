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
"""``lstm_depth evaluate`` from the labelled file to the numbers."""

from __future__ import annotations

import csv
import json

from _nyu_files import write_labeled, write_splits
from _oracles import write_stills
from _protocol import transcribed_nyu
from _recordings import camera_frames, tiny_checkpoint, write_bag
import cv2
from lstm_depth.cli import main
from lstm_depth.data.readers import open_dataset
from lstm_depth.data.split import hold_out
from lstm_depth.geometry import NYU_CAMERA
from lstm_depth.runtime.loading import load_model
from lstm_depth.stream import DepthStream
import numpy as np
import pytest


@pytest.fixture
def checkpoint(tmp_path):
    return str(tiny_checkpoint(tmp_path / 'tiny.safetensors'))


def evaluate(*arguments) -> int:
    return main(['evaluate', *map(str, arguments), '--device', 'cpu'])


def test_the_official_test_frames_are_scored_by_the_protocol(tmp_path, checkpoint, capsys):
    pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
    pytest.importorskip('scipy', reason='reading splits.mat needs scipy (the nyu extra)')
    written = write_labeled(tmp_path / 'nyu_depth_v2_labeled.mat',
                            ['kitchen_0001', 'office_0002', 'office_0002', 'cafe_0003'],
                            width=640, height=480)
    write_splits(tmp_path / 'official.mat', [0], [1, 2, 3])
    assert evaluate(tmp_path / 'nyu_depth_v2_labeled.mat', '--splits', tmp_path / 'official.mat',
                    '--checkpoint', checkpoint, '--json', tmp_path / 'a.json',
                    '--csv', tmp_path / 'a.csv') == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert [frame['name'] for frame in report['frames']] == ['00001', '00002', '00003']

    expected = []
    for index in (1, 2, 3):
        stream = DepthStream(load_model(checkpoint), device='cpu')
        prediction = stream.push(written['images'][index], 0.0, camera=NYU_CAMERA)
        expected.append(transcribed_nyu(prediction.depth, written['depths'][index]))
    for frame, values in zip(report['frames'], expected):
        assert {name: frame['metrics'][name] for name in values} == pytest.approx(
            values, rel=1e-6, abs=1e-6)
    for name in expected[0]:
        mean = report['metrics'][name]['mean']
        assert mean == pytest.approx(np.mean([values[name] for values in expected]), rel=1e-6)
        assert report['metrics'][name]['low'] <= mean <= report['metrics'][name]['high']
    assert report['by_scene']['office_0002']['images'] == 2
    with (tmp_path / 'a.csv').open(newline='') as file:
        assert len(list(csv.DictReader(file))) == 3

    printed = capsys.readouterr().out
    for words in ('NYU protocol on', 'filled (depths)', 'Eigen [45:471, 41:601]',
                  'alignment       none', 'flip averaging  no', 'test part', '10 m'):
        assert words in printed


def test_raw_scores_the_readings_of_whole_images(tmp_path, checkpoint, capsys):
    pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
    pytest.importorskip('scipy', reason='reading splits.mat needs scipy (the nyu extra)')
    write_labeled(tmp_path / 'labeled.mat', ['cafe_0003'], width=640, height=480)
    write_splits(tmp_path / 'splits.mat', [], [0])
    assert evaluate(tmp_path / 'labeled.mat', '--checkpoint', checkpoint, '--protocol', 'raw',
                    '--json', tmp_path / 'a.json') == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert report['settings']['ground truth'] == 'raw (rawDepths)'
    assert report['settings']['crop'] == 'none'
    # The writer removes what is beyond 8 m of depths up to 9 m.
    assert report['metrics']['valid']['mean'] == pytest.approx(7.3 / 8.3, abs=0.01)


def test_the_options_say_how_stills_are_scored(tmp_path, checkpoint):
    root = write_stills(tmp_path / 'stills', runs=(1, 2))
    assert evaluate(root, '--checkpoint', checkpoint, '--held-out', '--border', 2, '--align',
                    'lsq', '--flip-average', '--protocol', 'densedepth', '--limit', 1,
                    '--json', tmp_path / 'a.json') == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert [frame['name'] for frame in report['frames']] == ['00004']
    settings = report['settings']
    assert settings['protocol'] == 'densedepth' and settings['alignment'].startswith('least')
    assert settings['flip averaging'] == 'yes'
    assert settings['crop'] == 'none (60x44; the DenseDepth crop is for 640x480)'
    assert settings['frames'] == 'held out of all, the first 1'


def test_a_bag_is_scored_as_video(tmp_path, checkpoint):
    bag = write_bag(tmp_path / 'bag', camera_frames(5))
    assert evaluate(bag, '--checkpoint', checkpoint, '--warmup', 1, '--image-topic',
                    '/camera/image', '--depth-topic', '/camera/depth',
                    '--json', tmp_path / 'a.json') == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert len(report['frames']) == 5 and 'tgm' in report['temporal']
    assert report['settings']['warm-up'].startswith('1 frames before each')


def test_report_is_a_page_to_look_at(tmp_path, checkpoint):
    root = write_stills(tmp_path / 'stills')
    assert evaluate(root, '--checkpoint', checkpoint, '--report', tmp_path / 'report') == 0
    pages = list((tmp_path / 'report').glob('*.html'))
    assert len(pages) == 1 and '00000' in pages[0].read_text(encoding='utf-8')


@pytest.mark.parametrize(('arguments', 'says'), [
    (['--protocol', 'nuy'], "did you mean 'nyu'"),
    (['--align', 'mean'], "no alignment 'mean'"),
    (['--warmup', '3'], 'no frames before them'),
    (['--checkpoint', 'missing.safetensors'], 'no checkpoint missing.safetensors'),
    (['--limit', '-2'], '0 or more')])
def test_what_cannot_be_done_is_one_sentence_and_status_2(tmp_path, capsys, arguments, says):
    root = write_stills(tmp_path / 'stills')
    arguments = [*arguments, *(() if '--checkpoint' in arguments else
                               ('--checkpoint', tiny_checkpoint(tmp_path / 'a.safetensors')))]
    assert evaluate(root, *arguments) == 2
    error = capsys.readouterr().err
    assert says in error and error.startswith('lstm_depth evaluate: ')
    assert len(error.strip().splitlines()) == 1


def test_a_folder_of_something_else_is_named(tmp_path, capsys):
    assert evaluate(tmp_path) == 2
    assert 'is not a data set' in capsys.readouterr().err


def test_held_out_stills_of_nyu_are_scored_by_the_protocol(shared, tmp_path):
    root = shared / 'data' / 'nyu_labeled_train'
    assert evaluate(root, '--held-out', '--limit', 2, '--json', tmp_path / 'a.json') == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    model = load_model()
    held = [file for sequence in hold_out(open_dataset(root).sequences)[1]
            for file in sequence.files]
    for frame, file in zip(report['frames'], held):
        rgb = cv2.cvtColor(cv2.imread(str(file.rgb)), cv2.COLOR_BGR2RGB)
        prediction = DepthStream(model, device='cpu').push(rgb, 0.0, camera=NYU_CAMERA)
        truth = cv2.imread(str(file.depth), cv2.IMREAD_UNCHANGED) / 1000
        values = transcribed_nyu(prediction.depth, truth)
        assert frame['name'] == file.rgb.stem
        # A pixel whose ratio is a threshold to the last bit may fall on either side of it.
        pixel = 1.5 / truth.size
        for key, value in values.items():
            assert frame['metrics'][key] == pytest.approx(
                value, rel=1e-6, abs=pixel if key in ('d1', 'd2', 'd3') else 1e-6), key
    assert len(report['frames']) == 2
