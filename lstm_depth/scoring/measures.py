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
The measures of one image: those of the NYU protocol, the papers' own, and by distance.

Beside `lstm_depth.scoring.metrics`: structural similarity, the L1 and mean squared error of
depth in [0, 1] that papers 001 and 002 report, and the R2 score per image of paper 003.
"""

from __future__ import annotations

import math

import cv2
from lstm_depth.scoring.boundaries import boundary_f1, flying_points
from lstm_depth.scoring.protocol import DepthPair
import numpy as np

# Metres of true depth, the lower end included.
BANDS = {'0-1 m': (0.0, 1.0), '1-2 m': (1.0, 2.0), '2-3 m': (2.0, 3.0), '3-5 m': (3.0, 5.0),
         '5-10 m': (5.0, 10.0)}
BAND_MEASURES = ('abs_rel', 'rmse', 'd1')

_WINDOW = 11
_SIGMA = 1.5


def image_measures(pair: DepthPair) -> dict[str, float]:
    """
    Return `DepthPair.metrics` of one image, and ``ssim``, ``l1``, ``mse``, ``r2``, and sharpness.

    ``l1``, ``mse`` and ``ssim`` are of depth divided by ``pair.unit``. Sharpness is
    ``boundary_f1`` and ``flying_points``. A measure that is not defined is NaN: ``ssim``
    without a window full of ground truth, ``r2`` where all the truth is equally far, sharpness
    where it has no edge.
    """
    truth = pair.truth[pair.counts]
    difference = (pair.prediction[pair.counts] - truth) / pair.unit
    spread = float(np.sum((truth - truth.mean()) ** 2)) / pair.unit ** 2
    return pair.metrics() | {
        'ssim': structural_similarity(pair.prediction / pair.unit, pair.truth / pair.unit,
                                      pair.known),
        'boundary_f1': boundary_f1(pair.prediction, pair.truth, pair.known),
        'flying_points': flying_points(pair.prediction, pair.truth, pair.known),
        'l1': float(np.mean(np.abs(difference))),
        'mse': float(np.mean(difference ** 2)),
        'r2': 1 - float(np.sum(difference ** 2)) / spread if spread > 0 else math.nan,
    }


def band_measures(pair: DepthPair) -> dict[str, dict[str, float]]:
    """
    Return abs_rel, rmse and d1 by true distance, with ``share``, the band's part of the pixels.

    NaN, and a share of 0, where nothing is that far.
    """
    prediction, truth = pair.prediction[pair.known], pair.truth[pair.known]
    relative = np.abs(prediction - truth) / truth
    close = np.maximum(prediction / truth, truth / prediction) < 1.25
    bands = {}
    for name, (low, high) in BANDS.items():
        inside = (truth >= low) & (truth < high)
        bands[name] = dict.fromkeys(BAND_MEASURES, math.nan) | {'share': float(inside.mean())}
        if inside.any():
            bands[name] |= {
                'abs_rel': float(relative[inside].mean()),
                'rmse': float(np.sqrt(np.mean((prediction[inside] - truth[inside]) ** 2))),
                'd1': float(close[inside].mean()),
            }
    return bands


def structural_similarity(first: np.ndarray, second: np.ndarray, valid: np.ndarray) -> float:
    """
    Return the SSIM of two (H, W) float64 images in [0, 1] (Wang et al. 2004).

    Gaussian window of 11 pixels, sigma 1.5, the edges mirrored as torchmetrics does. The mean
    is over the windows with every pixel *valid* ((H, W) bool); NaN where there is none.
    """
    # Erosion takes what lies outside the image, which is mirrored from inside, as valid.
    whole = cv2.erode(valid.astype(np.uint8), np.ones((_WINDOW, _WINDOW), np.uint8)).astype(bool)
    if min(valid.shape) < _WINDOW or not whole.any():
        return math.nan
    kernel = cv2.getGaussianKernel(_WINDOW, _SIGMA)
    mean_a, mean_b, square_a, square_b, product = (
        cv2.sepFilter2D(image, cv2.CV_64F, kernel, kernel)[whole]
        for image in (first, second, first ** 2, second ** 2, first * second))
    c1, c2 = 0.01 ** 2, 0.03 ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a ** 2 + mean_b ** 2 + c1)
    variance = square_a - mean_a ** 2 + square_b - mean_b ** 2
    structure = (2 * (product - mean_a * mean_b) + c2) / (variance + c2)
    return float(np.mean(luminance * structure))
