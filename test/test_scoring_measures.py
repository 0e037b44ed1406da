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
"""The measures of one image against torchmetrics, numbers by hand, and what must hold."""

from __future__ import annotations

import math

from lstm_depth.evaluation.results import HEADLINE
from lstm_depth.scoring.measures import band_measures, BANDS, image_measures, structural_similarity
from lstm_depth.scoring.protocol import DepthPair, find_protocol
import numpy as np
import pytest
import torch


def images(seed: int, shape: tuple[int, int] = (60, 80)) -> tuple[np.ndarray, np.ndarray]:
    """Return two smooth images of depth that differ."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:shape[0], :shape[1]]
    truth = 4 + 3 * np.sin(rows / 9 + seed) * np.cos(columns / 7)
    return truth * rng.uniform(0.7, 1.4, shape), truth


def prepared(prediction: np.ndarray, truth: np.ndarray) -> DepthPair:
    return find_protocol('raw').prepare(prediction, truth)


@pytest.mark.parametrize('seed', range(3))
def test_agree_with_torchmetrics(seed):
    regression = pytest.importorskip('torchmetrics.functional.regression')
    image = pytest.importorskip('torchmetrics.functional.image')
    prediction, truth = images(seed)
    values = image_measures(prepared(prediction, truth))
    p, g = (torch.from_numpy(np.ascontiguousarray(array)) for array in (prediction, truth))
    flat = (p.flatten(), g.flatten())
    unit = (flat[0] / 10, flat[1] / 10)
    expected = {
        'abs_rel': regression.mean_absolute_percentage_error(*flat),
        'rmse': regression.mean_squared_error(*flat, squared=False),
        'rmse_log': regression.mean_squared_error(flat[0].log(), flat[1].log(), squared=False),
        'log10': regression.mean_absolute_error(flat[0].log10(), flat[1].log10()),
        'l1': regression.mean_absolute_error(*unit),
        'mse': regression.mean_squared_error(*unit),
        'r2': regression.r2_score(*flat),
        'ssim': image.structural_similarity_index_measure(
            p[None, None] / 10, g[None, None] / 10, data_range=1.0),
    }
    found = {name: values[name] for name in expected}
    assert found == pytest.approx({name: float(value) for name, value in expected.items()},
                                  rel=1e-6)


def test_four_pixels_by_hand():
    values = image_measures(prepared(np.array([[1.0, 2.0, 3.0, 6.0]]),
                                     np.array([[1.0, 2.0, 4.0, np.nan]])))
    assert set(values) == {*HEADLINE, 'valid'}
    assert values['valid'] == 0.75
    assert values['l1'] == pytest.approx(0.1 / 3)
    assert values['mse'] == pytest.approx(0.01 / 3)
    # Squares about the mean 7/3: (16 + 1 + 25) / 9.
    assert values['r2'] == pytest.approx(1 - 1 / (42 / 9))
    assert values['d1'] == pytest.approx(2 / 3)
    assert math.isnan(values['ssim'])


def test_a_flat_truth_has_no_r2():
    assert math.isnan(image_measures(prepared(np.ones((3, 3)), np.full((3, 3), 2.0)))['r2'])


def test_similarity_looks_only_at_windows_full_of_truth():
    first, second = images(1)
    valid = np.ones(first.shape, bool)
    valid[30:33, 40:45] = False
    hidden = second.copy()
    hidden[~valid] = 1e3
    assert (structural_similarity(first / 10, hidden / 10, valid)
            == pytest.approx(structural_similarity(first / 10, second / 10, valid), rel=1e-12))
    valid[::5, ::5] = False
    assert math.isnan(structural_similarity(first, second, valid))


@pytest.mark.parametrize('shape', [(10, 80), (80, 10), (3, 3)])
def test_an_image_smaller_than_the_window_has_no_similarity(shape):
    assert math.isnan(structural_similarity(np.ones(shape), np.ones(shape),
                                            np.ones(shape, bool)))


def test_bands_share_out_the_pixels_by_true_distance():
    truth = np.array([[0.5, 1.0, 1.9, 2.5, 4.0, 4.5, 9.0, np.nan]])
    prediction = truth * np.array([[2.0, 1.0, 1.1, 1.0, 1.2, 1.4, 0.5, 1.0]])
    bands = band_measures(prepared(prediction, truth))
    assert list(bands) == list(BANDS)
    assert {name: band['share'] for name, band in bands.items()} == pytest.approx(
        {'0-1 m': 1 / 7, '1-2 m': 2 / 7, '2-3 m': 1 / 7, '3-5 m': 2 / 7, '5-10 m': 1 / 7})
    assert bands['3-5 m'] == pytest.approx(
        {'share': 2 / 7, 'abs_rel': 0.3, 'd1': 0.5,
         'rmse': math.sqrt(((4 * 0.2) ** 2 + (4.5 * 0.4) ** 2) / 2)})
    assert bands['5-10 m']['rmse'] == pytest.approx(4.5)


def test_bands_weighted_by_their_share_are_the_whole():
    prediction, truth = images(2)
    pair = prepared(prediction, truth)
    bands = [band for band in band_measures(pair).values() if band['share']]
    total = sum(band['share'] * band['abs_rel'] for band in bands)
    assert total == pytest.approx(image_measures(pair)['abs_rel'])


def test_a_distance_that_nothing_has_is_nan_with_share_zero():
    band = band_measures(prepared(np.ones((2, 2)), np.ones((2, 2))))['5-10 m']
    assert band['share'] == 0 and math.isnan(band['abs_rel'])
