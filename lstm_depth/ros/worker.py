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
"""One thread that works on the newest frame only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Condition, current_thread, Thread
from typing import Generic, TypeVar

ItemT = TypeVar('ItemT')


class Worker(Generic[ItemT]):
    """
    Run *work(item)* on a thread of its own, for the newest item put.

    There is one slot: an item that is put while another waits replaces it.
    *on_error* gets what *work* or a call raised; the thread goes on.
    """

    def __init__(self, work: Callable[[ItemT], None],
                 on_error: Callable[[Exception], None]) -> None:
        """Start the thread."""
        self._work = work
        self._on_error = on_error
        self._changed = Condition()
        self._item: ItemT | None = None
        self._calls: deque[Callable[[], None]] = deque()
        self._stopping = False
        # A daemon, because a network that hangs must not keep the process alive.
        self._thread = Thread(target=self._run, name='depth_worker', daemon=True)
        self._thread.start()

    def put(self, item: ItemT) -> bool:
        """Hand over *item*; return whether an older one had to make room."""
        with self._changed:
            replaced = self._item is not None
            self._item = item
            self._changed.notify()
        return replaced

    def call(self, function: Callable[[], None]) -> None:
        """Run *function* on the thread before the next item; return at once."""
        with self._changed:
            self._calls.append(function)
            self._changed.notify()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """
        End the thread after what it works on; return whether it has ended.

        What waits in the slot is forgotten, calls that wait are still run.
        """
        with self._changed:
            self._stopping = True
            self._item = None
            self._changed.notify()
        if self._thread is not current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Take and do jobs until stopped."""
        while (job := self._next()) is not None:
            try:
                job()
            except Exception as error:
                self._on_error(error)

    def _next(self) -> Callable[[], None] | None:
        """Wait for a job; None when the thread should end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._calls or
                                   self._item is not None)
            if self._calls:
                return self._calls.popleft()
            if self._stopping:
                return None
            item, self._item = self._item, None
            return lambda: self._work(item)
