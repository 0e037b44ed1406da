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
"""Lens distortion against OpenCV's own functions."""

from __future__ import annotations

import cv2
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera
from lstm_depth.lens import Distortion
from lstm_depth.msgs.cloud import organised_cloud
from lstm_depth.msgs.image_file import upright
import numpy as np
import pytest

LENSES = [
    Distortion('plumb_bob', (-0.3, 0.1, 0.001, -0.002, 0.01)),
    Distortion('plumb_bob', (0.1, -0.2, 0.001, -0.002)),
    Distortion('rational_polynomial', (0.5, 0.2, 0.001, -0.0005, 0.01, 0.8, 0.3, 0.02)),
    Distortion('rational_polynomial', (0.5, 0.2, 0.001, -0.0005, 0.01, 0.8, 0.3, 0.02, 0.001,
                                       0.002, -0.001, 0.0004)),
    Distortion('equidistant', (-0.01, 0.02, -0.003, 0.0005))]


def camera_with(lens):
    return Camera(64, 48, 60.0, 61.0, 33.0, 22.0, lens)


def opencv_pixels(points, camera):
    """Return (N, 2) pixels of (N, 3) points as OpenCV projects them."""
    coefficients = np.array(camera.distortion.coefficients)
    if camera.distortion.model == 'equidistant':
        flat = np.ascontiguousarray(points[:, None, :2] / points[:, None, 2:])
        return cv2.fisheye.distortPoints(flat, camera.k, coefficients)[:, 0]
    return cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.k, coefficients)[0][:, 0]


@pytest.mark.parametrize('lens', LENSES, ids=lambda lens: f'{lens.model}{len(lens.coefficients)}')
def test_rays_project_onto_their_pixels_as_opencv_projects_them(lens):
    camera = camera_with(lens)
    rays = camera.rays()
    points = rays.reshape(-1, 3).astype(np.float64) * 2.5
    v, u = np.mgrid[:48, :64]
    pixels = np.stack([u.ravel(), v.ravel()], axis=-1)
    assert np.abs(opencv_pixels(points, camera) - pixels).max() < 0.001
    assert np.abs(camera.project(points) - pixels).max() < 0.001
    assert rays.dtype == np.float32 and camera.rays() is rays, 'computed once'


def test_pixels_past_the_edge_of_the_model_have_no_ray_and_points_there_no_pixel():
    # r (1 - r^2 / 3) rises up to r = 1, which is shown at 2/3.
    camera = camera_with(Distortion('plumb_bob', (-1 / 3, 0.0, 0.0, 0.0)))
    rays = camera.rays()
    v, u = np.mgrid[:48, :64]
    shown = np.hypot((u - 33) / 60, (v - 22) / 61)
    assert np.isfinite(rays[shown < 0.6]).all() and np.isnan(rays[shown > 0.68]).all()
    assert np.isnan(camera.project(np.array([1.2, 0.0, 1.0]))).all()


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_turned_camera_sees_the_turned_picture(orientation):
    camera = camera_with(LENSES[3])
    u, v = np.rint(camera.project(np.array([0.3, -0.2, 1.0]))).astype(int)
    picture = np.zeros((48, 64), np.uint8)
    picture[v, u] = 1
    turned = upright(picture, orientation)
    ray = upright(camera.rays(), orientation)[tuple(np.argwhere(turned)[0])]
    x, y = (ray[1], ray[0]) if orientation > 4 else ray[:2]
    x = -x if orientation in (2, 3, 6, 7) else x
    y = -y if orientation in (3, 4, 7, 8) else y
    found = camera.turned(orientation)
    assert (found.height, found.width) == turned.shape
    assert np.abs(found.project(np.array([x, y, 1.0])) - np.argwhere(turned)[0][::-1]).max() < 0.01


def test_the_cloud_of_a_raw_image_lies_where_the_scene_was():
    camera = camera_with(LENSES[0])
    points = camera.rays() * np.float32(3.0)
    cloud = organised_cloud(np.full((48, 64), 3.0, np.float32), np.zeros((48, 64, 3), np.uint8),
                            camera, stride=3)
    found = np.stack([cloud[name] for name in 'xyz'], axis=-1)
    np.testing.assert_allclose(found, points[::3, ::3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('model, values', [
    ('barrel', (0.1,)), ('plumb_bob', (0.1,) * 3), ('equidistant', (0.1,) * 5),
    ('plumb_bob', (float('nan'),) * 5)])
def test_a_lens_that_is_none_is_refused(model, values):
    with pytest.raises(ConfigError):
        Distortion(model, values)
