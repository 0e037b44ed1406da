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
"""Camera geometry: projection and back-projection undo each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera, NYU_CAMERA
import numpy as np
import pytest

cameras = st.builds(
    Camera, width=st.integers(1, 40), height=st.integers(1, 40), fx=st.floats(5, 800),
    fy=st.floats(5, 800), cx=st.floats(-10, 50), cy=st.floats(-10, 50))


@given(cameras, st.floats(0.1, 20), st.integers(0, 2**32 - 1))
def test_a_pixel_projects_back_onto_itself(camera, scale, seed):
    depth = np.random.default_rng(seed).uniform(0.2, 1, (camera.height, camera.width)) * scale
    pixels = camera.project(camera.backproject(depth))
    u, v = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    assert np.abs(pixels - np.stack([u, v], axis=-1)).max() < 0.01


@given(cameras, st.integers(1, 80), st.integers(1, 80))
def test_a_resized_camera_sees_the_same_directions(camera, width, height):
    point = np.array([0.3, -0.2, 2.0])
    resized = camera.resized(width, height)
    shares = camera.project(point) / (camera.width, camera.height)
    assert np.allclose(resized.project(point) / (width, height), shares)


def test_depth_is_along_z_and_nan_stays_nan():
    camera = Camera(3, 2, 10, 10, 1, 0.5)
    depth = np.full((2, 3), 4.0, np.float32)
    depth[0, 1] = np.nan
    points = camera.backproject(depth)
    assert np.isnan(points[0, 1]).all()
    assert (points[..., 2][np.isfinite(depth)] == 4).all()
    assert points.dtype == np.float32


def test_nyu_resized_to_half_has_half_the_focal_length():
    assert NYU_CAMERA.resized(320, 240).fx == pytest.approx(259.42895)


@pytest.mark.parametrize('values', [
    (0, 4, 1, 1, 0, 0), (4, -1, 1, 1, 0, 0), (4, 4, float('nan'), 1, 0, 0)])
def test_an_impossible_camera_is_refused(values):
    with pytest.raises(ConfigError):
        Camera(*values)


def test_an_uncalibrated_camera_gives_no_points():
    camera = Camera(4, 4, 0, 0, 0, 0)
    assert not camera.calibrated
    with pytest.raises(ConfigError, match='not calibrated'):
        camera.backproject(np.ones((4, 4)))


def test_depth_of_another_size_is_refused():
    with pytest.raises(ConfigError, match='resized'):
        NYU_CAMERA.backproject(np.ones((4, 4)))
