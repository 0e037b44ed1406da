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
"""Tables and TensorBoard files of a run, also of one that was cut off."""

from __future__ import annotations

import math

from lstm_depth.errors import DataError
from lstm_depth.training.monitor import Monitor, Table
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def test_rows_come_back_as_numbers(tmp_path):
    table = Table(tmp_path / 'table.csv')
    table.add({'step': 1, 'loss': 0.123456789, 'note': 'x'})
    table.add({'step': 2, 'loss': float('nan'), 'more': 1})
    again = Table(tmp_path / 'table.csv')
    assert again.columns == ['step', 'loss', 'note']
    assert again.column('step').tolist() == [1, 2]
    assert again.column('loss')[0] == 0.123457 and math.isnan(again.column('loss')[1])
    assert np.isnan(again.column('note')).all() and np.isnan(again.column('none')).all()


def test_a_table_is_cut_back_to_a_step_and_torn_rows_go(tmp_path):
    path = tmp_path / 'table.csv'
    path.write_text('step,loss\n1,0.5\n2,0.25\n3,0.1\n,1\n2')
    table = Table(path)
    table.truncate(2)
    assert path.read_text().split() == ['step,loss', '1,0.5', '2,0.25']
    table.add({'step': 3, 'loss': 0.2})
    assert path.read_text().split()[-1] == '3,0.2'


@pytest.mark.parametrize('content', [b'name,age\nx,1\n', b'\xff\xfe\x00step'])
def test_a_file_that_is_no_table_of_a_run_is_not_overwritten(content, tmp_path):
    path = tmp_path / 'history.csv'
    path.write_bytes(content)
    with pytest.raises(DataError, match='is not a table'):
        Monitor(tmp_path)
    assert path.read_bytes() == content


def test_scalars_and_pictures_are_in_tensorboard(tmp_path):
    monitor = Monitor(tmp_path)
    monitor.log({'step': 1, 'loss': 0.5})
    monitor.validated({'step': 1, 'rmse': 2.0}, np.zeros((8, 16, 3), np.uint8))
    monitor.close()
    found = EventAccumulator(str(tmp_path / 'tensorboard'))
    found.Reload()
    assert found.Scalars('train/loss')[0].value == 0.5
    assert found.Scalars('validation/rmse')[0].value == 2.0
    assert (found.Images('validation/frames')[0].height,
            found.Images('validation/frames')[0].width) == (8, 16)
