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
"""What every benchmark needs: which machine it was, and fair repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import os
from pathlib import Path
import platform
import statistics
import time

from lstm_depth.errors import ConfigError


def machine_line() -> str:
    """Return the machine in one line: processor, cores, load, system, Python."""
    load = os.getloadavg()[0] if hasattr(os, 'getloadavg') else float('nan')
    cores = (len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity')
             else os.cpu_count() or 1)
    return (f'{_processor()}, {cores} cores, load {load:.1f}, {platform.system()} '
            f'{platform.release()}, Python {platform.python_version()}')


def interleaved_ms(candidates: Mapping[str, Callable[[], object]], repeats: int,
                   warm_up: int = 2) -> dict[str, list[float]]:
    """
    Return the milliseconds of every call, by candidate.

    Each repeat calls every candidate once, so that what else the machine does meets all of
    them; *warm_up* rounds before are not counted.
    """
    if repeats < 1:
        raise ConfigError(f'repeats must be at least 1, not {repeats}')
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for index in range(warm_up + repeats):
        for name, call in candidates.items():
            started = time.perf_counter()
            call()
            if index >= warm_up:
                times[name].append((time.perf_counter() - started) * 1e3)
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """Return the median of each list."""
    return {name: statistics.median(values) for name, values in times.items()}


def _processor() -> str:
    """Return the name of the processor."""
    try:
        for line in Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                return line.partition(':')[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
