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
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.scoring.metrics import depth_metrics, METRIC_NAMES, MetricsMean, resize_prediction
import numpy as np
import pytest

depths = arrays(np.float64, (4, 5), elements=st.floats(0.01, 9.9))


def slow_metrics(pred, gt, low, high):
    """Transcribe the protocol pixel by pixel, with nothing shared with the module."""
    pairs = []
    for p, g in zip(pred.ravel().tolist(), gt.ravel().tolist()):
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
        'valid': n / gt.size,
    }


def test_two_pixels_by_hand():
    metrics = depth_metrics(np.array([[2.0, 2.0]]), np.array([[1.0, 4.0]]))
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
    metrics = depth_metrics(np.array([[2.5, 2.4, 3.1, 3.8, 4.0]]), np.full((1, 5), 2.0))
    assert (metrics['d1'], metrics['d2'], metrics['d3']) == (0.2, 0.6, 0.8)


def test_ground_truth_counts_strictly_inside_the_range_only():
    gt = np.array([[np.nan, np.inf, -1.0, 0.0, 0.3, 8.0, 9.0, 2.0]])
    metrics = depth_metrics(np.full((1, 8), 2.0), gt, 0.3, 8.0)
    assert metrics['valid'] == 1 / 8
    assert metrics['abs_rel'] == 0.0


@pytest.mark.parametrize(('answer', 'counted_as'), [
    (np.nan, 0.3), (np.inf, 8.0), (-np.inf, 0.3), (-5.0, 0.3), (0.0, 0.3), (50.0, 8.0)])
def test_an_answer_outside_the_range_counts_as_its_nearer_end(answer, counted_as):
    gt = np.array([[2.0]])
    assert (depth_metrics(np.array([[answer]]), gt, 0.3, 8.0)
            == depth_metrics(np.array([[counted_as]]), gt, 0.3, 8.0))


@settings(max_examples=50, deadline=None)
@given(depths, arrays(np.float64, (4, 5), elements=st.one_of(
    st.floats(0.0, 12.0), st.just(np.nan), st.just(np.inf))))
def test_agrees_with_a_pixel_by_pixel_transcription(gt, pred):
    # gt is between 0.01 and 9.9, so at least the protocol's range has pixels.
    expected = slow_metrics(pred, gt, 1e-3, 10.0)
    assert depth_metrics(pred, gt) == pytest.approx(expected, rel=1e-9, abs=1e-4)


@given(depths)
def test_a_perfect_prediction_has_no_error(gt):
    metrics = depth_metrics(gt, gt)
    assert all(metrics[name] == 0 for name in METRIC_NAMES if name[0] != 'd')
    assert metrics['d1'] == metrics['d2'] == metrics['d3'] == 1


@given(depths, st.floats(0.5, 2.0))
def test_a_wrong_scale_shows_in_abs_rel_and_not_in_silog(gt, scale):
    metrics = depth_metrics(gt * scale, gt, 1e-3, 100.0)
    assert metrics['abs_rel'] == pytest.approx(abs(scale - 1), abs=1e-9)
    assert metrics['rmse_log'] == pytest.approx(abs(math.log(scale)), abs=1e-9)
    assert metrics['silog'] == pytest.approx(0, abs=1e-9)


@given(depths, depths, st.floats(0.5, 2.0))
def test_ratios_do_not_depend_on_the_unit(pred, gt, unit):
    metric = depth_metrics(pred, gt, 1e-3, 10.0)
    other = depth_metrics(pred * unit, gt * unit, 1e-3 * unit, 10.0 * unit)
    assert other['abs_rel'] == pytest.approx(metric['abs_rel'])
    assert other['rmse'] == pytest.approx(metric['rmse'] * unit)


def test_single_precision_input_is_computed_in_double():
    gt = np.full((300, 300), 4.0, np.float32)
    pred = gt + np.float32(1e-3)
    assert depth_metrics(pred, gt)['abs_rel'] == pytest.approx(
        float(pred[0, 0] - gt[0, 0]) / 4, rel=1e-12)


def test_no_valid_pixel_gives_nan_that_the_mean_counts_and_leaves_out():
    empty = depth_metrics(np.ones((2, 2)), np.full((2, 2), np.nan))
    assert empty['valid'] == 0
    assert all(math.isnan(empty[name]) for name in METRIC_NAMES)

    mean = MetricsMean()
    mean.add(empty)
    assert (mean.images, mean.empty) == (0, 1)
    assert math.isnan(mean.mean()['abs_rel'])
    mean.add(depth_metrics(np.full((2, 2), 2.0), np.ones((2, 2))))
    assert (mean.images, mean.empty) == (1, 1)
    assert mean.mean()['abs_rel'] == 1.0


def test_the_mean_is_over_images_not_over_pixels():
    mean = MetricsMean()
    mean.add(depth_metrics(np.full((10, 10), 2.0), np.ones((10, 10))))
    mean.add(depth_metrics(np.ones((1, 1)), np.ones((1, 1))))
    assert mean.mean()['abs_rel'] == 0.5
    assert mean.mean()['d1'] == 0.5


def test_shapes_must_agree():
    with pytest.raises(DataError, match='resize the prediction'):
        depth_metrics(np.ones((2, 3)), np.ones((3, 2)))


@pytest.mark.parametrize(('low', 'high'), [(0, 10), (-1, 10), (5, 5), (1, math.inf)])
def test_a_range_without_logarithms_or_pixels_is_refused(low, high):
    with pytest.raises(ConfigError, match='0 < min < max'):
        depth_metrics(np.ones((2, 2)), np.ones((2, 2)), low, high)


def test_a_prediction_is_resized_bilinearly_to_the_ground_truth():
    pred = np.tile(np.array([1.0, 3.0], np.float32), (2, 1))
    assert resize_prediction(pred, (2, 4))[0].tolist() == [1.0, 1.5, 2.5, 3.0]
    assert resize_prediction(pred, (2, 2)) is pred
