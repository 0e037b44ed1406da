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
"""A node as a process of its own, started and ended by another program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import signal
import subprocess
import sys
from types import TracebackType
from typing import Any

_STOP_S = 10.0


class NodeProcess:
    """
    Run ``python -m PROGRAM --ros-args -p name:=value ...`` inside a ``with`` block.

    What it prints goes to *log*. Leaving the block sends SIGINT, as Ctrl-C would,
    and kills it when it does not end in time, so that no node outlives its owner.
    """

    def __init__(self, program: Sequence[str], parameters: Mapping[str, Any], log: Path,
                 environment: Mapping[str, str]) -> None:
        """
        Remember what to start.

        *program*: a module and its first arguments, such as lstm_depth.ros and depth_node.
        *parameters* by name, *environment* in full.
        """
        self.name = program[-1].rsplit('.', 1)[-1]
        self.log = log
        self._command = [sys.executable, '-m', *program, *ros_arguments(parameters)]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> NodeProcess:
        """Start the process."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open('wb') as output:
            # A session of its own: Ctrl-C on the terminal is for the owner, who decides.
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)
        return self

    @property
    def pid(self) -> int:
        """Return the process id; inside the block only."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Return the exit status, None while it runs."""
        return self._process.poll() if self._process else None

    def tail(self, lines: int = 15) -> str:
        """Return the last lines that the process printed."""
        printed = self.log.read_text(encoding='utf-8', errors='replace').splitlines()
        return '\n'.join(printed[-lines:])

    def stop(self) -> int:
        """End the process, gently first; return its exit status."""
        process = self._process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.stop()


def ros_arguments(parameters: Mapping[str, Any]) -> Sequence[str]:
    """Return the command-line arguments that set *parameters* of a node."""
    arguments = ['--ros-args']
    for name, value in parameters.items():
        # ROS reads values as YAML, where an unquoted path such as 0 or 1.5 is a number.
        text = {True: 'true', False: 'false'}.get(value) if isinstance(value, bool) else (
            "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value))
        arguments += ['-p', f'{name}:={text}']
    return arguments
