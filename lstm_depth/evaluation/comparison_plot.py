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
"""The picture of a comparison: error against time per frame, better towards the lower left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from lstm_depth.evaluation.compare import Comparison, Entry
from lstm_depth.evaluation.report.svg import Axis, round_axis
from lstm_depth.visualize import BACKGROUND_RGB, TEXT_RGB
import numpy as np

_MEASURE = 'abs_rel'
# Okabe and Ito's colours, which the colour-blind can tell apart: one for each checkpoint.
_COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0),
            (86, 180, 233))
_GRID_RGB = (225, 225, 225)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Everything is drawn this many times larger and averaged, which smooths lines and letters.
_FINER = 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 24, 88, 62
_PLOT_WIDTH, _PLOT_HEIGHT, _LINE = 560, 380, 24


def accuracy_speed_plot(comparison: Comparison) -> np.ndarray:
    """
    Return (H, W, 3) uint8 RGB: abs_rel with its 95 % interval over ms per frame.

    A colour stands for a checkpoint and a shape for a mode; the list on the right says which.
    """
    entries = comparison.entries
    ends = [value for entry in entries for value in (
        entry.metrics[_MEASURE].mean, entry.metrics[_MEASURE].low, entry.metrics[_MEASURE].high)]
    x = round_axis('time per frame [ms]', [entry.ms_per_frame for entry in entries], include=[0])
    y = round_axis('abs_rel, lower is better', ends)
    labels = [entry.contender.label for entry in entries]
    legend_width = 60 + max(_text_width(text, 0.45) for text in labels)
    drawing = _Drawing(_LEFT + _PLOT_WIDTH + _RIGHT + legend_width,
                       max(_TOP + _PLOT_HEIGHT + _BOTTOM, _TOP + _LINE * (len(labels) + 1)))
    title_size = min(0.6, 0.6 * (drawing.width - 40) / _text_width(comparison.title, 0.6))
    drawing.text(comparison.title, (20, 30), title_size)
    frame = _Frame(drawing, x, y)
    for number, (entry, look) in enumerate(zip(entries, _looks(entries))):
        frame.entry(entry, look)
        row = _TOP + _LINE * number + _LINE // 2
        drawing.marker((_LEFT + _PLOT_WIDTH + _RIGHT + 14, row), look)
        drawing.text(labels[number], (_LEFT + _PLOT_WIDTH + _RIGHT + 30, row + 5), 0.45)
    return drawing.finished()


@dataclass(frozen=True)
class _Look:
    """How an entry is drawn: its colour, and the corners of its marker (0 is a disc)."""

    colour: tuple[int, int, int]
    corners: int


def _looks(entries: Sequence[Entry]) -> list[_Look]:
    """Return a look for each entry: checkpoints differ in colour, modes in shape."""
    checkpoints = list(dict.fromkeys(entry.contender.checkpoint for entry in entries))
    corners = {'stateful': 0, 'window': 4, 'single': 3}
    return [_Look(_COLOURS[checkpoints.index(entry.contender.checkpoint) % len(_COLOURS)],
                  corners[entry.contender.mode]) for entry in entries]


class _Drawing:
    """A white picture in pixels, drawn finer than it will be."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._image = np.full((height * _FINER, width * _FINER, 3), BACKGROUND_RGB, np.uint8)

    def finished(self) -> np.ndarray:
        """Return the picture at its size."""
        return cv2.resize(self._image, (self.width, self.height), interpolation=cv2.INTER_AREA)

    def text(self, text: str, place: tuple[float, float], size: float,
             align: float = 0.0) -> None:
        """Write *text* with its base line at *place*, *align* 0 right of it to 1 left of it."""
        left = place[0] - align * _text_width(text, size)
        cv2.putText(self._image, text, self._at((left, place[1])), _FONT, size * _FINER, TEXT_RGB,
                    _FINER, cv2.LINE_AA)

    def line(self, start: tuple[float, float], end: tuple[float, float],
             colour: tuple[int, int, int], width: float = 1.0) -> None:
        """Draw a line *width* pixels wide."""
        cv2.line(self._image, self._at(start), self._at(end), colour, round(width * _FINER),
                 cv2.LINE_AA)

    def marker(self, place: tuple[float, float], look: _Look) -> None:
        """Draw the marker of a look."""
        if look.corners == 0:
            cv2.circle(self._image, self._at(place), 6 * _FINER, look.colour, cv2.FILLED,
                       cv2.LINE_AA)
            return
        # Turned so that the square lies flat and the triangle points up.
        angles = np.pi * (2 * np.arange(look.corners) / look.corners - 0.5)
        angles += np.pi / 4 if look.corners == 4 else 0
        shape = np.stack([np.cos(angles), np.sin(angles)], axis=1) * 7.5 * _FINER
        cv2.fillPoly(self._image, [np.rint(shape + self._at(place)).astype(np.int32)],
                     look.colour, cv2.LINE_AA)

    def _at(self, place: tuple[float, float]) -> tuple[int, int]:
        return round(place[0] * _FINER), round(place[1] * _FINER)


class _Frame:
    """The plot area of a drawing, between two axes."""

    def __init__(self, drawing: _Drawing, x: Axis, y: Axis) -> None:
        self._drawing, self._x, self._y = drawing, x, y
        bottom, right = _TOP + _PLOT_HEIGHT, _LEFT + _PLOT_WIDTH
        for value, text in y.ticks:
            row = self._row(value)
            drawing.line((_LEFT, row), (right, row), _GRID_RGB)
            drawing.text(text, (_LEFT - 8, row + 5), 0.45, align=1.0)
        for value, text in x.ticks:
            column = self._column(value)
            drawing.line((column, _TOP), (column, bottom), _GRID_RGB)
            drawing.text(text, (column, bottom + 20), 0.45, align=0.5)
        drawing.line((_LEFT, bottom), (right, bottom), TEXT_RGB)
        drawing.line((_LEFT, _TOP), (_LEFT, bottom), TEXT_RGB)
        drawing.text(x.label, ((_LEFT + right) / 2, bottom + 46), 0.5, align=0.5)
        drawing.text(y.label, (20, _TOP - 24), 0.5)

    def entry(self, entry: Entry, look: _Look) -> None:
        """Draw one entry with its interval, where there is one."""
        column, value = self._column(entry.ms_per_frame), entry.metrics[_MEASURE]
        if np.isfinite(value.low):
            low, high = self._row(value.low), self._row(value.high)
            self._drawing.line((column, low), (column, high), look.colour, 1.5)
            for row in (low, high):
                self._drawing.line((column - 4, row), (column + 4, row), look.colour, 1.5)
        self._drawing.marker((column, self._row(value.mean)), look)

    def _column(self, value: float) -> float:
        return _LEFT + self._x.place(value) * _PLOT_WIDTH

    def _row(self, value: float) -> float:
        return _TOP + (1 - self._y.place(value)) * _PLOT_HEIGHT


def _text_width(text: str, size: float) -> int:
    # Letters do not grow evenly with size: measured as they are drawn.
    return -(-cv2.getTextSize(text, _FONT, size * _FINER, _FINER)[0][0] // _FINER)
