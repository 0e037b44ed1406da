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
"""The lines and numbers that every report prints alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lstm_depth.scoring.metrics import METRIC_NAMES, MetricsMean
import numpy as np

Row = tuple[str, str]


def percentiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return the p50 and p95 of *seconds* in milliseconds, NaN of nothing."""
    values = seconds if len(seconds) else [float('nan')]
    return {name: float(np.percentile(values, share)) * 1e3
            for name, share in (('p50', 50), ('p95', 95))}


def latency_text(latency_ms: Mapping[str, float]) -> str:
    """Return the percentiles of `percentiles_ms` for people."""
    return '   '.join(f'{name} {value:.1f} ms' for name, value in latency_ms.items())


def counts_text(counts: Mapping[str, int]) -> str:
    """Return 'a 1, b 2' or 'none'."""
    return ', '.join(f'{name} {count}' for name, count in counts.items()) or 'none'


def accuracy_fields(mean: MetricsMean) -> dict[str, object]:
    """Return the fields of a report that say how good depth is; metrics None without any."""
    return {'metrics': mean.mean() if mean.images else None, 'frames_scored': mean.images,
            'frames_unscored': mean.empty}


def accuracy_rows(metrics: Mapping[str, float] | None, scored: int, unscored: int,
                  depth_range_m: tuple[float, float]) -> list[Row]:
    """Return the lines of `accuracy_fields`, or the one that says why there are no numbers."""
    low, high = depth_range_m
    if metrics is not None:
        return [('accuracy', f'mean of {scored} frames, {low:g} m < ground truth < {high:g} m'),
                *((f'  {name}', f'{metrics[name]:.4f}') for name in METRIC_NAMES)]
    if unscored:
        return [('accuracy', f'{unscored} frames with ground truth, none with a pixel from '
                             f'{low:g} to {high:g} m')]
    return [('accuracy', 'no ground truth')]


def table(rows: Sequence[Row]) -> str:
    """Return *rows* (name, value) as aligned lines."""
    width = max(len(name) for name, _ in rows)
    return '\n'.join(f'{name:<{width}}  {value}' for name, value in rows)
