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

from lstm_depth.files import atomic_path, write_json, write_text
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
