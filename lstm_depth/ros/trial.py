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
from functools import cache
import os
from pathlib import Path
import socket
import time
from types import TracebackType
from typing import Any

from lstm_depth.errors import DataError
from lstm_depth.ros.process import NodeProcess

# Domains above 101 collide with the ports that Linux gives to other programs.
_DOMAINS = 101
# The UDP ports of a domain (DDSI-RTPS 2.5, 9.6.2.3): participants listen on the tenth, the
# twelfth and so on; the ninth is nobody's.
_FIRST_PORT, _PORTS_EACH, _SPARE, _PARTICIPANTS = 7400, 250, 9, range(10, 26, 2)
# Importing a library that runs networks and loading a model takes its time on a slow disk.
_START_S = 120.0


@cache
def _own() -> tuple[int, socket.socket]:
    return reserve_domain()


def own_domain() -> int:
    """Return the DDS domain of this process, in which nobody else on this machine is."""
    return _own()[0]


def reserve_domain() -> tuple[int, socket.socket]:
    """
    Return a DDS domain that nobody on this machine is in, and what keeps it ours.

    Another process that asks here gets another domain until the socket is closed; its end
    closes it, however it ends. DataError when there is no free one.
    """
    start = os.getpid() * 7
    for domain in (1 + (start + turn) % _DOMAINS for turn in range(_DOMAINS)):
        first = _FIRST_PORT + _PORTS_EACH * domain
        if (kept := _bind(first + _SPARE)) is None:
            continue
        if all(_is_free(first + port) for port in _PARTICIPANTS):
            return domain, kept
        kept.close()
    raise DataError(f'each of the ROS domains 1 to {_DOMAINS} is in use on this machine; end '
                    'some of its nodes')


def _bind(port: int) -> socket.socket | None:
    """Return a socket that holds a UDP port, None where somebody else holds it."""
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(('', port))
    except OSError:
        held.close()
        return None
    return held


def _is_free(port: int) -> bool:
    """Return whether nobody holds a UDP port."""
    held = _bind(port)
    if held is not None:
        held.close()
    return held is not None


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
