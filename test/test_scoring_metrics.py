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
"""Depth metrics: hand-computed cases, a slow transcription, and what must always hold."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lstm_depth.geometry import resize_bilinear
from lstm_depth.scoring.metrics import METRIC_NAMES, MetricsMean
from lstm_depth.scoring.protocol import whole_image
import numpy as np
import pytest

depths = arrays(np.float64, (4, 5), elements=st.floats(0.01, 9.9))


def metrics_of(prediction, truth, low=1e-3, high=10.0):
    return whole_image(low, high).score(prediction, truth)


def slow_metrics(prediction, truth, low, high):
    """Transcribe the protocol pixel by pixel, with nothing shared with the module."""
    pairs = []
    for p, g in zip(prediction.ravel().tolist(), truth.ravel().tolist()):
        if math.isfinite(g) and low < g < high:
            p = low if math.isnan(p) else p
            pairs.append((min(max(p, low), high), g))
    n = len(pairs)
    logs = [math.log(p) - math.log(g) for p, g in pairs]
    return {
        'abs_rel': sum(abs(g - p) / g for p, g in pairs) / n,
        'sq_rel': sum((g - p) ** 2 / g for p, g in pairs) / n,
        'rmse': math.sqrt(sum((g - p) ** 2 for p, g in pairs) / n),
        'rmse_log': math.sqrt(sum(e * e for e in logs) / n),
        'log10': sum(abs(math.log10(g) - math.log10(p)) for p, g in pairs) / n,
        'silog': 100 * math.sqrt(max(sum(e * e for e in logs) / n - (sum(logs) / n) ** 2, 0)),
        'd1': sum(max(g / p, p / g) < 1.25 for p, g in pairs) / n,
        'd2': sum(max(g / p, p / g) < 1.25 ** 2 for p, g in pairs) / n,
        'd3': sum(max(g / p, p / g) < 1.25 ** 3 for p, g in pairs) / n,
        'valid': n / truth.size,
    }


def test_two_pixels_by_hand():
    metrics = metrics_of(np.array([[2.0, 2.0]]), np.array([[1.0, 4.0]]))
    assert metrics == pytest.approx({
        'abs_rel': (1 / 1 + 2 / 4) / 2,
        'sq_rel': (1 / 1 + 4 / 4) / 2,
        'rmse': math.sqrt((1 + 4) / 2),
        'rmse_log': math.log(2),
        'log10': math.log10(2),
        'silog': 100 * math.log(2),
        'd1': 0.0, 'd2': 0.0, 'd3': 0.0, 'valid': 1.0,
    })


def test_thresholds_are_strict_powers_of_one_and_a_quarter():
    # Powers of two make the ratio 1.25 exact in floating point.
    metrics = metrics_of(np.array([[2.5, 2.4, 3.1, 3.8, 4.0]]), np.full((1, 5), 2.0))
    assert (metrics['d1'], metrics['d2'], metrics['d3']) == (0.2, 0.6, 0.8)


def test_ground_truth_counts_strictly_inside_the_range_only():
    truth = np.array([[np.nan, np.inf, -1.0, 0.0, 0.3, 8.0, 9.0, 2.0]])
    metrics = metrics_of(np.full((1, 8), 2.0), truth, 0.3, 8.0)
    assert metrics['valid'] == 1 / 8
    assert metrics['abs_rel'] == 0.0


@pytest.mark.parametrize(('predicted', 'counted_as'), [
    (np.nan, 0.3), (np.inf, 8.0), (-np.inf, 0.3), (-5.0, 0.3), (0.0, 0.3), (50.0, 8.0)])
def test_a_prediction_outside_the_range_counts_as_its_nearer_end(predicted, counted_as):
    truth = np.array([[2.0]])
    assert (metrics_of(np.array([[predicted]]), truth, 0.3, 8.0)
            == metrics_of(np.array([[counted_as]]), truth, 0.3, 8.0))


@settings(max_examples=50, deadline=None)
@given(depths, arrays(np.float64, (4, 5), elements=st.one_of(
    st.floats(0.0, 12.0), st.just(np.nan), st.just(np.inf))))
def test_agrees_with_a_pixel_by_pixel_transcription(truth, prediction):
    # truth is between 0.01 and 9.9, so at least the protocol's range has pixels.
    expected = slow_metrics(prediction, truth, 1e-3, 10.0)
    assert metrics_of(prediction, truth) == pytest.approx(expected, rel=1e-9, abs=1e-4)


@given(depths)
def test_a_perfect_prediction_has_no_error(truth):
    metrics = metrics_of(truth, truth)
    assert all(metrics[name] == 0 for name in METRIC_NAMES if name[0] != 'd')
    assert metrics['d1'] == metrics['d2'] == metrics['d3'] == 1


@given(depths, st.floats(0.5, 2.0))
def test_a_wrong_scale_shows_in_abs_rel_and_not_in_silog(truth, scale):
    metrics = metrics_of(truth * scale, truth, 1e-3, 100.0)
    assert metrics['abs_rel'] == pytest.approx(abs(scale - 1), abs=1e-9)
    assert metrics['rmse_log'] == pytest.approx(abs(math.log(scale)), abs=1e-9)
    assert metrics['silog'] == pytest.approx(0, abs=1e-9)


@given(depths, depths, st.floats(0.5, 2.0))
def test_ratios_do_not_depend_on_the_unit(prediction, truth, unit):
    metric = metrics_of(prediction, truth, 1e-3, 10.0)
    other = metrics_of(prediction * unit, truth * unit, 1e-3 * unit, 10.0 * unit)
    assert other['abs_rel'] == pytest.approx(metric['abs_rel'])
    assert other['rmse'] == pytest.approx(metric['rmse'] * unit)


def test_single_precision_input_is_computed_in_double():
    truth = np.full((300, 300), 4.0, np.float32)
    prediction = truth + np.float32(1e-3)
    assert metrics_of(prediction, truth)['abs_rel'] == pytest.approx(
        float(prediction[0, 0] - truth[0, 0]) / 4, rel=1e-12)


def test_no_valid_pixel_gives_nan_that_the_mean_counts_and_leaves_out():
    empty = metrics_of(np.ones((2, 2)), np.full((2, 2), np.nan))
    assert empty['valid'] == 0
    assert all(math.isnan(empty[name]) for name in METRIC_NAMES)

    mean = MetricsMean()
    mean.add(empty)
    assert (mean.images, mean.empty) == (0, 1)
    assert math.isnan(mean.mean()['abs_rel'])
    mean.add(metrics_of(np.full((2, 2), 2.0), np.ones((2, 2))))
    assert (mean.images, mean.empty) == (1, 1)
    assert mean.mean()['abs_rel'] == 1.0


def test_the_mean_is_over_images_not_over_pixels():
    mean = MetricsMean()
    mean.add(metrics_of(np.full((10, 10), 2.0), np.ones((10, 10))))
    mean.add(metrics_of(np.ones((1, 1)), np.ones((1, 1))))
    assert mean.mean()['abs_rel'] == 0.5
    assert mean.mean()['d1'] == 0.5


def test_a_prediction_is_resized_bilinearly_to_the_ground_truth():
    prediction = np.tile(np.array([1.0, 3.0], np.float32), (2, 1))
    assert resize_bilinear(prediction, (2, 4))[0].tolist() == [1.0, 1.5, 2.5, 3.0]
    assert resize_bilinear(prediction, (2, 2)) is prediction
