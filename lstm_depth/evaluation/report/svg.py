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
"""SVG drawings with axes that read at any width, in light and dark, without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import math
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup

# User units: the drawing is scaled to its column, and the style sheet sets larger text where
# the column is narrow, which the margins leave room for.
WIDTH, HEIGHT = 640, 350
LEFT, RIGHT, TOP, BOTTOM = 76, 20, 46, 76


@dataclass(frozen=True)
class Axis:
    """
    One axis: *label*, the values at its ends, and *ticks* as (value, text).

    Raises ValueError unless ``low < high`` and both are finite.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def __post_init__(self) -> None:
        """Refuse an axis that values cannot be placed on."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f'an axis runs from low to high, not {self.low} to {self.high}')

    def place(self, value: float) -> float:
        """Return where *value* lies: 0 at the low end, 1 at the high end, clipped."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def round_axis(label: str, values: Iterable[float], *, include: Sequence[float] = (),
               widen: bool = True, whole: bool = False) -> Axis:
    """
    Return an axis over the finite *values* and *include*, with about five round ticks.

    With *widen* the ends move out to round numbers, otherwise they stay at the extreme
    values. With *whole* the ticks are whole numbers. Without any value the axis runs from
    0 to 1.
    """
    finite = [value for value in (*values, *include) if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if high - low <= 1e-9 * max(abs(low), abs(high), 1e-9):
        margin = 0.5 * abs(low) or 0.5
        low, high = low - margin, high + margin
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= 0.999 * raw)
    if whole:
        step = max(1.0, math.ceil(step))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    if widen:
        low, high = first * step, last * step
    marks = [index * step for index in range(first, last + 1)]
    slack = 1e-9 * (high - low)
    return Axis(label, low, high, [
        (mark, f'{round(mark, 12):g}'.replace('-', '−')) for mark in marks
        if low - slack <= mark <= high + slack])


class Chart:
    """
    A drawing with a plot area between two axes.

    *title* and *description* are what a screen reader says; shapes carry their own
    titles, which browsers show under the pointer. Colours come from the classes of the
    style sheet, so that they follow the reader's light or dark setting.
    """

    def __init__(self, title: str, description: str, x: Axis, y: Axis) -> None:
        """Draw the grid and the axes."""
        self._x, self._y = x, y
        self._root = ElementTree.Element(
            'svg', {'class': 'chart', 'viewBox': f'0 0 {WIDTH} {HEIGHT}', 'role': 'img'})
        ElementTree.SubElement(self._root, 'title').text = title
        ElementTree.SubElement(self._root, 'desc').text = description
        self._draw_axes()

    def x(self, value: float) -> float:
        """Return the horizontal position of *value*."""
        return LEFT + self._x.place(value) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Return the vertical position of *value*."""
        return HEIGHT - BOTTOM - self._y.place(value) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Sequence[tuple[float, float]], style: str) -> None:
        """Draw (x, y) *points* as one line."""
        self._add('polyline', style, points=self._points(points))

    def area(self, low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]],
             style: str) -> None:
        """Fill between two lines of (x, y) points."""
        self._add('polygon', style, points=self._points([*low, *reversed(high)]))

    def dot(self, x: float, y: float, style: str, title: str = '') -> None:
        """Draw a dot at (*x*, *y*)."""
        self._add('circle', style, title, cx=self.x(x), cy=self.y(y), r=3.5)

    def bar(self, left: float, right: float, y: float, style: str, title: str = '') -> None:
        """Draw a bar from zero to *y*, a small gap short of *left* and *right*."""
        x, width = self.x(left) + 1, self.x(right) - self.x(left) - 2
        self._add('rect', style, title, x=x, y=self.y(y), width=max(width, 1.0),
                  height=self.y(0) - self.y(y))

    def vertical(self, x: float, style: str, title: str = '', share: float = 1.0) -> None:
        """Draw a line at *x* from the top over a *share* of the height."""
        self._add('line', style, title, x1=self.x(x), x2=self.x(x), y1=TOP,
                  y2=TOP + share * (HEIGHT - TOP - BOTTOM))

    def horizontal(self, y: float, style: str) -> None:
        """Draw a line over the whole width at *y*."""
        self._add('line', style, x1=LEFT, x2=WIDTH - RIGHT, y1=self.y(y), y2=self.y(y))

    def text(self, x: float, y: float, text: str, style: str = '', anchor: str = 'middle') -> None:
        """Write *text* at (*x*, *y*) in user units; *anchor* as in SVG."""
        self._add('text', style, x=x, y=y, **{'text-anchor': anchor}).text = text

    def markup(self) -> Markup:
        """Return the drawing as an ``<svg>`` element to put into a page."""
        # ElementTree has escaped every text and attribute.
        return Markup(ElementTree.tostring(self._root, encoding='unicode'))

    def _draw_axes(self) -> None:
        """Draw horizontal grid lines, the base line, and the labels of both axes."""
        for value, text in self._y.ticks:
            self.horizontal(value, 'grid')
            self.text(LEFT - 10, self.y(value) + 5, text, 'tick', 'end')
        for value, text in self._x.ticks:
            self.text(self.x(value), HEIGHT - BOTTOM + 26, text, 'tick')
        self._add('line', 'axis', x1=LEFT, x2=WIDTH - RIGHT, y1=HEIGHT - BOTTOM,
                  y2=HEIGHT - BOTTOM)
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, self._x.label, 'label')
        # Above the axis and not along it: upright text needs no turned head.
        self.text(4, 18, self._y.label, 'label', 'start')

    def _points(self, points: Sequence[tuple[float, float]]) -> str:
        return ' '.join(f'{self.x(x):.1f},{self.y(y):.1f}' for x, y in points)

    def _add(self, tag: str, style: str, title: str = '', **values: Any) -> ElementTree.Element:
        """Append a shape; floats are written with one decimal."""
        attributes = {name: f'{value:.1f}' if isinstance(value, float) else str(value)
                      for name, value in values.items()}
        if style:
            attributes['class'] = style
        shape = ElementTree.SubElement(self._root, tag, attributes)
        if title:
            ElementTree.SubElement(shape, 'title').text = title
        return shape
