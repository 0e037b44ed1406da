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
"""What is known about a camera is computed once per new camera_info."""

from __future__ import annotations

from types import SimpleNamespace

from lstm_depth.msgs import view as view_module
from lstm_depth.msgs.view import ViewCache
import pytest


def info(focal=100.0, **changes):
    """Return a CameraInfo of an 8 x 6 camera."""
    values = {
        'width': 8, 'height': 6, 'distortion_model': 'plumb_bob', 'd': [0.0] * 5,
        'k': [focal, 0.0, 4.0, 0.0, focal, 3.0, 0.0, 0.0, 1.0],
        'r': [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        'p': [focal, 0.0, 4.0, 0.0, 0.0, focal, 3.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        'binning_x': 0, 'binning_y': 0,
        'roi': SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0, do_rectify=False)}
    return SimpleNamespace(**{**values, **changes})


@pytest.fixture
def parsed(monkeypatch):
    """Return the list of camera_infos that were parsed."""
    seen = []
    parse = view_module.camera_for_image
    monkeypatch.setattr(view_module, 'camera_for_image',
                        lambda info, *args: (seen.append(info), parse(info, *args))[1])
    return seen


def test_an_unchanged_camera_info_is_parsed_once(parsed):
    cache = ViewCache()
    views = {cache.view(info(header=stamp), (8, 6), (4, 3)) for stamp in range(50)}
    assert len(views) == len(parsed) == 1
    view, = views
    assert (view.input_camera.width, view.camera.width, view.info['width']) == (8, 4, 4)
    assert view.camera.fx == view.info['p'][0] == 50.0


@pytest.mark.parametrize('change', [
    {'focal': 101.0}, {'d': [0.1] * 5}, {'binning_x': 2}, {'distortion_model': 'fisheye'},
    {'roi': SimpleNamespace(x_offset=1, y_offset=0, width=4, height=3, do_rectify=False)}])
def test_whatever_changes_in_a_camera_info_is_seen(parsed, change):
    cache = ViewCache()
    before = cache.view(info(), (8, 6), (8, 6))
    assert cache.view(info(**change), (8, 6), (8, 6)) is not before
    assert len(parsed) == 2


def test_another_size_of_image_or_output_is_another_view():
    cache = ViewCache()
    views = [cache.view(info(), *sizes) for sizes in (
        ((8, 6), (8, 6)), ((8, 6), (4, 3)), ((4, 3), (4, 3)))]
    assert [view.input_camera.fx for view in views] == [100.0, 100.0, 50.0]
    assert [view.camera.fx for view in views] == [100.0, 50.0, 50.0]


def test_without_camera_info_nothing_is_known():
    view = ViewCache().view(None, (8, 6), (8, 6))
    assert (view.input_camera, view.camera, view.info, view.error) == (None, None, None, '')


def test_a_broken_camera_info_says_why():
    view = ViewCache().view(info(focal=float('nan')), (8, 6), (8, 6))
    assert view.camera is None and 'finite' in view.error
    uncalibrated = ViewCache().view(info(focal=0.0), (8, 6), (8, 6))
    assert uncalibrated.camera is None and uncalibrated.info and not uncalibrated.error


def test_a_rectified_image_is_another_view_than_a_raw_one_and_says_why():
    raw = info(d=[0.1, 0.0, 0.0, 0.0, 0.0])
    by_d = ViewCache('/image_raw').view(raw, (8, 6), (8, 6))
    by_name = ViewCache('/image_rect').view(raw, (8, 6), (8, 6))
    assert by_d.camera.distortion and by_d.basis.startswith('raw image')
    assert not by_name.camera.distortion and by_name.basis.startswith('rectified image')
    cache = ViewCache('/image_raw')
    assert cache.view(raw, (8, 6), (8, 6), 'true') is not cache.view(raw, (8, 6), (8, 6))
