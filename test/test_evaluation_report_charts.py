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
"""Charts of a report: what is drawn is what the numbers say."""

from __future__ import annotations

from dataclasses import replace
import math
import re
from xml.etree import ElementTree

from _report import made, numbered
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.evaluation.report.charts import band_chart, histogram, MAX_POINTS, Series
from lstm_depth.evaluation.report.figure import BLUE, Chart
from lstm_depth.evaluation.report.page import tgm_figure
import numpy as np
import pytest


def paths_of(svg: str, part: str) -> list[np.ndarray]:
    """Return the (N, 2) points of every stroke of a part of a chart, at 72 a inch."""
    strokes = []
    for group in re.findall(rf'<g class="{part}">(.*?)</g>', svg, re.DOTALL):
        for stroke in re.search(r' d="([^"]*)"', group)[1].split('M')[1:]:
            numbers = re.findall(r'-?[\d.]+', stroke)
            strokes.append(np.array(numbers, float).reshape(-1, 2))
    return strokes


def heights_of(svg: str) -> list[float]:
    """Return the heights of the bars of a chart."""
    return [float(np.ptp(bar[:, 1])) for bar in paths_of(svg, 'bar')]


def test_one_recording_is_drawn_over_time_and_others_by_number():
    assert Series.of(numbered(20)).is_time
    assert not Series.of(numbered(20, stamp_s=0.0)).is_time
    assert not Series.of(numbered(20, stamp_s=math.nan)).is_time
    days_apart = numbered(20) + [replace(frame, stamp_s=1e6) for frame in numbered(1)]
    assert not Series.of(days_apart).is_time
    assert not Series.of(numbered(20)[::-1]).is_time
    assert Series.of(numbered(20)).x[-1] == pytest.approx(1.9)


def test_lines_break_at_unscored_frames_and_at_other_scenes():
    frames = numbered(6) + [replace(frame, scene='hall', stamp_s=frame.stamp_s + 1)
                            for frame in numbered(5)]
    values = np.linspace(0.1, 0.2, 11)
    values[3] = np.nan
    chart = Series.of(frames).chart('error', values, 'abs_rel')
    assert [len(line) for line in paths_of(chart, 'series')] == [3, 2, 5]
    stills = Series.of(numbered(11, stamp_s=0.0)).chart('error', values, 'abs_rel')
    assert not paths_of(stills, 'series') and stills.count('<use ') == 10


def test_resets_are_marked_where_they_happened():
    frames = numbered(11)
    frames[5] = replace(frames[5], reset='gap')
    chart = Series.of(frames).chart('error', np.linspace(0.1, 0.2, 11), 'abs_rel')
    (mark,), (line,) = paths_of(chart, 'reset'), paths_of(chart, 'series')
    assert mark[:, 0] == pytest.approx(line[5, 0], abs=0.1)
    assert '11 frames, abs_rel from 0.100 to 0.200, median 0.150, 1 reset.' in chart
    many = Series.of(numbered(400, reset='gap')).chart('error', np.ones(400), 'abs_rel')
    assert max(np.ptp(mark[:, 1]) for mark in paths_of(many, 'reset')) < 12


def test_steadiness_is_drawn_where_every_frame_has_its_place():
    changes = [math.nan, 0.01, 0.02, 0.05]
    evaluation = made(4)
    place = Series.of(evaluation.frames)
    assert 'tgm (cm) from 1.00 to 5.00' in tgm_figure(
        replace(evaluation, series={'tgm': changes}), place).chart
    for series in ({}, {'tgm': changes[:3]}, {'tgm': [math.nan] * 4}):
        assert tgm_figure(replace(evaluation, series=series), place) is None


def test_long_series_keep_their_peaks_in_a_small_drawing():
    values = np.full(20_000, 0.1)
    values[12_345] = 0.9
    values[4000:6000] = np.nan
    series = Series.of(numbered(20_000))
    chart = series.chart('error', values, 'abs_rel', zero=True)
    assert len(chart) < 30_000 and len(series.x) > MAX_POINTS
    first, second = paths_of(chart, 'spread')
    assert np.ptp(first[:, 1]) == pytest.approx(0, abs=0.1)
    peak = second[second[:, 1].argmin()]
    start, end = first[:, 0].min(), second[:, 0].max()
    assert peak[0] == pytest.approx(np.interp(12_345, (0, 19_999), (start, end)), abs=4)
    # From 0.1 to 0.9 of an axis from 0 to a little more, of the height of the plot.
    assert 130 < np.ptp(second[:, 1]) < 145


def test_bars_of_distance_are_as_high_as_the_error():
    chart = band_chart('by distance', {
        '0-1 m': {'abs_rel': 0.1}, '1-2 m': {'abs_rel': 0.4}, '2-3 m': {'abs_rel': math.nan}})
    first, second, third = heights_of(chart)
    assert second == pytest.approx(4 * first, rel=0.01) and third == 0
    assert '0-1 m: 10.0 %' in chart and '–' in chart


@settings(max_examples=6, deadline=None)
@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=60))
def test_histogram_counts_every_value(values):
    chart = histogram('latency', np.array([*values, math.nan]), 'ms', 'frames',
                      marks=[(values[0], 'first')])
    heights = np.array(heights_of(chart))
    # The tallest bar takes 1 / 1.3 of the plot.
    counts = heights / heights.max()
    tallest = next(count for count in range(1, len(values) + 1)
                   if abs((counts * count).sum() - len(values)) < 0.02 * len(values))
    assert counts * tallest == pytest.approx(np.rint(counts * tallest), abs=0.05)


def test_histogram_says_what_lies_beyond():
    values = np.array([*np.linspace(20, 30, 100), 2000.0])
    text = histogram('latency', values, 'ms', 'frames', marks=[(25.0, 'p50')])
    assert '1 beyond, up to 2,000' in text and 'p50 25.0' in text


def test_charts_follow_the_page_and_files_stand_alone():
    chart = Chart('x <1>', 'y')
    chart.line([0, 1], [0, 1], 'series', BLUE)
    inside = chart.svg('A <title>', 'what & why')
    assert 'var(--blue)' in inside and 'A &lt;title&gt;' in inside and 'x &lt;1&gt;' in inside
    assert not re.search(r'#0000|font-family|url\(|https?:', inside)
    alone = ElementTree.fromstring(chart.file('A <title>', 'what & why'))
    assert alone.tag == '{http://www.w3.org/2000/svg}svg'
    assert 'var(' not in chart.file('title', '')
