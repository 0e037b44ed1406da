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
"""The NYU protocol against a transcription of its definition, and what its variants change."""

from __future__ import annotations

from _protocol import transcribed_nyu
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.scoring.measures import image_measures
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.scoring.protocol import find_protocol, Protocol, PROTOCOLS
import numpy as np
import pytest

NAN, INF = np.nan, np.inf


def scene(seed: int, shape: tuple[int, int] = (480, 640)) -> tuple[np.ndarray, np.ndarray]:
    """Return a prediction of *shape* and ground truth of 480x640 that agree roughly."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:480, :640]
    truth = (2 + 6 * rows / 480 + np.sin(columns / 90 + seed)).astype(np.float32)
    picked = truth[np.ix_(np.arange(shape[0]) * 480 // shape[0],
                          np.arange(shape[1]) * 640 // shape[1])]
    prediction = picked * rng.uniform(0.6, 1.6, shape)
    return prediction.astype(np.float32), truth


def spoil(array: np.ndarray, seed: int, *values: float) -> np.ndarray:
    """Return a copy with a tenth of the places set to each of *values*."""
    rng = np.random.default_rng(seed)
    array = array.copy()
    for value in values:
        array[rng.random(array.shape) < 0.1] = value
    return array


def measured(name: str, prediction: np.ndarray, truth: np.ndarray, align: str = 'none'):
    return image_measures(find_protocol(name, align).prepare(prediction, truth))


@pytest.mark.parametrize('shape', [(480, 640), (240, 320), (192, 256), (119, 87), (720, 1280)])
@pytest.mark.parametrize(('bad_predictions', 'bad_truth'), [
    ((), ()),
    ((NAN, INF, -INF, -3.0, 0.0, 25.0), ()),
    ((), (NAN, INF, 0.0, -1.0, 1e-3, 10.0, 12.0)),
    ((NAN, INF), (NAN, 0.0)),
])
def test_agrees_with_a_transcription_of_the_definition(shape, bad_predictions, bad_truth):
    prediction, truth = scene(len(bad_predictions) + shape[0], shape)
    prediction, truth = spoil(prediction, 1, *bad_predictions), spoil(truth, 2, *bad_truth)
    found = measured('nyu', prediction, truth)
    expected = transcribed_nyu(prediction, truth)
    assert set(expected) == set(METRIC_NAMES)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize('depth', [NAN, INF, 2.5])
def test_one_pixel_of_truth_and_one_depth_everywhere(depth):
    truth = np.full((480, 640), NAN, np.float32)
    truth[100, 100] = 2.0
    prediction = np.full((30, 40), depth)
    expected = transcribed_nyu(prediction, truth)
    found = measured('nyu', prediction, truth)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_a_perfect_prediction_is_perfect():
    _, truth = scene(0)
    found = measured('nyu', truth, truth)
    assert (found['d1'], found['abs_rel'], found['rmse'], found['ssim'], found['r2']) == (
        1, 0, 0, pytest.approx(1), 1)


def test_what_the_crop_leaves_out_changes_nothing():
    prediction, truth = scene(1)
    outside = np.ones(truth.shape, bool)
    outside[45:471, 41:601] = False
    spoiled = np.where(outside, 9, prediction)
    assert measured('nyu', spoiled, truth) == measured('nyu', prediction, truth)
    assert measured('raw', spoiled, truth) != measured('raw', prediction, truth)


def test_truth_outside_the_crop_alone_cannot_be_scored():
    prediction, truth = scene(1)
    truth[45:471, 41:601] = NAN
    assert find_protocol('nyu').prepare(prediction, truth) is None
    assert find_protocol('raw').prepare(prediction, truth) is not None


def test_densedepth_takes_its_own_crop():
    prediction, truth = scene(2)
    found = find_protocol('densedepth').prepare(prediction, truth)
    np.testing.assert_array_equal(found.truth, truth[20:460, 24:616])


def test_fastdepth_counts_far_truth_and_pixels_without_any():
    prediction, truth = scene(3)
    truth[:, :320] = 15.0
    truth[:, 500:] = NAN
    found = find_protocol('fastdepth').prepare(prediction, truth)
    assert found.prediction.shape == (224, 224)
    assert found.counts.all() and not found.known.all()
    assert (found.truth[found.known & (found.truth > 10)] == 15).all()
    values = image_measures(found)
    assert values['abs_rel'] == INF and values['valid'] == 1
    difference = found.prediction - np.where(found.known, found.truth, 0)
    assert values['rmse'] == pytest.approx(float(np.sqrt(np.mean(difference ** 2))))


def test_fastdepth_looks_at_the_middle_of_the_image():
    rows, columns = np.mgrid[:480, :640].astype(np.float32)
    place = find_protocol('fastdepth').prepare(1 + rows, 1 + columns)
    # 228 of 250 rows and 304 of 333 columns, both in the middle.
    ends = (place.prediction.min() - 1, place.prediction.max() - 1)
    assert ends == pytest.approx((22, 458), abs=2)
    assert (place.truth.min() - 1, place.truth.max() - 1) == pytest.approx((28, 611), abs=3)
    with pytest.raises(DataError, match='too narrow for the fastdepth protocol'):
        find_protocol('fastdepth').prepare(np.ones((100, 100)), np.ones((100, 100)))


def test_other_sizes_are_not_cropped_and_the_table_says_so():
    nyu = find_protocol('nyu')
    assert nyu.crop((480, 640)) == 'Eigen [45:471, 41:601]'
    assert nyu.crop((240, 320)) == 'none (320x240; the Eigen crop is for 640x480)'
    assert nyu.prepare(np.ones((240, 320)), np.ones((240, 320))).truth.shape == (240, 320)


def test_median_alignment_takes_out_the_scale_only():
    _, truth = scene(4)
    assert measured('nyu', truth * 0.5, truth, 'median')['abs_rel'] == pytest.approx(0, abs=1e-7)
    assert measured('nyu', truth * 0.5 + 1, truth, 'median')['abs_rel'] > 0.05
    found = find_protocol('nyu', 'median').prepare(truth * 0.5, truth)
    assert found.scale_ratio == pytest.approx(0.5)
    np.testing.assert_allclose(found.aligned, truth, rtol=1e-5)


def test_lsq_alignment_takes_out_scale_and_shift_and_is_the_least():
    prediction, truth = scene(5)
    assert measured('nyu', truth * 0.5 + 1, truth, 'lsq')['rmse'] == pytest.approx(0, abs=1e-6)
    inside = (slice(45, 471), slice(41, 601))
    p, g = (array[inside].ravel().astype(float) for array in (prediction.clip(1e-3, 10), truth))
    (scale, shift), *_ = np.linalg.lstsq(np.stack([p, np.ones_like(p)], 1), g, rcond=None)
    expected = np.sqrt(np.mean((np.clip(p * scale + shift, 1e-3, 10) - g) ** 2))
    assert measured('nyu', prediction, truth, 'lsq')['rmse'] == pytest.approx(expected, rel=1e-9)


def test_lsq_of_a_flat_prediction_is_the_mean_of_the_truth():
    _, truth = scene(6)
    found = find_protocol('raw', 'lsq').prepare(np.full((48, 64), 2.0), truth)
    assert found.prediction == pytest.approx(float(truth.mean(dtype=float)))


def test_aligned_depth_stays_in_the_range():
    truth = np.array([[1.0, 9.9]])
    found = find_protocol('raw', 'median').prepare(np.array([[0.01, 9.0]]), truth)
    assert found.prediction.max() <= 10


def test_nothing_is_aligned_or_a_variant_unless_asked_for():
    assert find_protocol('nyu') == PROTOCOLS['nyu']
    assert PROTOCOLS['nyu'].alignment == 'none'
    assert PROTOCOLS['nyu'].cap == '0.001 m < ground truth < 10 m, predictions clipped to it'


@pytest.mark.parametrize(('name', 'align', 'says'), [
    ('nuy', 'none', "no protocol 'nuy'; did you mean 'nyu'"),
    ('nyu', 'medain', "no alignment 'medain'; did you mean 'median'")])
def test_an_unknown_name_is_one_clear_error(name, align, says):
    with pytest.raises(ConfigError, match=says):
        find_protocol(name, align)


@pytest.mark.parametrize('bounds', [(0.0, 10.0), (-1.0, 10.0), (5.0, 5.0), (NAN, 1.0)])
def test_a_range_without_logarithms_is_refused(bounds):
    with pytest.raises(ConfigError, match='0 < min < max'):
        Protocol('own', 'own', *bounds)
