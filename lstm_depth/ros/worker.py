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
"""A thread that works on the newest frame of each camera only."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from threading import Condition, current_thread, Thread
from typing import Generic, TypeVar

ItemT = TypeVar('ItemT')


class Worker(Generic[ItemT]):
    """
    Run *work(item)* on a thread of its own; the keys of the items are served in turn.

    There is one slot a key. *on_error* gets what *work* or a call raised; the thread
    goes on. Any thread may call any method.
    """

    def __init__(self, name: str, work: Callable[[ItemT], None],
                 on_error: Callable[[Exception], None]) -> None:
        """Start the thread called *name*."""
        self._work = work
        self._on_error = on_error
        self._changed = Condition()
        # In the order in which the keys get their turn.
        self._items: dict[Hashable, ItemT] = {}
        self._calls: deque[Callable[[], None]] = deque()
        self._busy_with: Hashable = None
        self._stopping = False
        # A daemon, because a network that hangs must not keep the process alive.
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: ItemT, key: Hashable = '') -> ItemT | None:
        """Hand over *item*; return the older one of its *key* that had to make room."""
        with self._changed:
            replaced = self._items.get(key)
            # One that replaces another keeps its turn, so that no camera starves.
            self._items[key] = item
            self._changed.notify_all()
        return replaced

    def hand_over(self, item: ItemT, key: Hashable = '') -> bool:
        """Wait until nothing of *key* is in work, then ``put``; False when it was stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or not (
                key in self._items or key == self._busy_with))
            if self._stopping:
                return False
            self._items[key] = item
            self._changed.notify_all()
        return True

    def call(self, function: Callable[[], None]) -> None:
        """Run *function* on the thread before the next item; return at once."""
        with self._changed:
            self._calls.append(function)
            self._changed.notify_all()

    def take_all(self) -> list[ItemT]:
        """Empty the slots and return what waited in them."""
        with self._changed:
            items = list(self._items.values())
            self._items.clear()
            self._changed.notify_all()
        return items

    def stop(self, timeout_s: float = 5.0) -> bool:
        """
        End the thread after what it works on; return whether it has ended.

        What waits in the slots is forgotten, calls that wait are still run.
        """
        with self._changed:
            self._stopping = True
            self._items.clear()
            self._changed.notify_all()
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
            if self._busy_with is not None:
                self._busy_with = None
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._stopping or self._calls or self._items)
            if self._calls:
                return self._calls.popleft()
            if self._stopping:
                return None
            self._busy_with = next(iter(self._items))
            item = self._items.pop(self._busy_with)
            return lambda: self._work(item)
