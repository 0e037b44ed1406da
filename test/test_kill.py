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
import os
from pathlib import Path
import signal
import subprocess
import sys

from _recordings import camera_frames, write_bag
import cv2
from lstm_depth.cli import main
import pytest
from rosbags.highlevel import AnyReader

ROOT = Path(__file__).resolve().parents[1]
KILLS = range(1, 16 if 'LSTM_DEPTH_TRIES' in os.environ else 2)
KILLED_AT = """\
import os, signal, sys
from lstm_depth.cli import main

replace, count = os.replace, 0

def killed(source, target):
    global count
    count += 1
    if count == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)

os.replace = killed
sys.exit(main(sys.argv[2:]))
"""
COMMANDS = {
    'sample': ['sample', 'OUT/room', '--frames', '3', '--seed', '3'],
    'replay': ['replay', 'BAG', '--no-video', '--output', 'OUT/replay', '--json',
               'OUT/replay.json'],
    'evaluate': ['evaluate', 'BAG', '--json', 'OUT/scores.json'],
}


@pytest.fixture(scope='module')
def given(tmp_path_factory) -> dict[str, str]:
    """Return what the commands are given."""
    folder = tmp_path_factory.mktemp('given')
    return {'BAG': str(write_bag(folder / 'bag', camera_frames(3)))}


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
    arguments = [given.get(word, word.replace('OUT', str(tmp_path))) for word in COMMANDS[name]]
    done = subprocess.run([sys.executable, '-c', KILLED_AT, str(kill), *arguments], cwd=tmp_path,
                          env={**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'},
                          timeout=300, capture_output=True, check=False)
    # Killed before the first file; later ones may be more than the command writes.
    assert done.returncode == -signal.SIGKILL or kill > 1 and done.returncode == 0, done.stderr
    check_whole(tmp_path)
    if done.returncode:
        assert main(arguments) == 0
    check_whole(tmp_path)
