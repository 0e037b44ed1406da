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
"""Which clips make a batch, in which order, and on which process."""

from __future__ import annotations

from itertools import islice

from _training import draw_stills
from lstm_depth.data.readers import open_dataset
from lstm_depth.data.sampling import SamplingConfig
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.training.batches import Batches, MixedSampler, open_data
from lstm_depth.training.recipe import DataSection, PhaseSection
import pytest

STILL = PhaseSection(sampling=SamplingConfig(length=1, balance=False))


@pytest.fixture(scope='module')
def place(tmp_path_factory):
    """Return a folder of four scenes of three stills."""
    return draw_stills(tmp_path_factory.mktemp('stills'))


@pytest.fixture(scope='module')
def scenes(place):
    return open_dataset(str(place)).sequences


def mixed(scenes, shares, clips=0, seed=0):
    """Return a sampler of three scenes of stills and one that stands for rooms."""
    return MixedSampler({'stills': scenes[:3], 'rooms': scenes[3:]}, shares, STILL, seed, clips)


def kinds(sampler):
    return ['rooms' if request.sequence == 3 else 'stills' for request in sampler]


def test_without_shares_every_clip_comes_once(scenes):
    requests = list(mixed(scenes, {}))
    assert len(requests) == 12
    assert len({(request.sequence, request.indices) for request in requests}) == 12


def test_shares_hold_over_an_epoch_and_within_it(scenes):
    sampler = mixed(scenes, {'stills': 0.75, 'rooms': 0.25}, clips=40)
    found = kinds(sampler)
    assert len(found) == len(sampler) == 40 and found.count('rooms') == 10
    assert 4 <= found[:20].count('rooms') <= 6
    assert kinds(mixed(scenes, {'rooms': 1.0})) == ['rooms'] * 3


def test_an_epoch_sees_each_clip_of_the_largest_share(scenes):
    sampler = mixed(scenes, {'stills': 0.9, 'rooms': 0.1})
    seen = {(request.sequence, request.indices) for request in sampler if request.sequence < 3}
    assert len(seen) == 9 and len(sampler) == 10


def test_shares_of_what_is_not_there_are_an_error(scenes):
    with pytest.raises(ConfigError, match='shares of videos, the data only stills, rooms'):
        mixed(scenes, {'videos': 1.0})


def test_epochs_differ_and_repeat(scenes):
    sampler = mixed(scenes, {})
    first = list(sampler)
    sampler.set_epoch(1)
    assert list(sampler) != first
    sampler.set_epoch(0)
    assert list(sampler) == first != list(mixed(scenes, {}, seed=1))


def test_processes_share_the_batches_of_one(scenes):
    def batches(batch, rank, world):
        return list(Batches(mixed(scenes, {}), batch, rank=rank, world=world))

    whole, parts = batches(4, 0, 1), [batches(2, rank, 2) for rank in (0, 1)]
    assert len(whole) == 3
    assert whole == [first + second for first, second in zip(*parts)]


@pytest.mark.parametrize('start', [0, 1, 5, 7])
def test_a_resumed_epoch_goes_on_with_the_same_batches(scenes, start):
    whole = Batches(mixed(scenes, {}), 4, count=7)
    whole.set_epoch(2)
    left = Batches(mixed(scenes, {}), 4, count=7)
    left.set_epoch(2, start)
    assert list(left) == list(islice(whole, start, None)) and len(left) == 7 - start


def test_too_few_clips_for_a_batch_are_an_error(scenes):
    with pytest.raises(DataError, match='12 clips, fewer than a batch of 26'):
        Batches(mixed(scenes, {}), 13, world=2)


def test_scenes_are_held_out_whole_or_come_from_their_own_place(place, tmp_path):
    data = open_data(DataSection(path=str(place), hold_out_every=4))
    assert not {item.scene for item in data.held_out} & {
        item.scene for item in data.train['stills']}
    assert data.describe() == '9 frames of 3 stills; 3 frames of 1 sequences held out'
    other = draw_stills(tmp_path / 'other', scenes=1)
    data = open_data(DataSection(path=str(place), validation=str(other)))
    assert data.describe() == '12 frames of 4 stills; 3 frames of 1 sequences held out'
    data = open_data(DataSection(path=str(place), hold_out_every=4, train_only=str(other)))
    assert data.describe() == '12 frames of 4 stills; 3 frames of 1 sequences held out'
    assert open_data(DataSection(train_only=str(other))).held_out == []


def test_the_fingerprint_is_of_what_is_trained_on(place, tmp_path):
    def mark(path):
        return open_data(DataSection(path=str(path), hold_out_every=4)).fingerprint()

    same = draw_stills(tmp_path / 'elsewhere' / place.name)
    assert mark(place) == mark(same)
    assert mark(place) != mark(draw_stills(tmp_path / place.name, frames=2))


def test_rooms_are_a_kind_of_their_own_and_none_is_an_error(place):
    data = open_data(DataSection(path=str(place), rooms=2, room_frames=5))
    assert [len(room) for room in data.train['rooms']] == [5, 5]
    with pytest.raises(ConfigError, match='nothing to train on'):
        open_data(DataSection())
