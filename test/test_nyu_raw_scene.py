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
"""Raw scenes: finding them in folders and archives, and telling damaged files."""

from __future__ import annotations

import zipfile

from _nyu_files import raw_frame, write_scene
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.data.nyu.pnm import decode_pgm, decode_ppm, encode_pgm, encode_ppm, FrameError
from lstm_depth.data.nyu.raw_scene import find_scenes, RawScene
from lstm_depth.errors import DataError
import numpy as np
import pytest

IMAGE, RAW = raw_frame(0)
PPM, PGM = encode_ppm(IMAGE), encode_pgm(RAW)


def test_images_come_back_as_written():
    np.testing.assert_array_equal(decode_ppm(PPM, 'r'), IMAGE)
    np.testing.assert_array_equal(decode_pgm(PGM, 'd'), RAW)


def test_the_low_byte_of_depth_comes_first():
    assert PGM[-2:] == int(RAW[-1, -1]).to_bytes(2, 'little')


def test_comments_in_a_header_are_skipped():
    data = PPM.replace(b'P6 ', b'P6\n# a comment\n', 1)
    np.testing.assert_array_equal(decode_ppm(data, 'r'), IMAGE)


@pytest.mark.parametrize(('decode', 'data', 'cause', 'says'), [
    (decode_ppm, b'', 'truncated_rgb', 'is empty'),
    (decode_ppm, PPM[:-1], 'truncated_rgb', 'cut off'),
    (decode_ppm, PPM[:9], 'truncated_rgb', 'header'),
    (decode_ppm, b'<html>', 'bad_rgb', 'not a P6 file'),
    (decode_ppm, PPM.replace(b'640 480', b'320 480', 1), 'rgb_size', '320x480'),
    (decode_ppm, PPM.replace(b'255', b'65535', 1), 'bad_rgb', '16-bit'),
    (decode_pgm, PGM[:1000], 'truncated_depth', 'cut off (983 of 614400'),
    (decode_pgm, PGM.replace(b'65535', b'255', 1), 'bad_depth', '8-bit'),
    (decode_pgm, PGM.replace(b'480 6', b'479 6', 1), 'depth_size', '640x479'),
    (decode_pgm, encode_pgm(RAW.byteswap()), 'bad_depth', 'above 2047'),
])
def test_a_damaged_file_is_one_clear_error_with_its_cause(decode, data, cause, says):
    with pytest.raises(FrameError, match=says.replace('(', r'\(')) as caught:
        decode(data, 'd-1.0-1.pgm')
    assert caught.value.cause == cause


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([b'P6', b'P5', b'']))
def test_any_bytes_give_a_frame_error(data, magic):
    for decode in (decode_ppm, decode_pgm):
        with pytest.raises(FrameError):
            decode(magic + data, 'name')


def test_scenes_are_found_at_any_depth_and_sorted(tmp_path):
    write_scene(tmp_path / 'b' / 'office_0002', 2)
    write_scene(tmp_path / 'a' / 'x' / 'bedroom_0001a', 1)
    scenes = find_scenes(tmp_path)
    assert [scene.name for scene in scenes] == ['bedroom_0001a', 'office_0002']
    assert [len(scene.frames()) for scene in scenes] == [1, 2]
    assert find_scenes(scenes[1].container) == [scenes[1]]


@pytest.mark.parametrize('prefix', ['', 'bedrooms_part1/'])
def test_an_archive_is_read_without_unpacking(tmp_path, prefix):
    scene = write_scene(tmp_path / 'unpacked' / 'bedroom_0001', 2)
    archive = tmp_path / 'zips' / 'bedrooms.zip'
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as file:
        for path in scene.iterdir():
            file.write(path, f'{prefix}bedroom_0001/{path.name}')
        file.writestr('README.txt', 'hello')
    packed, = find_scenes(archive.parent)
    plain, = find_scenes(scene)
    assert packed.name == 'bedroom_0001' and packed.frames() == plain.frames()
    for name in packed.names():
        assert packed.read(name) == plain.read(name)
    assert find_scenes(archive) == [packed]


def test_an_entry_with_a_wrong_checksum_is_a_frame_error(tmp_path):
    path = tmp_path / 'a.zip'
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr('s_0001/d-1.0-1.pgm', PGM)
    data = bytearray(path.read_bytes())
    data[5000] ^= 0xff
    path.write_bytes(data)
    scene, = find_scenes(path)
    with pytest.raises(FrameError, match='CRC'):
        scene.read('d-1.0-1.pgm')


def test_a_missing_place_is_an_error(tmp_path):
    with pytest.raises(DataError, match='does not exist'):
        find_scenes(tmp_path / 'nowhere')


def test_a_place_without_scenes_is_an_error(tmp_path):
    (tmp_path / 'notes.txt').write_text('hello')
    with pytest.raises(DataError, match='holds no raw scene'):
        find_scenes(tmp_path)


def test_a_file_that_is_no_archive_is_an_error(tmp_path):
    (tmp_path / 'bedrooms.zip').write_text('<html>404</html>')
    with pytest.raises(DataError, match=r'bedrooms.zip is not a whole zip archive'):
        find_scenes(tmp_path)


def test_two_scenes_of_one_name_are_an_error(tmp_path):
    write_scene(tmp_path / 'a' / 'office_0002', 1)
    write_scene(tmp_path / 'b' / 'office_0002', 1)
    with pytest.raises(DataError, match='there twice'):
        find_scenes(tmp_path)


@pytest.mark.parametrize(('kept', 'missing'), [('d', 'colour'), ('r', 'depth'), ('-', 'depth')])
def test_a_scene_without_one_kind_of_frames_is_an_error(tmp_path, kept, missing):
    folder = write_scene(tmp_path / 'office_0002', 2)
    for path in folder.iterdir():
        if not path.name.startswith(kept):
            path.unlink()
    scene, = find_scenes(tmp_path) if kept == '-' else [RawScene('office_0002', folder)]
    with pytest.raises(DataError, match=f'has no {missing} frames'):
        scene.frames()
