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
"""The charts of a report: numbers over the frames, bars by distance, histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math

from lstm_depth.evaluation.report.figure import BLUE, Chart, INK, ORANGE
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
        described = (f'{count(len(finite), "frame")}, {label} from {brief(finite.min())} to '
                     f'{brief(finite.max())}, median {brief(np.median(finite))}, '
                     f'{count(len(self.resets), "reset")}.')
        chart = Chart(self.label, label)
        if reference is not None:
            chart.axes.axhline(reference, color=INK, linewidth=0.9)
        self._draw_resets(chart)
        draw = self._draw_stretches if len(values) > MAX_POINTS else self._draw_frames
        draw(chart, values)
        chart.axes.margins(x=0)
        if zero:
            chart.axes.set_ylim(bottom=0)
        return Markup(chart.svg(title, described))

    def _draw_resets(self, chart: Chart) -> None:
        """Mark the resets; of several at the same place, one."""
        width = max(float(np.ptp(self.x)), 1e-9)
        places = {round(500 * (position - self.x[0]) / width): position
                  for position, _ in self.resets}
        # Many lines would hide what they explain.
        foot = 0.0 if len(places) <= _LONG_RESETS else 0.94
        for position in places.values():
            chart.axes.axvline(position, foot, color=ORANGE, linestyle=(0, (4, 3)),
                               linewidth=1.2, gid='part-reset')

    def _draw_frames(self, chart: Chart, values: np.ndarray) -> None:
        """Draw a line through the frames that follow each other, and dots for the others."""
        present = np.isfinite(values)
        after = present[1:] & present[:-1] & self.joined[1:]
        alone = present & ~np.append(after, False) & ~np.insert(after, 0, False)
        breaks = np.flatnonzero(~after) + 1
        if after.any():
            joined = (np.insert(np.where(alone, np.nan, array), breaks, np.nan)
                      for array in (self.x, values))
            chart.line(*joined, 'series', BLUE, linewidth=1.4)
        if alone.any():
            chart.line(self.x[alone], values[alone], 'points', BLUE, linestyle='', marker='o',
                       markersize=4.5, alpha=0.75)

    def _draw_stretches(self, chart: Chart, values: np.ndarray) -> None:
        """Draw mean and extremes of equal stretches of the axis; none where there are none."""
        edges = np.linspace(self.x[0], self.x[-1], _STRETCHES + 1)
        groups = np.split(values, np.searchsorted(self.x, edges[1:-1]))
        low, mean, high = (np.array([
            pick(group[np.isfinite(group)]) if np.isfinite(group).any() else math.nan
            for group in groups]) for pick in (np.min, np.mean, np.max))
        middles = (edges[:-1] + edges[1:]) / 2
        for run in np.ma.clump_unmasked(np.ma.masked_invalid(mean)):
            around = np.concatenate([middles[run], middles[run][::-1]])
            chart.axes.fill(around, np.concatenate([low[run], high[run][::-1]]), color=BLUE,
                            alpha=0.25, linewidth=0, gid='part-spread')
        chart.line(middles, mean, 'series', BLUE, linewidth=1.4)


def band_chart(title: str, bands: Mapping[str, Mapping[str, float]]) -> Markup:
    """Draw the abs_rel of every distance band as a bar, in per cent."""
    percent = {name: 100 * band['abs_rel'] for name, band in bands.items()}
    described = ', '.join(f'{name}: {value:.1f} %' for name, value in percent.items()
                          if math.isfinite(value))
    chart = Chart('distance (m)', 'abs_rel (%)')
    heights = np.nan_to_num(list(percent.values()))
    chart.bars(np.arange(len(bands)) + 0.1, 0.8, heights)
    for index, (height, value) in enumerate(zip(heights, percent.values())):
        chart.text(index + 0.5, height, f'{value:.1f}' if math.isfinite(value) else '–')
    chart.axes.set_xticks(np.arange(len(bands)) + 0.5,
                          [name.removesuffix(' m') for name in bands])
    chart.axes.set_xlim(0, len(bands))
    return Markup(chart.svg(title, described))


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
    counts, edges = np.histogram(np.minimum(values, end), _HISTOGRAM_BINS,
                                 (low, end) if end > low else None)
    described = (f'{len(values)} {what}, {label} from {brief(low)} to {brief(high)}, '
                 + ', '.join(f'{name} {brief(value)}' for value, name in marks) + '.')
    chart = Chart(label, what, whole=True)
    chart.bars(edges[:-1], 0.92 * np.diff(edges), counts)
    chart.axes.set_xlim(edges[0], edges[-1])
    # Room above the bars for what the marks say.
    chart.axes.set_ylim(0, 1.3 * counts.max())
    top = chart.axes.get_xaxis_transform()
    for level, (value, name) in enumerate(marks):
        chart.axes.axvline(value, color=ORANGE, linewidth=1.4, gid='part-mark')
        left = value < edges[0] + 0.7 * (edges[-1] - edges[0])
        chart.text(value, 0.91 - 0.11 * level, f'{name} {brief(value)}', xycoords=top,
                   align='left' if left else 'right', offset=(4 if left else -4, 0))
    if beyond := int(np.count_nonzero(values > end)):
        chart.text(edges[-1], 0.5, f'{beyond} beyond, up to {brief(high)} →', xycoords=top,
                   align='right', offset=(-3, 0))
    return Markup(chart.svg(title, described))


def _one_recording(steps: np.ndarray) -> bool:
    """Return whether stamps with these (N - 1,) steps can share an axis of time."""
    # A pause longer than half of it all means separate recordings.
    return steps.size > 0 and steps.min() >= 0 and steps.max() > 0 and (
        steps.size == 1 or steps.max() <= steps.sum() / 2)
