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
"""Rendered rooms named on the command line."""

from __future__ import annotations

from lstm_depth.data.readers import open_dataset
from lstm_depth.data.rooms import room_sequences, ROOMS_EXAMPLE
from lstm_depth.errors import DataError
import numpy as np
import pytest


def test_rooms_are_named_with_their_options():
    rooms = open_dataset('rooms:2,seed=41,frames=3,size=40x30').sequences
    assert rooms == room_sequences(2, seed=41, frames=3, width=40, height=30)
    assert [room.seed for room in rooms] == [41, 42]
    assert rooms[0].frame(2).depth.shape == (30, 40)
    assert len(open_dataset('rooms:3').sequences) == 3
    assert len(open_dataset(ROOMS_EXAMPLE).sequences) == 4


@pytest.mark.parametrize('folder', [None, 'kept'])
def test_a_camera_can_stop(tmp_path, folder):
    moving, stopping, standing = (
        room_sequences(1, seed=5, frames=4, width=40, height=30, still_from_s=still,
                       folder=folder and str(tmp_path / folder))[0]
        for still in (float('inf'), 2 / 30, 0.0))

    def moves(room):
        poses = [room.frame(index).pose for index in range(len(room))]
        return [not np.allclose(pose, before) for before, pose in zip(poses, poses[1:])]

    assert moves(moving) == [True, True, True] and moves(stopping) == [True, True, False]
    assert moves(standing) == [False, False, False]
    # What stands is not frozen: every image has its own noise, as a sensor's has.
    assert not np.array_equal(standing.frame(0).rgb, standing.frame(1).rgb)
    assert np.array_equal(standing.frame(0).depth, standing.frame(3).depth)


@pytest.mark.parametrize('place', [
    'rooms:', 'rooms:many', 'rooms:0', 'rooms:-2', 'rooms:2,', 'rooms:2,frames=0',
    'rooms:2,frames=x', 'rooms:2,seed=-1', 'rooms:2,size=40', 'rooms:2,size=4x3',
    'rooms:2,colour=red', 'rooms:2,still_from=-1', 'rooms:2,still_from=nan'])
def test_rooms_that_cannot_be_are_one_clear_error(place):
    with pytest.raises(DataError, match='say how many rooms') as caught:
        open_dataset(place)
    assert place in str(caught.value)
