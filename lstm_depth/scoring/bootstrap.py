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
"""How far a mean over images can be trusted: bootstrap intervals (Efron 1979)."""

from __future__ import annotations

from collections.abc import Iterator

from lstm_depth.errors import ConfigError
import numpy as np

RESAMPLES = 2000
# Values of one block of resamples: 32 MB of counts.
_BLOCK = 4_000_000


def resampled_means(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """
    Return (resamples, M) means of (N, M) *values*, over images drawn with replacement.

    NaN values are left out of their column's means. The same *seed* and N draw the same
    images, so that the differences of two models scored on the same images are paired.
    """
    if resamples < 1000:
        raise ConfigError(f'an interval needs at least 1000 resamples, not {resamples}')
    values = np.asarray(values, np.float64)
    present = ~np.isnan(values)
    filled, held = np.where(present, values, 0.0), present.astype(np.float64)
    blocks = []
    for counts in _draws(len(values), resamples, seed):
        with np.errstate(invalid='ignore', divide='ignore'):
            blocks.append(counts @ filled / (counts @ held))
    return np.concatenate(blocks)


def intervals(values: np.ndarray, resamples: int = RESAMPLES, seed: int = 0,
              level: float = 0.95) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Return the (M,) mean of (N, M) *values* over images, and the ends of its interval.

    The interval is the percentile bootstrap's; its ends are NaN for a single image, about
    which nothing can be said. A column of nothing but NaN gives NaN.
    """
    values = np.asarray(values, np.float64)
    counts = np.count_nonzero(~np.isnan(values), axis=0)
    with np.errstate(invalid='ignore', divide='ignore'):
        mean = np.nansum(values, axis=0) / counts
    ends = np.full((2, values.shape[1]), np.nan)
    several = counts > 1
    if several.any():
        means = resampled_means(values[:, several], resamples, seed)
        ends[:, several] = np.nanpercentile(
            means, [50 * (1 - level), 50 * (1 + level)], axis=0)
    return mean, ends[0], ends[1]


def _draws(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield blocks of rows that say how often each image was drawn."""
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // images)
    for start in range(0, resamples, rows):
        yield rng.multinomial(images, np.full(images, 1 / images),
                              size=min(rows, resamples - start)).astype(np.float64)
