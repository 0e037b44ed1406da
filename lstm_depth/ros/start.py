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
The executables: note signals first, import the node second.

Importing ROS takes a second, in which Python's own handlers would end the process with a
traceback. ``python -m lstm_depth.ros NODE`` is the same without an installation.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import NoReturn

from lstm_depth.runtime.memory import settle_memory
from lstm_depth.runtime.threads import settle_threads


def depth_node() -> NoReturn:
    """Run depth_node."""
    start('depth_node')


def camera_node() -> NoReturn:
    """Run camera_node."""
    start('camera_node')


def evaluation_node() -> NoReturn:
    """Run evaluation_node."""
    start('evaluation_node')


def start(name: str) -> NoReturn:
    """Import the node called *name*, run it and end the process with its status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        # Nothing is open yet that would have to be closed.
        signal.signal(number, lambda *_: _leave(0))
    settle_threads()
    settle_memory()
    try:
        importlib.import_module(f'lstm_depth.ros.{name}').main()
    except SystemExit as end:
        _leave(end.code)
    _leave(0)


def _leave(status: int) -> NoReturn:
    """
    End without taking the interpreter down piece by piece.

    The node is closed and DDS has let go of the network and of /dev/shm; what is left is
    to free every module, which takes seconds on a busy machine once PyTorch is among them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
