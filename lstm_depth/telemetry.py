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
"""Counters, rates and latencies of a running stream, for a status report."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from threading import Lock
import time

import numpy as np


@dataclass(frozen=True)
class Snapshot:
    """
    What a stream did up to now.

    Rates are in Hz over the last seconds, latencies in milliseconds (NaN before
    the first frame), *drops* counts frames by the reason they gave no output. *frames_in*
    are those that were sent, as far as is known; the rate is that of what arrived.
    """

    frames_in: int = 0
    frames_out: int = 0
    rate_in_hz: float = 0.0
    rate_out_hz: float = 0.0
    latency_p50_ms: float = float('nan')
    latency_p95_ms: float = float('nan')
    inference_p50_ms: float = float('nan')
    drops: Counter[str] = field(default_factory=Counter)


class Telemetry:
    """
    Count frames; any thread may call any method.

    *window_s*: seconds over which rates are taken. *history*: how many of the
    newest latencies the percentiles look at.
    """

    def __init__(self, window_s: float = 5.0, history: int = 200) -> None:
        """Start at zero."""
        self._window_s = window_s
        self._lock = Lock()
        self._frames_in = self._frames_out = 0
        self._times_in: deque[float] = deque(maxlen=2000)
        self._times_out: deque[float] = deque(maxlen=2000)
        self._latencies: deque[float] = deque(maxlen=history)
        self._inferences: deque[float] = deque(maxlen=history)
        self._drops: Counter[str] = Counter()

    def frame_in(self) -> None:
        """Count one frame that arrived."""
        with self._lock:
            self._frames_in += 1
            self._times_in.append(time.monotonic())

    def frame_out(self, latency_s: float, inference_s: float) -> None:
        """Count one answer: seconds since its frame arrived, and those in the network."""
        with self._lock:
            self._frames_out += 1
            self._times_out.append(time.monotonic())
            self._latencies.append(latency_s)
            self._inferences.append(inference_s)

    def drop(self, cause: str) -> None:
        """Count one frame that gets no answer."""
        with self._lock:
            self._drops[cause] += 1

    def lose(self, cause: str, count: int) -> None:
        """Count frames that were sent and never arrived: in, and dropped because of *cause*."""
        with self._lock:
            self._frames_in += count
            self._drops[cause] += count

    def snapshot(self) -> Snapshot:
        """Return the numbers of this moment."""
        now = time.monotonic()
        with self._lock:
            return Snapshot(
                frames_in=self._frames_in,
                frames_out=self._frames_out,
                rate_in_hz=_rate(self._times_in, now, self._window_s),
                rate_out_hz=_rate(self._times_out, now, self._window_s),
                latency_p50_ms=_percentile_ms(self._latencies, 50),
                latency_p95_ms=_percentile_ms(self._latencies, 95),
                inference_p50_ms=_percentile_ms(self._inferences, 50),
                drops=self._drops.copy())


def _rate(times: deque[float], now: float, window_s: float) -> float:
    """Return events per second in the window; forget those before it."""
    while times and now - times[0] > window_s:
        times.popleft()
    if len(times) < 2:
        return 0.0
    return (len(times) - 1) / max(now - times[0], 1e-9)


def _percentile_ms(seconds: deque[float], percentile: float) -> float:
    """Return a percentile in milliseconds, NaN of nothing."""
    return float(np.percentile(seconds, percentile)) * 1e3 if seconds else float('nan')
