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
"""Which frames an evaluation takes of a data set, and what it calls them."""

from __future__ import annotations

from dataclasses import replace

from _nyu_files import write_labeled, write_scene, write_splits
from _oracles import write_stills
from _recordings import camera_frames, write_bag
from lstm_depth.data.nyu.build import build, BuildConfig
from lstm_depth.data.nyu.split import SceneSplit
from lstm_depth.data.readers import ReaderOptions
from lstm_depth.errors import DataError
from lstm_depth.evaluation.evaluation_data import frame_name, open_evaluation_data
import numpy as np
import pytest

SCENES = ['kitchen_0001', 'cafe_0002', 'office_0003', 'office_0003']


def names(data):
    return [frame_name(sequence, index) for sequence in data.sequences
            for index in range(len(sequence))]


@pytest.fixture
def labelled(tmp_path):
    """Return a labelled file with its splits.mat beside it: two frames each."""
    pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
    pytest.importorskip('scipy', reason='reading splits.mat needs scipy (the nyu extra)')
    write_labeled(tmp_path / 'labeled.mat', SCENES)
    write_splits(tmp_path / 'splits.mat', [0, 1], [2, 3])
    return tmp_path / 'labeled.mat'


@pytest.mark.parametrize(('part', 'expected', 'text'), [
    (None, ['00002', '00003'], 'test part'), ('train', ['00000', '00001'], 'train part'),
    ('all', ['00000', '00001', '00002', '00003'], 'all')])
def test_the_labelled_file_gives_its_official_test_part(labelled, part, expected, text):
    data = open_evaluation_data(str(labelled), ReaderOptions(part=part))
    assert (names(data), data.part, data.ground_truth) == (expected, text, 'filled (depths)')


def test_held_out_frames_of_the_labelled_file_are_of_its_training_part(labelled):
    data = open_evaluation_data(str(labelled), held_out=True)
    assert (names(data), data.part) == (['00001'], 'held out of train part')


def test_raw_truth_of_the_labelled_file_has_holes(labelled):
    data = open_evaluation_data(str(labelled), ReaderOptions(depth='raw'))
    assert data.ground_truth == 'raw (rawDepths)'
    assert np.isnan(data.sequences[0].frame(0).depth).any()


def test_a_labelled_file_without_splits_is_one_clear_error(labelled):
    labelled.with_name('splits.mat').unlink()
    with pytest.raises(DataError, match='give it with --splits, or take every frame with --part'):
        open_evaluation_data(str(labelled))
    assert len(open_evaluation_data(str(labelled), ReaderOptions(part='all'))) == 4


def test_a_built_folder_gives_its_test_part_where_it_has_one(tmp_path):
    for number, scene in enumerate(('office_0001', 'cafe_0002')):
        write_scene(tmp_path / 'raw' / scene, 1, seed=number)
    root = tmp_path / 'built'
    build(BuildConfig(raw=tmp_path / 'raw', output=root, workers=1, split=SceneSplit(
        frozenset({'office_0001'}), frozenset({'cafe_0002'}))))

    def scenes(part=None):
        data = open_evaluation_data(str(root), ReaderOptions(part=part))
        return {item.scene for item in data.sequences}

    assert scenes() == {'cafe_0002'}
    assert scenes('all') == {'office_0001', 'cafe_0002'}
    (root / 'test_files.txt').unlink()
    assert scenes() == {'office_0001', 'cafe_0002'}


def test_stills_are_called_by_their_files_and_held_out_by_run(tmp_path):
    root = write_stills(tmp_path / 'stills', runs=(2, 1, 1))
    assert names(open_evaluation_data(str(root))) == ['00000', '00001', '00005', '00009']
    data = open_evaluation_data(str(root), held_out=True)
    assert (names(data), data.part) == (['00009'], 'held out of all')


def test_of_a_bag_the_second_half_is_held_out(tmp_path):
    bag = write_bag(tmp_path / 'bag', camera_frames(6))
    data = open_evaluation_data(str(bag), held_out=True)
    assert names(data) == ['3', '4', '5']
    assert data.has_video and data.notes == ()


def test_rendered_rooms_have_exact_truth():
    assert open_evaluation_data('rooms:1').ground_truth == 'exact (rendered)'


@pytest.mark.parametrize('held_out', [False, True])
def test_a_cut_bag_is_used_as_far_as_it_goes_and_the_rest_counted(tmp_path, held_out):
    large = (replace(frame, rgb=np.zeros((240, 320, 3), np.uint8),
                     depth=np.ones((240, 320), np.float32)) for frame in camera_frames(20))
    file = next(write_bag(tmp_path / 'bag', large).glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:int(file.stat().st_size * 0.7)])
    data = open_evaluation_data(str(tmp_path / 'bag'), held_out=held_out)
    assert 3 < len(data) < 15
    assert len(data.notes) == 1 and 'cut off' in data.notes[0]
    assert 'of 20 images can be read' in data.notes[0]
