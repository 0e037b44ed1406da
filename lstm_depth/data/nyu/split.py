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
"""The official split of NYU Depth V2 by scenes, derived from its own labelled file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
import re

from lstm_depth.data.nyu.labeled import LabeledFile
from lstm_depth.data.nyu.matlab import read_split_indices
from lstm_depth.errors import DataError

_PART = re.compile(r'(.*_\d+)[a-z]')
PARTS = ('train', 'test')


def base_scene(name: str) -> str:
    """Return the scene of a raw folder: ``bedroom_0001b`` is a part of ``bedroom_0001``."""
    match = _PART.fullmatch(name)
    return match[1] if match else name


@dataclass(frozen=True)
class SceneSplit:
    """Which scenes are for training and which for testing; names without part letters."""

    train: frozenset[str]
    test: frozenset[str]

    def __post_init__(self) -> None:
        """Raise DataError where a scene is on both sides."""
        both = sorted(self.train & self.test)
        if both:
            raise DataError(f'{len(both)} scenes are both in the training and the test part: '
                            f'{", ".join(both[:5])}; a scene must be in one of them')

    def part_of(self, scene: str) -> str:
        """Return ``train``, ``test``, or an empty string for a scene in neither."""
        scene = base_scene(scene)
        return 'train' if scene in self.train else 'test' if scene in self.test else ''


def split_by_labels(scenes: Sequence[str], test: Iterable[int]) -> SceneSplit:
    """
    Return the split where a scene that holds a test frame is a test scene.

    *scenes*: the scene of every labelled frame; *test*: 0-based numbers of test frames.
    """
    names = [base_scene(scene) for scene in scenes]
    numbers = sorted(test)
    if numbers and not 0 <= numbers[0] <= numbers[-1] < len(names):
        raise DataError(f'the split names frames {numbers[0] + 1} to {numbers[-1] + 1}, but the '
                        f'labelled file has {len(names)}; they do not belong together')
    test_scenes = frozenset(names[number] for number in numbers)
    return SceneSplit(frozenset(names) - test_scenes, test_scenes)


def official_split(labeled: str | Path, splits: str | Path) -> SceneSplit:
    """
    Return the split of ``nyu_depth_v2_labeled.mat`` and ``splits.mat``.

    It has 249 training and 215 test scenes with the published files. DataError where a
    training frame lies in a test scene: then the files do not belong together.
    """
    train, test = read_split_indices(splits)
    with LabeledFile(labeled) as file:
        split = split_by_labels(file.scenes, test)
        for number in train:
            if split.part_of(file.scene(number)) == 'test':
                raise DataError(f'{splits}: training frame {number + 1} lies in test scene '
                                f'{file.scene(number)} of {labeled}; the files do not belong '
                                'together')
    return split


def listed_split(path: str | Path) -> SceneSplit:
    """
    Return the split in a text file of lines ``train SCENE`` and ``test SCENE``.

    Empty lines and lines that start with ``#`` are skipped.
    """
    parts: dict[str, set[str]] = {part: set() for part in PARTS}
    try:
        lines = Path(path).read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f'split list {path} cannot be read: {error}') from error
    for number, line in enumerate(lines, 1):
        fields = line.split()
        if not fields or fields[0].startswith('#'):
            continue
        if len(fields) != 2 or fields[0] not in parts:
            raise DataError(f'{path}, line {number}: expected "train SCENE" or "test SCENE", '
                            f'not "{line.strip()}"')
        parts[fields[0]].add(base_scene(fields[1]))
    return SceneSplit(frozenset(parts['train']), frozenset(parts['test']))
