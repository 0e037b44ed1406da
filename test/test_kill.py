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
Commands that are killed while they write: no output is half there, and they run again.

Once for each command in `make test`; `make torture` kills before every file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path
import signal

from _commands import COMMANDS, filled, given
import cv2
from lstm_depth.cli import main
import pytest
from rosbags.highlevel import AnyReader

KILLS = range(1, 16 if 'LSTM_DEPTH_TRIES' in os.environ else 2)
# A process that has imported what commands need, of which each test's is a copy.
CONTEXT = multiprocessing.get_context('forkserver')
CONTEXT.set_forkserver_preload([
    'lstm_depth.checkpoint', 'lstm_depth.evaluation.compare', 'lstm_depth.evaluation.replay',
    'lstm_depth.runtime.export', 'lstm_depth.data.nyu.build', 'lstm_depth.models.layer_table'])


def run_killed(kill: int, arguments: list[str]) -> None:
    """Run a command that is killed before it renames its file number *kill* into place."""
    replace, count = os.replace, 0

    def killed(source: str, target: str) -> None:
        nonlocal count
        count += 1
        if count == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)

    os.replace = killed
    os._exit(main(arguments))


@pytest.fixture(name='given', scope='module')
def given_fixture(tmp_path_factory) -> dict[str, str]:
    """Return what the commands are given."""
    return given(tmp_path_factory.mktemp('given'))


def check_whole(folder: Path) -> None:
    """Open every file of *folder* that is not marked as partial."""
    for path in folder.rglob('*'):
        if 'partial' in str(path.relative_to(folder)) or path.is_dir():
            continue
        if path.suffix == '.json':
            json.loads(path.read_text())
        elif path.suffix == '.png':
            assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None, path
        elif path.suffix == '.mcap':
            with AnyReader([path.parent]) as bag:
                assert len({stamp for _, stamp, _ in bag.messages()}) == 3


@pytest.mark.parametrize('kill', KILLS)
@pytest.mark.parametrize('name', COMMANDS)
def test_a_killed_command_leaves_nothing_half_written_and_runs_again(name, kill, given,
                                                                     tmp_path):
    arguments = filled(name, tmp_path, given)
    process = CONTEXT.Process(target=run_killed, args=(kill, arguments))
    process.start()
    process.join(300)
    # Killed before the first file; later ones may be more than the command writes.
    assert process.exitcode == -signal.SIGKILL or kill > 1 and process.exitcode == 0
    check_whole(tmp_path)
    if process.exitcode:
        assert main(arguments) == 0
    check_whole(tmp_path)
