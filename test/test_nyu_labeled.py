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
"""The labelled file, splits.mat, the split by scenes, and raw frames before labelled ones."""

from __future__ import annotations

import pickle

from _nyu_files import FIRST_S, write_labeled, write_scene, write_splits
from lstm_depth.data.labeled import frames_before, labeled_sequences
from lstm_depth.data.nyu.labeled import LabeledFile
from lstm_depth.data.nyu.matlab import file_kind, read_split_indices
from lstm_depth.data.nyu.raw_scene import RawScene
from lstm_depth.data.nyu.split import base_scene, listed_split, official_split, split_by_labels
from lstm_depth.errors import DataError
import numpy as np
import pytest

pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
pytest.importorskip('scipy', reason='reading splits.mat needs scipy (the nyu extra)')
SCENES = ['kitchen_0001a', 'kitchen_0001b', 'office_0002', 'bedroom_0003', 'bedroom_0003']


@pytest.fixture
def labeled(tmp_path):
    """Return (labelled file, splits.mat, their images and depths)."""
    content = write_labeled(tmp_path / 'labeled.mat', SCENES)
    write_splits(tmp_path / 'splits.mat', [0, 1, 2], [3, 4])
    return tmp_path / 'labeled.mat', tmp_path / 'splits.mat', content


def test_frames_come_out_upright(labeled):
    with LabeledFile(labeled[0]) as file:
        assert len(file) == 5 and file.scenes == SCENES
        frame = file.frame(3)
    np.testing.assert_array_equal(frame.rgb, labeled[2]['images'][3])
    np.testing.assert_array_equal(frame.depth, labeled[2]['depths'][3])
    assert frame.camera.fx == pytest.approx(51.88579)
    assert frame.stamp_s == pytest.approx(FIRST_S + 3)


def test_raw_depth_is_nan_where_there_is_no_reading(labeled):
    with LabeledFile(labeled[0], depth='raw') as file:
        depth, filled = file.frame(0).depth, labeled[2]['depths'][0]
    np.testing.assert_array_equal(np.isnan(depth), filled > 8)


def test_a_file_can_be_sent_to_a_worker(labeled):
    with LabeledFile(labeled[0]) as file:
        file.frame(0)
        copy = pickle.loads(pickle.dumps(file))
    np.testing.assert_array_equal(copy.frame(1).rgb, labeled[2]['images'][1])
    copy.close()


@pytest.mark.parametrize('index', [-1, 5])
def test_a_number_out_of_range_is_an_error(labeled, index):
    with LabeledFile(labeled[0]) as file, pytest.raises(DataError, match='frames 0 to 4'):
        file.frame(index)


def test_sequences_are_the_scenes_of_a_part(labeled):
    sequences = labeled_sequences(labeled[0], labeled[1], 'test')
    assert [(item.scene, len(item)) for item in sequences] == [('bedroom_0003', 2)]
    np.testing.assert_array_equal(sequences[0].frame(1).rgb, labeled[2]['images'][4])
    assert len(labeled_sequences(labeled[0])) == 4
    with pytest.raises(DataError, match='needs splits.mat'):
        labeled_sequences(labeled[0], part='train')


def test_the_kind_of_a_file_is_told(labeled, tmp_path):
    assert file_kind(labeled[0]) == 'v7.3' and file_kind(labeled[1]) == 'v5'


@pytest.mark.parametrize(('content', 'says'), [
    (b'<!DOCTYPE html><html>moved</html>', 'is a web page'),
    (b'<html>', 'is a web page'),
    (b'MATLAB 5.0 MAT-file, Platform', 'is a MATLAB v5 file'),
    (b'', 'not a MATLAB file'),
    (b'\x89HDF\r\n\x1a\n' + bytes(40), 'is damaged'),
    (None, 'cannot be read'),
])
def test_what_is_no_labelled_file_is_one_clear_error(tmp_path, content, says):
    path = tmp_path / 'labeled.mat'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=says):
        LabeledFile(path)


def test_a_cut_labelled_file_is_an_error(labeled):
    labeled[0].write_bytes(labeled[0].read_bytes()[:3000])
    with pytest.raises(DataError, match='is damaged'):
        LabeledFile(labeled[0])


def test_another_hdf5_file_is_an_error(tmp_path):
    import h5py

    with h5py.File(tmp_path / 'other.mat', 'w') as file:
        file['images'] = np.zeros((1, 3, 4, 4))
    with pytest.raises(DataError, match='has no depths'):
        LabeledFile(tmp_path / 'other.mat')


def test_splits_count_from_zero(labeled):
    assert read_split_indices(labeled[1]) == ([0, 1, 2], [3, 4])


def test_the_two_files_are_not_mixed_up(labeled):
    with pytest.raises(DataError, match='was the labelled file given'):
        read_split_indices(labeled[0])
    with pytest.raises(DataError, match=r'was splits.mat given'):
        LabeledFile(labeled[1])


def test_a_cut_splits_file_is_an_error(labeled):
    labeled[1].write_bytes(labeled[1].read_bytes()[:150])
    with pytest.raises(DataError, match=r'not a whole splits.mat'):
        read_split_indices(labeled[1])


def test_a_scene_with_a_test_frame_is_a_test_scene_with_all_its_parts(labeled):
    split = official_split(labeled[0], labeled[1])
    assert split.train == {'kitchen_0001', 'office_0002'} and split.test == {'bedroom_0003'}
    assert split.part_of('bedroom_0003c') == 'test' and split.part_of('kitchen_0001z') == 'train'
    assert split.part_of('cafe_0009') == ''
    assert base_scene('dining_room_0001b') == 'dining_room_0001'
    assert base_scene('dining_room_0001') == 'dining_room_0001'


def test_parts_that_share_a_scene_are_an_error(labeled, tmp_path):
    write_splits(tmp_path / 'bad.mat', [0, 1, 3], [4])
    with pytest.raises(DataError, match=r'training frame 4 lies in test scene bedroom_0003'):
        official_split(labeled[0], tmp_path / 'bad.mat')


def test_a_split_of_another_file_is_an_error():
    with pytest.raises(DataError, match='do not belong together'):
        split_by_labels(['a_0001'], [1])


def test_an_own_split_is_a_list(tmp_path):
    path = tmp_path / 'split.txt'
    path.write_text('# mine\ntrain office_0002a\n\ntest kitchen_0001\n')
    split = listed_split(path)
    assert split.train == {'office_0002'} and split.test == {'kitchen_0001'}


@pytest.mark.parametrize(('text', 'says'), [
    ('train a_0001\ntest a_0001b\n', 'both in the training and the test part: a_0001'),
    ('validation a_0001\n', 'line 1'), ('train a b\n', 'line 1')])
def test_a_bad_list_is_an_error(tmp_path, text, says):
    (tmp_path / 'split.txt').write_text(text)
    with pytest.raises(DataError, match=says):
        listed_split(tmp_path / 'split.txt')


def test_raw_frames_before_a_labelled_one_warm_up_a_state(tmp_path):
    folder = write_scene(tmp_path / 'office_0002', 5)
    names = sorted(path.name for path in folder.glob('d-*'))
    write_labeled(tmp_path / 'labeled.mat', ['office_0002'] * 2,
                  [f'office_0002/{names[3]}', 'office_0002/d-1.0-1.pgm'])
    sorted(folder.glob('d-*'))[1].write_bytes(b'')
    with LabeledFile(tmp_path / 'labeled.mat') as file:
        scene = RawScene('office_0002', folder)
        assert file.raw_depth_name(0) == ('office_0002', names[3])
        frames = frames_before(file, 0, scene, 10)
        assert [round((frame.stamp_s - FIRST_S) * 30) for frame in frames] == [0, 2]
        assert frames[0].rgb.shape == (480, 640, 3) and np.nanmax(frames[0].depth) < 10
        assert len(frames_before(file, 0, scene, 1)) == 1
        with pytest.raises(DataError, match=r'has no d-1.0-1.pgm'):
            frames_before(file, 1, scene, 3)
