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

from _report import made, numbered
import cv2
from lstm_depth.cli import main
from lstm_depth.errors import MissingPackage
from lstm_depth.evaluation.report import report_html, write_report
from lstm_depth.evaluation.report.figure import Chart
from lstm_depth.evaluation.report.page import MAX_RESETS, MAX_SCENES
from lstm_depth.evaluation.report.pictures import THUMBNAIL
from lstm_depth.evaluation.report.wording import METRICS, number, paragraphs, percent
from lstm_depth.evaluation.results import HEADLINE
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
