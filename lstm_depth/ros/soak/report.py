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
"""What a soak has shown: the books, memory over time, latency, and whether all of it held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_depth.evaluation.tables import table
from lstm_depth.ros.usage import Usage
import numpy as np

# Means of so many parts of the time are taken for independent, and this is the factor of their
# standard error that gives 95 % (Student's t with 18 degrees of freedom).
_PARTS, _FACTOR = 20, 2.101
# Growth and drift are judged from so many seconds on; single faults hide them in less.
_JUDGED_S = 600.0
# What a short soak may grow by, with all that is loaded for the first time.
_SHORT_GROWTH_MB = 300.0
_MORE_THREADS, _MORE_DESCRIPTORS = 2, 6
_DRIFT, _DRIFT_MS = 1.5, 50.0
_SHOWN_PROBLEMS = 10


@dataclass(frozen=True)
class Slope:
    """A slope and its 95 % interval, a hour."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it for people."""
        return f'{self.value:+.2f} MB/h (95 %: {self.low:+.2f} to {self.high:+.2f})'


@dataclass(frozen=True)
class Series:
    """What the node's process took, after warm-up: seconds and one value for each."""

    seconds: np.ndarray
    usages: Sequence[Usage]

    @classmethod
    def after(cls, samples: Sequence[tuple[float, Usage]], warm_up_s: float) -> Series:
        """Return the series of *samples* (seconds since the start, usage) behind *warm_up_s*."""
        kept = [each for each in samples if each[0] >= warm_up_s]
        return cls(np.array([seconds for seconds, _ in kept]), [each for _, each in kept])

    def of(self, name: str) -> np.ndarray:
        """Return the values of one field of ``Usage``."""
        return np.array([getattr(each, name) for each in self.usages], float)

    @property
    def span_s(self) -> float:
        """Return the seconds from the first to the last."""
        return float(np.ptp(self.seconds)) if len(self.seconds) else 0.0


@dataclass(frozen=True)
class SoakReport:
    """
    One soak. *sent*: frames in the world. *counted*: where each went, by cause.

    *unaccounted*: the others. *heard*: depth images that a best-effort subscriber got.
    *memory_mb*, *private_mb*, *threads*, *descriptors*, *latency_ms*: of the first and of the
    last tenth after warm-up, medians. *slope*: of the private memory. *private_by_minute_mb*:
    its medians from the very start. *struck*: faults by name.
    *broken*: sentences, none where all held.
    """

    machine: str
    minutes: float
    fps: float
    seed: int
    sent: int
    counted: dict[str, int]
    unaccounted: int
    heard: int
    memory_mb: tuple[float, float]
    private_mb: tuple[float, float]
    slope: Slope
    private_by_minute_mb: list[float]
    measured_s: float
    threads: tuple[float, float]
    descriptors: tuple[float, float]
    latency_ms: tuple[float, float]
    struck: dict[str, int]
    log_lines: int
    broken: list[str]

    def __str__(self) -> str:
        """Return the table."""
        shown = self.broken[:_SHOWN_PROBLEMS]
        more = len(self.broken) - len(shown)
        verdict = '; '.join(shown) + (f'; and {more} more' if more else '')
        judged = '' if self.measured_s >= _JUDGED_S else ', too short to be judged'
        return table([
            ('soak', f'{self.minutes:g} min at {self.fps:g} Hz, seed {self.seed}; '
                     f'{self.machine}'),
            ('frames in the world', str(self.sent)),
            *((f'  {name}', str(count)) for name, count in self.counted.items()),
            ('  unaccounted', str(self.unaccounted)),
            ('heard by a subscriber', f'{self.heard} (best effort)'),
            ('memory', '{:.1f} -> {:.1f} MB, private {:.1f} -> {:.1f} MB'.format(
                *self.memory_mb, *self.private_mb)),
            ('memory slope', f'{self.slope} over {self.measured_s / 60:.1f} min{judged}'),
            ('threads', '{:g} -> {:g}'.format(*self.threads)),
            ('descriptors', '{:g} -> {:g}'.format(*self.descriptors)),
            ('latency p50', '{:.1f} -> {:.1f} ms, image to depth'.format(*self.latency_ms)),
            ('faults', f'{sum(self.struck.values())} of {len(self.struck)} kinds'),
            ('lines in the log', str(self.log_lines)),
            ('verdict', f'BROKEN: {verdict}' if self.broken else 'all held')])


def books(sent: Mapping[str, Any]) -> dict[str, int]:
    """Return where the images that the camera counted in *sent* went, by cause."""
    facts = sent['facts']
    counted = {'out': int(facts.get('frames out', 0))}
    counted.update({key: int(value) for key, value in facts.items()
                    if key.startswith('dropped: ')})
    counted['nobody subscribed'] = sent['unheard']
    counted['before a subscription was matched'] = sent['unmatched']
    return counted


def slope_per_hour(seconds: np.ndarray, values: np.ndarray) -> Slope:
    """
    Return how *values* grow, by least squares through the medians of equal parts of the time.

    The parts stand for independent measurements, which samples a second apart are not.
    """
    if len(seconds) < _PARTS * 2:
        return Slope(float('nan'), float('nan'), float('nan'))
    parts = np.array_split(np.arange(len(seconds)), _PARTS)
    x = np.array([seconds[part].mean() for part in parts]) / 3600
    y = np.array([np.median(values[part]) for part in parts])
    x = x - x.mean()
    value = (x @ y) / (x @ x)
    rest = y - y.mean() - value * x
    error = np.sqrt(rest @ rest / (_PARTS - 2) / (x @ x))
    return Slope(value, value - _FACTOR * error, value + _FACTOR * error)


def by_minute(samples: Sequence[tuple[float, Usage]]) -> list[float]:
    """Return the median private memory [MB] of every minute of *samples*."""
    minutes: dict[int, list[float]] = {}
    for seconds, each in samples:
        minutes.setdefault(int(seconds // 60), []).append(each.private_mb)
    return [float(np.median(values)) for values in minutes.values()]


def ends(values: np.ndarray) -> tuple[float, float]:
    """Return the medians of the first and of the last tenth."""
    if not len(values):
        return float('nan'), float('nan')
    tenth = max(1, len(values) // 10)
    return float(np.median(values[:tenth])), float(np.median(values[-tenth:]))


def breaks(report: SoakReport, max_slope: float) -> list[str]:
    """Return what did not hold, a sentence each; *max_slope*: MB an hour."""
    first, last = report.latency_ms
    grown = report.private_mb[1] - report.private_mb[0]
    judged = report.measured_s >= _JUDGED_S
    checks = {
        f'{report.unaccounted} frames are unaccounted for': report.unaccounted != 0,
        'no depth came out': not report.counted.get('out'),
        'a frame met a bug (internal_error)': report.counted.get('dropped: internal_error', 0),
        f'memory grows by {report.slope}': judged and report.slope.low > max_slope,
        f'memory grew by {grown:.0f} MB': not judged and grown > _SHORT_GROWTH_MB,
        'threads are left over': report.threads[1] - report.threads[0] > _MORE_THREADS,
        'descriptors are left over':
            report.descriptors[1] - report.descriptors[0] > _MORE_DESCRIPTORS,
        f'latency went from {first:.1f} to {last:.1f} ms':
            judged and last > first * _DRIFT + _DRIFT_MS}
    return [text for text, broken in checks.items() if broken]
