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
"""Every layout through the one interface, and `dataset inspect` on each."""

from __future__ import annotations

import json
from pathlib import Path
import pickle

from _nyu_files import write_labeled, write_scene, write_splits
import cv2
from lstm_depth.cli import main
from lstm_depth.data.nyu.build import build, BuildConfig
from lstm_depth.data.nyu.output import FrameSettings
from lstm_depth.data.nyu.split import SceneSplit
from lstm_depth.data.readers import DataSet, open_dataset, ReaderOptions
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import DataError
import numpy as np
import pytest

SIZE = (48, 64)


def image(seed: int) -> np.ndarray:
    """Return a smooth (48, 64, 3) image, which JPEG keeps within a few grey values."""
    rows, columns = np.mgrid[:SIZE[0], :SIZE[1]]
    return np.stack([columns * 3 + seed, rows * 4, np.full(SIZE, 10 * seed % 256)],
                    axis=-1).astype(np.uint8)


def depth(seed: int) -> np.ndarray:
    """Return (48, 64) metres, one pixel invalid (0)."""
    rows, columns = np.mgrid[:SIZE[0], :SIZE[1]]
    metres = (1 + seed * 0.1 + columns * 0.05 + rows * 0.02).astype(np.float32)
    metres[0, 0] = 0
    return metres


def save(path: Path, array: np.ndarray) -> None:
    """Write an image or .npy file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == '.npy':
        np.save(path, array)
    else:
        cv2.imwrite(str(path), array[..., ::-1] if array.ndim == 3 else array)


def make_pairs(root: Path) -> None:
    for number in (0, 1, 5):
        save(root / f'rgb/{number:05d}.jpg', image(number))
        save(root / f'depth/{number:05d}.png', (depth(number) * 1000).round().astype(np.uint16))


def make_csv(root: Path) -> None:
    lines = []
    for number in (10, 9, 2):
        name = f'data/nyu2_train/living_room_0038_out/{number}'
        save(root / f'{name}.jpg', image(number))
        save(root / f'{name}.png', (depth(number) / 10 * 255).round().astype(np.uint8))
        lines.append(f'{name}.jpg,{name}.png')
    (root / 'data/nyu2_train.csv').write_text('\n'.join(lines) + '\n')


def make_csv_test(root: Path) -> None:
    save(root / 'nyu2_test/00000_colors.png', image(0))
    save(root / 'nyu2_test/00000_depth.png', (depth(0) * 1000).round().astype(np.uint16))
    (root / 'nyu2_test.csv').write_text(
        'nyu2_test/00000_colors.png,nyu2_test/00000_depth.png\n')


def make_npy(root: Path) -> None:
    for number in range(2):
        save(root / f'train/{number}.jpeg', image(number))
        save(root / f'train/{number}.npy', depth(number))


def make_npy_folders(root: Path) -> None:
    for number in range(2):
        save(root / f'train/rgb/{number}.jpeg', image(number))
        save(root / f'train/depth/{number}.npy', depth(number)[None])


def make_built(root: Path) -> None:
    write_scene(root.parent / 'raw' / 'office_0001', 3)
    folder = write_scene(root.parent / 'raw' / 'office_0002', 4)
    for path in sorted(folder.glob('d-*'))[2:]:
        path.rename(path.with_name(path.name.replace('1294886360', '1294886362')))
    build(BuildConfig(raw=root.parent / 'raw', output=root,
                      settings=FrameSettings(width=64), workers=1))


def make_labeled(root: Path) -> None:
    pytest.importorskip('h5py', reason='reading the labelled file needs h5py (the nyu extra)')
    root.mkdir(parents=True)
    write_labeled(root / 'labeled.mat', ['a_0001', 'a_0001', 'b_0001'])
    write_splits(root / 'splits.mat', [0, 1], [2])


LAYOUTS = {
    # name: (what makes it, where to point at, its layout, sequences, frames, videos)
    'pairs': (make_pairs, '', 'rgb and depth folders', 2, 3, 0),
    'csv': (make_csv, 'data/nyu2_train.csv', 'CSV of image and depth files', 1, 3, 1),
    'csv_folder': (make_csv, 'data', 'CSV of image and depth files', 1, 3, 1),
    'csv_test': (make_csv_test, '', 'CSV of image and depth files', 1, 1, 0),
    'npy': (make_npy, '', 'images with .npy depth', 1, 2, 0),
    'npy_folders': (make_npy_folders, '', 'images with .npy depth', 1, 2, 0),
    'built': (make_built, '', 'built NYU sequences', 3, 7, 3),
    'labeled': (make_labeled, 'labeled.mat', 'labelled NYU file', 2, 3, 0),
}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Return a function that makes a layout once."""
    root, done = tmp_path_factory.mktemp('layouts'), {}

    def make(name: str) -> Path:
        maker, place = LAYOUTS[name][:2]
        if name not in done:
            maker(root / name / 'data_set')
            done[name] = root / name / 'data_set' / place
        return done[name]
    return make


def check_frames(dataset: DataSet) -> None:
    """Check what every frame of every reader must be."""
    names = [sequence.name for sequence in dataset.sequences]
    assert len(set(names)) == len(names)
    for sequence in dataset.sequences:
        assert isinstance(sequence, FrameSequence)
        copy = pickle.loads(pickle.dumps(sequence))
        stamps = []
        for index in range(len(sequence)):
            frame = sequence.frame(index)
            assert frame.rgb.dtype == np.uint8 and frame.rgb.shape == (*frame.depth.shape, 3)
            assert frame.depth.dtype == np.float32 and not (frame.depth <= 0).any()
            if frame.camera:
                assert (frame.camera.height, frame.camera.width) == frame.depth.shape
            stamps.append(frame.stamp_ns)
            np.testing.assert_array_equal(copy.frame(index).depth, frame.depth)
        assert stamps == sorted(stamps)
        for index in (-1, len(sequence)):
            with pytest.raises(DataError, match='there is no'):
                sequence.frame(index)


@pytest.mark.parametrize('name', LAYOUTS)
def test_every_layout_gives_frames_with_metric_depth(made, name):
    _, _, layout, sequences, frames, videos = LAYOUTS[name]
    dataset = open_dataset(made(name))
    assert dataset.layout == layout
    assert (len(dataset.sequences), sum(map(len, dataset.sequences)),
            sum(sequence.video for sequence in dataset.sequences)) == (sequences, frames, videos)
    check_frames(dataset)


@pytest.mark.parametrize('name', LAYOUTS)
def test_inspect_prints_sizes_and_a_histogram_and_writes_a_picture(made, name, tmp_path, capsys):
    arguments = ['dataset', 'inspect', str(made(name)), '--png', str(tmp_path / 'a.png'),
                 '--json', str(tmp_path / 'a.json')]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    report = json.loads((tmp_path / 'a.json').read_text())
    assert report['layout'] == LAYOUTS[name][2] and '64x48' in printed and '#' in printed
    assert report['frames'] == LAYOUTS[name][4]
    assert sum(report['histogram']) == pytest.approx(1)
    assert cv2.imread(str(tmp_path / 'a.png')).shape[1] > 300


@pytest.mark.parametrize(('name', 'tolerance'), [
    ('pairs', 6e-4), ('csv', 0.021), ('csv_test', 6e-4), ('npy', 1e-6), ('npy_folders', 1e-6)])
def test_values_are_metres(made, name, tolerance):
    frame = open_dataset(made(name)).sequences[0].frame(0)
    number = {'csv': 2}.get(name, 0)
    expected = depth(number)
    assert np.isnan(frame.depth[0, 0])
    np.testing.assert_allclose(frame.depth[expected > 0], expected[expected > 0],
                               atol=tolerance)
    assert np.abs(frame.rgb.astype(int) - image(number)).max() < 16


def test_files_are_in_the_order_of_their_numbers(made):
    sequence, = open_dataset(made('csv')).sequences
    assert [int(files.rgb.stem) for files in sequence.files] == [2, 9, 10]


def test_a_gap_in_the_numbers_is_another_scene(made):
    assert [(item.scene, len(item)) for item in open_dataset(made('pairs')).sequences] == [
        ('data_set/00000', 2), ('data_set/00005', 1)]


def test_a_pause_cuts_a_built_scene(made):
    sequences = open_dataset(made('built')).sequences
    assert [(item.name, item.scene, len(item)) for item in sequences] == [
        ('office_0001', 'office_0001', 3), ('office_0002#0', 'office_0002', 2),
        ('office_0002#1', 'office_0002', 2)]
    assert sequences[0].frame(1).stamp_ns == 1294886360_233333000


def test_a_part_of_a_built_folder(made, tmp_path):
    split = SceneSplit(frozenset({'office_0002'}), frozenset({'office_0001'}))
    raw = made('built').parent / 'raw'
    build(BuildConfig(raw=raw, output=tmp_path / 'out', split=split, workers=1,
                      settings=FrameSettings(width=64)))
    for part, scene in (('train', 'office_0002'), ('test', 'office_0001')):
        sequences = open_dataset(tmp_path / 'out', ReaderOptions(part=part)).sequences
        assert {item.scene for item in sequences} == {scene}
    with pytest.raises(DataError, match='build the folder with a split'):
        open_dataset(made('built'), ReaderOptions(part='train'))


def test_a_border_is_cut_off_image_depth_and_camera(made):
    plain, cut = (open_dataset(made('pairs'), ReaderOptions(border=border)).sequences[0].frame(0)
                  for border in (0, 5))
    np.testing.assert_array_equal(cut.depth, plain.depth[5:-5, 5:-5])
    assert cut.camera.cx == plain.camera.cx - 5 and cut.camera.width == 54


@pytest.mark.parametrize(('spoil', 'says'), [
    (lambda root: (root / 'rgb/00000.jpg').write_bytes(b'no'), 'no readable image'),
    (lambda root: (root / 'depth/00000.png').write_bytes(b'no'), 'depth/00000.png cannot be read'),
    (lambda root: save(root / 'depth/00000.png', np.ones(SIZE, np.uint8)), 'of 16 bits'),
    (lambda root: save(root / 'depth/00000.png', np.ones((9, 9), np.uint16)), '9x9 but its'),
])
def test_a_damaged_file_is_one_clear_error(tmp_path, spoil, says):
    make_pairs(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DataError, match=says):
        open_dataset(tmp_path).sequences[0].frame(0)


@pytest.mark.parametrize(('content', 'says'), [
    (b'\x93NUMPY', 'no readable .npy'), (None, 'not one depth map')])
def test_a_damaged_npy_is_one_clear_error(tmp_path, content, says):
    make_npy(tmp_path)
    if content:
        (tmp_path / 'train/0.npy').write_bytes(content)
    else:
        np.save(tmp_path / 'train/0.npy', np.zeros(5))
    with pytest.raises(DataError, match=says):
        open_dataset(tmp_path).sequences[0].frame(0)


@pytest.mark.parametrize(('text', 'says'), [
    ('a.jpg\n', 'must have lines'), ('', 'must have lines'), ('a.jpg,b.png\n', 'neither beside')])
def test_a_bad_csv_is_one_clear_error(tmp_path, text, says):
    (tmp_path / 'nyu2_train.csv').write_text(text)
    with pytest.raises(DataError, match=says):
        open_dataset(tmp_path)


@pytest.mark.parametrize(('place', 'says'), [
    ('nowhere', 'does not exist'), ('', 'is not a data set'), ('notes.txt', 'not a data set'),
    ('rooms:', 'say how many'), ('rooms:none', 'say how many'), ('rooms:0', 'say how many')])
def test_what_is_no_data_set_is_one_clear_error(tmp_path, place, says):
    (tmp_path / 'notes.txt').write_text('hello')
    with pytest.raises(DataError, match=says):
        open_dataset(place if place.startswith('rooms') else tmp_path / place)


def test_raw_scenes_are_sent_to_build_nyu(tmp_path):
    write_scene(tmp_path / 'office_0001', 1)
    with pytest.raises(DataError, match='build-nyu'):
        open_dataset(tmp_path)


def test_a_folder_with_images_only_is_an_error(tmp_path):
    make_pairs(tmp_path)
    for path in (tmp_path / 'rgb').iterdir():
        path.rename(path.with_name('x' + path.name))
    with pytest.raises(DataError, match='has no pairs'):
        open_dataset(tmp_path)


def test_a_damaged_build_is_an_error(made, tmp_path):
    (tmp_path / 'build.json').write_text('{')
    with pytest.raises(DataError, match='build the folder again'):
        open_dataset(tmp_path)


def test_rendered_rooms_have_poses_and_stamps():
    from lstm_depth.data.rooms import room_sequences

    sequence, = room_sequences(1, seed=3, frames=2, width=48, height=36)
    frame = sequence.frame(1)
    assert frame.depth.shape == (36, 48) and frame.pose.shape == (4, 4)
    assert frame.stamp_ns > sequence.frame(0).stamp_ns
    assert open_dataset('rooms:3').layout == 'rendered rooms'


def test_labelled_training_frames_of_the_real_set(shared):
    dataset = open_dataset(shared / 'data' / 'nyu_labeled_train', ReaderOptions(border=10))
    assert sum(map(len, dataset.sequences)) == 795 and len(dataset.sequences) > 100
    frame = dataset.sequences[7].frame(0)
    assert frame.depth.shape == (460, 620) and 0.5 < np.nanmedian(frame.depth) < 10


def test_inspect_refuses_no_samples(made, capsys):
    assert main(['dataset', 'inspect', str(made('pairs')), '--samples', '0']) == 2
    assert 'at least 1' in capsys.readouterr().err
