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
"""The frames that an evaluation scores: which part of a data set, and what its truth is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from lstm_depth.data.labeled import frames_before, LabeledSequence
from lstm_depth.data.nyu.output import BUILD_FILE, file_list
from lstm_depth.data.nyu.raw_scene import find_scenes, RawScene
from lstm_depth.data.nyu.split import base_scene
from lstm_depth.data.readers import open_dataset, ReaderOptions, ROOMS_PREFIX
from lstm_depth.data.sequence import FileSequence, FrameSequence
from lstm_depth.data.split import hold_out, PartSequence
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame

PARTS = ('train', 'test', 'all')
# Undistorting left NYU's labelled images a white frame, at most this wide [pixels].
WHITE_FRAME = 8
_WHITE = 245


@dataclass(frozen=True, eq=False)
class EvaluationData:
    """
    Sequences to score, and what the tables say about them.

    *name*: of the data. *part*: which frames of it. *ground_truth*: what the truth is, empty
    to tell it from its holes. *raw_scenes*: by name, the raw scenes that labelled frames were
    taken from, to warm up with. *notes*: what else the reader must know.
    """

    name: str
    sequences: list[FrameSequence]
    part: str = 'all'
    ground_truth: str = ''
    raw_scenes: Mapping[str, RawScene] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of frames."""
        return sum(len(sequence) for sequence in self.sequences)

    @property
    def has_video(self) -> bool:
        """Return whether any sequence is video."""
        return any(sequence.video for sequence in self.sequences)

    def warms(self, sequence: FrameSequence) -> bool:
        """Return whether frames before those of *sequence* can be had."""
        return sequence.video or (isinstance(sequence, LabeledSequence) and bool(self.raw_scenes))

    def raw_before(self, sequence: LabeledSequence, index: int, count: int) \
            -> list[CameraFrame] | None:
        """Return up to *count* raw frames before a labelled one, None without its scene."""
        number = sequence.indices[index]
        scene = self.raw_scenes.get(sequence.file.raw_depth_name(number)[0])
        return frames_before(sequence.file, number, scene, count) if scene else None


def open_evaluation_data(place: str, options: ReaderOptions | None = None, *,
                         held_out: bool = False, raw: Path | None = None) -> EvaluationData:
    """
    Return the frames at *place* (see `open_dataset`) that an evaluation is to score.

    ``options.part``: ``train``, ``test``, ``all`` or None, which takes the official test part
    of the labelled file and of a folder built with a split (the training part with
    *held_out*) and everything of other data. *held_out*: only the scenes that training
    leaves out. *raw*: a folder or archive of raw scenes for the labelled file. DataError
    for data that cannot be read, or a labelled file without its splits.mat.
    """
    options = options or ReaderOptions()
    path = Path(place)
    labeled = path.suffix == '.mat'
    if labeled and options.part != 'all' and options.splits is None:
        options = replace(options, splits=_splits_beside(path))
    part = options.part or _official_part(path, held_out)
    dataset = open_dataset(place, replace(options, part=None if part == 'all' else part))
    sequences = hold_out(dataset.sequences)[1] if held_out else dataset.sequences
    text = 'all' if part == 'all' else f'{part} part'
    if held_out:
        one = len({base_scene(sequence.scene) for sequence in dataset.sequences}) == 1
        text = f'held out of {text}' + (' (the second half of one recording)' if one else '')
    return EvaluationData(
        place, sequences, text,
        _ground_truth(place, options, labeled),
        {scene.name: scene for scene in find_scenes(raw)} if raw else {}, _notes(sequences))


def white_frame(data: EvaluationData) -> int:
    """Return how wide the white frame around the images is, told by the first; 0 without."""
    frame = first_frame(data)
    if frame is None or frame.rgb.shape[:2] != (480, 640):
        return 0
    half = WHITE_FRAME // 2
    sides = (frame.rgb[:half], frame.rgb[-half:], frame.rgb[:, :half], frame.rgb[:, -half:])
    return WHITE_FRAME if all(side.mean() >= _WHITE for side in sides) else 0


def first_frame(data: EvaluationData) -> CameraFrame | None:
    """Return the first frame that can be read, None where none can."""
    for sequence in data.sequences:
        for index in range(len(sequence)):
            try:
                return sequence.frame(index)
            except DataError:
                continue
    return None


def frame_name(sequence: FrameSequence, index: int) -> str:
    """Return what a frame is called: its file, its number in the labelled file, or its index."""
    if isinstance(sequence, PartSequence):
        return frame_name(sequence.whole, sequence.start + index)
    if isinstance(sequence, LabeledSequence):
        return f'{sequence.indices[index]:05d}'
    if isinstance(sequence, FileSequence) and not sequence.video:
        return sequence.files[index].rgb.stem
    # A recording that was cut into parts counts in each from 0.
    return str(index) if sequence.name == sequence.scene else f'{sequence.name}:{index}'


def _splits_beside(path: Path) -> Path:
    """Return the splits.mat in the folder of the labelled file; DataError without one."""
    splits = path.with_name('splits.mat')
    if not splits.is_file():
        raise DataError(f'which frames of {path} are for testing is in splits.mat: put it beside '
                        'the file or give it with --splits, or take every frame with --part all')
    return splits


def _official_part(path: Path, held_out: bool) -> str:
    """Return the part that is scored where none is named."""
    split = path.suffix == '.mat' or (
        (path / BUILD_FILE).is_file() and (path / file_list('test')).is_file())
    return ('train' if held_out else 'test') if split else 'all'


def _ground_truth(place: str, options: ReaderOptions, labeled: bool) -> str:
    """Return what is known of the truth without looking at it, else an empty string."""
    if place.startswith(ROOMS_PREFIX):
        return 'exact (rendered)'
    if labeled:
        return {'filled': 'filled (depths)', 'raw': 'raw (rawDepths)'}[options.depth]
    return ''


def _notes(sequences: list[FrameSequence]) -> tuple[str, ...]:
    """Return what the reader must know of the recordings that *sequences* are of."""
    return tuple(dict.fromkeys(note for item in map(_whole, sequences) for note in item.notes))


def _whole(sequence: FrameSequence) -> FrameSequence:
    """Return what a sequence is a part of, itself if it is none."""
    return _whole(sequence.whole) if isinstance(sequence, PartSequence) else sequence
