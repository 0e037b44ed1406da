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
"""Node processes that belong together, in a DDS domain of their own; imports no ROS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
import os
from pathlib import Path
import time
from types import TracebackType
from typing import Any

from lstm_depth.errors import DataError
from lstm_depth.ros.process import NodeProcess

# Domains above 101 collide with the ports that Linux gives to other programs.
_DOMAINS = 101
# Importing a library that runs networks and loading a model takes its time on a slow disk.
_START_S = 120.0


def own_domain() -> int:
    """Return a DDS domain that depends on this process."""
    return 1 + os.getpid() % _DOMAINS


def own_environment(domain: int) -> dict[str, str]:
    """Return the environment of processes that hear only each other."""
    return {**os.environ, 'ROS_DOMAIN_ID': str(domain),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'PYTHONUNBUFFERED': '1'}


class Trial:
    """
    Start processes inside a ``with`` block that ends them all.

    Each writes what it prints to ``<folder>/<name>.log``.
    """

    def __init__(self, folder: Path, **environment: str) -> None:
        """Start none yet; *environment*: variables beside those of this process."""
        self._folder = folder
        self._environment = own_environment(own_domain()) | environment
        self._processes: list[NodeProcess] = []
        self._stack = ExitStack()

    def start(self, program: Sequence[str], parameters: Mapping[str, Any]) -> NodeProcess:
        """Run a module with its first arguments and *parameters*, see NodeProcess."""
        log = self._folder / f'{program[-1]}.log'
        process = self._stack.enter_context(
            NodeProcess(program, parameters, log, self._environment))
        self._processes.append(process)
        return process

    def wait_for(self, node: NodeProcess, text: str) -> None:
        """Wait until *node* has logged *text*; DataError with its last lines when it does not."""
        end = time.monotonic() + _START_S
        while text not in (log := node.log.read_text(encoding='utf-8', errors='replace')):
            if node.status is not None or 'cannot configure' in log or time.monotonic() > end:
                raise DataError(f'{node.name} did not start:\n{node.tail()}')
            time.sleep(0.05)

    def sleep(self, seconds: float, look: Callable[[], bool | None] = lambda: None,
              every_s: float = 0.5) -> None:
        """
        Wait, and call *look* all the while, until it returns True.

        DataError when a process ends meanwhile.
        """
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(every_s, left))
            if look():
                return
            for process in self._processes:
                if process.status is not None:
                    raise DataError(f'{process.name} ended too early, with status '
                                    f'{process.status}:\n{process.tail()}')

    def stop(self, *processes: NodeProcess) -> None:
        """End *processes*, in this order, as Ctrl-C would."""
        for process in processes:
            process.stop()

    def __enter__(self) -> Trial:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """End what still runs."""
        self._stack.close()
