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
"""The charts of a report: error against distance, over time, and as histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
import math

from lstm_depth.evaluation.report.svg import Axis, Chart, HEIGHT, round_axis, TOP
from lstm_depth.evaluation.report.wording import brief, count, reset_cause
from lstm_depth.evaluation.results import FrameResult
from markupsafe import Markup
import numpy as np

# More points would not be told apart: then each stretch of the horizontal axis is drawn by the
# mean and the extremes of its frames, which keeps the peaks and bounds the file.
MAX_POINTS = 480
_STRETCHES = 160
_HISTOGRAM_BINS = 24
_LONG_RESETS = 20
# Frames further apart in time are not one movement and not joined by a line.
_JOINED_S = 2.0
_TIME = 'time (s)'


@dataclass(frozen=True, eq=False)
class Series:
    """
    The frames of an evaluation, in order, to draw numbers over.

    *x*: (N,) positions, never decreasing. *label*: what they are. *joined*: (N,) whether a
    frame follows the one before it in the same video. *resets*: where the hidden state was
    reset, as (position, why).
    """

    x: np.ndarray
    label: str
    joined: np.ndarray
    resets: Sequence[tuple[float, str]] = ()

    @property
    def is_time(self) -> bool:
        """Return whether positions are seconds and not frame numbers."""
        return self.label == _TIME

    @classmethod
    def of(cls, frames: Sequence[FrameResult]) -> Series:
        """Return *frames* over time where they are one recording, otherwise by their number."""
        stamps = np.array([frame.stamp_s for frame in frames])
        steps = np.diff(stamps)
        joined = (steps > 0) & (steps <= _JOINED_S)
        joined &= np.array([a.scene == b.scene for a, b in zip(frames, frames[1:])], bool)
        if _one_recording(steps):
            x, label = stamps - stamps[0], _TIME
        else:
            x, label = np.arange(float(len(frames))), 'frame number'
        resets = [(float(at), f'{frame.name}: {reset_cause(frame.reset)}')
                  for at, frame in zip(x, frames) if frame.reset]
        return cls(x, label, np.concatenate([[False], joined]), resets)

    def chart(self, title: str, values: np.ndarray, label: str, *,
              reference: float | None = None, zero: bool = False) -> Markup:
        """
        Draw (N,) *values*, NaN where a frame has none, at least one of them finite.

        *reference*: a value to mark by a line. *zero*: start the axis at 0.
        """
        finite = values[np.isfinite(values)]
        include = [*([0.0] if zero else []), *([] if reference is None else [reference])]
        described = (f'{count(len(finite), "frame")}, {label} from {brief(finite.min())} to '
                     f'{brief(finite.max())}, median {brief(np.median(finite))}, '
                     f'{count(len(self.resets), "reset")}.')
        chart = Chart(title, described, round_axis(self.label, self.x, widen=False),
                      round_axis(label, finite, include=include))
        if reference is not None:
            chart.horizontal(reference, 'reference')
        self._draw_resets(chart)
        if len(values) > MAX_POINTS:
            self._draw_stretches(chart, values)
        else:
            for run in _runs(np.isfinite(values), self.joined):
                _draw_line(chart, list(zip(self.x[run], values[run])))
        return chart.markup()

    def _draw_resets(self, chart: Chart) -> None:
        """Mark the resets; of several at the same place, the first."""
        places = {round(chart.x(position)): (position, why)
                  for position, why in reversed(self.resets)}
        # Many lines would hide what they explain.
        share = 1.0 if len(places) <= _LONG_RESETS else 0.06
        for position, why in places.values():
            chart.vertical(position, 'reset', why, share)

    def _draw_stretches(self, chart: Chart, values: np.ndarray) -> None:
        """Draw mean and extremes of equal stretches of the axis; none where there are none."""
        edges = np.linspace(self.x[0], self.x[-1], _STRETCHES + 1)
        groups = [values[start:stop] for start, stop in pairwise(
            [*np.searchsorted(self.x, edges[:-1]), len(values)])]
        groups = [group[np.isfinite(group)] for group in groups]
        filled = np.array([group.size > 0 for group in groups])
        for run in _runs(filled, np.ones(_STRETCHES, bool)):
            middles = (edges[:-1] + edges[1:])[run] / 2
            held = [groups[index] for index in run]
            chart.area(list(zip(middles, (group.min() for group in held))),
                       list(zip(middles, (group.max() for group in held))), 'spread')
            _draw_line(chart, list(zip(middles, (group.mean() for group in held))))


def band_chart(title: str, bands: Mapping[str, Mapping[str, float]]) -> Markup:
    """Draw the abs_rel of every distance band as a bar, in per cent."""
    names = list(bands)
    percent = [100 * bands[name]['abs_rel'] for name in names]
    ticks = [(index + 0.5, name.removesuffix(' m')) for index, name in enumerate(names)]
    described = ', '.join(f'{name}: {value:.1f} %' for name, value in zip(names, percent)
                          if math.isfinite(value))
    chart = Chart(title, described, Axis('distance (m)', 0.0, float(len(names)), ticks),
                  round_axis('abs_rel (%)', percent, include=[0.0]))
    for index, (name, value) in enumerate(zip(names, percent)):
        if math.isfinite(value):
            chart.bar(index + 0.1, index + 0.9, value, 'bar', f'{name}: {value:.1f} %')
        top, text = (value, f'{value:.1f}') if math.isfinite(value) else (0.0, '–')
        chart.text(chart.x(index + 0.5), chart.y(top) - 6, text, 'value')
    return chart.markup()


def histogram(title: str, values: np.ndarray, label: str, what: str, *,
              marks: Sequence[tuple[float, str]]) -> Markup:
    """
    Draw how the finite *values*, of which there must be one, are spread.

    *what*: what is counted, for the vertical axis. *marks*: values to mark by a line, as
    (value, name). Values beyond three times the 95th percentile are counted in the last
    bar, so that a few outliers do not press the rest into one.
    """
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    end = min(high, 3 * float(np.percentile(values, 95)))
    x = round_axis(label, [low, end])
    counts, edges = np.histogram(np.minimum(values, x.high), _HISTOGRAM_BINS, (x.low, x.high))
    beyond = int(np.count_nonzero(values > x.high))
    described = (f'{len(values)} {what}, {label} from {brief(low)} to {brief(high)}, '
                 + ', '.join(f'{name} {brief(value)}' for value, name in marks) + '.')
    chart = Chart(title, described, x, round_axis(what, counts, include=[0.0], whole=True))
    for held, left, right in zip(counts, edges, edges[1:]):
        if held:
            chart.bar(float(left), float(right), float(held), 'bar',
                      f'{brief(left)} to {brief(right)}: {held}')
    for level, (value, name) in enumerate(marks):
        chart.vertical(value, 'mark', f'{name}: {brief(value)}')
        beside = 'start' if chart.x(value) < chart.x(x.low + 0.7 * (x.high - x.low)) else 'end'
        chart.text(chart.x(value) + (6 if beside == 'start' else -6), TOP + 14 + 24 * level,
                   f'{name} {brief(value)}', 'value', beside)
    if beyond:
        chart.text(chart.x(x.high) - 4, HEIGHT / 2, f'{beyond} beyond, up to {brief(high)} →',
                   'value', 'end')
    return chart.markup()


def _draw_line(chart: Chart, points: Sequence[tuple[float, float]]) -> None:
    """Draw *points* as a line, a single one as a dot."""
    if len(points) > 1:
        chart.line(points, 'series')
    else:
        chart.dot(*points[0], 'point')


def _runs(present: np.ndarray, joined: np.ndarray) -> list[list[int]]:
    """Return the runs of indices of (N,) *present* items, each *joined* to the one before."""
    runs: list[list[int]] = []
    for index in np.flatnonzero(present).tolist():
        if runs and joined[index] and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _one_recording(steps: np.ndarray) -> bool:
    """Return whether stamps with these (N - 1,) steps can share an axis of time."""
    # A pause longer than half of it all means separate recordings.
    return steps.size > 0 and steps.min() >= 0 and steps.max() > 0 and (
        steps.size == 1 or steps.max() <= steps.sum() / 2)
