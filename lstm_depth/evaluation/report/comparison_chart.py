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
"""The chart of a comparison: accuracy against speed."""

from __future__ import annotations

from collections.abc import Sequence

from lstm_depth.evaluation.compare import Comparison, Entry
from lstm_depth.evaluation.report.figure import Chart, INK
import numpy as np

_MEASURE = 'abs_rel'
# Okabe and Ito's colours, which the colour-blind can tell apart: one for each checkpoint and
# backend.
_COLORS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
_MARKERS = {'stateful': 'o', 'window': 's', 'single': '^'}
# Inches of the plot area, of its margins, and of a line and a letter of the list beside it.
_PLOT, _LEFT, _RIGHT, _ABOVE, _BELOW = (5.0, 3.4), 0.85, 0.2, 0.75, 0.75
_LINE, _LETTER = 0.2, 0.085


def accuracy_speed_chart(comparison: Comparison) -> str:
    """
    Return an SVG file: abs_rel with its 95 % interval over milliseconds per frame.

    A colour stands for a checkpoint by one backend in one precision and a shape for a mode; the
    list on the right says which.
    """
    entries = comparison.entries
    labels = [entry.contender.label for entry in entries]
    title = f'Accuracy against speed: {comparison.title}'
    chart = _chart(labels)
    for entry, color in zip(entries, _colors(entries)):
        value = entry.metrics[_MEASURE]
        ends = np.nan_to_num([[value.mean - value.low], [value.high - value.mean]])
        chart.axes.errorbar(entry.ms_per_frame, value.mean, ends, color=color, markersize=8,
                            fmt=_MARKERS[entry.contender.mode], capsize=3, elinewidth=1.2,
                            label=entry.contender.label)
    chart.axes.set_xlim(left=0)
    chart.axes.legend(loc='upper left', bbox_to_anchor=(1.01, 1.04), frameon=False, fontsize=10,
                      labelcolor=INK)
    described = '; '.join(f'{label}: {entry.metrics[_MEASURE].mean:.4f} at '
                          f'{entry.ms_per_frame:.1f} ms' for label, entry in zip(labels, entries))
    return chart.file(title, described)


def _chart(labels: Sequence[str]) -> Chart:
    """Return the plot area with room for a list of *labels* on its right."""
    width = _LEFT + _PLOT[0] + _RIGHT + 0.5 + _LETTER * max(map(len, labels))
    height = max(_ABOVE + _PLOT[1] + _BELOW, _ABOVE + _LINE * (len(labels) + 1))
    chart = Chart('time per frame [ms]', 'abs_rel, lower is better', size=(width, height),
                  margins={'left': _LEFT / width, 'right': (_LEFT + _PLOT[0]) / width,
                           'top': 1 - _ABOVE / height,
                           'bottom': 1 - (_ABOVE + _PLOT[1]) / height})
    chart.axes.margins(0.1)
    return chart


def _colors(entries: Sequence[Entry]) -> list[str]:
    """Return the colour of what each entry runs, whatever the mode."""
    run = [(entry.contender.checkpoint, entry.contender.backend, entry.contender.precision)
           for entry in entries]
    different = list(dict.fromkeys(run))
    return [_COLORS[different.index(each) % len(_COLORS)] for each in run]
