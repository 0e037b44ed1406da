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
"""Every command that the documents show is one that exists, and the quick ones are run."""

from __future__ import annotations

from functools import cache
import re
import runpy
import shlex
import subprocess
import sys
from typing import Any
from unittest import mock

import cv2
from lstm_depth.cli import build_parser
import numpy as np
import pytest
import setuptools
from test_documents import DOCUMENTS, ROOT
import yaml

# Parts of other programs, whose arguments we do not know.
FOREIGN = {
    'bash', 'cd', 'colcon', 'docker', 'fastdds', 'git', 'rosdep', 'source', 'sysctl',
    'ros2 lifecycle', 'ros2 security', 'ros2 service', 'ros2 topic', 'ros2 bag'}
NODES = {'depth_node', 'camera_node', 'evaluation_node'}
# Code spans that begin like a command, in prose.
STARTS = ('lstm_depth ', 'ros2 ', 'make ', 'pip ', 'torchrun ', 'python -m ', 'docker ',
          'export ', *(f'{node} ' for node in sorted(NODES)))
PARAMETERS = {
    name.rpartition('/')[2]: content['ros__parameters'] for name, content in yaml.safe_load(
        (ROOT / 'config/depth.yaml').read_text(encoding='utf-8')).items()}
TOPICS = {'image', 'image/compressed', 'camera_info', 'depth', 'depth/image', 'depth/camera_info',
          'ground_truth/image', 'ground_truth/image/compressedDepth', 'ground_truth/camera_info',
          'odom', 'points'}


def shell_lines(text: str) -> list[str]:
    """Return the commands of a block: continued lines joined, comments and ``&&`` taken apart."""
    lines = text.replace('\\\n', ' ').splitlines()
    words = (re.sub(r'(^|\s)#.*', '', line) for line in lines)
    return [part.strip() for line in words for part in re.split(r'&&|;', line) if part.strip()]


def commands() -> list[tuple[str, str]]:
    """Return every command shown, with the document that shows it."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding='utf-8')
        name = str(path.relative_to(ROOT))
        for language, block in re.findall(r'^```(\w*)\n(.*?)^```', text,
                                          re.MULTILINE | re.DOTALL):
            if language in ('bash', 'sh') or (not language and block.startswith(
                    ('#', *STARTS))):
                found += [(name, line) for line in shell_lines(block)]
        prose = re.sub(r'^```.*?^```', '', text, flags=re.MULTILINE | re.DOTALL)
        found += [(name, line) for span in re.findall(r'`([^`\n]+)`', prose)
                  if span.startswith(STARTS) for line in shell_lines(span)]
    # Those in the comments and docstrings of what users read and copy.
    for path in (*(ROOT / 'config').rglob('*.yaml'), *(ROOT / 'launch').glob('*.py')):
        text = re.sub(r'\\\n[#\s]*', ' ', path.read_text(encoding='utf-8'))
        found += [(str(path.relative_to(ROOT)), line) for line in
                  re.findall(rf'^(?:# *|    )((?:{"|".join(STARTS)}).*)', text, re.MULTILINE)
                  if not line.endswith(('.', ','))]
    return sorted(set(found))


def parse(line: str) -> None:
    """Raise AssertionError or SystemExit for a command that cannot work."""
    words = shlex.split(line.replace('<this repository>', 'HERE'))
    while words and re.fullmatch(r'[A-Z_]+=\S*', words[0]):
        words.pop(0)
    if not words or words[0] in FOREIGN or ' '.join(words[:2]) in FOREIGN:
        return
    if words[0] in NODES:
        check_ros_arguments(words[0], words[1:])
        return
    CHECKS[words[0]](words[1:])


def check_lstm_depth(words: list[str]) -> None:
    """Parse by the command line's own parser; names alone are a mention."""
    parser: Any = PARSER
    rest = [word for word in words if word != '...']
    while rest and (choices := next((action.choices for action in parser._actions
                                     if isinstance(action.choices, dict)), {})):
        if rest[0] not in choices:
            break
        parser = choices[rest.pop(0)]
    if rest not in ([], ['--help'], ['--version']):
        parser.parse_args(rest)


def check_ros2(words: list[str]) -> None:
    """Check what is given to our launch files, nodes and parameters."""
    if words[0] == 'launch' and words[1] == 'lstm_depth':
        if words[2] == '...':
            return
        known = launch_arguments(words[2])
        given = {word.partition(':=')[0] for word in words[3:]}
        assert given <= known, f'{words[2]} has no {given - known}'
    elif words[0] == 'param':
        _, verb, node, name, value = words
        assert verb == 'set' and type(yaml.safe_load(value)) is type(
            PARAMETERS[node.strip('/')][name])
    elif words[0] == 'run':
        check_ros_arguments(words[2], words[3:])
    else:
        raise AssertionError(f'ros2 {words[0]} is unknown here')


@cache
def launch_arguments(file: str) -> set[str]:
    """Return the arguments that a launch file declares."""
    path = ROOT / 'launch' / file
    # For its table alone, and there are no wheels of launch. They run one another.
    sources = '\n'.join(each.read_text('utf-8') for each in path.parent.glob('*.py'))
    absent = re.findall(r'^from ((?:launch|ament|lifecycle)\S*) import', sources, re.MULTILINE)
    parts = {name for full in absent for name in (full, full.partition('.')[0])}
    # Not mock.patch.dict, which would forget what is imported meanwhile.
    with pytest.MonkeyPatch.context() as patch:
        for name in parts:
            patch.setitem(sys.modules, name, mock.MagicMock())
        names = set(runpy.run_path(str(path))['ARGUMENTS'])
    return names | set(re.findall(r"DeclareLaunchArgument\('(\w+)'", path.read_text('utf-8')))


def check_ros_arguments(node: str, words: list[str]) -> None:
    """Check the parameters and remappings after ``--ros-args``, and the files named."""
    rest = iter(words)
    for word in rest:
        if word in ('-p', '--param'):
            name, _, value = next(rest).partition(':=')
            assert value and (node not in NODES or name in PARAMETERS[node]), name
        elif word in ('-r', '--remap'):
            name, _, topic = next(rest).partition(':=')
            assert topic and (node not in NODES or name in TOPICS), name
        elif word == '--params-file':
            file = next(rest)
            assert file == 'FILE' or (ROOT / file).is_file(), file
        elif word in ('--enclave', '--size', '--square'):
            next(rest)
        else:
            assert word in ('--ros-args', '...'), word


def check_make(words: list[str]) -> None:
    """Check targets and variables against the Makefile."""
    text = (ROOT / 'Makefile').read_text(encoding='utf-8')
    for word in words:
        name, is_variable, _ = word.partition('=')
        pattern = rf'^{name} \?=|export {name} \?=' if is_variable else rf'^{name}:.*##'
        assert re.search(pattern, text, re.MULTILINE), f'make has no {word}'


def check_pip(words: list[str]) -> None:
    """Check the extras of our own package."""
    with mock.patch.object(setuptools, 'setup') as setup:
        runpy.run_path(str(ROOT / 'setup.py'))
    extras = setup.call_args.kwargs['extras_require']
    assert words[0] == 'install'
    for names in re.findall(r'(?:^|\s)(?:\.|lstm_depth)\[([\w,]+)\]', ' '.join(words)):
        assert set(names.split(',')) <= set(extras), names


def check_python(words: list[str]) -> None:
    """Check that a module exists."""
    assert words[0] == '-m'
    if words[1] == 'lstm_depth':
        check_lstm_depth(words[2:])
    else:
        assert (ROOT / (words[1].replace('.', '/') + '.py')).is_file(), words[1]


def check_torchrun(words: list[str]) -> None:
    """Check what runs under it."""
    check_python(words[words.index('-m'):])


def check_export(words: list[str]) -> None:
    """Check that each is a variable with a value."""
    assert words and all(re.fullmatch(r'\w+=.+', word) for word in words)


PARSER = build_parser()
CHECKS = {'lstm_depth': check_lstm_depth, 'ros2': check_ros2, 'make': check_make,
          'pip': check_pip, 'python': check_python, 'torchrun': check_torchrun,
          'export': check_export}


@pytest.mark.parametrize(('document', 'command'), commands())
def test_a_command_in_a_document_exists_with_its_arguments(document, command):
    parse(command)


def test_what_is_set_by_name_is_a_parameter_or_an_argument_of_a_launch_file():
    known = {name for names in PARAMETERS.values() for name in names} | {
        name for path in (ROOT / 'launch').glob('*.py') for name in launch_arguments(path.name)}
    shown = {name for path in DOCUMENTS
             for name in re.findall(r'`(\w+):=[^`]*`', path.read_text(encoding='utf-8'))}
    assert {'precision', 'rviz'} <= shown and shown - known - {'name'} == set()


def test_enough_commands_are_found():
    shown = commands()
    assert len(shown) > 60
    assert {'README.md', 'lstm_depth/ros/README.md', 'config/README.md'} <= dict(shown).keys()


@pytest.mark.parametrize('command', [
    'lstm_depth reply x', 'lstm_depth replay x --no-such', 'make demos', 'make demo SORCE=x',
    "pip install '.[rose]'", 'ros2 launch lstm_depth depth.launch.py imag:=x',
    'depth_node --ros-args -p mod:=x', 'depth_node --ros-args -r img:=x',
    'ros2 param set /depth_node output_scale big', 'python -m lstm_depth.no', 'frobnicate x'])
def test_a_wrong_command_is_noticed(command, capsys):
    with pytest.raises((AssertionError, SystemExit, KeyError)):
        parse(command)


@pytest.mark.parametrize('words', [
    ['--version'], ['models', '--help'], ['doctor', '--help'],
    ['sample', 'room', '--seed', '7', '--frames', '2', '--width', '64', '--height', '48']])
def test_quick_commands_run(words, tmp_path):
    done = subprocess.run([sys.executable, '-m', 'lstm_depth', *words], cwd=tmp_path, text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch, capsys):
    code, = re.findall(r'^```python\n(.*?)^```', (ROOT / 'README.md').read_text('utf-8'),
                       re.MULTILINE | re.DOTALL)
    writer = cv2.VideoWriter(str(tmp_path / 'video.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (64, 48))
    for shade in (0, 80, 160):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, 'README.md', 'exec'), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all('(48, 64)' in line for line in lines)
