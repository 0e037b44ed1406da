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
"""The one split of training data into training and held-out frames, for trainer and evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lstm_depth.data.nyu.split import base_scene
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame


@dataclass(frozen=True)
class PartSequence(FrameSequence):
    """Frames *start* to *stop* (excluded) of another sequence."""

    whole: FrameSequence
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Return the name of the whole sequence."""
        return self.whole.name

    @property
    def scene(self) -> str:
        """Return the scene of the whole sequence."""
        return self.whole.scene

    @property
    def video(self) -> bool:
        """Return whether the whole sequence is video."""
        return self.whole.video

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the notes of the whole sequence."""
        return self.whole.notes

    def __len__(self) -> int:
        """Return the number of frames."""
        return self.stop - self.start

    def read(self, index: int) -> CameraFrame:
        """Return one frame."""
        return self.whole.frame(self.start + index)

    def source(self, index: int) -> str:
        """Return where a frame comes from."""
        return self.whole.source(self.start + index)


def hold_out(sequences: Sequence[FrameSequence], every: int = 6) \
        -> tuple[list[FrameSequence], list[FrameSequence]]:
    """
    Split *sequences* into (training, held out), whole scenes at a time.

    Every *every*-th scene in the order they appear is held out, the last one where there are
    fewer; parts of a scene (``bedroom_0001a``, ``bedroom_0001b``) stay together. Of numbered
    stills a run without a gap is a scene. Video of a single scene is cut in time: its second
    half is held out. DataError where stills of a single scene leave nothing to split by.
    """
    if every < 2:
        raise ConfigError(f'every must be at least 2, or all would be held out, not {every}')
    scenes: dict[str, list[FrameSequence]] = {}
    for sequence in sequences:
        scenes.setdefault(base_scene(sequence.scene), []).append(sequence)
    if len(scenes) < 2:
        return _cut_in_time(sequences)
    names = list(scenes)
    held = set(names[every - 1::every] or names[-1:])
    return ([item for name in names if name not in held for item in scenes[name]],
            [item for name in names if name in held for item in scenes[name]])


def part_of(sequences: Sequence[FrameSequence], share: float) -> list[FrameSequence]:
    """
    Return a *share* above 0 of the frames of *sequences*, at least one.

    Of a video its first part; of stills evenly spread ones over all of them.
    """
    videos = [item for item in sequences if item.video]
    stills = [(item, index) for item in sequences if not item.video for index in range(len(item))]
    parts: list[FrameSequence] = [
        PartSequence(item, 0, max(1, round(share * len(item)))) for item in videos]
    count = max(1, round(share * len(stills))) if stills else 0
    for place in range(count):
        item, index = stills[int((place + 0.5) * len(stills) / count)]
        parts.append(PartSequence(item, index, index + 1))
    return parts


def _cut_in_time(sequences: Sequence[FrameSequence]) \
        -> tuple[list[FrameSequence], list[FrameSequence]]:
    """Return the first and the second half of the frames of one scene's video."""
    total = sum(len(sequence) for sequence in sequences)
    if total < 2 or not all(sequence.video for sequence in sequences):
        raise DataError(f'{total} frames of a single scene cannot be split into training and '
                        'held-out scenes: give held-out data of its own, or more scenes')
    first: list[FrameSequence] = []
    second: list[FrameSequence] = []
    left = total // 2
    for sequence in sequences:
        length = len(sequence)
        cut = min(max(left, 0), length)
        left -= length
        if cut == length:
            first.append(sequence)
        elif cut == 0:
            second.append(sequence)
        else:
            first.append(PartSequence(sequence, 0, cut))
            second.append(PartSequence(sequence, cut, length))
    return first, second
