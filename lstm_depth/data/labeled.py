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
"""The labelled file of NYU Depth V2 as sequences, and the raw frames before its frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_depth.data.nyu.frame import project_frame
from lstm_depth.data.nyu.labeled import LabeledFile
from lstm_depth.data.nyu.matlab import read_split_indices
from lstm_depth.data.nyu.raw_scene import RawScene
from lstm_depth.data.reader import option, Reader
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame


@dataclass(frozen=True)
class LabeledSequence(FrameSequence):
    """The labelled frames of one scene: stills, numbered as *indices* in *file*."""

    name: str
    scene: str
    file: LabeledFile
    indices: tuple[int, ...]
    video: bool = False

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.indices)

    def read(self, index: int) -> CameraFrame:
        """Return one labelled frame."""
        return self.file.frame(self.indices[index])


def labeled_sequences(path: str | Path, splits: str | Path | None = None,
                      part: str | None = None, depth: str = 'filled') -> list[FrameSequence]:
    """
    Return the scenes of ``nyu_depth_v2_labeled.mat``.

    *splits*, *part*: take only the ``train`` or ``test`` frames of ``splits.mat``.
    *depth*: ``filled`` or ``raw``. DataError for files that are not these.
    """
    file = LabeledFile(path, depth)
    numbers = range(len(file))
    if part is not None:
        if splits is None or part not in ('train', 'test'):
            raise DataError('a part of the labelled file is train or test, and needs splits.mat')
        numbers = read_split_indices(splits)[('train', 'test').index(part)]
    scenes: dict[str, list[int]] = {}
    for number in sorted(numbers):
        scenes.setdefault(file.scene(number), []).append(number)
    return [LabeledSequence(scene, scene, file, tuple(indices))
            for scene, indices in scenes.items()]


def frames_before(file: LabeledFile, index: int, scene: RawScene, count: int) \
        -> list[CameraFrame]:
    """
    Return up to *count* raw frames before labelled frame *index*, to warm up a state with.

    *scene*: the raw scene that file.raw_depth_name() names. The labelled frame itself is
    not among them; frames that are damaged are left out. DataError where the scene does
    not have the labelled frame.
    """
    name = file.raw_depth_name(index)[1]
    frames = scene.frames()
    place = next((frame.index for frame in frames if frame.depth_name == name), None)
    if place is None:
        raise DataError(f'scene {scene} has no {name}, which labelled frame {index} was made '
                        f'from; it belongs to scene {file.raw_depth_name(index)[0]}')
    found = (project_frame(scene, frame) for frame in frames[max(0, place - count):place])
    return [frame for frame in found if frame is not None]


@dataclass(frozen=True, kw_only=True)
class LabeledOptions:
    """Which frames to read, and which depth."""

    splits: Path | None = option(None, 'splits.mat, for a part of the labelled file')
    part: str | None = option(None, 'train or test: only this part of the split')
    depth: str = option('filled', 'filled or raw depth of the labelled file')


READER = Reader(
    'labelled NYU file', 'nyu_depth_v2_labeled.mat',
    lambda place: Path(place).is_file() and Path(place).suffix.lower() == '.mat',
    lambda place, options: labeled_sequences(
        place, options.splits, options.part, options.depth), LabeledOptions)
