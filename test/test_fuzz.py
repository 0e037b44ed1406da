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
"""
Damaged files of every format: read, or refused with an error that says so, and nothing else.

A few tries of each in `make test`, always the same; `make torture` tries as many as
LSTM_DEPTH_TRIES says, new ones each time, and keeps what fails in .hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
import os
from pathlib import Path
import tempfile
from typing import Any

from _bag_formats import as_ros_1, as_sqlite
from _messages import compressed_message
from _recordings import camera_frames, tiny_checkpoint, write_bag
import cv2
from hypothesis import example, given, HealthCheck, settings
from hypothesis import strategies as st
from lstm_depth.checkpoint import load_network
from lstm_depth.data.camera_file import read_camera
from lstm_depth.data.nyu.pnm import decode_pgm, decode_ppm
from lstm_depth.data.readers import open_dataset
from lstm_depth.data.sequence import read_depth_file
from lstm_depth.errors import LstmDepthError
from lstm_depth.geometry import Camera
from lstm_depth.media.pictures import read_photo
from lstm_depth.media.sources import open_source
from lstm_depth.msgs.camera_info import read_calibration
from lstm_depth.msgs.image import decode_depth, decode_rgb_file
from lstm_depth.training.parse import load_config
import numpy as np
import pytest

TRIES = int(os.environ.get('LSTM_DEPTH_TRIES', '0'))
RECIPE = Path(__file__).resolve().parents[1] / 'config' / 'train' / 'flagship.yaml'
CALIBRATION = """\
image_width: 64
image_height: 48
camera_name: c
camera_matrix: {rows: 3, cols: 3, data: [60, 0, 31.5, 0, 60, 23.5, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [60, 0, 31.5, 0, 0, 60, 23.5, 0, 0, 0, 1, 0]}
"""
# What counts, ends, nests or says that there is more to come.
TOKENS = [b'', b'\x00', b'\xff\xff\xff\xff', b'\xff' * 8, b'\x00' * 16, b'9' * 30, b'-1', b'nan',
          b'1e999', b'[', b'{', b'}', b'"', b': ', b'\n', b'&a', b'*a', b'!!python/object:x ',
          b'../', b'\x80']


@dataclass(frozen=True)
class Format:
    """A whole file, made once, and what reads it. *suffix*: of its name."""

    whole: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    suffix: str


def picture(suffix: str, pixels: np.ndarray) -> bytes:
    """Return *pixels* as the bytes of an image file."""
    return cv2.imencode(suffix, pixels)[1].tobytes()


def rgb() -> np.ndarray:
    """Return a picture with something on it."""
    return np.add.outer(np.arange(24), np.arange(32))[..., None].repeat(3, 2).astype(np.uint8)


def bag_file(folder: Path, ending: str, change: Callable[[Path, Path], Path] | None) -> bytes:
    """Return the one file of a bag of three frames."""
    bag = write_bag(folder / 'bag', camera_frames(3))
    if change:
        bag = change(bag, folder / f'changed{ending}')
    return (bag if bag.is_file() else next(bag.glob(f'*{ending}'))).read_bytes()


def read_frames(path: Path) -> None:
    """Read a recording to its end."""
    with open_source(path) as source:
        for _ in source:
            pass


def compressed_depth(path: Path) -> np.ndarray:
    """Decode a file as the data of a compressedDepth message."""
    return decode_depth(compressed_message(path.read_bytes(), '16UC1; compressedDepth png'))


def npy(folder: Path) -> bytes:
    """Return a depth image as .npy."""
    np.save(folder / 'a.npy', np.full((24, 32), 2.0, np.float32))
    return (folder / 'a.npy').read_bytes()


def camera_beside(path: Path) -> Camera:
    """Read the camera of a picture beside its file."""
    image = path.with_name('picture.png')
    image.write_bytes(picture('.png', rgb()))
    return read_camera(path, [image])


def image_list(path: Path) -> None:
    """Read a list of image and depth files."""
    for sequence in open_dataset(path).sequences:
        sequence.frame(0)


FORMATS = {
    'mcap': Format(lambda folder: bag_file(folder, '.mcap', None), read_frames, '.mcap'),
    'sqlite': Format(lambda folder: bag_file(folder, '.db3', as_sqlite), read_frames, '.db3'),
    'ros 1 bag': Format(lambda folder: bag_file(folder, '.bag', as_ros_1), read_frames, '.bag'),
    'checkpoint': Format(lambda folder: tiny_checkpoint(folder / 'x.safetensors').read_bytes(),
                         load_network, '.safetensors'),
    'recipe': Format(lambda _: RECIPE.read_bytes(), load_config, '.yaml'),
    'calibration': Format(lambda _: CALIBRATION.encode(), read_calibration, '.yaml'),
    'intrinsics': Format(lambda _: b'60 0 31.5\n0 60 23.5\n0 0 1\n', camera_beside, '.txt'),
    'jpeg': Format(lambda _: picture('.jpg', rgb()), read_photo, '.jpg'),
    'png': Format(lambda _: picture('.png', rgb()), read_photo, '.png'),
    'compressed image': Format(lambda _: picture('.webp', rgb()),
                               lambda path: decode_rgb_file(path.read_bytes()), '.webp'),
    'compressed depth': Format(
        lambda _: bytes(12) + picture('.png', rgb()[..., 0].astype(np.uint16)),
        compressed_depth, '.bin'),
    'depth png': Format(lambda _: picture('.png', rgb()[..., 0].astype(np.uint16)),
                        lambda path: read_depth_file(path, 'millimetres'), '.png'),
    'depth npy': Format(npy, lambda path: read_depth_file(path, 'metres'), '.npy'),
    'ppm': Format(lambda _: b'P6 640 480 255\n' + bytes(3 * 640 * 480),
                  lambda path: decode_ppm(path.read_bytes(), path.name), '.ppm'),
    'pgm': Format(lambda _: b'P5 640 480 65535\n' + bytes(2 * 640 * 480),
                  lambda path: decode_pgm(path.read_bytes(), path.name), '.pgm'),
    'list of images': Format(lambda _: b'a.png,b.png\na.png,b.png\n', image_list, '.csv'),
}


@cache
def whole(name: str) -> bytes:
    """Return an undamaged file of a format."""
    with tempfile.TemporaryDirectory() as folder:
        return FORMATS[name].whole(Path(folder))


def damaged(data: bytes, damage: list[tuple[float, int, bytes]]) -> bytes:
    """Return *data* with bytes replaced by others: (where, how many, by which) each."""
    for share, length, token in damage:
        # Most of a format is decided at its start.
        place = int(share ** 3 * len(data))
        data = data[:place] + token + data[place + length:]
    return data


DAMAGE = st.lists(st.tuples(st.floats(0, 1), st.sampled_from([0, 1, 2, 4, 8, 10**9]),
                            st.sampled_from(TOKENS) | st.binary(max_size=4)), max_size=5)


@pytest.mark.parametrize('name', FORMATS)
def test_a_whole_file_is_read(name, tmp_path):
    path = tmp_path / f'whole{FORMATS[name].suffix}'
    path.write_bytes(whole(name))
    if name == 'list of images':
        for file in ('a.png', 'b.png'):
            (tmp_path / file).write_bytes(picture('.png', rgb()[..., 0]))
    FORMATS[name].read(path)


@pytest.mark.parametrize('name', FORMATS)
def test_a_damaged_file_is_read_or_refused(name):
    @settings(max_examples=TRIES or 25, derandomize=not TRIES, deadline=None,
              database=None if not TRIES else settings.default.database,
              suppress_health_check=list(HealthCheck))
    @given(DAMAGE)
    @example([(0.0, 10**9, b'')])
    @example([(0.8, 10**9, b'')])
    def check(damage):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f'damaged{FORMATS[name].suffix}'
            path.write_bytes(damaged(whole(name), damage))
            try:
                FORMATS[name].read(path)
            except LstmDepthError as error:
                assert str(error).strip()

    check()
