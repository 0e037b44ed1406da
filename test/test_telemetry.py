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
"""Rates, latencies and counts of a running stream."""

from __future__ import annotations

import math

from lstm_depth import telemetry
from lstm_depth.telemetry import Telemetry
import pytest


@pytest.fixture
def clock(monkeypatch):
    """Return a list whose only item is the time."""
    now = [100.0]
    monkeypatch.setattr(telemetry.time, 'monotonic', lambda: now[0])
    return now


def test_nothing_has_happened_at_first():
    snapshot = Telemetry().snapshot()
    assert (snapshot.frames_in, snapshot.frames_out, snapshot.rate_in_hz) == (0, 0, 0.0)
    assert math.isnan(snapshot.latency_p50_ms) and not snapshot.drops


def test_rates_are_of_the_last_seconds_only(clock):
    numbers = Telemetry(window_s=5.0)
    for _ in range(100):
        clock[0] += 0.1
        numbers.frame_in()
    assert numbers.snapshot().rate_in_hz == pytest.approx(10.0, rel=0.05)
    assert numbers.snapshot().frames_in == 100
    clock[0] += 60
    assert numbers.snapshot().rate_in_hz == 0.0


def test_a_stream_that_stalls_slows_down(clock):
    numbers = Telemetry(window_s=5.0)
    for _ in range(30):
        clock[0] += 0.1
        numbers.frame_out(0.01, 0.01)
    clock[0] += 2.0
    assert numbers.snapshot().rate_out_hz == pytest.approx(29 / 4.9, rel=0.01)


def test_percentiles_are_of_the_newest_frames():
    numbers = Telemetry(history=100)
    for latency_ms in [5000] * 50 + list(range(1, 101)):
        numbers.frame_out(latency_ms / 1e3, latency_ms / 2e3)
    snapshot = numbers.snapshot()
    assert snapshot.latency_p50_ms == pytest.approx(50.5)
    assert snapshot.latency_p95_ms == pytest.approx(95.05)
    assert snapshot.inference_p50_ms == pytest.approx(25.25)


def test_drops_are_counted_by_cause_and_a_snapshot_stands_still():
    numbers = Telemetry()
    numbers.drop('superseded')
    snapshot = numbers.snapshot()
    numbers.drop('superseded')
    numbers.drop('short_data')
    assert dict(snapshot.drops) == {'superseded': 1}
    assert dict(numbers.snapshot().drops) == {'superseded': 2, 'short_data': 1}
