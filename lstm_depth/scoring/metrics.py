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
"""

from __future__ import annotations

from collections.abc import Mapping
import math

import cv2
from lstm_depth.errors import ConfigError, DataError
import numpy as np

# What `depth_metrics` returns, in the order tables print it.
METRIC_NAMES = ('abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'log10', 'silog', 'd1', 'd2', 'd3')


def depth_metrics(
    pred: np.ndarray, gt: np.ndarray, min_depth: float = 1e-3, max_depth: float = 10.0,
) -> dict[str, float]:
    """
    Compare one depth image with its ground truth.

    *pred*, *gt*: (H, W) metres along z. A pixel counts where *gt* is finite and
    ``min_depth < gt < max_depth``; there *pred* is clipped to that range, NaN
    (no answer) becoming *min_depth* and infinity *max_depth*, so that an
    estimator gains nothing by leaving pixels out.

    Returns float64 values: ``abs_rel``, ``sq_rel`` (m), ``rmse`` (m),
    ``rmse_log`` (natural log), ``log10``, ``silog`` (x100), the shares ``d1``,
    ``d2``, ``d3`` of pixels within a factor 1.25, 1.25^2, 1.25^3, and ``valid``,
    the share of pixels that counted. When none did, ``valid`` is 0 and the rest
    is NaN, which `MetricsMean` leaves out and counts.

    Raises DataError when the shapes differ, ConfigError for an unusable range.
    """
    if not 0 < min_depth < max_depth < math.inf:
        raise ConfigError(f'the depth range must be 0 < min < max, not {min_depth} to {max_depth}')
    pred, gt = np.asarray(pred), np.asarray(gt)
    if pred.shape != gt.shape:
        raise DataError(f'the prediction is {pred.shape} but the ground truth {gt.shape}: '
                        'resize the prediction to the size of the ground truth first')
    with np.errstate(invalid='ignore'):
        valid = (gt > min_depth) & (gt < max_depth)
    count = int(np.count_nonzero(valid))
    if count == 0:
        return dict.fromkeys(METRIC_NAMES, math.nan) | {'valid': 0.0}
    g = gt[valid].astype(np.float64)
    p = np.nan_to_num(pred[valid].astype(np.float64),
                      nan=min_depth, posinf=max_depth, neginf=min_depth)
    p = np.clip(p, min_depth, max_depth)
    return error_measures(p, g) | {'valid': count / gt.size}


def error_measures(p: np.ndarray, g: np.ndarray) -> dict[str, float]:
    """
    Return the measures of `METRIC_NAMES` of predicted depths *p* against true ones *g*.

    Both: (N,) float64 metres, N at least 1. Nothing is left out or clipped here.
    """
    difference = p - g
    log_difference = np.log(p) - np.log(g)
    ratio = np.maximum(p / g, g / p)
    values = {
        'abs_rel': np.mean(np.abs(difference) / g),
        'sq_rel': np.mean(difference ** 2 / g),
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


def resize_prediction(pred: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """
    Return (H, W) *pred* resampled bilinearly to *shape* (height, width).

    The protocol resizes the prediction, never the ground truth, and does so
    before masking. A resampled pixel that touches NaN is NaN.
    """
    if pred.shape == tuple(shape):
        return pred
    return cv2.resize(pred, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)


class MetricsMean:
    """
    The mean of `depth_metrics` over images.

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
