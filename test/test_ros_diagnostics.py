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
"""Alerts, their message, and log lines that do not flood."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import _have_ros  # noqa: F401
from lstm_depth.ros import diagnostics, throttle
from lstm_depth.ros.diagnostics import Alerts, diagnostics_message, ERROR, OK, WARN
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.telemetry import Snapshot
import pytest
from rclpy.time import Time


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose only item is the time of both modules."""
    now = [100.0]
    for module in (diagnostics, throttle):
        monkeypatch.setattr(module, 'time', SimpleNamespace(monotonic=lambda: now[0]))
    return now


def message(alerts):
    """Return the status that goes out with *alerts*."""
    snapshot = Snapshot(frames_in=5, frames_out=3, drops=Counter(short_data=2))
    array = diagnostics_message('node: depth', 'cpu', Time(seconds=7), alerts,
                                {'state': 'active'}, snapshot, {'gap': 1})
    assert array.header.stamp.sec == 7
    return array.status[0]


def test_an_alert_stays_up_for_a_while_after_it_was_last_raised(clock):
    alerts = Alerts(hold_s=5.0)
    alerts.warn('flat', 'flat output')
    clock[0] += 4
    alerts.warn('flat', 'flat output')
    clock[0] += 4
    assert [alert.text for alert in alerts.current()] == ['flat output']
    clock[0] += 2
    assert alerts.current() == []


def test_the_status_is_as_bad_as_the_worst_alert(clock):
    alerts = Alerts()
    assert message(alerts.current()).level == OK
    alerts.warn('flat', 'flat output')
    assert message(alerts.current()).level == WARN
    alerts.error('out_of_memory', 'out of GPU memory')
    status = message(alerts.current())
    assert status.level == ERROR
    assert status.message == 'flat output; out of GPU memory'


def test_the_status_tells_facts_counts_drops_and_resets():
    status = message([])
    values = {item.key: item.value for item in status.values}
    assert status.message == values['state'] == 'active'
    assert values['frames dropped'] == values['dropped: short_data'] == '2'
    assert values['reset: gap'] == '1'


def test_each_cause_is_logged_at_once_and_then_counted(clock):
    lines = []
    log = ThrottledLog(SimpleNamespace(warning=lines.append), period_s=5.0)
    for _ in range(4):
        log.warning('a', 'cause a')
        log.warning('b', 'cause b')
    assert lines == ['cause a', 'cause b']
    clock[0] += 5
    log.warning('a', 'cause a')
    assert lines[2:] == ['cause a (and 3 more like it)']


def test_a_kind_is_a_cause_and_not_a_text_and_kinds_are_bounded(clock):
    lines = []
    log = ThrottledLog(SimpleNamespace(info=lines.append), period_s=5.0)
    for number in range(400):
        log.info('one cause', f'text {number}')
    assert lines == ['text 0']
    for number in range(100_000):
        log.info(f'kind {number}', 'text')
    assert len(log._kinds) <= 100
