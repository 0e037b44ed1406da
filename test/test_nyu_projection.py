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
"""The projection and sync against a slow transcription of the toolbox, to the last pixel."""

from __future__ import annotations

from dataclasses import asdict, replace

import _nyu_transcription as slow
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lstm_depth.data.nyu import kinect
from lstm_depth.data.nyu.projection import project_depth, round_half_away, undistorter
from lstm_depth.data.nyu.sync import stamp_of, synchronise
import numpy as np
import pytest

NONE = 2047
SCALE = 8


def smaller(lens: kinect.Lens, scale: int = SCALE) -> kinect.Lens:
    """Return the lens of an image *scale* times smaller, with the same distortion."""
    return replace(lens, fx=lens.fx / scale, fy=lens.fy / scale, cx=lens.cx / scale,
                   cy=lens.cy / scale)


DEPTH_LENS, RGB_LENS = smaller(kinect.DEPTH_LENS), smaller(kinect.RGB_LENS)
SIZE = (480 // SCALE, 640 // SCALE)


def both(raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return our projection and the slow one."""
    return (project_depth(raw, depth_lens=DEPTH_LENS, rgb_lens=RGB_LENS),
            slow.project_depth(raw, asdict(DEPTH_LENS), asdict(RGB_LENS)))


def random_raw(seed: int, *, smooth: bool) -> np.ndarray:
    """Return raw depth: any values at all, or slanted surfaces with steps and holes."""
    rng = np.random.default_rng(seed)
    if not smooth:
        return rng.integers(0, 2048, SIZE).astype(np.uint16)
    rows, columns = np.mgrid[:SIZE[0], :SIZE[1]]
    raw = 650 + rng.uniform(0, 4) * columns + rng.uniform(0, 4) * rows
    top, left = rng.integers(0, SIZE[0] - 10), rng.integers(0, SIZE[1] - 10)
    raw[top:top + 20, left:left + 25] -= rng.uniform(20, 150)
    raw = np.clip(raw + rng.normal(0, 2, SIZE), 0, 1080).astype(np.uint16)
    raw[rng.random(SIZE) < rng.choice([0, 0.01, 0.1])] = NONE
    return raw


def test_constants_are_those_of_the_transcription():
    assert asdict(kinect.RGB_LENS) == slow.RGB
    assert asdict(kinect.DEPTH_LENS) == slow.DEPTH
    np.testing.assert_array_equal(kinect.ROTATION, slow.M)
    np.testing.assert_array_equal(kinect.TRANSLATION, [slow.T_X, slow.T_Z, slow.T_Y])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_depth_equals_the_transcription_to_the_last_pixel(seed, smooth):
    ours, theirs = both(random_raw(seed, smooth=smooth))
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_full_size_depth_equals_the_transcription():
    rng = np.random.default_rng(3)
    raw = np.kron(rng.integers(560, 1085, (24, 32)), np.ones((20, 20), int)).astype(np.uint16)
    raw[rng.random(raw.shape) < 0.02] = NONE
    ours, theirs = project_depth(raw), slow.project_depth(raw)
    assert (theirs > 0).mean() > 0.5
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_colour_equals_the_transcription_to_the_last_value(seed):
    image = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3)).astype(np.uint8)
    ours = undistorter(RGB_LENS, SIZE[1], SIZE[0]).rgb(image)
    np.testing.assert_array_equal(ours, slow.undistort_rgb(image, asdict(RGB_LENS)))


def test_uncovered_colour_is_white():
    ours = undistorter(kinect.RGB_LENS, 640, 480).rgb(np.zeros((480, 640, 3), np.uint8))
    assert set(np.unique(ours)) == {0, 255}
    assert (ours[0] == 255).all() and (ours[240, 320] == 0).all()


@pytest.mark.parametrize(('value', 'kept'), [(599, False), (600, True)])
def test_an_even_area_below_600_has_no_depth_and_one_of_600_has(value, kept):
    raw = np.full(SIZE, value, np.uint16)
    raw[0, 0] = NONE
    ours, theirs = both(raw)
    assert (ours > 0).any() == kept
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    if kept:
        np.testing.assert_allclose(np.unique(ours[ours > 0]), [351.3 / 492.5])


def test_without_any_2047_the_largest_reading_counts_as_noise():
    raw = np.full(SIZE, 700, np.uint16)
    raw[30, 40] = 800
    ours, theirs = both(raw)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(np.unique(ours), [0, 351.3 / 392.5])
    np.testing.assert_array_equal(project_depth(np.full(SIZE, 900, np.uint16)), 0)


def test_a_missing_reading_takes_its_neighbours_with_it_but_no_more():
    raw = np.full(SIZE, 800, np.uint16)
    raw[30, 40] = NONE
    ours, theirs = both(raw)
    np.testing.assert_array_equal(ours > 0, theirs > 0)
    everywhere = project_depth(np.full_like(raw, 800),
                               depth_lens=DEPTH_LENS, rgb_lens=RGB_LENS)
    assert not everywhere.any()                    # 800 is the largest value: all noise
    holes = np.argwhere(ours[10:-10, 10:-10] == 0)
    assert 1 <= len(holes) <= 16


def test_the_last_row_and_column_are_never_written():
    raw = np.full(SIZE, 700, np.uint16)
    raw[0, 0] = NONE
    wide = replace(DEPTH_LENS, fx=DEPTH_LENS.fx / 1.5, fy=DEPTH_LENS.fy / 1.5, k1=0, k2=0, k3=0)
    ours = project_depth(raw, depth_lens=wide, rgb_lens=RGB_LENS)
    np.testing.assert_allclose(
        ours, slow.project_depth(raw, asdict(wide), asdict(RGB_LENS)), rtol=1e-12)
    assert not ours[-1].any() and not ours[:, -1].any()
    assert ours[-2].any() and ours[:, -2].any() and ours[0].any() and ours[:, 0].any()


def test_depth_is_cut_at_ten_metres_and_negative_depth_is_none():
    raw = np.full(SIZE, 1080, np.uint16)                 # 28 m
    raw[:, 40:] = 1500                                   # behind the camera
    raw[0, 0] = NONE
    ours, theirs = both(raw)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert ours.max() == 10 and not ours[:, 60:-10].any()


def test_of_two_depths_on_one_pixel_the_nearer_one_stays():
    raw = np.full(SIZE, 1000, np.uint16)                 # 3.8 m
    raw[20:40, 30:50] = 700                              # 0.9 m, which moves 14 pixels' worth
    raw[0, 0] = NONE
    ours, theirs = both(raw)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    z = 351.3 / 392.5
    x, y = slow.colour_pixel(41, 31, z, asdict(DEPTH_LENS), asdict(RGB_LENS))
    assert ours[round(y) - 1, round(x) - 1] == pytest.approx(z)


def test_halves_round_away_from_zero():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 0.49999999999999994, 2.4999999, -2.5])
    np.testing.assert_array_equal(round_half_away(values), [1, 2, 3, -1, -2, 0, 2, -3])


@given(st.floats(-1e6, 1e6), st.integers(-1000, 1000))
@example(0.0, 0)
def test_rounding_equals_the_transcription(value, integer):
    expected = [slow.round_half_away(value) if abs(value) != 0.49999999999999994 else 0,
                slow.round_half_away(integer + 0.5)]
    np.testing.assert_array_equal(round_half_away(np.array([value, integer + 0.5])), expected)


def names(kind: str, times: list[float]) -> list[str]:
    """Return file names of the given times."""
    suffix = {'d': 'pgm', 'r': 'ppm'}[kind]
    return [f'{kind}-{time:.6f}-{number}.{suffix}' for number, time in enumerate(times)]


def test_a_tie_takes_the_later_colour_frame():
    frame, = synchronise(names('d', [100.5]), names('r', [100.0, 101.0]))
    assert frame.rgb_stamp == '101.000000' and frame.gap_s == 0.5


def test_one_colour_frame_may_serve_several_depth_frames_however_far():
    frames = synchronise(names('d', [100.0, 100.1, 180.0]), names('r', [100.04, 150.0]))
    assert [frame.rgb_stamp for frame in frames] == ['100.040000', '100.040000', '150.000000']


def test_the_pointer_never_goes_back():
    frames = synchronise(names('d', [100.9, 101.0]), names('r', [100.0, 101.0, 101.0]))
    assert [frame.rgb_name for frame in frames] == ['r-101.000000-2.ppm'] * 2


def test_every_depth_frame_is_kept_in_the_order_of_names():
    depth = ['d-9.5-1.pgm', 'd-10.5-2.pgm']
    assert [frame.depth_name for frame in synchronise(depth, ['r-9.5-1.ppm'])] == sorted(depth)


@given(st.lists(st.integers(100_000, 100_400), min_size=1, max_size=30),
       st.lists(st.integers(100_000, 100_400), min_size=1, max_size=30))
def test_sync_equals_the_transcription(depth, rgb):
    depth, rgb = (sorted(time / 100 for time in times) for times in (depth, rgb))
    rgb_names = sorted(names('r', rgb))
    ours = synchronise(names('d', depth), rgb_names)
    sorted_depth = [float(stamp_of(name)) for name in sorted(names('d', depth))]
    sorted_rgb = [float(stamp_of(name)) for name in rgb_names]
    assert [rgb_names.index(frame.rgb_name) for frame in ours] == slow.synchronise(
        sorted_depth, sorted_rgb)


@pytest.mark.parametrize('name', ['d-.pgm', 'INDEX.txt', 'd-12-3.jpg', 'x-1.0-2.pgm',
                                  '.d-1.0-2.pgm', 'd-1.0-2.pgm.part'])
def test_other_files_are_no_raw_frames(name):
    assert stamp_of(name) is None
