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
Charts as SVG, drawn by matplotlib.

matplotlib draws with stand-in colours; what is written takes those of the place it is for: the
variables of the report's style sheet, which follow the reader's light or dark setting, or
colours that can be read on either ground.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
import io
import re
from typing import Any

from lstm_depth.extras import import_extra

# Stand-ins, each a colour that nothing else has.
INK, SOFT, RULE, BLUE, ORANGE = (f'#0000{number:02x}' for number in range(1, 6))
# Of the style sheet of the report.
PAGE = {INK: 'var(--ink)', SOFT: 'var(--soft)', RULE: 'var(--rule)', BLUE: 'var(--blue)',
        ORANGE: 'var(--orange)'}
# On white and on black alike, for a file of its own.
NEUTRAL = {INK: '#7a7a7a', SOFT: '#7a7a7a', RULE: '#7a7a7a40', BLUE: '#0072b2',
           ORANGE: '#d55e00'}
# Inches; the drawing is scaled to its column, and the margins leave room for larger letters.
SIZE = (6.4, 3.5)
_MARGINS = {'left': 0.125, 'right': 0.97, 'bottom': 0.23, 'top': 0.86}
# What `Chart.draw` names becomes a class; all other groups of matplotlib lose their names.
_NAMED = 'part-'


class Chart:
    """
    A figure with one plot area: *x* and *y* are the labels of its axes.

    ``axes``: matplotlib's. *whole*: ticks of the vertical axis are whole numbers.
    """

    def __init__(self, x: str, y: str, *, whole: bool = False,
                 size: tuple[float, float] = SIZE,
                 margins: Mapping[str, float] | None = None) -> None:
        """Draw the grid and the axes."""
        # Not pyplot, which keeps figures and looks for a display.
        self.figure = import_extra('matplotlib.figure').Figure(figsize=size)
        self.axes = self.figure.add_subplot()
        self.figure.subplots_adjust(**{**_MARGINS, **(margins or {})})
        ticker = import_extra('matplotlib.ticker')
        self.axes.xaxis.set_major_locator(ticker.MaxNLocator(5))
        self.axes.yaxis.set_major_locator(ticker.MaxNLocator(5, integer=whole))
        self.axes.tick_params(left=False, bottom=False, labelcolor=SOFT, labelsize=10)
        self.axes.grid(axis='y', color=RULE)
        self.axes.set_axisbelow(True)
        self.axes.spines[['left', 'top', 'right']].set_visible(False)
        self.axes.spines['bottom'].set_color(SOFT)
        self.axes.set_xlabel(x, color=SOFT, fontsize=10, labelpad=8)
        # Above the axis and not along it: upright text needs no turned head.
        self.figure.text(0.006, 0.98, y, color=SOFT, fontsize=10, va='top')

    def line(self, x: Any, y: Any, part: str, color: str, **style: Any) -> None:
        """Draw a line through (N,) points, broken where NaN; *part* is its class."""
        self.axes.plot(x, y, color=color, gid=_NAMED + part, **style)

    def bars(self, left: Any, width: Any, height: Any) -> None:
        """Draw (N,) bars from zero."""
        for bar in self.axes.bar(left, height, width, align='edge', color=BLUE):
            bar.set_gid(_NAMED + 'bar')

    def text(self, x: float, y: float, text: str, *, align: str = 'center',
             offset: tuple[float, float] = (0, 3), **style: Any) -> None:
        """Write *text* at a point of the plot, *offset* points beside it."""
        self.axes.annotate(text, (x, y), xytext=offset, textcoords='offset points', ha=align,
                           color=INK, fontsize=10, **style)

    def svg(self, title: str, description: str, colors: Mapping[str, str] = PAGE) -> str:
        """
        Return the drawing as an ``<svg>`` element with what a screen reader says.

        Its letters are text in the font of the page; nothing is loaded and no name is used
        twice by charts of different titles.
        """
        matplotlib = import_extra('matplotlib')
        file = io.StringIO()
        with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': title}):
            self.figure.savefig(file, format='svg', transparent=True, metadata=dict.fromkeys(
                ('Date', 'Creator', 'Format', 'Type')))
        drawing = file.getvalue()
        drawing = drawing[drawing.index('>', drawing.index('<svg')) + 1:]
        drawing = re.sub('<metadata>.*?</metadata>|<!--.*?-->|<clipPath.*?</clipPath>|'
                         '<style.*?</style>', '', drawing, flags=re.DOTALL)
        drawing = re.sub(r' clip-path="[^"]*"', '', drawing)
        drawing = re.sub(rf'<g id="{_NAMED}([a-z]+)">', r'<g class="\1">', drawing)
        drawing = re.sub(r'<g id="[^"]*">', '<g>', drawing)
        drawing = re.sub(r'(<text style=")([^"]*)"', _without_font, drawing)
        drawing = re.sub(r'(?<= d=")[^"]*', _rounded, drawing)
        drawing = re.sub(r'\n\s*|<defs>\s*</defs>', '\n', drawing)
        for stand_in, color in colors.items():
            drawing = drawing.replace(stand_in, color)
        width, height = self.figure.get_size_inches() * 72
        return (f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img">'
                f'<title>{escape(title)}</title><desc>{escape(description)}</desc>{drawing}')

    def file(self, title: str, description: str) -> str:
        """Return the same as a file of its own, to be read on white and on black."""
        width = self.figure.get_size_inches()[0] * 72
        names = ('xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
                 f' width="{width:g}pt" font-family="sans-serif" font-size="10"')
        return self.svg(title, description, NEUTRAL).replace('<svg ', f'<svg {names} ', 1)


def _rounded(match: re.Match[str]) -> str:
    """Return a path to a hundredth of a point, on one line."""
    return re.sub(r'(\.\d\d)\d+', r'\1', ' '.join(match[0].split()))


def _without_font(match: re.Match[str]) -> str:
    """Return the start of a text element, whose font and size the page gives."""
    kept = [part for part in match[2].split(';') if not part.strip().startswith('font')]
    return f'{match[1]}{";".join(kept).strip()}"'
