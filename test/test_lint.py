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
The linters of the ROS 2 build farm: ament_flake8, ament_pep257, licence headers.

They are the checks that ``colcon test`` makes on a ROS package; ament_copyright exists
only in a ROS installation, so the headers are compared here.
"""

from __future__ import annotations

import logging
from pathlib import Path
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ('lstm_depth', 'launch', 'test')
SOURCES = sorted([ROOT / 'setup.py', *(path for folder in FOLDERS
                                       for path in (ROOT / folder).rglob('*.py'))])

FLAKE8 = 'import sys\nfrom ament_flake8.main import main\nsys.exit(main(sys.argv[1:]))'


def paths() -> list[str]:
    """Return the linters' arguments."""
    return [str(ROOT / 'setup.py'), *(str(ROOT / folder) for folder in FOLDERS)]


def test_sources_follow_ament_flake8():
    pytest.importorskip('ament_flake8.main', reason='needs ament_flake8')
    # In a process of its own, for it forks.
    done = subprocess.run([sys.executable, '-c', FLAKE8, *paths()], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_docstrings_follow_ament_pep257(capsys, caplog):
    linter = pytest.importorskip('ament_pep257.main', reason='needs ament_pep257')
    caplog.set_level(logging.WARNING, 'pydocstyle.utils')
    status = linter.main(argv=paths())
    printed = capsys.readouterr().out.splitlines()
    assert status == 0, '\n'.join(line for line in printed if not line.startswith('checking '))


def test_sources_start_with_the_licence_header():
    header = Path(__file__).read_text(encoding='utf-8').split('"""')[0]
    assert header.startswith('# Copyright 2026 The lstm_depth authors\n')
    assert [str(path.relative_to(ROOT)) for path in SOURCES
            if not path.read_text(encoding='utf-8').startswith(header)] == []
