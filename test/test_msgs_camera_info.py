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
"""Tests of lstm_depth.msgs.camera_info."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from _messages import info_message
from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.errors import DataError, MessageError
from lstm_depth.geometry import Camera
from lstm_depth.lens import Distortion
from lstm_depth.msgs.camera_info import (
    camera_basis,
    camera_for_image,
    camera_from_info,
    described_as,
    info_fields,
    read_calibration,
    scaled_info_fields,
    shows_rectified,
)
import numpy as np
import pytest

K = (500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0)
P = (400.0, 0.0, 310.0, -20.0, 0.0, 410.0, 230.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SIZES = st.integers(8, 2000)
CAMERAS = st.builds(Camera, SIZES, SIZES, st.floats(1, 3000), st.floats(1, 3000),
                    st.floats(-100, 2000), st.floats(-100, 2000))

YAML = """
image_width: 640
image_height: 480
camera_name: test
camera_matrix: {rows: 3, cols: 3, data: [500., 0., 320., 0., 510., 240., 0., 0., 1.]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.2, 0., 0., 0.]}
rectification_matrix: {rows: 3, cols: 3, data: [1., 0., 0., 0., 1., 0., 0., 0., 1.]}
projection_matrix:
  rows: 3
  cols: 4
  data: [400., 0., 310., -20., 0., 410., 230., 0., 0., 0., 1., 0.]
"""


def region(x_offset, y_offset, width, height):
    return SimpleNamespace(x_offset=x_offset, y_offset=y_offset, width=width, height=height,
                           do_rectify=False)


RAW = Camera(640, 480, 500, 510, 320, 240, Distortion('plumb_bob', (0.1, 0.2, 0.0, 0.0, 0.0)))
RECTIFIED = Camera(640, 480, 400, 410, 310, 230)


def info_of(**changes):
    """Return an info whose P differs from K and whose D is not 0, with *changes*."""
    info = info_message(640, 480, K, P)
    vars(info).update(changes)
    return info


@pytest.mark.parametrize('topic, rectified, expected', [
    ('/camera/image_raw', 'auto', RAW), ('/camera/image_rect', 'auto', RECTIFIED),
    ('/camera/image_rect_color/compressed', 'auto', RECTIFIED), ('', 'auto', RAW),
    ('/zed/rgb/color/rect/image', 'auto', RECTIFIED), ('/rectory/image_raw', 'auto', RAW),
    ('/camera/image_rect', 'false', RAW), ('/camera/image_raw', 'true', RECTIFIED)])
def test_a_raw_image_has_k_and_d_and_a_rectified_one_p(topic, rectified, expected):
    info = info_of()
    assert camera_for_image(info, 640, 480, topic, rectified) == expected
    assert shows_rectified(info, topic, rectified) == (expected == RECTIFIED)
    basis = camera_basis(info, topic, rectified)
    assert basis.startswith('rectified' if expected == RECTIFIED else 'raw')


def test_intrinsics_are_those_of_p_where_no_distortion_is_left():
    assert camera_from_info(info_of(d=[0.0] * 5)) == RECTIFIED
    assert camera_from_info(info_of(d=[])) == RECTIFIED


def test_intrinsics_are_those_of_k_where_p_is_zero():
    camera = camera_from_info(info_of(p=[0.0] * 12), '/image_rect')
    assert camera == Camera(640, 480, 500, 510, 320, 240)


@pytest.mark.parametrize('model, d, expected', [
    ('plumb_bob', [0.1, 0.2, 0.3, 0.4], ('plumb_bob', (0.1, 0.2, 0.3, 0.4))),
    ('plumb_bob', [0.1, 0, 0, 0, 0, 0, 0, 0], ('plumb_bob', (0.1, 0, 0, 0))),
    ('', [0.1] * 5, ('plumb_bob', (0.1,) * 5)),
    ('', [0.1] * 8, ('rational_polynomial', (0.1,) * 8)),
    ('rational_polynomial', [0.1] * 12 + [0, 0], ('rational_polynomial', (0.1,) * 12)),
    ('Brown Conrady', [0.1] * 5, ('plumb_bob', (0.1,) * 5)),
    ('fisheye', [0.1] * 4, ('equidistant', (0.1,) * 4))])
def test_distortion_is_read_as_drivers_write_it(model, d, expected):
    lens = camera_from_info(info_of(distortion_model=model, d=d)).distortion
    assert (lens.model, lens.coefficients) == expected


@pytest.mark.parametrize('model, d', [
    ('Inverse Brown Conrady', [0.1] * 5), ('plumb_bob', [0.1] * 3),
    ('plumb_bob', [np.nan] * 5), ('equidistant', [0.1] * 5)])
def test_a_lens_that_cannot_be_undistorted_is_refused_with_what_to_do(model, d):
    with pytest.raises(MessageError, match='rectified:=true') as caught:
        camera_from_info(info_of(distortion_model=model, d=d))
    assert caught.value.cause == 'bad_calibration'
    assert camera_from_info(info_of(distortion_model=model, d=d), '/image_rect') == RECTIFIED


def test_beside_a_raw_image_p_is_k_and_beside_a_rectified_one_nothing_is_left_to_rectify():
    fields = scaled_info_fields(info_of(), 320, 240)
    raw = SimpleNamespace(**described_as(fields, False))
    assert raw.p == [250, 0, 160, 0, 0, 255, 120, 0, 0, 0, 1, 0] and raw.d == fields['d']
    assert raw.k == fields['k']
    rectified = SimpleNamespace(**described_as(fields, True))
    assert rectified.p == fields['p'] and not any(rectified.d)
    # Who knows nothing about the topic comes to the same camera.
    assert camera_from_info(rectified) == camera_from_info(rectified, '', 'true') \
        == RECTIFIED.resized(320, 240)
    assert camera_from_info(raw) == RAW.resized(320, 240)


def test_ros_1_spelling_is_read_too():
    info = info_message(640, 480, K, P)
    for name in 'dkrp':
        setattr(info, name.upper(), vars(info).pop(name))
    assert camera_from_info(info) == RAW
    assert camera_from_info(info, '/image_rect') == RECTIFIED
    assert scaled_info_fields(info, 640, 480)['k'] == list(K)


def test_k0_of_zero_means_uncalibrated():
    info = info_message(640, 480, (0.0,) * 9, P)
    assert camera_from_info(info) is None
    assert camera_for_image(info, 320, 240) is None


@pytest.mark.parametrize('changes', [
    {'k': [np.nan] * 9}, {'k': [1.0] * 8}, {'p': []}, {'p': [np.inf] * 12}, {'width': 0},
    {'k': [-500.0, *K[1:]]}, {'k': [500.0] + [0.0] * 8},
    {'p': [-400.0, *P[1:]], 'd': [0.0] * 5}])
def test_values_that_no_camera_has_are_refused(changes):
    info = info_message(640, 480, K, P)
    vars(info).update(changes)
    with pytest.raises(MessageError, match='camera_info') as caught:
        camera_from_info(info)
    assert caught.value.cause == 'bad_calibration'


@given(camera=CAMERAS)
def test_fresh_fields_give_the_camera_back(camera):
    fields = info_fields(camera)
    for rectified in ('auto', 'true', 'false'):
        assert camera_from_info(SimpleNamespace(**fields), '', rectified) == camera
    raw = replace(camera, distortion=RAW.distortion)
    assert camera_from_info(SimpleNamespace(**info_fields(raw))) == raw


@given(camera=CAMERAS, width=SIZES, height=SIZES)
def test_scaled_fields_are_those_of_the_resized_camera(camera, width, height):
    info = info_message(camera.width, camera.height, camera.k.ravel(), P)
    info.binning_x = 2
    fields = scaled_info_fields(info, width, height)
    expected = camera.resized(width, height)
    np.testing.assert_allclose(fields['k'], expected.k.ravel(), rtol=1e-12)
    sx, sy = width / camera.width, height / camera.height
    np.testing.assert_allclose(
        fields['p'], [400 * sx, 0, 310 * sx, -20 * sx, 0, 410 * sy, 230 * sy, 0, 0, 0, 1, 0],
        rtol=1e-12)
    assert (fields['width'], fields['height']) == (width, height)
    assert (fields['binning_x'], fields['d']) == (0, info.d)


def test_region_of_interest_scales_with_its_axes():
    info = info_message(640, 480, K, P)
    info.roi = region(10, 20, 100, 200)
    assert scaled_info_fields(info, 320, 120)['roi'] == {
        'x_offset': 5, 'y_offset': 5, 'width': 50, 'height': 50, 'do_rectify': False}


def test_image_of_the_region_of_interest_keeps_its_info():
    info = info_message(640, 480, K, P)
    info.roi = region(100, 50, 320, 240)
    fields = scaled_info_fields(info, 320, 240)
    assert (fields['width'], fields['height'], fields['k']) == (640, 480, list(K))
    assert (fields['roi']['width'], fields['roi']['x_offset']) == (320, 100)
    assert camera_for_image(info, 320, 240, '/image_rect') == Camera(
        320, 240, 400, 410, 210, 180)


def test_image_of_the_binned_region_of_interest_has_its_camera():
    info = info_message(640, 480, K, P)
    info.binning_x, info.binning_y = 2, 2
    info.roi = region(100, 50, 320, 240)
    assert camera_for_image(info, 160, 120, '/image_rect') == Camera(
        160, 120, 200, 205, 105, 90)


@pytest.mark.parametrize('width, height', [(640, 480), (320, 240), (1280, 480)])
def test_camera_of_an_image_of_another_size_is_resized(width, height):
    info = info_message(640, 480, K, P)
    assert camera_for_image(info, width, height) == camera_from_info(info).resized(width, height)


def test_info_without_a_size_is_taken_for_the_images():
    info = info_message(0, 0, K, P)
    assert camera_for_image(info, 640, 480) == RAW
    fields = scaled_info_fields(info, 640, 480)
    assert (fields['width'], fields['height'], fields['k']) == (640, 480, list(K))


def test_calibration_file_is_read(tmp_path):
    path = tmp_path / 'camera.yaml'
    path.write_text(YAML)
    info = read_calibration(path)
    assert camera_from_info(info) == RAW
    fields = scaled_info_fields(info, 320, 240)
    assert (fields['d'], fields['k'][0]) == ([0.1, 0.2, 0.0, 0.0, 0.0], 250)


def test_calibration_file_needs_no_more_than_the_camera_matrix(tmp_path):
    path = tmp_path / 'camera.yaml'
    path.write_text('\n'.join(YAML.splitlines()[:5]))
    assert camera_from_info(read_calibration(path)) == Camera(640, 480, 500, 510, 320, 240)


@pytest.mark.parametrize('text, what', [
    (None, 'cannot be read'), ('a: [', 'cannot be read'), ('just text', 'malformed'),
    ('', 'malformed'), ('image_width: 640', 'image_height'),
    (YAML.replace('500., 0., 320.,', '500.,'), 'K of camera_info'),
    (YAML.replace('500.', '.nan'), 'K of camera_info'),
    (YAML.replace('640', 'wide'), 'malformed'), (YAML.replace('640', '0'), 'malformed')])
def test_bad_calibration_file_is_refused_with_advice(tmp_path, text, what):
    path = tmp_path / 'camera.yaml'
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=what) as caught:
        read_calibration(path)
    assert str(path) in str(caught.value) and 'camera_calibration' in str(caught.value)


def test_calibrations_are_read_as_opencv_and_ros_write_them(tmp_path):
    path = tmp_path / 'camera.yaml'
    tagged = YAML.replace('camera_matrix:', 'camera_matrix: !!opencv-matrix')
    path.write_text('%YAML:1.0\n---\n' + tagged)
    assert camera_from_info(read_calibration(path)) == RAW
    path.write_bytes(b'\xef\xbb\xbf' + YAML.encode())
    assert camera_from_info(read_calibration(path)) == RAW


@pytest.mark.parametrize('text', [
    YAML.replace('640', '.inf'), 'a: ' + '[' * 5000, YAML + ' ' * 5_000_000,
    'a: &a [1]\n' + ''.join(f'b{index}: *a\n' for index in range(200)) + YAML,
    '!!python/object/apply:os.system [echo]'])
def test_a_calibration_that_would_fill_memory_or_run_code_is_refused(tmp_path, text):
    path = tmp_path / 'camera.yaml'
    path.write_text(text)
    with pytest.raises(DataError, match='camera.yaml'):
        read_calibration(path)
