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
"""Sharpness measures: by hand, against a pixel-by-pixel transcription, and their invariances."""

from __future__ import annotations

import math

import cv2
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lstm_depth.scoring.boundaries import boundary_f1, flying_points
import numpy as np
import pytest

depths = arrays(np.float64, (5, 6), elements=st.floats(1.0, 2.0))
masks = arrays(bool, (5, 6))


def step(column=10, near=1.0, far=4.0, shape=(20, 24)):
    """Return a wall at *far* with something at *near* in front of its left part."""
    truth = np.full(shape, far)
    truth[:, :column] = near
    return truth


def everywhere(truth):
    return np.ones(truth.shape, bool)


def slow_boundary_f1(prediction, truth, known):
    """Transcribe Depth Pro's formulas pair by pixel pair."""
    factors = np.linspace(1.05, 1.25, 10)
    pairs = []
    for row in range(truth.shape[0]):
        for column in range(truth.shape[1]):
            for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                other = row + down, column + right
                if (0 <= other[0] < truth.shape[0] and 0 <= other[1] < truth.shape[1]
                        and known[row, column] and known[other]):
                    pairs.append((prediction[other] / prediction[row, column],
                                  truth[other] / truth[row, column]))
    # 1.5 / 1.2 is 1.25, or a rounding above or below it, as one calculates: no contour or one.
    assume(np.abs(np.reshape(pairs, (-1, 1)) / factors - 1).min(initial=1.0) > 1e-9)
    scores, weights = [], []
    for factor in factors:
        true = sum(t > factor for _, t in pairs)
        if not true:
            continue
        predicted = sum(p > factor for p, _ in pairs)
        both = sum(p > factor and t > factor for p, t in pairs)
        precision, recall = both / predicted if predicted else 0, both / true
        scores.append(2 * precision * recall / (precision + recall) if both else 0.0)
        weights.append(factor)
    return np.average(scores, weights=weights) if scores else math.nan


def flat(*first_row):
    """Return an image of depth 1 but for the start of its first row."""
    image = np.ones((5, 6))
    image[0, :len(first_row)] = first_row
    return image


@settings(max_examples=60, deadline=None)
@example(flat(2.0), flat(2.0, 1.2, 1.5), flat().astype(bool))
@given(depths, depths, masks)
def test_contours_agree_with_a_transcription_pair_by_pair(prediction, truth, known):
    expected = slow_boundary_f1(prediction, truth, known)
    assert boundary_f1(prediction, truth, known) == pytest.approx(expected, nan_ok=True)


def test_contours_are_found_where_they_are_and_nowhere_beside():
    truth = step()
    assert boundary_f1(truth, truth, everywhere(truth)) == 1
    assert boundary_f1(step(11), truth, everywhere(truth)) == 0
    # The other side in front is another contour.
    assert boundary_f1(step(near=4.0, far=1.0), truth, everywhere(truth)) == 0
    assert boundary_f1(np.full(truth.shape, 2.0), truth, everywhere(truth)) == 0
    # Half as many again as there are: precision 1/2, recall 1.
    double = step()
    double[:, 15:] = 10.0
    assert boundary_f1(double, truth, everywhere(truth)) == pytest.approx(2 / 3)


@pytest.mark.parametrize('measure', [boundary_f1, flying_points])
def test_scale_of_the_prediction_does_not_matter_and_no_edge_is_no_number(measure):
    truth = step()
    soft = cv2.GaussianBlur(truth, (7, 7), 2.0)
    assert measure(1.7 * soft, truth, everywhere(truth)) == pytest.approx(
        measure(soft, truth, everywhere(truth)))
    assert math.isnan(measure(soft, np.full(truth.shape, 2.0), everywhere(truth)))
    assert math.isnan(measure(soft, truth, np.zeros(truth.shape, bool)))
    # The gap of unknown truth is wider than the measures look.
    known = everywhere(truth)
    known[:, 6:14] = False
    assert math.isnan(measure(soft, np.where(known, truth, 0), known))


def test_image_sizes_compare():
    truth = step(80, shape=(30, 160))
    soft = cv2.GaussianBlur(truth, (0, 0), 0.6)
    large, soft_large = (np.kron(image, np.ones((4, 4))) for image in (truth, soft))
    small = boundary_f1(soft, truth, everywhere(truth))
    assert 0.3 < small < 1
    assert boundary_f1(soft_large, large, everywhere(large)) == pytest.approx(small, rel=0.02)


def test_points_between_the_surfaces_fly():
    truth = step()
    assert flying_points(truth, truth, everywhere(truth)) == 0
    # A sharp edge at the wrong place: nothing floats.
    assert flying_points(step(11), truth, everywhere(truth)) == 0
    ramp = truth.copy()
    ramp[:, 9], ramp[:, 10] = 2.0, 3.0
    # Of the four columns within two pixels of both surfaces.
    assert flying_points(ramp, truth, everywhere(truth)) == pytest.approx(2 / 4)
    # Nearer than the nearest or farther than the farthest is wrong, but not in between.
    beyond = truth.copy()
    beyond[:, 9], beyond[:, 10] = 0.5, 8.0
    assert flying_points(beyond, truth, everywhere(truth)) == 0
    # Something truly stands there.
    third = truth.copy()
    third[:, 9], third[:, 10] = 2.0, 3.0
    assert flying_points(ramp, third, everywhere(truth)) == 0


@settings(max_examples=40, deadline=None)
@given(depths, masks)
def test_a_perfect_prediction_is_sharp(truth, known):
    assert boundary_f1(truth, truth, known) in (1, pytest.approx(math.nan, nan_ok=True))
    assert flying_points(truth, truth, known) in (0, pytest.approx(math.nan, nan_ok=True))


def test_blur_costs_contours_and_makes_points_fly():
    truth = step()
    scores = [(boundary_f1(soft, truth, everywhere(truth)),
               flying_points(soft, truth, everywhere(truth)))
              for soft in (cv2.GaussianBlur(truth, (0, 0), sigma) for sigma in (0.3, 1.0, 3.0))]
    contours, flying = zip(*scores)
    assert contours[0] > contours[1] > contours[2]
    assert flying[0] < flying[1] < flying[2]
