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
"""Ctrl-C as a request: save, then stop."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Any

from tqdm import tqdm

# torchrun hands on the Ctrl-C that its processes have had from the terminal already.
_SAME_REQUEST_S = 1.0


class InterruptRequest:
    """
    Within its context the first SIGINT or SIGTERM sets ``asked``; a later one interrupts.

    What follows within a second is the same request. Outside the main thread, which alone
    receives signals, it does nothing.
    """

    def __init__(self) -> None:
        """Start without a request."""
        self.asked = False
        self._first = 0.0
        self._old: dict[int, Any] = {}

    def __enter__(self) -> InterruptRequest:
        """Take the signals over."""
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._old[number] = signal.signal(number, self._on_signal)
            except ValueError:
                return self
        return self

    def __exit__(self, *_: Any) -> None:
        """Give the signals back."""
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        """Ask once, then interrupt."""
        now = time.monotonic()
        if self.asked and now - self._first > _SAME_REQUEST_S:
            raise KeyboardInterrupt
        if self.asked:
            return
        self.asked, self._first = True, now
        tqdm.write('stopping after this step; again to stop at once')
