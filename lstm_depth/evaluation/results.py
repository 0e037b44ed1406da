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
"""
What an evaluation found: numbers for every frame, their means, and the pictures worth seeing.

Every way to evaluate (a data set, a recording) fills an ``EvaluationBuilder``, and every way
to show the result (a table, JSON, CSV, HTML) takes its `Evaluation`.
"""

from __future__ import annotations

from collections.abc import Mapping
import csv
from dataclasses import asdict, dataclass, field
import math
from pathlib import Path
from typing import Any

from lstm_depth.evaluation.tables import latency_text, percentiles_ms, table
from lstm_depth.files import atomic_path, table_text
import numpy as np

HEADLINE = ('d1', 'd2', 'd3', 'abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'log10', 'silog', 'ssim',
            'l1', 'mse', 'r2', 'boundary_f1', 'flying_points')
BAND_COLUMNS = ('share', 'abs_rel', 'rmse', 'd1')
SCENE_COLUMNS = ('images', 'abs_rel', 'rmse', 'd1')


@dataclass(frozen=True)
class Interval:
    """A mean over images and the ends of its 95 % interval, by bootstrap over the images."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return '0.1234 [0.1200, 0.1300]'; the mean alone where there is no interval."""
        if np.isnan(self.low):
            return f'{self.mean:.4f}'
        return f'{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]'


@dataclass(frozen=True, eq=False)
class FrameResult:
    """
    The numbers of one frame.

    *name*: of a still ('00012'), or the number of the frame in its sequence. *scene*: the
    room or recording. *metrics*: by name, those of `HEADLINE` and ``valid``; empty where the
    frame has no valid ground truth. *bands*: by distance ('0-1 m'), each with `BAND_COLUMNS`;
    NaN where no pixel is that far, ``share`` then 0. *latency_s*: seconds from image to depth.
    *reset*: why the state was reset at this frame, empty if not. *scale_ratio*: the median of
    predicted over true depth, before any alignment.
    """

    name: str
    scene: str
    metrics: Mapping[str, float]
    bands: Mapping[str, Mapping[str, float]]
    stamp_s: float
    latency_s: float
    reset: str = ''
    scale_ratio: float = math.nan

    @property
    def scored(self) -> bool:
        """Return whether there was ground truth to compare with."""
        return bool(self.metrics)


@dataclass(frozen=True, eq=False)
class FramePicture:
    """
    One frame to look at.

    *rgb*: (H, W, 3) uint8. *depth*: (H, W) float32 metres as it was scored, aligned where an
    alignment was asked for. *truth*: (H, W) float32 metres, NaN where invalid or out of range.
    """

    result: FrameResult
    rgb: np.ndarray
    depth: np.ndarray
    truth: np.ndarray


@dataclass(frozen=True, eq=False)
class Evaluation:
    """
    The result of an evaluation.

    *header*: of the checkpoint, None where there is none. *settings*: how it was scored
    (protocol, ground truth, alignment, flip averaging, cap, crop, warm-up, mode, device, ...),
    to be shown with every table. *frames*: in the order they were predicted, unscored ones too.
    *metrics*: means over the scored images. *by_band*, *by_scene*: means over images, with
    `BAND_COLUMNS` and, for scenes, every metric and ``images``. *temporal*: of video, None
    without any; *series*: the same frame by frame (`TemporalAccumulator.series`). *worst*,
    *best*: a few frames by abs_rel, the worst or best first; *samples*: some spread evenly.
    *beside*: the means of another way to score the same images, by what is different.
    *notes*: what else the reader must know. *damage*: why frames could not be read.
    """

    title: str
    data: str
    model: str
    checkpoint: str
    header: Mapping[str, Any] | None
    settings: Mapping[str, str]
    frames: list[FrameResult]
    metrics: dict[str, Interval]
    by_band: dict[str, dict[str, float]]
    by_scene: dict[str, dict[str, float]]
    temporal: dict[str, float] | None = None
    worst: list[FramePicture] = field(default_factory=list)
    best: list[FramePicture] = field(default_factory=list)
    samples: list[FramePicture] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    command: str = ''
    versions: dict[str, str] = field(default_factory=dict)
    series: dict[str, list[float]] = field(default_factory=dict)
    beside: dict[str, dict[str, Interval]] = field(default_factory=dict)

    @property
    def scored(self) -> int:
        """Return how many frames had ground truth to compare with."""
        return sum(frame.scored for frame in self.frames)

    @property
    def latencies(self) -> list[float]:
        """Return the known latencies of all frames in seconds."""
        return [frame.latency_s for frame in self.frames if math.isfinite(frame.latency_s)]

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pictures as plain values for JSON."""
        values = {name: value for name, value in vars(self).items()
                  if name not in ('worst', 'best', 'samples')}
        return values | {
            'settings': dict(self.settings),
            'header': None if self.header is None else dict(self.header),
            'metrics': {name: asdict(value) for name, value in self.metrics.items()},
            'beside': {what: {name: asdict(value) for name, value in metrics.items()}
                       for what, metrics in self.beside.items()},
            'frames': [asdict(frame) for frame in self.frames],
        }

    def write_csv(self, path: str | Path) -> None:
        """Write one line a frame; what a frame does not have is left empty."""
        columns = ('scene', 'name', 'stamp_s', 'latency_ms', 'reset', 'scale_ratio', 'valid',
                   *HEADLINE)
        with atomic_path(path) as partial, partial.open('w', newline='',
                                                        encoding='utf-8') as file:
            lines = csv.DictWriter(file, columns)
            lines.writeheader()
            for frame in self.frames:
                numbers = {'latency_ms': frame.latency_s * 1e3, 'scale_ratio': frame.scale_ratio,
                           **frame.metrics}
                lines.writerow({
                    'scene': table_text(frame.scene), 'name': table_text(frame.name),
                    'reset': frame.reset,
                    'stamp_s': f'{frame.stamp_s:.9f}',
                    **{name: f'{value:.8g}' for name, value in numbers.items()
                       if math.isfinite(value)}})

    def _cells(self, name: str) -> str:
        """Return one measure, with what the other ways to score give beside it."""
        others = (f'   {what}: {metrics[name]}' for what, metrics in self.beside.items())
        return ''.join((str(self.metrics[name]), *others))

    def table(self, scenes: int = 12) -> str:
        """Return it as text for a terminal, at most *scenes* scenes, the worst first."""
        rows = [('data', self.data), ('model', f'{self.model} ({self.checkpoint})'),
                *self.settings.items(),
                ('images', f'{self.scored} scored of {len(self.frames)}'),
                ('latency', latency_text(percentiles_ms(self.latencies))),
                *((name, self._cells(name)) for name in HEADLINE if name in self.metrics)]
        rows += [(f'temporal {name}', f'{value:.4f}')
                 for name, value in (self.temporal or {}).items()]
        rows += [('note', note) for note in self.notes]
        parts = [self.title, table(rows)]
        if self.by_band:
            parts.append(_grid('distance', self.by_band, BAND_COLUMNS))
        if len(self.by_scene) > 1:
            worst = sorted(self.by_scene, key=lambda scene: -self.by_scene[scene]['abs_rel'])
            parts.append(_grid(f'scene (worst {scenes} of {len(worst)})' if len(worst) > scenes
                               else 'scene',
                               {scene: self.by_scene[scene] for scene in worst[:scenes]},
                               SCENE_COLUMNS))
        return '\n\n'.join(parts)


def _grid(title: str, lines: Mapping[str, Mapping[str, float]], columns: tuple[str, ...]) -> str:
    """Return *lines* (by name) of the named *columns* as an aligned table."""
    width = max(len(title), *(len(name) for name in lines))
    text = [f'{title:<{width}}' + ''.join(f'{column:>10}' for column in columns)]
    for name, values in lines.items():
        text.append(f'{name:<{width}}' + ''.join(
            f'{_cell(column, values[column]):>10}' for column in columns))
    return '\n'.join(text)


def _cell(column: str, value: float) -> str:
    """Return one number of a table, '-' for none."""
    if math.isnan(value):
        return '-'
    return f'{value:.0f}' if column == 'images' else f'{value:.4f}'
