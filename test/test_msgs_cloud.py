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
"""Tests of lstm_depth.msgs.cloud."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera
from lstm_depth.msgs.cloud import CLOUD_FIELDS, CloudMaker, organised_cloud, POINT_STEP
from lstm_depth.msgs.flying import flying_pixels
import numpy as np
import pytest

CAMERA = Camera(8, 6, 10.0, 11.0, 3.5, 2.5)


def picture(camera, seed=0):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.1, 80, (camera.height, camera.width)).astype(np.float32)
    depth[rng.random(depth.shape) < 0.2] = np.nan
    return depth, rng.integers(0, 256, depth.shape + (3,), np.uint8)


@given(camera=st.builds(
    Camera, st.integers(1, 70), st.integers(1, 50), st.floats(20, 2000), st.floats(20, 2000),
    st.floats(-20, 1000), st.floats(-20, 1000)), stride=st.integers(1, 9),
    seed=st.integers(0, 99))
def test_points_project_onto_their_own_pixels(camera, stride, seed):
    depth, rgb = picture(camera, seed)
    cloud = organised_cloud(depth, rgb, camera, stride)
    sampled = depth[::stride, ::stride]
    assert cloud.shape == sampled.shape
    points = np.stack([cloud[axis] for axis in 'xyz'], axis=-1)
    np.testing.assert_array_equal(np.isnan(points).all(-1), np.isnan(sampled))
    np.testing.assert_array_equal(np.isnan(points).any(-1), np.isnan(sampled))
    valid = ~np.isnan(sampled)
    v, u = np.mgrid[:camera.height:stride, :camera.width:stride]
    pixels = camera.project(points)[valid]
    assert np.abs(pixels - np.stack([u, v], axis=-1)[valid]).max(initial=0) < 0.01


def test_bytes_are_as_pcl_packs_points():
    depth, rgb = picture(CAMERA)
    depth[2, 3] = 2.0
    rgb[2, 3] = (1, 2, 3)
    cloud = organised_cloud(depth, rgb, CAMERA)
    assert CLOUD_FIELDS == (('x', 0), ('y', 4), ('z', 8), ('rgb', 12))
    assert POINT_STEP == cloud.itemsize == 16
    point = cloud[2, 3].tobytes()
    x, y = (3 - 3.5) / 10 * 2, (2 - 2.5) / 11 * 2
    np.testing.assert_allclose(np.frombuffer(point[:12], '<f4'), [x, y, 2.0], rtol=1e-6)
    assert point[12:] == bytes([3, 2, 1, 0])


def test_colour_stays_where_depth_is_invalid():
    depth, rgb = picture(CAMERA)
    cloud = organised_cloud(np.full_like(depth, np.nan), rgb, CAMERA)
    packed = cloud['rgb'].copy().view(np.uint32)
    np.testing.assert_array_equal(
        packed, rgb.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32))


@pytest.mark.parametrize('stride', [0, -1])
def test_stride_below_1_is_refused(stride):
    with pytest.raises(ConfigError, match='stride'):
        organised_cloud(*picture(CAMERA), CAMERA, stride)


def test_uncalibrated_camera_is_refused():
    with pytest.raises(ConfigError, match='calibrated'):
        organised_cloud(*picture(CAMERA), Camera(8, 6, 0, 0, 0, 0))


def test_sizes_that_differ_are_refused():
    depth, rgb = picture(CAMERA)
    with pytest.raises(DataError, match='differ in size'):
        organised_cloud(depth, rgb, CAMERA.resized(4, 3))
    with pytest.raises(DataError, match='differ in size'):
        organised_cloud(depth, rgb[1:], CAMERA)


@pytest.mark.parametrize('stride', [1, 3])
def test_a_maker_fills_the_memory_it_is_given_again_and_again(stride):
    maker = CloudMaker(CAMERA, stride)
    points = np.zeros((*maker.shape, 4), np.float32)
    for seed in range(3):
        depth, rgb = picture(CAMERA, seed)
        maker.fill(depth, rgb, points)
        expected = organised_cloud(depth, rgb, CAMERA, stride)
        assert points.tobytes() == expected.tobytes()


def step(width, ramp, near=2.0, far=4.0):
    """Return a (H, W) depth that goes from near to far over *ramp* pixels in the middle."""
    along = np.interp(np.arange(width), [(width - ramp) / 2, (width + ramp) / 2], [near, far])
    return np.tile(along.astype(np.float32), (width * 3 // 4, 1))


@pytest.mark.parametrize('width', [160, 320, 641])
def test_pixels_between_near_and_far_fly_and_the_surfaces_stay(width):
    ramp = width // 40
    flying = flying_pixels(step(width, ramp))

    middle = slice((width - ramp) // 2 + 1, (width + ramp) // 2 - 1)
    assert flying[:, middle].all()
    assert not flying[:, :width // 2 - ramp - width // 80].any()
    assert flying.mean() < 0.08
    np.testing.assert_array_equal(flying_pixels(step(width, ramp).T)[:, 0],
                                  flying_pixels(step(width, ramp).T)[:, -1])


def test_a_floor_does_not_fly():
    """Seen from a metre above, to six metres."""
    rows = np.arange(240)
    depth = np.where(rows > 170, 1.0 * 300 / np.maximum(rows - 120, 1), 6.0).astype(np.float32)
    flying = flying_pixels(np.tile(depth[:, None], (1, 320)))

    assert not flying[175:].any()


def test_invalid_pixels_are_no_edge():
    depth = np.full((240, 320), 2.0, np.float32)
    depth[50:60, 100:200] = np.nan

    assert not flying_pixels(depth).any()


def test_pixels_left_out_have_no_point():
    depth, rgb = np.full((6, 8), 2.0, np.float32), np.zeros((6, 8, 3), np.uint8)
    left_out = np.zeros((6, 8), bool)
    left_out[2, 4] = True
    maker = CloudMaker(CAMERA, 2)
    points = np.empty((*maker.shape, 4), np.float32)
    maker.fill(depth, rgb, points, left_out)

    assert np.isnan(points[1, 2, :3]).all()
    assert np.isnan(points[..., 2]).sum() == 1
