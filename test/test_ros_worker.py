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
"""The worker takes the newest item only, runs calls in between, and survives errors."""

from __future__ import annotations

from threading import Event, Thread

import _have_ros  # noqa: F401
from _ros import PATIENCE_S
from lstm_depth.ros.worker import Worker
import pytest


@pytest.fixture
def blocked():
    """Return a worker that is busy with 'first', what lets it go on, and what it did."""
    started, go, done = Event(), Event(), []

    def work(item):
        started.set()
        assert go.wait(2 * PATIENCE_S)
        if item == 'broken':
            raise ValueError('broken item')
        done.append(item)

    worker = Worker('test', work, lambda error: done.append(str(error)))
    worker.put('first')
    assert started.wait(PATIENCE_S)
    yield worker, go, done
    go.set()
    worker.stop()


def finish(worker: Worker, go: Event) -> None:
    """Let the worker do all that waits."""
    idle = Event()
    go.set()
    worker.call(idle.set)
    assert idle.wait(PATIENCE_S)


def test_only_the_newest_of_waiting_items_is_worked_on(blocked):
    worker, go, done = blocked
    assert [worker.put(item) for item in ('second', 'third', 'fourth')] == [
        None, 'second', 'third']
    go.set()
    while 'fourth' not in done:
        pass
    assert done == ['first', 'fourth']


def test_calls_run_before_the_waiting_item(blocked):
    worker, go, done = blocked
    worker.put('second')
    worker.call(lambda: done.append('call'))
    finish(worker, go)
    assert worker.stop()
    assert done[:2] == ['first', 'call']


def test_an_error_is_reported_and_the_thread_goes_on(blocked):
    worker, go, done = blocked
    worker.put('broken')
    go.set()
    while 'broken item' not in done:
        pass
    worker.put('next')
    while 'next' not in done:
        pass
    assert done == ['first', 'broken item', 'next']


def test_stop_forgets_what_waits_and_ends_the_thread(blocked):
    worker, go, done = blocked
    worker.put('second')
    assert not worker.stop(timeout_s=0.01)
    go.set()
    assert worker.stop()
    assert done == ['first']


def test_keys_are_served_in_turn_whatever_is_replaced(blocked):
    worker, go, done = blocked
    for item, key in (('a1', 'a'), ('b1', 'b'), ('a2', 'a'), ('c1', 'c'), ('a3', 'a')):
        worker.put(item, key)
    finish(worker, go)
    while 'c1' not in done:
        pass
    assert done == ['first', 'a3', 'b1', 'c1']


def test_an_item_that_is_handed_over_waits_for_the_one_of_its_key_in_work(blocked):
    worker, go, done = blocked
    handed = Event()

    def hand_over():
        assert worker.hand_over('second')
        handed.set()

    Thread(target=hand_over, daemon=True).start()
    assert not handed.wait(0.1)
    assert worker.hand_over('other', 'other key')
    go.set()
    assert handed.wait(PATIENCE_S)
    while 'second' not in done:
        pass
    assert sorted(done) == ['first', 'other', 'second']


def test_what_is_handed_over_to_a_stopped_worker_is_refused(blocked):
    worker, go, done = blocked
    refused = []
    thread = Thread(target=lambda: refused.append(worker.hand_over('second')))
    thread.start()
    assert not worker.stop(timeout_s=0.01)
    thread.join(5)
    assert refused == [False]
