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
"""Bootstrap intervals: what they must cover, and that they are repeatable."""

from __future__ import annotations

import math

from lstm_depth.errors import ConfigError
from lstm_depth.scoring.bootstrap import intervals, resampled_means
import numpy as np
import pytest


def test_the_interval_is_that_of_the_normal_approximation_for_many_images():
    values = np.random.default_rng(0).normal(3.0, 2.0, (400, 1))
    mean, low, high = intervals(values, resamples=4000)
    half = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert mean[0] == pytest.approx(values.mean())
    assert (low[0], high[0]) == pytest.approx((mean[0] - half, mean[0] + half), abs=0.1 * half)


def test_intervals_hold_the_truth_about_95_times_in_100():
    rng = np.random.default_rng(1)
    # Columns are experiments here: each gets its own interval of the same draws.
    values = rng.exponential(2.0, (80, 400))
    _, low, high = intervals(values, resamples=1000)
    assert 0.90 < np.mean((low <= 2.0) & (high >= 2.0)) < 0.98


def test_equal_images_leave_no_doubt_and_one_image_all():
    mean, low, high = intervals(np.full((5, 2), 0.3))
    assert (mean[0], low[0], high[0]) == pytest.approx((0.3, 0.3, 0.3))
    mean, low, high = intervals(np.array([[0.3]]))
    assert mean[0] == 0.3 and math.isnan(low[0]) and math.isnan(high[0])


def test_what_an_image_does_not_have_is_left_out_of_that_mean_only():
    values = np.array([[1.0, 1.0, np.nan], [3.0, np.nan, np.nan], [5.0, 3.0, np.nan]])
    mean, low, high = intervals(values)
    assert mean[:2].tolist() == [3.0, 2.0] and math.isnan(mean[2])
    assert 1 <= low[1] <= 2 <= high[1] <= 3 and math.isnan(low[2])


def test_the_seed_decides():
    values = np.random.default_rng(2).normal(size=(50, 3))
    assert (resampled_means(values, seed=5) == resampled_means(values, seed=5)).all()
    assert (resampled_means(values, seed=5) != resampled_means(values, seed=6)).any()


def test_two_models_on_the_same_images_are_paired():
    first = np.random.default_rng(3).normal(0, 10, (60, 1))
    difference = resampled_means(first + 0.1) - resampled_means(first)
    assert difference == pytest.approx(0.1)


def test_a_block_boundary_changes_nothing(monkeypatch):
    values = np.random.default_rng(4).normal(size=(40, 2))
    whole = resampled_means(values)
    monkeypatch.setattr('lstm_depth.scoring.bootstrap._BLOCK', 40 * 7)
    np.testing.assert_allclose(resampled_means(values), whole, rtol=1e-12)


def test_too_few_resamples_are_refused():
    with pytest.raises(ConfigError, match='at least 1000'):
        resampled_means(np.ones((3, 1)), resamples=100)
