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
"""What the template of a report is filled with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import json
import math
from typing import Any

from lstm_depth.evaluation.report.charts import band_chart, histogram, Series
from lstm_depth.evaluation.report.pictures import ColorBar, DepthScale, error_bar, Picture
from lstm_depth.evaluation.report.wording import (
    METRICS,
    milliseconds,
    paragraphs,
    percent,
    reset_cause,
)
from lstm_depth.evaluation.results import Evaluation, FramePicture, FrameResult, HEADLINE
from lstm_depth.evaluation.tables import percentiles_ms
from lstm_depth.scoring.temporal import TEMPORAL_MEASURES
from markupsafe import Markup
import numpy as np

# Longer tables are cut, with a line that says so; the JSON output has everything.
MAX_SCENES, MAX_RESETS, MAX_HEADER = 400, 50, 20_000
RESET_MARKS = ' Orange marks: the hidden state was reset.'
# The ending of temporal measures that say what the ground truth itself would get.
_OF_TRUTH = '_truth'


@dataclass(frozen=True)
class Figure:
    """A chart with the line of text below it."""

    chart: Markup
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Frames to look at: *title*, then each frame's numbers and its pictures."""

    title: str
    frames: Sequence[tuple[FrameResult, Sequence[Picture]]]


def page_values(evaluation: Evaluation) -> dict[str, Any]:
    """Return the values that ``report.html`` shows, by the names it uses."""
    series = Series.of(evaluation.frames)
    galleries, bars = _galleries(evaluation)
    header = '' if evaluation.header is None else json.dumps(
        dict(evaluation.header), indent=2, ensure_ascii=False, default=str)
    return {
        'evaluation': evaluation,
        'paragraphs': paragraphs(evaluation),
        'tiles': _tiles(evaluation),
        'metrics': [(name, METRICS[name], evaluation.metrics[name],
                     [metrics[name] for metrics in evaluation.beside.values()])
                    for name in HEADLINE if name in evaluation.metrics],
        'temporal': _temporal(evaluation.temporal or {}),
        'galleries': galleries,
        'bars': bars,
        'error_figures': _error_figures(evaluation),
        'series_figures': _series_figures(evaluation, series),
        'latency_figure': _latency_figure(evaluation),
        'resets': _resets(evaluation, series),
        'scenes': _scenes(evaluation),
        'header': header[:MAX_HEADER],
        'header_cut': len(header) > MAX_HEADER,
        'reset_cause': reset_cause,
    }


def _tiles(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return the few numbers to see first, as (value, what it is)."""
    tiles = []
    if evaluation.scored:
        metrics = evaluation.metrics
        tiles = [(percent(metrics['abs_rel'].mean), 'mean relative error'),
                 (percent(metrics['d1'].mean), 'of pixels within a factor 1.25'),
                 (f'{metrics["rmse"].mean:.2f}\u00a0m', 'root mean square error')]
    if evaluation.latencies:
        tiles.append((milliseconds(float(np.median(evaluation.latencies))), 'median latency'))
    tiles.append((f'{evaluation.scored:,} of {len(evaluation.frames):,}', 'images scored'))
    return tiles


def _temporal(measures: Mapping[str, float]) -> list[tuple[str, str, float, float]]:
    """Return (name, meaning, value, value of the ground truth or NaN) of each measure."""
    return [(name, TEMPORAL_MEASURES.get(name, ''), value,
             measures.get(name + _OF_TRUTH, math.nan))
            for name, value in measures.items() if not name.endswith(_OF_TRUTH)]


def _galleries(evaluation: Evaluation) -> tuple[list[Gallery], list[ColorBar]]:
    """Return the worst and the best frames, and the colour bars that belong to them."""
    worst = evaluation.worst
    # Of a handful of frames the best ones are among the worst ones, too.
    shown = {id(picture.result) for picture in worst}
    best = [picture for picture in evaluation.best if id(picture.result) not in shown]
    if not worst and not best:
        return [], []
    scale = DepthScale.of([*worst, *best])

    def gallery(title: str, pictures: Sequence[FramePicture]) -> Gallery:
        return Gallery(title, [(picture.result, scale.panels(picture)) for picture in pictures])

    galleries = [gallery('Worst frames', worst), gallery('Best frames', best)]
    return [each for each in galleries if each.frames], [scale.bar(), error_bar()]


def _error_figures(evaluation: Evaluation) -> list[Figure]:
    """Return the error by distance and its spread over the images."""
    figures = []
    if any(math.isfinite(band['abs_rel']) for band in evaluation.by_band.values()):
        figures.append(Figure(
            band_chart('Error against distance', evaluation.by_band),
            'Mean relative error of the pixels at each true distance.'))
    errors = _metric(evaluation.frames, 'abs_rel')
    if evaluation.scored > 1:
        median = float(np.nanmedian(errors))
        figures.append(Figure(
            histogram('Spread of the error over the images', 100 * errors, 'abs_rel (%)',
                      'images', marks=[(100 * median, 'median')]),
            'How many images have which error. A long tail to the right means that a few '
            'images are much worse than the rest.'))
    return figures


def _series_figures(evaluation: Evaluation, series: Series) -> list[Figure]:
    """Return error, scale and steadiness of one frame after the other."""
    if evaluation.scored < 2:
        return []
    resets = RESET_MARKS if series.resets else ''
    errors = 100 * _metric(evaluation.frames, 'abs_rel')
    ratios = np.array([frame.scale_ratio for frame in evaluation.frames])
    figures = [
        Figure(series.chart('Error of every frame', errors, 'abs_rel (%)', zero=True),
               'Mean relative error of every frame.' + resets),
        Figure(series.chart('Scale of every frame', ratios, 'estimate / truth', reference=1.0),
               'Median ratio of estimated to true depth: at 1 the scale is right, below 1 the '
               'world looks too near. A steady line is a steady scale.' + resets)]
    steadiness = tgm_figure(evaluation, series)
    return figures + ([steadiness] if steadiness else [])


def tgm_figure(evaluation: Evaluation, series: Series) -> Figure | None:
    """Return how steady every frame is, None where some have no number."""
    changes = np.array(evaluation.series.get('tgm', ()))
    # Stills among the video have no frame before them, and so no number here.
    if len(changes) != len(evaluation.frames) or not np.isfinite(changes).any():
        return None
    return Figure(
        series.chart('Unsteadiness of every frame', 100 * changes, 'tgm (cm)', zero=True),
        'How far the change of depth from the frame before is from the true change, where '
        'the truth hardly changes: peaks are jumps that a viewer sees.'
        + (RESET_MARKS if series.resets else ''))


def _latency_figure(evaluation: Evaluation) -> Figure | None:
    """Return how long the predictions took."""
    latencies = evaluation.latencies
    if len(latencies) < 2:
        return None
    marks = [(value, name) for name, value in percentiles_ms(latencies).items()]
    return Figure(
        histogram('Latency', 1e3 * np.array(latencies), 'milliseconds', 'frames', marks=marks),
        'Time from an image to its depth. p50: half of the frames were faster; p95: '
        f'95\u00a0% were. The slowest took {milliseconds(max(latencies))}.')


def _resets(evaluation: Evaluation, series: Series) -> dict[str, Any]:
    """Return the frames at which the state was reset, and how many of them by cause."""
    events = [(frame, f'{position:.2f}\u00a0s' if series.is_time else f'{position:.0f}')
              for frame, position in zip(evaluation.frames, series.x) if frame.reset]
    causes: dict[str, int] = {}
    for frame, _ in events:
        causes[frame.reset] = causes.get(frame.reset, 0) + 1
    return {'events': events[:MAX_RESETS], 'total': len(events), 'causes': causes,
            'place': 'Time' if series.is_time else 'Number'}


def _scenes(evaluation: Evaluation) -> dict[str, Any]:
    """Return the scenes, the worst first, and how many there are."""
    def badness(scene: str) -> float:
        error = evaluation.by_scene[scene]['abs_rel']
        return -error if math.isfinite(error) else math.inf

    names = sorted(evaluation.by_scene, key=badness)
    return {'rows': [(name, evaluation.by_scene[name]) for name in names[:MAX_SCENES]],
            'total': len(names)}


def _metric(frames: Sequence[FrameResult], name: str) -> np.ndarray:
    """Return (N,) values of one metric, NaN for frames that were not scored."""
    return np.array([frame.metrics.get(name, math.nan) for frame in frames], float)
