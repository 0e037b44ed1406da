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
"""Log lines that do not flood."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
import time

from rclpy.impl.rcutils_logger import RcutilsLogger

# More kinds of lines than the nodes have; beyond them the one silent longest is forgotten.
_MOST_KINDS = 100


@dataclass
class _Kind:
    """When a kind of line was last said, and how many were kept back since."""

    said: float
    kept_back: int = 0


class ThrottledLog:
    """
    Log at most once in *period_s* seconds for each kind of line.

    rclpy throttles by the line of code, so that a flood of one cause would hide
    the first of another. A kind is a cause, never a text: texts differ in every line.
    """

    def __init__(self, logger: RcutilsLogger, period_s: float = 5.0) -> None:
        """Start with nothing suppressed."""
        self._logger = logger
        self._period_s = period_s
        self._lock = Lock()
        self._kinds: dict[str, _Kind] = {}

    def warning(self, kind: str, text: str) -> None:
        """Warn of *text*, or count it when its *kind* was logged a moment ago."""
        # rclpy ties a severity to a line of code, so each has a call of its own.
        if line := self._allowed(kind, text):
            self._logger.warning(line)

    def error(self, kind: str, text: str) -> None:
        """Log the error *text*, or count it when its *kind* was logged a moment ago."""
        if line := self._allowed(kind, text):
            self._logger.error(line)

    def info(self, kind: str, text: str) -> None:
        """Tell *text*, or count it when its *kind* was logged a moment ago."""
        if line := self._allowed(kind, text):
            self._logger.info(line)

    def _allowed(self, kind: str, text: str) -> str:
        """Return the line to log; empty for one that is only counted."""
        now = time.monotonic()
        with self._lock:
            known = self._kinds.get(kind)
            if known is not None and now - known.said < self._period_s:
                known.kept_back += 1
                return ''
            # At the end of the dictionary, so that the first is the one silent longest.
            self._kinds.pop(kind, None)
            self._kinds[kind] = _Kind(now)
            if len(self._kinds) > _MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
        more = known.kept_back if known else 0
        return f'{text} (and {more} more like it)' if more else text
