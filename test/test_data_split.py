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
"""What is held out of training: whole scenes, or the end of a single video."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.data.layouts.pairs import pair_sequences
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.data.split import hold_out, part_of, PartSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
import numpy as np
import pytest


@dataclass(frozen=True)
class Numbers(FrameSequence):
    """Frames whose stamps are their numbers."""

    name: str
    scene: str
    count: int
    video: bool = True

    def __len__(self) -> int:
        return self.count

    def read(self, index: int) -> CameraFrame:
        return CameraFrame(np.zeros((1, 1, 3), np.uint8), index)


def rooms(count: int) -> list[FrameSequence]:
    return [Numbers(f'room_{number}', f'room_{number}', 3) for number in range(count)]


def test_every_sixth_scene_is_held_out():
    train, held = hold_out(rooms(13))
    assert [item.name for item in held] == ['room_5', 'room_11']
    assert len(train) == 11


def test_few_scenes_hold_out_the_last():
    train, held = hold_out(rooms(3))
    assert [item.name for item in train] == ['room_0', 'room_1']
    assert [item.name for item in held] == ['room_2']


def test_parts_of_a_scene_stay_on_one_side():
    sequences = [Numbers(f'office_{number:04d}{part}#{cut}', f'office_{number:04d}{part}', 2)
                 for part in 'ab' for number in range(1, 4) for cut in range(2)]
    train, held = hold_out(sequences, every=3)
    assert {item.name for item in held} == {f'office_0003{part}#{cut}'
                                            for part in 'ab' for cut in range(2)}
    assert len(train) + len(held) == len(sequences)


@pytest.mark.parametrize('lengths', [(10,), (3, 7), (7, 3), (5, 5), (1, 1, 8)])
def test_video_of_one_scene_is_cut_in_time(lengths):
    sequences = [Numbers(f'bag#{number}', 'bag', length) for number, length in enumerate(lengths)]
    train, held = hold_out(sequences)

    def frames(parts):
        return [(part.name, part.frame(index).stamp_ns)
                for part in parts for index in range(len(part))]

    assert frames(train) + frames(held) == frames(sequences)
    assert len(frames(train)) == len(frames(held)) == 5
    assert all(part.video and part.scene == 'bag' for part in (*train, *held))


def test_a_part_ends_where_it_ends():
    part = PartSequence(Numbers('a', 'a', 10), 2, 5)
    with pytest.raises(DataError, match='frames 0 to 2'):
        part.frame(3)


@pytest.mark.parametrize('sequences', [
    [Numbers('a', 'a', 9, video=False)], [Numbers('a', 'a', 1)], []])
def test_a_single_scene_without_parts_is_one_clear_error(sequences):
    with pytest.raises(DataError, match='single scene cannot be split'):
        hold_out(sequences)


def test_holding_out_everything_is_refused():
    with pytest.raises(ConfigError, match='at least 2'):
        hold_out(rooms(3), every=1)


def test_every_sixth_run_of_numbered_stills_is_held_out(shared):
    root = shared / 'data' / 'nyu_labeled_train'
    numbers = sorted(int(path.stem) for path in (root / 'depth').glob('*.png'))
    run, held = 0, []
    for number, before in zip(numbers, [numbers[0] - 1, *numbers]):
        run += number != before + 1
        if run % 6 == 5:
            held.append(number)
    parts = [[int(file.rgb.stem) for item in part for file in item.files]
             for part in hold_out(pair_sequences(root))]
    assert parts == [[number for number in numbers if number not in held], held]
    assert len(held) == 106


def test_a_share_is_the_first_part_of_videos_and_stills_from_everywhere():
    stills = [Numbers('a', 'a', 30, video=False), Numbers('b', 'b', 20, video=False)]
    parts = part_of([Numbers('video', 'video', 11), *stills], 0.2)
    frames = [(part.name, part.frame(index).stamp_ns) for part in parts
              for index in range(len(part))]
    assert frames == [('video', 0), ('video', 1), *(('a', n) for n in range(2, 30, 5)),
                      *(('b', n) for n in range(2, 20, 5))]
    assert len(part_of([Numbers('short', 'short', 2)], 0.1)) == 1
