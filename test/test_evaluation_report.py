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
"""The HTML report: whole in one file, true to the numbers, safe with any name, readable."""

from __future__ import annotations

import base64
from dataclasses import replace
import html
from html.parser import HTMLParser
import math
from pathlib import Path
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.cli import main
from lstm_depth.errors import MissingPackage
from lstm_depth.evaluation.builder import EvaluationBuilder
from lstm_depth.evaluation.report import report_html, write_report
from lstm_depth.evaluation.report.charts import band_chart, histogram, MAX_POINTS, Series
from lstm_depth.evaluation.report.figure import BLUE, Chart
from lstm_depth.evaluation.report.page import MAX_RESETS, MAX_SCENES, tgm_figure
from lstm_depth.evaluation.report.pictures import THUMBNAIL
from lstm_depth.evaluation.report.wording import METRICS, number, paragraphs, percent
from lstm_depth.evaluation.results import Evaluation, FrameResult, HEADLINE
from lstm_depth.frames import CameraFrame
from lstm_depth.scoring.protocol import find_protocol
from lstm_depth.scoring.temporal import TEMPORAL_MEASURES
import numpy as np
import pytest

VOID = {'meta', 'img', 'br', 'hr', 'link', 'input'}
HOSTILE = '<script>alert("x")</script>\'&amp;</style>' + 'long' * 40
MEASURE = """
onload = () => { document.title = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument.documentElement;
    const body = getComputedStyle(frame.contentDocument.body);
    return [page.scrollWidth, frame.contentWindow.innerWidth, body.backgroundColor];
}).join(';'); };
"""
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')


class Page(HTMLParser):
    """What a page is made of; fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ''
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open, f'never closed: {self._open}'

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.text += '\n'

    def handle_endtag(self, tag):
        assert self._open and self._open.pop() == tag, f'</{tag}> closes another tag'
        self.text += '\n'

    def handle_data(self, data):
        if self._open and self._open[-1] != 'style':
            self.text += data

    def tagged(self, tag: str, style: str | None = None) -> list[dict[str, str]]:
        """Return the attributes of every such tag, or of those with this class."""
        return [attrs for name, attrs in self.tags
                if name == tag and style in (None, attrs.get('class'))]


def made(count: int = 4, *, scale: float = 0.8, drift: float = 0.0, truth: bool = True,
         video: bool = True, align: str = 'none', **changes) -> Evaluation:
    """Return the evaluation of *count* small frames, estimates *scale* times the truth."""
    rng = np.random.default_rng(0)
    builder = EvaluationBuilder(find_protocol('raw', align), {'mode': 'stateful'}, keep=2,
                                resamples=1000)
    ramp = np.linspace(0.6, 6.0, 64, dtype=np.float32)[None].repeat(48, 0)
    for index in range(count):
        frame = CameraFrame(rng.integers(0, 255, (48, 64, 3), np.uint8),
                            index * 10**8 if video else 0, depth=ramp if truth else None)
        builder.add(frame, (scale + index * drift) * ramp, latency_s=0.02 + 0.001 * index,
                    reset='gap' if index == 2 else '', scene=f'room {index % 2}')
    evaluation = builder.finish(
        title='Raw protocol on ramps', data='ramps', model='residual_lstm', checkpoint='shipped',
        header={'model': 'residual_lstm'}, command='lstm_depth evaluate ramps',
        temporal={'tgm': 0.012, 'opw': 0.034, 'opw_truth': 0.025} if video else None)
    return replace(evaluation, **changes)


def numbered(count: int, **changes) -> list[FrameResult]:
    """Return *count* frames, a tenth of a second apart, with an error of 10 %."""
    return [FrameResult(**({'name': str(index), 'scene': 'room', 'metrics': {'abs_rel': 0.1},
                            'bands': {}, 'stamp_s': 100 + index / 10, 'latency_s': 0.02,
                            'scale_ratio': 1.0} | changes)) for index in range(count)]


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


def picture_of(attributes: dict[str, str]) -> np.ndarray:
    """Return the RGB image of an <img>, checking that the attributes tell its size."""
    kind, data = attributes['src'].split(',', 1)
    assert kind in ('data:image/jpeg;base64', 'data:image/png;base64')
    image = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    return image[..., ::-1]


def test_one_file_is_written_and_nothing_else(tmp_path):
    path = write_report(made(), tmp_path / 'new' / 'folder')
    assert list((tmp_path / 'new' / 'folder').iterdir()) == [path]
    assert path.read_text(encoding='utf-8').startswith('<!DOCTYPE html>')


@pytest.mark.parametrize('how', [
    {}, {'count': 1}, {'truth': False}, {'video': False}, {'count': 0}, {'align': 'median'},
    {'temporal': None, 'header': None, 'command': '', 'versions': {}, 'worst': [], 'best': []}],
    ids=['video', 'one frame', 'no truth', 'stills', 'no frame', 'aligned', 'bare'])
def test_page_is_whole_and_loads_nothing(how):
    text = report_html(made(**how))
    page = Page(text)
    assert page.tagged('meta')[2]['content'].startswith("default-src 'none'")
    assert not page.tagged('script') and not page.tagged('link')
    assert not re.search(r'https?://|url\(|@import', text)
    for attrs in page.tagged('img'):
        assert attrs['alt'] and attrs['src'].startswith('data:image/')
    names = [attrs['id'] for _, attrs in page.tags if 'id' in attrs]
    assert len(names) == len(set(names))
    assert {attrs['href'] for attrs in page.tagged('a')} <= {f'#{name}' for name in names}
    assert {attrs['aria-labelledby'] for attrs in page.tagged('section')} <= set(names)
    assert not re.search(r'\b(nan|None)\b', page.text)


def test_numbers_intervals_and_settings_are_shown():
    evaluation = made(notes=['the bag was cut short'])
    text = Page(report_html(evaluation)).text
    for name in HEADLINE:
        interval = evaluation.metrics[name]
        assert METRICS[name].text in text
        assert f'{number(interval.low)} to {number(interval.high)}' in text
    for shown in (*evaluation.settings.keys(), *evaluation.settings.values(), 'ramps',
                  'lstm_depth evaluate ramps', 'the bag was cut short',
                  *evaluation.versions, *evaluation.versions.values(),
                  TEMPORAL_MEASURES['tgm'], '0.034', '0.025'):
        assert shown in text


def test_names_from_files_cannot_become_markup(tmp_path):
    evaluation = made()
    frames = [replace(frame, name=HOSTILE, scene=HOSTILE, reset=HOSTILE)
              for frame in evaluation.frames]
    pictures = [replace(picture, result=frames[0]) for picture in evaluation.worst]
    hostile = replace(
        evaluation, title=HOSTILE, data=HOSTILE, checkpoint=HOSTILE, model=HOSTILE,
        command=HOSTILE, notes=[HOSTILE], settings={HOSTILE: HOSTILE}, versions={HOSTILE: HOSTILE},
        header={HOSTILE: HOSTILE}, temporal={HOSTILE: 1.0}, frames=frames, worst=pictures,
        by_scene={HOSTILE + str(index): scene
                  for index, scene in enumerate(evaluation.by_scene.values())})
    page = Page(report_html(hostile))
    assert not page.tagged('script') and len(page.tagged('style')) == 1
    assert page.text.count(HOSTILE) > 20
    # A file name that is not UTF-8, as os.listdir() gives it.
    path = write_report(replace(evaluation, data='caf\udce9'), tmp_path)
    assert 'caf?' in path.read_text(encoding='utf-8')


def test_estimate_and_truth_share_their_colours():
    page = Page(report_html(made(1, scale=1.0)))
    bars, panels = page.tagged('img')[:2], page.tagged('img')[2:]
    near, far = (picture_of(bars[0])[0, column].astype(int) for column in (0, -1))
    _, estimate, truth, error = (picture_of(attrs) for attrs in panels)
    np.testing.assert_array_equal(estimate, truth)
    assert (error > 250).all()
    # The ramp runs from 0.6 to 6 m, the colours from 0.5 to 6 m.
    assert np.abs(truth[:, 0].mean(axis=0) - near).max() < 30
    assert np.abs(truth[:, -1].mean(axis=0) - far).max() < 30


def test_pictures_tell_their_size_and_stay_small():
    evaluation = made(1)
    large = replace(evaluation.worst[0], rgb=np.zeros((900, 600, 3), np.uint8),
                    depth=np.ones((900, 600), np.float32), truth=np.ones((900, 600), np.float32))
    for attrs in Page(report_html(replace(evaluation, worst=[large]))).tagged('img')[2:]:
        assert picture_of(attrs).shape[:2] == (int(attrs['height']), int(attrs['width']))
        assert (attrs['height'], attrs['width']) == (str(THUMBNAIL), str(THUMBNAIL * 2 // 3))


def test_frames_without_truth_are_shown_without_error_map():
    evaluation = made(1)
    blind = replace(evaluation.worst[0], truth=np.full((48, 64), np.nan, np.float32))
    alts = [attrs['alt'] for attrs in Page(report_html(replace(evaluation, worst=[blind],
                                                               best=[]))).tagged('img')]
    assert [alt.split(' of ')[0] for alt in alts[2:]] == ['camera image', 'estimated depth']


def test_a_frame_that_is_worst_and_best_is_shown_once():
    assert len(Page(report_html(made(1))).tagged('figure', 'frame')) == 1
    assert len(Page(report_html(made(9, drift=0.01, video=False))).tagged('figure', 'frame')) == 4


def test_long_tables_are_cut_with_a_word():
    evaluation = made(2)
    scene = next(iter(evaluation.by_scene.values()))
    frames = [replace(frame, reset='gap') for frame in numbered(MAX_RESETS + 7)]
    text = Page(report_html(replace(
        evaluation, frames=frames,
        by_scene={f'scene {index}': scene for index in range(MAX_SCENES + 5)}))).text
    assert '5 better scenes are left out' in text
    assert f'reset {MAX_RESETS + 7} times' in text and 'and 7 more' in text
    assert f'scene {MAX_SCENES - 1}' in text and f'scene {MAX_SCENES}' not in text


def test_scenes_are_sorted_worst_first_with_unscored_last():
    evaluation = made(2)
    scene = next(iter(evaluation.by_scene.values()))
    errors = {'fair': 0.2, 'empty': math.nan, 'good': 0.1, 'bad': 0.5}
    text = report_html(replace(evaluation, by_scene={
        name: scene | {'abs_rel': error} for name, error in errors.items()}))
    places = [text.index(f'<th scope="row">{name}<') for name in ('bad', 'fair', 'good', 'empty')]
    assert places == sorted(places)


def test_first_paragraph_says_what_and_how_good():
    first, trust = paragraphs(made(4, scale=0.8))
    assert 'residual_lstm model (checkpoint: shipped)' in first
    assert '4 images from 2 scenes' in first
    assert 'off by 20.0\u00a0%' in first and 'too near: 0.80 times' in first
    assert 'only 4 scored images' in trust and 'aligned' not in trust
    assert 'scale is right' in paragraphs(made(4, scale=1.01))[0]
    assert 'too far' in paragraphs(made(4, scale=1.2))[0]
    assert 'aligned to its ground truth (median' in paragraphs(made(4, align='median'))[1]
    assert paragraphs(made(3, truth=False)) == [
        'The residual_lstm model (checkpoint: shipped) estimated the depth of 3 images from 2 '
        'scenes of ramps. There was no ground truth to compare with: nothing here tells how '
        'accurate it is. Half of the predictions took less than 21.0\u00a0ms, 95\u00a0% less than '
        '21.9\u00a0ms.']


def test_numbers_have_the_digits_that_matter():
    assert [number(value) for value in (0.18836, 17.8124, 12345.6, 0.00064, 0.0, -0.5, math.nan)] \
        == ['0.188', '17.81', '12,346', '0.00064', '0.000', '−0.500', '–']
    assert [percent(value) for value in (0.6868, 1.747, math.nan)] == [
        '68.7\u00a0%', '174.7\u00a0%', '–']


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


def test_report_without_its_packages_is_one_clear_error(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, 'jinja2', None)
    with pytest.raises(MissingPackage, match=r"pip install 'lstm_depth\[report\]'"):
        write_report(made(1), tmp_path)
    for command, option in (('evaluate', '--report'), ('compare', '--output'),
                            ('replay', '--report')):
        # Before anything is read.
        assert main([command, 'gone', option, 'here']) == 2
        assert "pip install 'lstm_depth[report]'" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, 'matplotlib.figure', None)
    with pytest.raises(MissingPackage, match='needs matplotlib'):
        Chart('x', 'y')


def contrast(first: str, second: str) -> float:
    """Return the WCAG 2 contrast ratio of two #rrggbb colours."""
    def luminance(color: str) -> float:
        parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4
                  for part in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_text_and_marks_stand_out_in_light_and_in_dark():
    themes = re.findall(r':root \{(.*?)\}', report_html(made(1)), re.DOTALL)[:2]
    for theme in themes:
        colors = dict(re.findall(r'--([a-z-]+): (#[0-9a-f]{6})', theme))
        for ground in ('page', 'card', 'note'):
            assert contrast(colors['ink'], colors[ground]) > 7
            assert contrast(colors['soft'], colors[ground]) > 4.5
        for mark in ('blue', 'orange'):
            assert contrast(colors[mark], colors['page']) > 4.5


@pytest.fixture(scope='module')
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f'needs a browser to lay the page out: none of {", ".join(BROWSERS)} is here')
    return found


@pytest.mark.parametrize(('setting', 'dark'), [('0', True), ('1', False)], ids=['dark', 'light'])
def test_page_fits_wide_and_narrow_screens(browser, tmp_path: Path, setting, dark):
    evaluation = made(6, notes=[HOSTILE])
    scenes = {f'{HOSTILE}{index}': scene
              for index, scene in enumerate(evaluation.by_scene.values())}
    text = html.escape(report_html(replace(evaluation, data=HOSTILE, by_scene=scenes)))
    # The report itself may run no script, so a page around it measures.
    frames = ''.join(f'<iframe width="{width}" height="800" style="border:0" srcdoc="{text}">'
                     '</iframe>' for width in (1280, 400))
    outer = tmp_path / 'outer.html'
    outer.write_text(f'<!DOCTYPE html><meta charset="utf-8">{frames}<script>{MEASURE}</script>',
                     encoding='utf-8')
    done = subprocess.run(
        [browser, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
         f'--user-data-dir={tmp_path / "profile"}',
         f'--blink-settings=preferredColorScheme={setting}', '--dump-dom', outer.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    title = re.search(r'<title>(.*?)</title>', done.stdout)
    assert title, done.stderr
    for found, width in zip(title[1].split(';'), (1280, 400), strict=True):
        scroll, inner, color = found.split(',', 2)
        assert int(scroll) <= int(inner) == width
        assert (int(re.search(r'\d+', color)[0]) < 100) == dark
