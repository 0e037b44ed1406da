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
"""Predicted depth is limited, resized and judged without inventing anything."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.geometry import Camera
from lstm_depth.msgs.camera_info import camera_from_info
from lstm_depth.msgs.output import (
    is_flat,
    limit_depth,
    output_info_fields,
    resize_depth,
    resize_rgb,
    scaled_size,
)
import numpy as np
import pytest

NAN = np.float32(np.nan)


def info(width: int, height: int, **changes) -> SimpleNamespace:
    """Return a CameraInfo-like object."""
    values = {
        'width': width, 'height': height, 'distortion_model': 'plumb_bob', 'd': [0.0] * 5,
        'k': [100.0, 0, 50, 0, 110, 40, 0, 0, 1], 'r': [1.0, 0, 0, 0, 1, 0, 0, 0, 1],
        'p': [100.0, 0, 50, -7, 0, 110, 40, 0, 0, 0, 1, 0], 'binning_x': 0, 'binning_y': 0,
        'roi': SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)}
    return SimpleNamespace(**{**values, **changes})


@pytest.mark.parametrize(('low', 'high', 'expected'), [
    (1.0, 2.0, [NAN, NAN, NAN, NAN, 1.0, 2.0, NAN]),
    (0.0, 10.0, [NAN, NAN, NAN, 0.5, 1.0, 2.0, 3.0])])
def test_depth_outside_the_limits_is_nan(low, high, expected):
    depth = np.array([[np.inf, 0.0, NAN, 0.5, 1.0, 2.0, 3.0]], np.float32)
    limit_depth(depth, low, high)
    np.testing.assert_array_equal(depth, np.array([expected]))


def test_depth_within_the_limits_stays():
    depth = np.array([[0.5, 3.0]], np.float32)
    limit_depth(depth, 0.5, 3.0)
    assert depth.tolist() == [[0.5, 3.0]]


@given(st.integers(1, 200), st.integers(1, 200), st.floats(0.1, 1.0))
def test_a_scaled_size_is_close_and_never_empty(width, height, scale):
    size = scaled_size(width, height, scale)
    assert all(1 <= new <= old and abs(new - old * scale) < 1
               for new, old in zip(size, (width, height)))


def test_resized_depth_holds_only_depths_that_were_there():
    depth = np.random.default_rng(0).uniform(1, 9, (12, 16)).astype(np.float32)
    depth[3:5] = NAN
    small = resize_depth(depth, 8, 6)
    assert small.shape == (6, 8)
    assert np.isfinite(small).any()
    assert set(small[np.isfinite(small)]) <= set(depth[np.isfinite(depth)])
    assert resize_depth(depth, 16, 12) is depth
    for size in ((8, 6), (16, 12)):
        out = np.zeros(size[::-1], np.float32)
        assert resize_depth(depth, *size, out=out) is out
        np.testing.assert_array_equal(out, resize_depth(depth, *size))


def test_a_resized_picture_is_averaged():
    rgb = np.zeros((4, 4, 3), np.uint8)
    rgb[:, ::2] = 200
    assert (resize_rgb(rgb, 2, 2) == 100).all()
    assert resize_rgb(rgb, 4, 4) is rgb


def test_the_calibration_follows_the_size():
    fields = output_info_fields(info(160, 120), (160, 120), (80, 30), True)
    assert (fields['width'], fields['height']) == (80, 30)
    assert fields['k'] == [50, 0, 25, 0, 27.5, 10, 0, 0, 1]
    assert fields['p'] == [50, 0, 25, -3.5, 0, 27.5, 10, 0, 0, 0, 1, 0]


def test_the_calibration_of_an_unchanged_image_is_copied():
    fields = output_info_fields(info(160, 120), (160, 120), (160, 120), True)
    assert fields['k'] == info(160, 120).k and fields['p'] == info(160, 120).p


def test_a_region_of_interest_stays_one_when_its_image_shrinks():
    roi = SimpleNamespace(x_offset=40, y_offset=20, width=80, height=60, do_rectify=False)
    fields = output_info_fields(info(160, 120, roi=roi), (80, 60), (40, 30), True)
    assert (fields['width'], fields['height']) == (80, 60)
    assert (fields['roi']['x_offset'], fields['roi']['width'], fields['roi']['height']) == (
        20, 40, 30)
    small = camera_from_info(SimpleNamespace(**fields))
    assert small == Camera(80, 60, 50.0, 55.0, 25.0, 20.0)


@pytest.mark.parametrize(('depth', 'flat'), [
    (np.full((40, 40), 2.5, np.float32), True),
    (np.full((40, 40), 2.5) + np.linspace(0, 0.05, 40), True),
    (np.full((40, 40), 2.5) + np.linspace(0, 1, 40), False),
    (np.full((40, 40), np.nan), False),
])
def test_only_an_image_without_relief_is_flat(depth, flat):
    assert is_flat(depth) == flat
