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
"""Bags as training data: pairs by stamp, random access, clear errors."""

from __future__ import annotations

from pathlib import Path
import pickle
import re

from _bag_formats import as_sqlite
from _two_cameras import BASELINE, COLOUR_CAMERA, seen, write_robot_bag
import cv2
from lstm_depth.cli import main
from lstm_depth.data.bags import bag_sequences
from lstm_depth.data.readers import open_dataset, ReaderOptions
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.bag.writer import BagWriter
import numpy as np
import pytest

CAMERA = Camera(32, 24, 30.0, 30.0, 15.5, 11.5)
FIRST = 1_700_000_000 * 10**9
STEP = 33_333_333


def colour(number: int) -> np.ndarray:
    return np.full((24, 32, 3), number * 7 % 256, np.uint8)


def metres(number: int) -> np.ndarray:
    depth = np.full((24, 32), 1 + number * 0.1, np.float32)
    depth[0] = np.nan
    depth[1] = 9.5
    return depth


def write_bag(path: Path, stamps: list[int], *, encoding: str = '16UC1', compressed: bool = False,
              depth_topic: str = '/camera/aligned_depth_to_color/image_raw',
              depth_size: tuple[int, int] = (32, 24), late_ns: int = 2_000_000) -> Path:
    """Write colour at *stamps*, and depth *late_ns* later for every frame but the third."""
    with BagWriter(path) as bag:
        for number, stamp in enumerate(stamps):
            depth = cv2.resize(metres(number), depth_size, interpolation=cv2.INTER_NEAREST)
            stored = (np.nan_to_num(depth * 1000).round().astype(np.uint16)
                      if encoding == '16UC1' else depth)
            if compressed:
                bag.write_compressed('/camera/color/image_raw/compressed', cv2.imencode(
                    '.png', colour(number))[1].tobytes(), 'bgr8; png compressed bgr8', stamp,
                    'camera')
            else:
                bag.write_image('/camera/color/image_raw', colour(number), 'rgb8', stamp, 'camera')
            bag.write_camera_info('/camera/color/camera_info', CAMERA, stamp, 'camera')
            if number != 2:
                bag.write_image(depth_topic, stored, encoding, stamp + late_ns, 'camera')
    return path


STAMPS = [FIRST + number * STEP for number in range(6)]


@pytest.mark.parametrize(('encoding', 'compressed'), [
    ('16UC1', False), ('32FC1', False), ('16UC1', True)])
def test_colour_and_depth_are_paired_by_stamp(tmp_path, encoding, compressed):
    sequence, = bag_sequences(write_bag(tmp_path / 'drive', STAMPS, encoding=encoding,
                                        compressed=compressed))
    assert sequence.video and sequence.name == 'drive' and len(sequence) == 5
    for place, number in reversed(list(enumerate([0, 1, 3, 4, 5]))):
        frame = sequence.frame(place)
        np.testing.assert_array_equal(frame.rgb, colour(number))
        np.testing.assert_allclose(frame.depth[2:], metres(number)[2:], atol=1e-3)
        assert np.isnan(frame.depth[0]).all() and frame.stamp_ns == STAMPS[number]
        assert frame.camera == CAMERA


def test_a_sequence_can_be_sent_to_a_worker(tmp_path):
    sequence, = bag_sequences(write_bag(tmp_path / 'drive', STAMPS))
    sequence.frame(0)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(sequence)).frame(3).rgb, colour(4))


def test_depth_beyond_the_limit_is_invalid(tmp_path):
    bag = write_bag(tmp_path / 'drive', STAMPS)
    assert np.nanmax(bag_sequences(bag)[0].frame(0).depth) == pytest.approx(9.5)
    sequence = open_dataset(bag, ReaderOptions(max_depth_m=8)).sequences[0]
    assert np.isnan(sequence.frame(0).depth[1]).all()


def test_a_pause_and_a_loop_cut_the_recording(tmp_path):
    stamps = [*STAMPS[:2], *(stamp + 10**9 for stamp in STAMPS)]
    sequences = bag_sequences(write_bag(tmp_path / 'drive', stamps))
    assert [item.name for item in sequences] == ['drive#0', 'drive#1']
    assert {item.scene for item in sequences} == {'drive'}
    assert [len(item) for item in sequences] == [2, 5]


def test_a_topic_that_is_not_there_is_an_error_that_lists_those_that_are(tmp_path, capsys):
    bag = write_bag(tmp_path / 'drive', STAMPS)
    for option in ('--image-topic', '--depth-topic'):
        assert main(['dataset', 'inspect', str(bag), option, '/nope', '--png',
                     str(tmp_path / 'a.png')]) == 2
        printed = capsys.readouterr().err
        assert '/nope' in printed and '/camera/aligned_depth_to_color/image_raw' in printed
    assert not (tmp_path / 'a.png').exists()


def test_a_bag_without_aligned_depth_is_an_error_that_lists_its_topics(tmp_path):
    bag = write_bag(tmp_path / 'drive', STAMPS, depth_topic='/camera/depth/image_raw',
                    depth_size=(16, 12))
    with pytest.raises(DataError, match=r'(?s)no depth aligned.*/camera/depth/image_raw'):
        bag_sequences(bag)
    sequence, = bag_sequences(bag, depth_topic='/camera/depth/image_raw')
    with pytest.raises(DataError, match=r'depth is 16x12 but the image is 32x24'):
        sequence.frame(0)


def test_depth_of_another_camera_is_registered_to_the_image(tmp_path):
    expected = seen(COLOUR_CAMERA, np.linalg.inv(BASELINE), np.array([0.1, 0.0, 1.0]), 2.0)
    sequence, = bag_sequences(write_robot_bag(tmp_path / 'robot'))
    assert len(sequence) == 3 and sequence.notes == ()
    for copy in (sequence, pickle.loads(pickle.dumps(sequence))):
        frame = copy.frame(1)
        assert frame.rgb.shape == (80, 96, 3) and frame.camera == COLOUR_CAMERA
        known = np.isfinite(frame.depth)
        assert known.mean() > 0.6
        np.testing.assert_allclose(frame.depth[known], expected[known], atol=0.02)


def test_a_camera_in_an_unknown_place_is_noted(tmp_path):
    sequence, = bag_sequences(write_robot_bag(tmp_path / 'robot', transforms=False))
    assert len(sequence.notes) == 1 and 'from depth_frame to colour_frame' in sequence.notes[0]


@pytest.mark.parametrize('kind', ['mcap', 'db3', 'damaged'])
def test_a_damaged_bag_gives_what_can_be_read_and_says_how_much(tmp_path, kind):
    stamps = [FIRST + number * STEP for number in range(600)]
    bag = write_bag(tmp_path / 'drive', stamps, encoding='32FC1')
    if kind == 'db3':
        bag = as_sqlite(bag, tmp_path / 'lite')
    file = next(bag.glob('*.db3' if kind == 'db3' else '*.mcap'))
    data = bytearray(file.read_bytes())
    if kind == 'damaged':
        middle = len(data) // 2
        data[middle:middle + 200_000] = b'\xff' * 200_000
    else:
        del data[len(data) * 7 // 10:]
    file.write_bytes(data)
    sequence, = bag_sequences(bag)
    assert 150 < len(sequence) < 500
    note, = sequence.notes
    said = re.search(r': (\d+) of (\d+) images can be read', note)
    readable, recorded = map(int, said.groups())
    # The third frame has no depth, and the last may have lost it.
    assert readable - 2 <= len(sequence) < readable <= recorded <= 600
    last = sequence.frame(len(sequence) - 1)
    assert last.stamp_ns == stamps[len(sequence)]
    np.testing.assert_array_equal(last.rgb, colour(len(sequence)))


def test_depth_that_is_never_near_in_stamp_is_an_error(tmp_path):
    bag = write_bag(tmp_path / 'drive', STAMPS, late_ns=3 * 10**9)
    with pytest.raises(DataError, match='near in stamp'):
        bag_sequences(bag, depth_topic='/camera/aligned_depth_to_color/image_raw')


def test_a_bag_that_was_changed_is_an_error(tmp_path):
    from lstm_depth.data import bags

    path = write_bag(tmp_path / 'drive', STAMPS)
    sequence, = bag_sequences(path)
    write_bag(tmp_path / 'other', [stamp + 5 for stamp in STAMPS]).rename(tmp_path / 'x')
    path.rename(tmp_path / 'old')
    (tmp_path / 'x').rename(path)
    bags._reader.cache_clear()
    with pytest.raises(DataError, match='any more'):
        sequence.frame(0)


def test_the_real_recording(office_bag):
    sequence, = open_dataset(office_bag, ReaderOptions(max_depth_m=8)).sequences
    assert len(sequence) == 193
    frame = sequence.frame(100)
    assert frame.rgb.shape == (240, 320, 3) and frame.camera.fx == pytest.approx(307.5)
    assert np.isfinite(frame.depth).mean() > 0.5 and np.nanmax(frame.depth) <= 8
