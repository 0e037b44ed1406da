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
"""Folders of other data sets: units, order, cameras and poses as their makers meant them."""

from __future__ import annotations

import cv2
from lstm_depth.cli import main
from lstm_depth.data.camera_file import ASSUMED
from lstm_depth.data.readers import open_dataset, reader_options, ReaderOptions
from lstm_depth.data.split import hold_out
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera, NYU_CAMERA
import numpy as np
import pytest

SIZE = (24, 32)
DEPTH_M = (1.5 + np.indices(SIZE).sum(0) * 0.02).astype(np.float32)


def save(path, array):
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


def grey(value, size=SIZE):
    return np.full((*size, 3), value, np.uint8)


def units(per_metre):
    return np.rint(DEPTH_M * per_metre).astype(np.uint16)


def make_tum(root, name='rgbd_dataset_freiburg2_desk', count=4):
    """Write images at 30 Hz whose depth is 10 ms later, a pause, and poses at 100 Hz."""
    folder = root / name
    lists = {'rgb': ['# color images'], 'depth': ['# depth maps']}
    start = 1305031102.175304
    stamps = [start + index / 30 + (2 if index >= count - 1 else 0) for index in range(count)]
    for index, stamp in enumerate(stamps):
        for kind, shift, picture in (('rgb', 0, grey(40 * index)), ('depth', 0.01, units(5000))):
            file = f'{kind}/{stamp + shift:.6f}.png'
            save(folder / file, picture)
            lists[kind].append(f'{stamp + shift:.6f} {file}')
    save(folder / 'rgb/lonely.png', grey(9))
    lists['rgb'].append(f'{start + 10:.6f} rgb/lonely.png')
    for kind, lines in lists.items():
        (folder / f'{kind}.txt').write_text('\n'.join(lines) + '\n')
    (folder / 'groundtruth.txt').write_text('# timestamp tx ty tz qx qy qz qw\n' + ''.join(
        f'{start + index / 100:.4f} {index / 100:.4f} 0 1 0 0 0.7071068 0.7071068\n'
        for index in range(20)))
    return folder


def test_a_tum_folder_is_in_metres_with_its_kinect_poses_and_pauses(tmp_path):
    dataset = open_dataset(make_tum(tmp_path))
    assert dataset.layout == 'TUM RGB-D or ICL-NUIM folder' and dataset.notes == []
    assert [len(sequence) for sequence in dataset.sequences] == [3, 1]
    assert {sequence.video for sequence in dataset.sequences} == {True}
    frames = [dataset.sequences[0].frame(index) for index in range(3)]
    for index, frame in enumerate(frames):
        np.testing.assert_allclose(frame.depth, DEPTH_M, atol=0.0002)
        assert frame.rgb[0, 0, 0] == 40 * index
        assert frame.camera.fx == pytest.approx(520.9 * 32 / 640)
        assert frame.camera.distortion.coefficients[0] == 0.2312
        assert frame.pose[0, 3] == pytest.approx(index / 30, abs=0.006)
        np.testing.assert_allclose(frame.pose[:3, 0], [0, 1, 0], atol=1e-6)
    assert np.diff([frame.stamp_ns for frame in frames]).tolist() == pytest.approx(
        [1e9 / 30] * 2, abs=2000)
    assert dataset.sequences[1].frame(0).pose is None


def test_what_is_assumed_of_a_tum_folder_is_told_and_can_be_said(tmp_path):
    folder = make_tum(tmp_path, 'my_recording')
    assert 'fx = fy = 525' in open_dataset(folder).notes[0]
    options = ReaderOptions(camera='30,31,16,12', depth_scale=1000.0)
    dataset = open_dataset(folder, options)
    frame = dataset.sequences[0].frame(0)
    assert frame.camera == Camera(32, 24, 30, 31, 16, 12) and dataset.notes == []
    np.testing.assert_allclose(frame.depth, DEPTH_M * 5, rtol=1e-3)


@pytest.mark.parametrize('content', ['1305031102.1 rgb/../../secret.png', '1.0 /etc/passwd',
                                     'noon rgb/a.png', '1.0'])
def test_a_list_that_names_no_files_of_the_folder_is_refused(tmp_path, content):
    folder = make_tum(tmp_path)
    (folder / 'rgb.txt').write_text(content + '\n')
    with pytest.raises(DataError, match='rgb.txt, line 1'):
        open_dataset(folder)


def test_an_icl_nuim_folder_counts_frames_in_natural_order_and_y_points_up(tmp_path):
    lines, poses = [], []
    for index in range(12):
        save(tmp_path / f'icl/rgb/{index}.png', grey(index * 10))
        save(tmp_path / f'icl/depth/{index}.png', units(5000))
        lines.append(f'{index} depth/{index}.png {index} rgb/{index}.png')
        poses.append(f'{index} 0.1 {index} 0.3 0.1 0.2 0.3 0.9')
    (tmp_path / 'icl/associations.txt').write_text('\n'.join(lines[::-1]))
    (tmp_path / 'icl/livingRoom0.gt.freiburg').write_text('\n'.join(poses))
    sequence, = open_dataset(tmp_path / 'icl').sequences
    frames = [sequence.frame(index) for index in range(12)]
    assert [int(frame.rgb[0, 0, 0]) for frame in frames] == [10 * index for index in range(12)]
    np.testing.assert_allclose(frames[3].depth, DEPTH_M, atol=0.0002)
    assert frames[3].stamp_s == pytest.approx(0.1)
    assert frames[3].camera.fy == pytest.approx(480 * 24 / 480)
    np.testing.assert_allclose(frames[3].pose[:3, 3], [0.1, -3, 0.3])
    assert np.linalg.det(frames[3].pose[:3, :3]) == pytest.approx(1)


def test_a_scannet_scene_has_colour_in_the_view_of_its_depth(tmp_path):
    scene = tmp_path / 'scans' / 'scene0001_00'
    color = np.zeros((96, 130, 3), np.uint8)
    color[:, 65:] = 200
    for index in (0, 2, 10):
        save(scene / f'color/{index}.jpg', color)
        save(scene / f'depth/{index}.png', units(1000))
        (scene / 'pose').mkdir(exist_ok=True)
        pose = np.eye(4) if index else np.full((4, 4), -np.inf)
        np.savetxt(scene / f'pose/{index}.txt', pose)
    (scene / 'intrinsic').mkdir()
    for name, fx, cx, cy in (('color', 120.0, 65.0, 48.0), ('depth', 30.0, 16.0, 12.0)):
        matrix = np.eye(4)
        matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2] = fx, fx, cx, cy
        np.savetxt(scene / f'intrinsic/intrinsic_{name}.txt', matrix)
    for place in (scene, scene.parent):
        sequence, = open_dataset(place).sequences
        assert (sequence.scene, len(sequence), sequence.video) == ('scene0001', 3, True)
    frames = [sequence.frame(index) for index in range(3)]
    np.testing.assert_allclose(frames[1].depth, DEPTH_M, atol=0.0006)
    assert frames[1].camera == Camera(32, 24, 30, 30, 16, 12)
    # The edge is in the middle of both cameras.
    assert frames[1].rgb[12, 14].max() < 40 and frames[1].rgb[12, 18].min() > 160
    assert frames[0].pose is None and (frames[1].pose == np.eye(4)).all()
    assert [frame.stamp_s for frame in frames] == pytest.approx([0, 2 / 30, 10 / 30])


def test_sun_rgbd_depth_is_turned_back_and_kinds_of_scenes_stay_together(tmp_path):
    millimetres = units(1000)
    stored = millimetres << 3 | millimetres >> 13
    for number, kind in enumerate(('office', 'office', 'kitchen')):
        still = tmp_path / f'SUNRGBD/kv1/b3dodata/img_{number:04d}'
        save(still / 'image/img.jpg', grey(100))
        save(still / 'depth/img_abs.png', stored)
        save(still / 'depth_bfx/img_abs.png', stored * 0)
        (still / 'intrinsics.txt').write_text('520.5 0 16.5 0 519.5 12.5 0 0 1')
        (still / 'scene.txt').write_text(kind)
    dataset = open_dataset(tmp_path / 'SUNRGBD')
    assert dataset.layout == 'SUN RGB-D stills'
    assert [len(sequence) for sequence in dataset.sequences] == [2, 1]
    frame = dataset.sequences[0].frame(1)
    np.testing.assert_allclose(frame.depth, DEPTH_M, atol=0.0006)
    assert frame.camera == Camera(32, 24, 520.5, 519.5, 16.5, 12.5)


def make_pairs(root, per_metre=1000, names=range(12)):
    for index in names:
        save(root / f'rgb/{index}.png', grey(index * 10))
        save(root / f'depth/{index}.png', units(per_metre))


def test_numbered_stills_are_one_scene_in_natural_order(tmp_path):
    make_pairs(tmp_path)
    sequence, = open_dataset(tmp_path).sequences
    assert [int(sequence.frame(index).rgb[0, 0, 0]) for index in range(12)] == [
        10 * index for index in range(12)]
    with pytest.raises(DataError, match='single scene'):
        hold_out([sequence])


def test_depth_that_cannot_be_millimetres_is_not_guessed(tmp_path, capsys):
    make_pairs(tmp_path, per_metre=10_000)
    with pytest.raises(ConfigError, match='depth_scale'):
        open_dataset(tmp_path)
    assert main(['dataset', 'inspect', str(tmp_path), '--png', str(tmp_path / 'a.png')]) == 2
    assert 'units are a metre' in capsys.readouterr().err
    frame = open_dataset(tmp_path, ReaderOptions(depth_scale=10_000.0)).sequences[0].frame(0)
    np.testing.assert_allclose(frame.depth, DEPTH_M, atol=0.0002)


@pytest.mark.parametrize(('step', 'far', 'words'), [
    (5, 1.5, 'counts in steps of 5'), (1, 6.0, ''), (1, 2.0, '')])
def test_a_unit_that_cannot_be_known_is_asked_for_and_a_doubtful_one_told(
        tmp_path, step, far, words):
    metres = np.linspace(far * 0.6, far * 1.4, 24 * 32).reshape(24, 32)
    for index in range(2):
        save(tmp_path / f'rgb/{index}.png', grey(index * 10))
        save(tmp_path / f'depth/{index}.png', (metres * 1000).astype(np.uint16) * step)
    if words:
        with pytest.raises(ConfigError, match=words):
            open_dataset(tmp_path)
    told = open_dataset(tmp_path, ReaderOptions(depth_scale=5000.0)).sequences[0]
    np.testing.assert_allclose(told.frame(0).depth, metres * step / 5, atol=0.01)
    if not words:
        notes = open_dataset(tmp_path).sequences[0].notes
        assert any('6.0 m in the middle' in note for note in notes) == (far == 6.0)


@pytest.mark.parametrize('name, content, expected', [
    ('intrinsics.txt', '30 0 16\n0 31 12\n0 0 1', Camera(32, 24, 30, 31, 16, 12)),
    ('camera-intrinsics.txt', '30 31 16 12', Camera(32, 24, 30, 31, 16, 12)),
    ('camera.yaml', 'image_width: 64\nimage_height: 48\ncamera_matrix: {data: '
     '[60, 0, 32, 0, 62, 24, 0, 0, 1]}\n', Camera(32, 24, 30, 31, 16, 12))])
def test_the_camera_beside_the_images_is_theirs(tmp_path, name, content, expected):
    make_pairs(tmp_path, names=range(2))
    (tmp_path / name).write_text(content)
    dataset = open_dataset(tmp_path)
    assert dataset.sequences[0].frame(0).camera == expected and dataset.notes == []


def test_an_assumed_camera_is_told_wherever_the_data_is_used(tmp_path, capsys):
    make_pairs(tmp_path, names=range(2))
    dataset = open_dataset(tmp_path)
    assert dataset.notes == [ASSUMED]
    assert dataset.sequences[0].frame(0).camera == NYU_CAMERA.resized(32, 24)
    assert open_dataset(tmp_path, ReaderOptions(camera='none')).sequences[0].frame(0).camera \
        is None
    arguments = ['dataset', 'inspect', str(tmp_path), '--png', str(tmp_path / 'a.png')]
    assert main(arguments) == 0 and ASSUMED in capsys.readouterr().out
    assert main([*arguments, '--camera', 'nyu']) == 0
    assert ASSUMED not in capsys.readouterr().out


@pytest.mark.parametrize('camera, content', [
    ('0,0,16,12', None), ('nan,1,2,3', None), ('missing.txt', None), ('', '30 31 16'),
    ('', 'f = 30'), ('', '.inf ' * 4), ('', '1e999 1 2 3')])
def test_a_camera_that_is_none_is_refused(tmp_path, camera, content):
    make_pairs(tmp_path, names=range(2))
    if content is not None:
        (tmp_path / 'intrinsics.txt').write_text(content)
    with pytest.raises(DataError):
        open_dataset(tmp_path, ReaderOptions(camera=camera))


def test_any_option_of_a_reader_can_be_said_on_the_command_line():
    assert reader_options(['rectified=true', 'border=3', 'depth_scale=5000']) == {
        'rectified': 'true', 'border': 3, 'depth_scale': 5000.0}
    with pytest.raises(ConfigError, match="did you mean 'depth_scale'"):
        reader_options(['depth_scal=5000'])
    with pytest.raises(ConfigError, match='border'):
        reader_options(['border=wide'])
