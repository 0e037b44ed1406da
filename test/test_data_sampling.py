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
"""Which clips an epoch has, and the loader that makes them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.data.augment import AugmentConfig
from lstm_depth.data.dataset import clip_loader, ClipDataset
from lstm_depth.data.motion import MotionConfig
from lstm_depth.data.sampling import ClipRequest, ClipSampler, ContinuousSampler, SamplingConfig
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
import numpy as np
import pytest
import torch


@dataclass(frozen=True)
class Numbered(FrameSequence):
    """Frames whose grey value is their number."""

    name: str
    scene: str
    count: int
    video: bool = True

    def __len__(self):
        return self.count

    def read(self, index):
        return CameraFrame(np.full((12, 16, 3), index, np.uint8), index * 10**9,
                           camera=Camera(16, 12, 14.0, 14.0, 7.5, 5.5),
                           depth=np.full((12, 16), 1 + index, np.float32))


def videos(*counts: int) -> list[Numbered]:
    return [Numbered(f'v{number}', f'v{number}', count) for number, count in enumerate(counts)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 6),
       st.lists(st.integers(0, 4), min_size=1, max_size=3), st.floats(0, 1), st.integers(0, 99))
def test_clips_lie_within_their_sequence_at_one_stride(counts, length, strides, reverse, epoch):
    sequences = videos(*counts)
    config = SamplingConfig(length=length, strides=tuple(strides), reverse=reverse)
    if max(counts) < length:
        with pytest.raises(DataError, match='no sequence has'):
            ClipSampler(sequences, config)
        return
    sampler = ClipSampler(sequences, config, seed=1)
    sampler.set_epoch(epoch)
    requests = list(sampler)
    assert requests and len(requests) == len(sampler)
    for request in requests:
        assert len(request.indices) == length and request.reset
        assert 0 <= min(request.indices) <= max(request.indices) < counts[request.sequence]
        steps = set(np.diff(request.indices).tolist())
        assert len(steps) <= 1 and all(abs(step) <= max(strides) for step in steps)
        assert 0 in strides or 0 not in steps
    assert len({request.seed for request in requests}) == len(requests)


def test_an_epoch_is_decided_by_seed_and_number():
    def draw(seed, epoch):
        sampler = ClipSampler(videos(30, 50), SamplingConfig(strides=(1, 2), reverse=0.5), seed)
        sampler.set_epoch(epoch)
        return list(sampler)
    assert draw(1, 2) == draw(1, 2)
    assert draw(1, 2) != draw(1, 3) and draw(1, 2) != draw(2, 2)


def test_scenes_are_balanced_or_not():
    sequences = videos(400, 12)
    counts = [Counter(request.sequence for request in ClipSampler(
        sequences, SamplingConfig(length=4, balance=balance))) for balance in (True, False)]
    assert counts[0][0] == counts[0][1]
    assert counts[1][0] > 90 and counts[1][1] <= 3


def test_balance_is_by_scene_not_by_sequence():
    sequences = [Numbered('a', 'a', 40), *(Numbered(f'b#{n}', 'b', 40) for n in range(3))]
    counts = Counter(sequences[request.sequence].scene for request in
                     ClipSampler(sequences, SamplingConfig(length=4)))
    assert counts['a'] == counts['b']


def test_reversed_clips_run_backwards():
    requests = list(ClipSampler(videos(60), SamplingConfig(reverse=1.0)))
    assert all((np.diff(request.indices) < 0).all() for request in requests)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=3, max_size=8), st.integers(1, 5),
       st.lists(st.integers(0, 3), min_size=1, max_size=2), st.floats(0, 1), st.integers(0, 9))
def test_a_lane_goes_on_where_its_last_clip_ended(counts, length, strides, reverse, epoch):
    config = SamplingConfig(length=length, strides=tuple(strides), reverse=reverse)
    try:
        sampler = ContinuousSampler(videos(*counts), config, batch=2, seed=3)
    except DataError:
        assert sum(count >= length for count in counts) < 2
        return
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler) > 0 and all(len(batch) == 2 for batch in batches)
    assert all(request.reset for request in batches[0])
    for row in range(2):
        for before, after in zip(batches, batches[1:]):
            old, new = before[row], after[row]
            if not new.reset:
                assert new.sequence == old.sequence and new.seed == old.seed
                if length > 1:
                    assert new.indices[0] - old.indices[-1] == old.indices[1] - old.indices[0]
            else:
                assert new.seed != old.seed


def test_a_batch_of_more_lanes_than_sequences_is_an_error():
    with pytest.raises(DataError, match='smaller batch'):
        ContinuousSampler(videos(9, 9), SamplingConfig(), batch=3)
    with pytest.raises(ConfigError):
        ContinuousSampler(videos(9), SamplingConfig(), batch=0)


def test_a_path_through_a_still_goes_on_from_clip_to_clip():
    stills = [Numbered('s', 's', 2, video=False)]
    config = SamplingConfig(length=3, still_clips=2)
    row = [batch[0] for batch in ContinuousSampler(stills, config, batch=1)]
    assert [(request.span, request.reset) for request in row] == [
        ((0, 3, 6), True), ((3, 6, 6), False)] * 2
    dataset = ClipDataset(stills, motion=MotionConfig(rate_hz=10))
    first, second = dataset[row[0]], dataset[row[1]]
    joined = torch.cat([first.poses, second.poses])
    steps = torch.diff(joined[:, :3, 3], dim=0).norm(dim=1)
    assert steps[2] < 2 * steps.max() and second.stamps[0] - first.stamps[-1] == pytest.approx(0.1)
    assert first.reset and not second.reset and len(first) == 3


def test_augmentation_stays_the_same_along_a_lane():
    sequences = [Numbered('a', 'a', 40)]
    row = [batch[0] for batch in ContinuousSampler(sequences, SamplingConfig(length=4), batch=1)]
    dataset = ClipDataset(sequences, AugmentConfig(width=8, height=6, zoom=(1, 2), flip=0.5))
    cameras = {dataset[request].camera for request in row}
    assert len(row) > 5 and len(cameras) == 1
    independent = {dataset[request].camera for request in
                   ClipSampler(sequences, SamplingConfig(length=4))}
    assert len(independent) > 3


def test_the_loader_gives_the_same_batches_with_and_without_workers():
    sequences = [*videos(9, 14), Numbered('s', 's', 2, video=False)]
    dataset = ClipDataset(sequences, AugmentConfig(width=8, height=6, zoom=(1, 2), flip=0.5,
                                                   brightness=(0.5, 1.5)))
    batches = []
    for workers in (0, 2):
        sampler = ClipSampler(sequences, SamplingConfig(length=3), seed=4)
        sampler.set_epoch(1)
        batches.append(list(clip_loader(dataset, sampler, batch=2, workers=workers)))
    assert len(batches[0]) == len(batches[1]) > 2
    for one, two in zip(*batches):
        assert one.names == two.names and torch.equal(one.frames, two.frames)
        assert torch.equal(one.depth, two.depth) and torch.equal(one.intrinsics, two.intrinsics)
        assert one.frames.shape == (2, 3, 3, 6, 8) and one.depth.shape == (2, 3, 1, 6, 8)


def test_the_loader_takes_lanes():
    sequences = videos(9, 14)
    sampler = ContinuousSampler(sequences, SamplingConfig(length=3), batch=2)
    resets = [batch.reset.tolist() for batch in clip_loader(ClipDataset(sequences), sampler,
                                                            batch=None)]
    assert resets[0] == [True, True] and not any(resets[1])


def test_frames_can_be_read_smaller():
    dataset = ClipDataset(videos(3), read_width=8)
    clip = dataset[ClipRequest(0, (0, 2), (0,))]
    assert clip.frames.shape == (2, 3, 6, 8) and clip.camera.fx == 7


@pytest.mark.parametrize('values', [{'length': 0}, {'strides': ()}, {'strides': (-1,)},
                                    {'reverse': 2}, {'still_clips': 0}])
def test_impossible_sampling_is_refused(values):
    with pytest.raises(ConfigError):
        SamplingConfig(**values)
