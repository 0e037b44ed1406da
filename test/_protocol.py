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
"""The protocol's definition, transcribed line by line; nothing is shared with the package."""

from __future__ import annotations

import numpy as np
import torch


def transcribed(prediction: np.ndarray, truth: np.ndarray, bounds: tuple[float, float],
                window: tuple[slice, slice] = (slice(None), slice(None))) -> dict[str, float]:
    """Score (h, w) metres against (H, W) metres between *bounds* inside *window*."""
    low, high = bounds
    # NaN -> min, inf -> max, clipped to the range.
    p = torch.from_numpy(prediction.astype(np.float64))
    p[torch.isnan(p)] = low
    p[p == np.inf] = high
    p = p.clamp(low, high)
    # Bilinear resize to the size of the truth, before masking.
    p = torch.nn.functional.interpolate(p[None, None], truth.shape, mode='bilinear',
                                        align_corners=False)[0, 0].numpy()
    p, g = p[window], truth[window]
    mask = (g > low) & (g < high)
    p, g = p[mask], g[mask].astype(np.float64)
    e = np.log(p) - np.log(g)
    worst = np.maximum(g / p, p / g)
    return {
        'd1': (worst < 1.25).mean(), 'd2': (worst < 1.25 ** 2).mean(),
        'd3': (worst < 1.25 ** 3).mean(), 'abs_rel': (np.abs(g - p) / g).mean(),
        'sq_rel': ((g - p) ** 2 / g).mean(), 'rmse': ((g - p) ** 2).mean() ** 0.5,
        'rmse_log': (e ** 2).mean() ** 0.5,
        'log10': np.abs(np.log10(g) - np.log10(p)).mean(),
        'silog': 100 * max((e ** 2).mean() - e.mean() ** 2, 0) ** 0.5,
    }


def transcribed_nyu(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Score against (480, 640) metres as published results do: Eigen crop, 1e-3 to 10 m."""
    assert truth.shape == (480, 640)
    return transcribed(prediction, truth, (1e-3, 10.0), (slice(45, 471), slice(41, 601)))
