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
Where ROS writes a process's log file, and what to do where it cannot.

``rclpy.init`` fails with a traceback when the folder cannot be made, as with a read-only
or missing home directory; a robot is better off without a log file than without a node.
"""

from __future__ import annotations

from collections.abc import Mapping
import os
from pathlib import Path


def log_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where ROS writes log files (rcl_logging's rule), None without a home directory."""
    if folder := environment.get('ROS_LOG_DIR'):
        return _expanded(folder, environment)
    if home := environment.get('ROS_HOME'):
        parent = _expanded(home, environment)
    else:
        parent = _expanded('~/.ros', environment)
    return parent and parent / 'log'


def logging_arguments(environment: Mapping[str, str] | None = None) -> tuple[list[str], str]:
    """
    Return arguments for ``rclpy.init`` and a sentence about them, both empty where all is well.

    With them a process logs to the console and to /rosout only.
    """
    folder = log_folder(os.environ if environment is None else environment)
    if folder is None:
        problem = 'HOME is not set'
    elif (problem := _why_not_writable(folder)) is None:
        return [], ''
    return (['--ros-args', '--disable-external-lib-logs'],
            f'no log file, because {problem}; set ROS_LOG_DIR to a folder that can be written '
            'to have one')


def _expanded(folder: str, environment: Mapping[str, str]) -> Path | None:
    """Return *folder* with a leading ~ replaced, None where the home directory is unknown."""
    if not folder.startswith('~'):
        return Path(folder)
    home = environment.get('HOME')
    return Path(home + folder[1:]) if home else None


def _why_not_writable(folder: Path) -> str | None:
    """Make *folder*; return why it cannot be written, None where it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f'{folder} cannot be made ({error.strerror})'
    return None if os.access(folder, os.W_OK | os.X_OK) else f'{folder} cannot be written'
