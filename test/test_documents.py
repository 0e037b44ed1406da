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
"""Documents hold: their links lead somewhere, and what they quote is what is printed."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
import re
import runpy
from unittest import mock

from lstm_depth.models.registry import list_models, model_entry
import pytest
import setuptools
from test_architecture import LAYERS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted(path for path in (
    *ROOT.glob('*.md'), *(ROOT / 'lstm_depth').rglob('*.md'), *(ROOT / 'config').rglob('*.md')))
QUOTING = ('troubleshooting.md', 'calibration.md', 'transport.md')
# Where the first word of a code span is one of these, it is no sentence.
COMMANDS = ('ros2', 'lstm_depth', 'pip', 'docker', 'export', 'qos_overrides./camera', 'sysctl',
            'fastdds', 'dropped:')


def headings(path: Path) -> set[str]:
    """Return the anchors of a document, as GitHub makes them of its headings."""
    found = re.findall(r'^#+ (.*)$', path.read_text(encoding='utf-8'), re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).replace(' ', '-') for text in found}


@cache
def printed() -> str:
    """Return every text that the package can print, a line each, variable parts as NUL."""
    texts = []
    for path in (*(ROOT / 'lstm_depth').rglob('*.py'), *(ROOT / 'launch').glob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.JoinedStr):
                texts.append(''.join(part.value if isinstance(part, ast.Constant) else '\0'
                                     for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return '\n'.join(text.replace('\n', ' ') for text in texts)


def quotes(path: Path) -> list[str]:
    """Return the sentences that a document quotes: code of four words or more."""
    spans = re.findall(r'`([^`\n]+)`', path.read_text(encoding='utf-8'))
    return [span for span in spans if span.count(' ') >= 3 and not span.startswith(COMMANDS)]


def fixed_parts(quote: str) -> list[str]:
    """Return what does not vary in a quoted sentence: not ``...``, N, numbers, CAPITALS."""
    parts = re.split(r'\.\.\.|: |\b[A-Z_]{6,}\b|\b[NM]\b|/\w+\b|\d+', quote)
    return [part for part in (part.strip(' :;,()') for part in parts) if len(part) > 3]


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = re.sub(r'^```.*?^```$', '', path.read_text(encoding='utf-8'),
                  flags=re.MULTILINE | re.DOTALL)
    broken = []
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        if re.match(r'https?:', target):
            continue
        name, _, anchor = target.partition('#')
        place = (path.parent / name) if name else path
        if not place.exists() or anchor and anchor not in headings(place):
            broken.append(target)
    assert broken == []


def rows(name: str, heading: str) -> list[list[str]]:
    """Return the cells of the table below a heading of a document, without its own head."""
    text = (ROOT / name).read_text(encoding='utf-8').partition(f'{heading}\n')[2]
    table = re.search(r'(?:^\|.*\n)+', text, re.MULTILINE)[0]
    return [[cell.strip() for cell in line.strip('|\n').split('|')]
            for line in table.splitlines()[2:]]


def test_the_architecture_page_has_the_layers_in_their_order():
    shown = [re.findall(r'`(\w+)`', cells[0])
             for cells in rows('ARCHITECTURE.md', '## Parts, and who may import whom')]
    assert [part for parts in shown for part in parts] == [*LAYERS[:-1]]


def test_every_model_stands_with_its_paper():
    shown = {model: cells[0][:3] for cells in rows('PAPERS.md', '# From papers to code')
             for model in re.findall(r'`(\w+)`', cells[1])}
    assert shown == {name: model_entry(name).paper for name in list_models()}


def test_sources_are_named_in_the_code_that_takes_from_them():
    missing = []
    for source, _, code in rows('PAPERS.md', 'and where:\n'):
        texts = [(ROOT / path).read_text('utf-8') for path in re.findall(r'\((.*?)\)', code)]
        missing += [name for name in re.findall('[A-Z][a-z]+', source)
                    if not any(name in text for text in texts)]
    assert missing == []


def test_every_package_that_is_installed_has_its_licence_told():
    table = rows('THIRD_PARTIES.md', '# Licences of what is installed')
    told = {name.strip(' *') for cells in table
            for name in re.sub(r'\(.*?\)', '', cells[0]).split(',')}
    with mock.patch.object(setuptools, 'setup') as setup:
        runpy.run_path(str(ROOT / 'setup.py'))
    wanted = setup.call_args.kwargs['install_requires'] + [
        requirement for extra, names in setup.call_args.kwargs['extras_require'].items()
        if extra not in ('ros', 'dev') for requirement in names]
    names = {re.match(r'[\w-]+', requirement)[0] for requirement in wanted}
    assert names <= told and told - names == {'ros-jazzy-...'}


@pytest.mark.parametrize('name', QUOTING)
def test_quoted_sentences_are_printed(name):
    found = quotes(ROOT / 'lstm_depth/ros' / name)
    assert len(found) >= 4
    assert [quote for quote in found if not fixed_parts(quote)
            or not all(part in printed() for part in fixed_parts(quote))] == []


def test_a_sentence_that_nobody_prints_is_noticed():
    assert fixed_parts('no image for 5 s: nobody publishes ...') == [
        'no image for', 'nobody publishes']
    assert 'no image for the last moments' not in printed()
    assert ' % of the images are lost between camera and node' in printed()
