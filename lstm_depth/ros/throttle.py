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

from threading import Lock
import time

from rclpy.impl.rcutils_logger import RcutilsLogger


class ThrottledLog:
    """
    Warn at most once in *period_s* seconds for each key.

    rclpy throttles by the line of code, so that a flood of one cause would hide
    the first of another.
    """

    def __init__(self, logger: RcutilsLogger, period_s: float = 5.0) -> None:
        """Start with nothing suppressed."""
        self._logger = logger
        self._period_s = period_s
        self._lock = Lock()
        self._said: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def warning(self, key: str, text: str) -> None:
        """Log *text*, or count it when *key* was logged a moment ago."""
        now = time.monotonic()
        with self._lock:
            if now - self._said.get(key, -self._period_s) < self._period_s:
                self._kept_back[key] = self._kept_back.get(key, 0) + 1
                return
            self._said[key] = now
            more = self._kept_back.pop(key, 0)
        self._logger.warning(f'{text} (and {more} more like it)' if more else text)
