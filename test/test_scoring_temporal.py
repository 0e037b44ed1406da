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
"""Temporal measures on rendered rooms, where the right result is known."""

from __future__ import annotations

from dataclasses import replace
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.render import PathConfig, RoomConfig, sample_frames
from lstm_depth.scoring.consistency import FlowWarp, opw, rtc, scale_ratio, tae, tgm
from lstm_depth.scoring.temporal import PixelSpread, TEMPORAL_MEASURES, TemporalAccumulator
import numpy as np
import pytest

SIZE = {'width': 96, 'height': 72}
RATE_HZ = 30.0
ROOM = {'room_config': RoomConfig(shadow_size=0), 'rate_hz': RATE_HZ, **SIZE}
SIGMA = 0.03
depths = arrays(np.float64, (6, 7), elements=st.floats(0.5, 9.5))
CAMERA = Camera(7, 6, 8.0, 8.0, 3.0, 2.5)


@pytest.fixture(scope='module')
def moving():
    return list(sample_frames(24, 3, **ROOM))


@pytest.fixture(scope='module')
def stopping():
    """Give a camera that moves for five frames, and then stands for the rest of 45."""
    path = PathConfig(still_from_s=5 / RATE_HZ, still_for_s=math.inf)
    return list(sample_frames(45, 3, path_config=path, **ROOM))


def measured(frames, depths, **options):
    accumulator = TemporalAccumulator(**options)
    for frame, depth in zip(frames, depths):
        accumulator.add(frame, depth)
    return accumulator


def truth(frames):
    return [frame.depth for frame in frames]


def flickering(frames, sigma=SIGMA):
    """Return the ground truth times a random factor a frame, and the logs of the factors."""
    logs = sigma * np.random.default_rng(0).standard_normal(len(frames))
    return [frame.depth * np.float32(math.exp(log)) for frame, log in zip(frames, logs)], logs


def test_perfect_prediction_scores_perfectly(stopping):
    result = measured(stopping, truth(stopping)).result()
    assert set(result) == set(TEMPORAL_MEASURES)
    for name in ('tgm', 'static_std', 'scale_std', 'scale_slope'):
        assert result[name] == 0, name
    for name in ('opw', 'rtc_1.01', 'rtc_1.25', 'tae'):
        assert result[name] == result[f'{name}_truth'], name
    assert result['rtc_1.01'] > 0.98 and result['rtc_1.25'] > 0.999
    assert result['tae'] < 0.1 and result['opw'] < 0.005


def test_perfect_prediction_of_a_moving_camera_is_only_resampled(moving):
    result = measured(moving, truth(moving)).result()
    assert result['tgm'] == result['scale_std'] == 0
    assert 0 < result['tae'] < 0.6
    assert result['rtc_1.25'] > 0.998
    assert 'static_std' not in result


def test_flicker_is_found_with_the_size_that_was_injected(stopping):
    depth, logs = flickering(stopping)
    result = measured(stopping, depth).result()
    assert result['scale_std'] == pytest.approx(np.std(logs, ddof=1), rel=1e-4)
    # The warm-up ends ten frames after the camera came to rest.
    rest = next(index for index, frame in enumerate(stopping)
                if np.array_equal(frame.pose, stopping[-1].pose))
    counted = np.exp(logs[rest + 10:])
    expected = counted.std(ddof=1) * stopping[-1].depth.mean()
    assert result['static_std'] == pytest.approx(expected, rel=1e-3)
    # Between two draws lies sqrt(2) sigma, whose mean size is 2 / sqrt(pi) of sigma.
    typical = 2 / math.sqrt(math.pi) * SIGMA
    assert result['tae'] == pytest.approx(100 * typical, rel=0.3)
    assert result['tgm'] == pytest.approx(typical * stopping[-1].depth.mean(), rel=0.3)
    assert result['opw'] == pytest.approx(typical * stopping[-1].depth.mean(), rel=0.3)
    assert result['rtc_1.01'] < 0.4 and result['rtc_1.25'] > 0.999
    assert result['opw_truth'] < 0.1 * result['opw']


def test_twice_the_flicker_measures_twice_as_much(moving):
    once, twice = (measured(moving, flickering(moving, sigma)[0]).result()
                   for sigma in (SIGMA / 4, SIGMA / 2))
    assert twice['scale_std'] == pytest.approx(2 * once['scale_std'], rel=1e-4)
    assert twice['tgm'] == pytest.approx(2 * once['tgm'], rel=0.15)
    assert twice['tae'] > 1.5 * once['tae'] > 1.5 * once['tae_truth']


def test_slow_drift_is_found_with_its_slope(moving):
    depth = [frame.depth * np.float32(1.2 * math.exp(0.25 * index / RATE_HZ))
             for index, frame in enumerate(moving)]
    accumulator = measured(moving, depth)
    assert accumulator.result()['scale_slope'] == pytest.approx(0.25, rel=1e-3)
    ratios = accumulator.series()['scale_ratio']
    assert ratios[0] == pytest.approx(1.2) and ratios == sorted(ratios)


def test_drift_is_measured_within_each_sequence_and_then_averaged(moving):
    accumulator = TemporalAccumulator()
    # Each sequence has its own scale, which is no drift, and the later is three times longer.
    for part, scale, slope in ((moving[:6], 1.0, 0.3), (moving[6:], 3.0, -0.1)):
        start = part[0].stamp_s
        for frame in part:
            drifted = scale * math.exp(slope * (frame.stamp_s - start))
            accumulator.add(frame, frame.depth * np.float32(drifted))
        accumulator.reset()
    result = accumulator.result()
    assert result['scale_slope'] == pytest.approx((6 * 0.3 - 18 * 0.1) / 24, abs=1e-3)
    assert result['scale_std'] < 0.03


def test_nothing_is_compared_across_the_start_of_a_sequence(moving):
    accumulator = measured(moving[:4], truth(moving))
    accumulator.reset()
    for frame in moving[10:13]:
        accumulator.add(frame, 2 * frame.depth)
    series = accumulator.series()
    assert series['sequence'] == [0, 0, 0, 0, 1, 1, 1]
    for name in ('tgm', 'opw', 'rtc_1.01', 'tae'):
        assert np.isnan(series[name]).tolist() == [True, False, False, False, True, False, False]


@pytest.mark.parametrize('shift_ns', [-10**9, 2 * 10**9, -round(1e9 / RATE_HZ)],
                         ids=['backward', 'pause', 'repeated'])
def test_a_broken_stream_is_another_sequence(moving, shift_ns):
    later = [replace(frame, stamp_ns=frame.stamp_ns + shift_ns) for frame in moving[2:4]]
    series = measured([*moving[:2], *later], truth(moving)).series()
    assert series['sequence'] == [0, 0, 1, 1]


def test_another_image_size_is_another_sequence(moving):
    half = replace(moving[1], rgb=moving[1].rgb[::2, ::2], depth=moving[1].depth[::2, ::2])
    series = measured([moving[0], half], [moving[0].depth, half.depth]).series()
    assert series['sequence'] == [0, 1]


def test_pairs_are_averaged_over_all_sequences(moving):
    depth, _ = flickering(moving)
    accumulator = measured(moving[:5], depth)
    accumulator.reset()
    for frame, prediction in zip(moving[5:], depth[5:]):
        accumulator.add(frame, prediction)
    for name in ('tgm', 'opw', 'tae'):
        values = np.array(accumulator.series()[name])
        assert np.isfinite(values).sum() == len(moving) - 2
        assert accumulator.result()[name] == pytest.approx(np.nanmean(values))


def test_measures_that_the_recording_does_not_allow_are_left_out(moving):
    images = [CameraFrame(frame.rgb, frame.stamp_ns) for frame in moving[:3]]
    assert set(measured(images, truth(moving)).result()) == {'opw', 'rtc_1.01', 'rtc_1.25'}
    assert measured(moving[:1], truth(moving)).result() == {}
    assert TemporalAccumulator().result() == {}
    tiny = [CameraFrame(frame.rgb[:8, :8], frame.stamp_ns) for frame in moving[:3]]
    assert measured(tiny, [frame.depth[:8, :8] for frame in moving]).result() == {}


def test_still_camera_is_recognised_without_poses_in_spite_of_noise(stopping):
    depth, _ = flickering(stopping)
    blind = [replace(frame, pose=None) for frame in stopping]
    known, seen = (measured(frames, depth).result() for frames in (stopping, blind))
    assert seen['static_std'] == pytest.approx(known['static_std'], rel=0.1)
    assert 'tae' not in seen


def test_slow_camera_is_not_taken_for_a_still_one():
    slow = PathConfig(speed_mps=(0.03, 0.05), turn_rate=0.02, tremor=0.0)
    frames = [replace(frame, pose=None)
              for frame in sample_frames(20, 3, path_config=slow, **ROOM)]
    assert 'static_std' not in measured(frames, flickering(frames)[0], warmup=15).result()


def test_ground_truth_out_of_range_does_not_count(moving):
    far = [replace(frame, depth=np.where(frame.depth > 2.5, np.float32(60), frame.depth))
           for frame in moving[:4]]
    accumulator = measured(far, [frame.depth * np.float32(0.5) for frame in far])
    np.testing.assert_allclose(accumulator.series()['scale_ratio'], 0.5)
    assert accumulator.result()['tgm'] < 0.05


def test_prediction_of_another_size_is_resized_to_the_ground_truth(moving):
    small = [frame.depth[::2, ::2] for frame in moving[:4]]
    result = measured(moving[:4], small).result()
    assert result['scale_std'] < 0.01
    assert result['opw'] < 3 * result['opw_truth']


def test_missing_predictions_leave_the_rest_as_it_is(moving):
    depth = [prediction.copy() for prediction in truth(moving[:6])]
    for index, prediction in enumerate(depth):
        prediction[10 * index:10 * index + 5] = np.nan
    depth[3][:] = np.nan
    result = measured(moving, depth).result()
    assert result['tgm'] == 0
    assert result['scale_std'] == pytest.approx(0)
    assert result['tae'] < 0.6


@pytest.mark.parametrize('options', [{'min_depth': 0.0}, {'min_depth': 3.0, 'max_depth': 2.0},
                                     {'warmup': -1}, {'max_gap_s': 0.0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ConfigError):
        TemporalAccumulator(**options)


def test_spread_of_a_pixel_leaves_out_the_warm_up_and_unknown_pixels():
    factors = np.array([5.0, 1.0, 1.1, 0.9, 1.2])
    spread = PixelSpread(warmup=1)
    assert math.isnan(spread.std())
    for factor in factors:
        depth = np.full((3, 4), factor)
        depth[0] = np.nan
        spread.add(depth)
    assert spread.frames == 4
    assert spread.std() == pytest.approx(factors[1:].std(ddof=1))


def test_temporal_gradient_by_hand():
    before, after = np.array([[1.0, 2.0, 5.0, 9.0]]), np.array([[1.1, 2.3, 5.0, 2.0]])
    # The last pixel's ground truth jumps by 3 m of a range of 4 m: an edge went by.
    truth_before, truth_after = np.array([[1.0, 2.0, 5.0, 5.0]]), np.array([[1.1, 2.1, 5.1, 2.0]])
    assert tgm(after, before, truth_after, truth_before) == pytest.approx((0 + 0.2 + 0.1) / 3)


def test_flow_measures_by_hand():
    columns, rows = np.meshgrid(np.arange(3, dtype=np.float32), np.arange(1, dtype=np.float32))
    # Everything has moved one pixel to the right; the first column came into sight.
    warp = FlowWarp(np.dstack([columns - 1, rows]), np.array([[1.0, 0.5, 0.1]]))
    before, after = np.array([[2.0, 4.0, 1.0]]), np.array([[7.0, 2.1, 5.2]])
    assert opw(after, before, warp) == pytest.approx((0.5 * 0.1 + 0.1 * 1.2) / 2)
    assert rtc(after, before, warp, (1.01, 1.1, 1.5)) == [0.0, 0.5, 1.0]


def test_flow_follows_a_shifted_picture():
    rng = np.random.default_rng(0)
    wide = np.kron(rng.integers(0, 255, (18, 30, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    depth = wide[..., 0].astype(np.float32) / 50 + 1
    warp = FlowWarp.between(wide[:, 5:101], wide[:, 2:98])
    carried = warp.apply(depth[:, 2:98])
    assert np.nanmedian(np.abs(carried - depth[:, 5:101])) < 0.05
    assert np.nanmean(warp.weight) > 0.8


def test_alignment_error_of_a_wall_by_hand():
    pose = np.eye(4)
    pose[2, 3] = 0.5
    # The camera goes half a metre towards a wall 2 m away; the second prediction is 20 % too far.
    before, after = np.full((6, 7), 2.0), np.full((6, 7), 1.8)
    forward, backward = 0.3 / 1.8, 0.3 / 2.0
    found = tae(after, pose, before, np.eye(4), CAMERA)
    assert found == pytest.approx(100 * (forward + backward) / 2)


@given(depths, depths, st.floats(-0.4, 5.0))
@settings(max_examples=40, deadline=None)
def test_gradient_error_knows_changes_only(before, after, offset):
    exact = tgm(after + offset, before + offset, after, before)
    # Where all of the ground truth jumps, nothing counts.
    assert exact == pytest.approx(0, abs=1e-9) or math.isnan(exact)
    error = tgm(after[::-1], before[::-1], before, after)
    assert error == pytest.approx(tgm(before[::-1], after[::-1], after, before), nan_ok=True)


@given(depths, depths, st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_flow_measures_under_another_unit_of_length(before, after, unit):
    rng = np.random.default_rng(0)
    places = np.float32(rng.uniform(0, 5, (6, 7, 2)))
    warp = FlowWarp(places, rng.uniform(0, 1, (6, 7)))
    scaled = opw(after * unit, before * unit, warp)
    assert scaled == pytest.approx(unit * opw(after, before, warp), rel=1e-4, abs=1e-5)
    shares = rtc(after, before, warp, (1.01, 1.25, 20.0))
    assert 0 <= shares[0] <= shares[1] <= shares[2] == 1
    again = rtc(after * unit, before * unit, warp, (1.25,))[0]
    # A pixel on the very threshold may fall on either side.
    assert abs(again - shares[1]) <= 1 / 42 + 1e-9


@given(depths, depths, st.floats(0.1, 10))
@settings(max_examples=40, deadline=None)
def test_alignment_error_without_motion_is_relative_difference(before, after, unit):
    found = tae(after, np.eye(4), before, np.eye(4), CAMERA)
    difference = np.abs(after - before)
    assert found == pytest.approx(
        50 * ((difference / after).mean() + (difference / before).mean()), rel=1e-4, abs=1e-3)
    swapped = tae(before * unit, np.eye(4), after * unit, np.eye(4), CAMERA)
    assert swapped == pytest.approx(found, rel=1e-4, abs=1e-3)


@given(depths, st.floats(0.2, 5), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_scale_is_the_median_ratio_whatever_is_missing(true, scale, missing):
    holes = true.copy()
    holes.ravel()[:missing] = np.nan
    assert scale_ratio(holes * scale, true) == pytest.approx(scale)
    assert scale_ratio(true * scale, holes) == pytest.approx(scale)
    assert math.isnan(scale_ratio(np.full_like(true, np.nan), true))


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=8), st.floats(0.5, 2),
       st.integers(0, 10**18))
@settings(max_examples=25, deadline=None)
def test_drift_does_not_depend_on_scale_or_clock(logs, scale, shift_ns):
    flat = np.full((6, 7), 2.0, np.float32)
    rgb = np.zeros((6, 7, 3), np.uint8)

    def drift(factor, start_ns):
        frames = [CameraFrame(rgb, start_ns + index * 10**8, depth=flat)
                  for index in range(len(logs))]
        result = measured(frames, [flat * factor * math.exp(log) for log in logs]).result()
        return result['scale_std'], result['scale_slope']

    expected = np.std(logs, ddof=1), np.polyfit(0.1 * np.arange(len(logs)), logs, 1)[0]
    assert drift(1.0, 0) == pytest.approx(expected, abs=1e-5)
    assert drift(scale, shift_ns) == pytest.approx(expected, abs=1e-5)
