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
"""Places that cannot be written to, in every command: one sentence, status 2, nothing torn."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
import resource
import signal

from _commands import COMMANDS, filled, given
from lstm_depth.cli import build_parser, command_names, main
from lstm_depth.cli._outputs import OutputFile, OutputFolder
import pytest

# Commands that run other processes or for long; what they write is checked before they begin.
LONG = {'adapt', 'benchmark', 'demo', 'doctor', 'soak', 'train'}


def arguments(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
              ) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser, argparse.Action]]:
    """Yield every argument of the command line with the words that lead to it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, child in action.choices.items():
                yield from arguments(child, (*words, name))
        else:
            yield words, parser, action


ALL = list(arguments(build_parser()))
OUTPUTS = {f'{" ".join(words)} {action.dest}': (words, parser, action)
           for words, parser, action in ALL if action.type in (OutputFile, OutputFolder)}
# Arguments that are read, or only ever read from.
INPUTS = {'raw', 'labeled', 'splits', 'split_list', 'trajectory', 'config'}


def line(words: tuple[str, ...], parser: argparse.ArgumentParser, action: argparse.Action,
         place: Path) -> list[str]:
    """Return a command line with *place* for *action* and anything for what it also needs."""
    result = list(words)
    for each in parser._actions:
        if each is action:
            result += [each.option_strings[0], str(place)] if each.option_strings else [str(place)]
        elif not each.option_strings and each.nargs not in ('?', '*'):
            result.append('anything')
    return result


def test_every_path_of_the_command_line_is_an_output_or_known_as_an_input():
    assert {action.dest for _, _, action in ALL if action.type is Path} == INPUTS
    assert {words.split()[0] for words in OUTPUTS} == set(command_names())
    assert set(COMMANDS) | LONG == set(command_names())


@pytest.mark.parametrize('name', OUTPUTS)
def test_an_output_that_cannot_be_is_told_before_anything_begins(name, tmp_path, capsys):
    words, parser, action = OUTPUTS[name]
    file, sealed = tmp_path / 'file', tmp_path / 'sealed'
    file.write_text('in the way')
    sealed.mkdir()
    places = [file / 'below' / 'name', tmp_path if action.type is OutputFile else file]
    for place in places:
        assert main(line(words, parser, action, place)) == 2
        error = capsys.readouterr().err
        assert len(error.splitlines()) == 1 and str(tmp_path) in error, error
    assert sorted(tmp_path.iterdir()) == [file, sealed] and file.read_text() == 'in the way'


def test_a_place_without_permission_is_one_sentence(tmp_path, monkeypatch, capsys):
    # The superuser, whom tests may run as, may write everywhere.
    monkeypatch.setattr('lstm_depth.cli._outputs.os.access', lambda *_: False)
    assert main(['models', '--json', str(tmp_path / 'new' / 'a.json')]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1 and f'{tmp_path} cannot be written to' in error


@pytest.fixture(name='given', scope='module')
def given_fixture(tmp_path_factory) -> dict[str, str]:
    """Return what the commands are given."""
    return given(tmp_path_factory.mktemp('given'))


@pytest.fixture
def no_space() -> Iterator[None]:
    """Let no file of this process grow beyond 200 bytes, as on a full disk."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize('name', COMMANDS)
def test_a_disk_that_fills_up_is_one_sentence_and_leaves_nothing(name, given, tmp_path, capsys,
                                                                 no_space):
    assert main(filled(name, tmp_path, given)) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f'lstm_depth {name}: ') and 'Traceback' not in error
    assert not [path for path in tmp_path.rglob('*') if path.is_file()]
