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
"""Look into a data set: sizes, depth histogram, sample pictures."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lstm_depth.data.readers import DataSet
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.visualize import DepthPicture, PictureStyle, strip, write_png
import numpy as np
from tqdm import tqdm

_BAR = 40
_PICTURES = 6
_PERCENTILES = (1, 25, 50, 75, 99)


@dataclass
class Inspection:
    """
    What was found.

    *sizes*: frames looked at by "WxH". *histogram*: share of the valid pixels by whole
    metres, the last one all beyond. *percentiles*: metres below which so many percent
    are. *rate_hz*: median of the videos' stamps, None without them. *notes*: what was
    assumed.
    """

    layout: str
    sequences: int
    videos: int
    scenes: int
    frames: int
    looked_at: int = 0
    sizes: Counter[str] = field(default_factory=Counter)
    camera: Camera | None = None
    poses: bool = False
    rate_hz: float | None = None
    valid_share: float = 0.0
    histogram: list[float] = field(default_factory=list)
    percentiles: dict[int, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Return the inspection for people."""
        sizes = ', '.join(f'{size} ({count})' for size, count in self.sizes.most_common())
        camera = 'unknown' if self.camera is None else (
            f'fx {self.camera.fx:.1f} fy {self.camera.fy:.1f} cx {self.camera.cx:.1f} '
            f'cy {self.camera.cy:.1f}')
        lines = [
            f'{self.layout}: {self.sequences} sequences ({self.videos} videos) of '
            f'{self.scenes} scenes, {self.frames} frames',
            f'size: {sizes}', f'camera: {camera}; poses: {"yes" if self.poses else "no"}',
            'rate: ' + ('no stamps' if self.rate_hz is None else f'{self.rate_hz:.2f} Hz'),
            f'depth of {self.looked_at} frames: {self.valid_share:.1%} valid; percentiles '
            + ', '.join(f'{key}%: {value:.2f} m' for key, value in self.percentiles.items())]
        largest = max(self.histogram, default=0) or 1
        for metre, share in enumerate(self.histogram):
            end = '+   ' if metre == len(self.histogram) - 1 else f'-{metre + 1:<3}'
            lines.append(f'{metre:>4}{end}m {share:6.1%} {"#" * round(_BAR * share / largest)}')
        lines += [f'note: {text}' for text in self.notes]
        return '\n'.join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return vars(self) | {'sizes': dict(self.sizes),
                             'camera': self.camera and asdict(self.camera)}


def inspect_dataset(dataset: DataSet, samples: int = 50, picture: Path | None = None) \
        -> Inspection:
    """
    Return what *samples* frames spread over the data set show; write a PNG of some.

    DataError where a frame cannot be read or none has depth.
    """
    places = [(number, index) for number, sequence in enumerate(dataset.sequences)
              for index in range(len(sequence))]
    found = Inspection(
        dataset.layout, len(dataset.sequences),
        sum(sequence.video for sequence in dataset.sequences),
        len({sequence.scene for sequence in dataset.sequences}), len(places))
    chosen = [places[int(place)] for place in np.unique(
        np.linspace(0, len(places) - 1, min(samples, len(places))).round())]
    pictured = set(np.unique(np.linspace(0, len(chosen) - 1, _PICTURES).round()).astype(int))
    depths, shares, pictures = [], [], []
    for number, (sequence, index) in enumerate(tqdm(chosen, desc='reading', unit='frame')):
        frame = dataset.sequences[sequence].frame(index)
        depths.append(_note(found, frame, shares))
        if number in pictured:
            pictures.append(DepthPicture(frame.rgb, frame.depth, caption=(
                f'{dataset.sequences[sequence].name} {index}: {shares[-1]:.0%} valid')))
    _summarise(found, np.concatenate(depths), shares)
    found.rate_hz = _rate(dataset)
    found.notes = dataset.notes
    if picture:
        far = float(min(max(found.percentiles[99], 1.0), 20.0))
        write_png(picture, strip(pictures, PictureStyle(max_m=round(far + 0.5))))
    return found


def _note(found: Inspection, frame: CameraFrame, shares: list[float]) -> np.ndarray:
    """Count one frame; return a sample of its valid depth."""
    height, width = frame.depth.shape
    found.looked_at += 1
    found.sizes[f'{width}x{height}'] += 1
    found.camera = found.camera or frame.camera
    found.poses |= frame.pose is not None
    valid = np.isfinite(frame.depth)
    shares.append(float(valid.mean()))
    return frame.depth[valid][::7]


def _summarise(found: Inspection, depth: np.ndarray, shares: list[float]) -> None:
    """Fill in the shares, the histogram and the percentiles."""
    if not depth.size:
        raise DataError('none of the frames that were looked at has valid depth')
    found.valid_share = float(np.mean(shares))
    edges = [*range(11), np.inf]
    found.histogram = (np.histogram(depth, edges)[0] / depth.size).tolist()
    found.percentiles = {key: float(value) for key, value in zip(
        _PERCENTILES, np.percentile(depth, _PERCENTILES))}


def _rate(dataset: DataSet) -> float | None:
    """Return the median frame rate of the first videos, None without stamps."""
    steps = []
    for sequence in [item for item in dataset.sequences if item.video][:5]:
        stamps = [sequence.frame(index).stamp_ns for index in range(min(len(sequence), 10))]
        steps += [after - before for before, after in zip(stamps, stamps[1:]) if after > before]
    return 1e9 / float(np.median(steps)) if steps else None
