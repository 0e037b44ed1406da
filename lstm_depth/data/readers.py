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
"""Open any supported data set as sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lstm_depth.data import folders
from lstm_depth.data.bags import bag_sequences
from lstm_depth.data.labeled import labeled_sequences
from lstm_depth.data.nyu.output import BUILD_FILE
from lstm_depth.data.nyu.sync import stamp_of
from lstm_depth.data.rooms import rooms_of
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import DataError
from lstm_depth.media.bag.common import is_bag

ROOMS_PREFIX = 'rooms:'
_LAYOUTS = """\
  a folder that build-nyu made
  nyu_depth_v2_labeled.mat
  a folder with rgb/NAME.jpg and depth/NAME.png (16-bit, millimetres)
  a folder or .csv file with lines "IMAGE,DEPTH" (nyu2_train.csv)
  a folder of NAME.jpeg with NAME.npy (metres) beside it or in depth/
  a rosbag (ROS 1 or 2) with colour images and aligned depth
  rooms:N for N rendered rooms; rooms:N,seed=S,frames=F,size=WxH,still_from=SECONDS"""


@dataclass(frozen=True, kw_only=True)
class ReaderOptions:
    """
    What some readers need to be told.

    *image_topic*, *depth_topic*, *camera_info_topic*, *max_depth_m*: of bags. *part*:
    ``train`` or ``test`` of a built folder or, with *splits*, of the labelled file.
    *depth*: ``filled`` or ``raw`` of the labelled file. *border*: pixels to cut off each
    side of rgb/depth folders.
    """

    image_topic: str | None = None
    depth_topic: str | None = None
    camera_info_topic: str | None = None
    max_depth_m: float = 10.0
    splits: Path | None = None
    part: str | None = None
    depth: str = 'filled'
    border: int = 0


@dataclass(frozen=True)
class DataSet:
    """The sequences found at one place, and the *layout* they were found in."""

    layout: str
    sequences: list[FrameSequence]


def open_dataset(place: str | Path, options: ReaderOptions | None = None) -> DataSet:
    """
    Return the sequences at *place*: a path, or ``rooms:N`` with the options of `rooms_of`.

    The layout is told from what is there. DataError where it is none of those known.
    """
    options = options or ReaderOptions()
    if str(place).startswith(ROOMS_PREFIX):
        return DataSet('rendered rooms', rooms_of(str(place)[len(ROOMS_PREFIX):]))
    path = Path(place)
    if not path.exists():
        raise DataError(f'{path} does not exist; give one of\n{_LAYOUTS}')
    layout, read = _reader(path, options)
    return DataSet(layout, read())


def _reader(path: Path, options: ReaderOptions) -> tuple[str, Callable[[], list[FrameSequence]]]:
    """Return the layout at *path* and what reads it."""
    if is_bag(path):
        return 'rosbag', lambda: bag_sequences(
            path, image_topic=options.image_topic, depth_topic=options.depth_topic,
            camera_info_topic=options.camera_info_topic, max_depth_m=options.max_depth_m)
    if path.is_file():
        if path.suffix == '.csv':
            return 'CSV of image and depth files', lambda: folders.csv_sequences(path)
        if path.suffix == '.mat':
            return 'labelled NYU file', lambda: labeled_sequences(
                path, options.splits, options.part, options.depth)
        raise DataError(f'{path} is not a data set; give one of\n{_LAYOUTS}')
    if (path / BUILD_FILE).exists():
        return 'built NYU sequences', lambda: folders.built_sequences(path, options.part)
    if (path / 'rgb').is_dir() and any((path / 'depth').glob('*.png')):
        return 'rgb and depth folders', lambda: folders.pair_sequences(path, options.border)
    tables = sorted(path.glob('*_train.csv')) or sorted(path.glob('*.csv'))
    if tables:
        return 'CSV of image and depth files', lambda: folders.csv_sequences(tables[0])
    if next(path.rglob('*.npy'), None):
        return 'images with .npy depth', lambda: folders.npy_sequences(path)
    if any(stamp_of(file.name) for file in path.rglob('*')):
        raise DataError(f'{path} holds raw NYU scenes; build sequences of them first: '
                        f'lstm_depth build-nyu {path} OUT')
    raise DataError(f'{path} is not a data set; give one of\n{_LAYOUTS}')
