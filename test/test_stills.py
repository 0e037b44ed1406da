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
"""Folders of stills and the split of their scenes."""

from __future__ import annotations

from pathlib import Path

import cv2
from lstm_depth.data.stills import list_stills, read_still, split_by_scene
from lstm_depth.errors import DataError
from lstm_depth.geometry import NYU_CAMERA
import numpy as np
import pytest


def write(root: Path, name: str, size: tuple[int, int] = (48, 64)) -> None:
    for folder in ('rgb', 'depth'):
        (root / folder).mkdir(exist_ok=True)
    cv2.imwrite(str(root / 'rgb' / f'{name}.jpg'), np.full((*size, 3), (200, 100, 50), np.uint8))
    depth = np.full(size, 2500, np.uint16)
    depth[10, 10] = 0
    cv2.imwrite(str(root / 'depth' / f'{name}.png'), depth)


def test_only_pairs_are_listed_in_order(tmp_path):
    for name in ('00002', '00001'):
        write(tmp_path, name)
    (tmp_path / 'rgb' / '00003.jpg').write_bytes(b'')
    assert list_stills(tmp_path) == ['00001', '00002']
    with pytest.raises(DataError, match='has no pairs'):
        list_stills(tmp_path / 'rgb')


def test_a_still_is_rgb_and_metres(tmp_path):
    write(tmp_path, '00001')
    frame = read_still(tmp_path, '00001')
    assert frame.rgb[20, 20] == pytest.approx([50, 100, 200], abs=4)
    assert frame.depth[0, 0] == 2.5 and np.isnan(frame.depth[10, 10])
    assert frame.camera == NYU_CAMERA.resized(64, 48)


def test_border_and_width_change_the_camera_too(tmp_path):
    write(tmp_path, '00001')
    frame = read_still(tmp_path, '00001', border=4, width=28)
    assert frame.rgb.shape == (20, 28, 3) and frame.depth.shape == (20, 28)
    assert frame.camera.fx == pytest.approx(51.885790 / 2)
    assert frame.camera.cx == pytest.approx((NYU_CAMERA.cx / 10 - 4) / 2)


def test_a_damaged_still_is_an_error(tmp_path):
    write(tmp_path, '00001')
    (tmp_path / 'depth' / '00001.png').write_bytes(b'no')
    with pytest.raises(DataError, match=r'00001.png'):
        read_still(tmp_path, '00001')


def test_no_scene_is_on_both_sides():
    names = [f'{number:05d}' for start in range(0, 240, 12) for number in range(start, start + 7)]
    train, held_out = split_by_scene(names, hold_out_every=4)
    assert sorted(train + held_out) == names and len(held_out) == 5 * 7
    scenes = [{int(name) // 12 for name in part} for part in (train, held_out)]
    assert not scenes[0] & scenes[1]
