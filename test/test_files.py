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
"""Files are whole or absent."""

from __future__ import annotations

import json

from lstm_depth.data.sequence import read_depth_file
from lstm_depth.errors import DataError
from lstm_depth.files import atomic_path, map_array, write_json, write_text
import numpy as np
import pytest


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / 'a.txt'
    write_text(target, 'old')
    with pytest.raises(RuntimeError), atomic_path(target) as partial:
        partial.write_text('half')
        raise RuntimeError('power cut')
    assert target.read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']


def test_a_folder_is_replaced_whole(tmp_path):
    target = tmp_path / 'bag'
    for name in ('first', 'second'):
        with atomic_path(target) as partial:
            partial.mkdir()
            (partial / name).touch()
    assert [path.name for path in target.iterdir()] == ['second']
    assert [path.name for path in tmp_path.iterdir()] == ['bag']


def test_the_partial_file_keeps_the_suffix(tmp_path):
    with atomic_path(tmp_path / 'deep' / 'x.png') as partial:
        assert partial.suffix == '.png'
        partial.touch()
    assert (tmp_path / 'deep' / 'x.png').exists()


def test_json_takes_numpy_values_and_turns_nan_into_null(tmp_path):
    write_json(tmp_path / 'a.json', {
        'array': np.arange(2), 'scalar': np.float32(0.5), 'nan': float('nan'),
        'path': tmp_path, 1: (True, None)})
    assert json.loads((tmp_path / 'a.json').read_text()) == {
        'array': [0, 1], 'scalar': 0.5, 'nan': None, 'path': str(tmp_path), '1': [True, None]}


def npy(header: bytes, data: bytes = bytes(16)) -> bytes:
    """Return a .npy file with *header*."""
    return b'\x93NUMPY\x01\x00' + len(header).to_bytes(2, 'little') + header + data


@pytest.mark.parametrize('content', [
    b'', b'\x93NUMPY', npy(b"{'descr': '<f4', 'fortran_order': False,[ 'shape': (2, 2), }\n"),
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)\n  }\n }\n"),
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (10**9, 10**9), }\n"),
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000, 1000000000), }\n"),
    npy(b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2), }\n"),
    npy(b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 1), }\n"),
    npy(b"{'descr': '|S4', 'fortran_order': False, 'shape': (2, 2), }\n"),
    npy(b'[' * 5000)])
def test_an_array_file_that_is_none_is_one_sentence_and_takes_no_memory(tmp_path, content):
    path = tmp_path / 'a.npy'
    path.write_bytes(content)
    with pytest.raises(DataError, match='a.npy'):
        read_depth_file(path, 'metres')


def test_an_array_comes_back_from_its_file(tmp_path):
    np.save(tmp_path / 'a.npy', np.arange(4.0).reshape(2, 2))
    assert map_array(tmp_path / 'a.npy').tolist() == [[0, 1], [2, 3]]
