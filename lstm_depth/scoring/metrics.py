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
"""
Depth accuracy per image, as the NYU Depth V2 protocol defines it.

Eigen et al. 2014 (arXiv:1406.2283) introduced the measures; every number is
computed for one image and then averaged over images, never over pooled pixels.
Which pixels count is said by a `lstm_depth.scoring.protocol.Protocol`.
"""

from __future__ import annotations

from collections.abc import Mapping
import math

import numpy as np

# What `error_measures` returns, in the order tables print it.
METRIC_NAMES = ('abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'log10', 'silog', 'd1', 'd2', 'd3')


def error_measures(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """
    Return the measures of `METRIC_NAMES` of predicted depth against true depth.

    Both: (N,) float64 metres, N at least 1. Nothing is left out or clipped here. Returns
    ``abs_rel``, ``sq_rel`` [m], ``rmse`` [m], ``rmse_log`` (natural logarithm), ``log10``,
    ``silog`` (times 100), and the shares ``d1``, ``d2``, ``d3`` of pixels within a factor
    1.25, 1.25^2, 1.25^3.
    """
    difference = prediction - truth
    log_difference = np.log(prediction) - np.log(truth)
    ratio = np.maximum(prediction / truth, truth / prediction)
    values = {
        'abs_rel': np.mean(np.abs(difference) / truth),
        'sq_rel': np.mean(difference ** 2 / truth),
        'rmse': np.sqrt(np.mean(difference ** 2)),
        'rmse_log': np.sqrt(np.mean(log_difference ** 2)),
        'log10': np.mean(np.abs(log_difference)) / math.log(10.0),
        # sqrt(mean e^2 - (mean e)^2), without the cancellation.
        'silog': 100.0 * np.std(log_difference),
        'd1': np.mean(ratio < 1.25),
        'd2': np.mean(ratio < 1.25 ** 2),
        'd3': np.mean(ratio < 1.25 ** 3),
    }
    return {name: float(value) for name, value in values.items()}


class MetricsMean:
    """
    The mean of `Protocol.score` over images.

    ``images``: how many were averaged. ``empty``: how many had no valid pixel
    and were left out.
    """

    def __init__(self) -> None:
        """Start with no image."""
        self.images = 0
        self.empty = 0
        self._sums = dict.fromkeys((*METRIC_NAMES, 'valid'), 0.0)

    def add(self, metrics: Mapping[str, float]) -> None:
        """Take the metrics of one more image."""
        if metrics['valid'] == 0:
            self.empty += 1
            return
        self.images += 1
        for name in self._sums:
            self._sums[name] += metrics[name]

    def mean(self) -> dict[str, float]:
        """Return the mean of every metric; all NaN when no image counted."""
        if self.images == 0:
            return dict.fromkeys(self._sums, math.nan)
        return {name: total / self.images for name, total in self._sums.items()}
