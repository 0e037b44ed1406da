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
"""Tests of lstm_depth.msgs.transforms."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.msgs.transforms import StaticTransforms, Transforms
import numpy as np
import pytest


def message(parent, child, vector=(0, 0, 0), translation=(0, 0, 0), scale=1.0):
    """Return a TFMessage of one transform; *vector* is its rotation, *scale* the quaternion's."""
    angle = np.linalg.norm(vector)
    xyz = np.array(vector) / 2 * np.sinc(angle / 2 / np.pi) * scale
    rotation = SimpleNamespace(x=xyz[0], y=xyz[1], z=xyz[2], w=np.cos(angle / 2) * scale)
    place = SimpleNamespace(**dict(zip('xyz', translation)))
    return SimpleNamespace(transforms=[SimpleNamespace(
        header=SimpleNamespace(frame_id=parent), child_frame_id=child,
        transform=SimpleNamespace(rotation=rotation, translation=place))])


numbers = st.floats(-1, 1)
vectors = st.tuples(numbers, numbers, numbers)


@given(vector=vectors, translation=vectors, scale=st.sampled_from([1.0, -1.0, 2.5]))
def test_a_transform_leads_from_the_child_to_the_parent_and_back(vector, translation, scale):
    transforms = StaticTransforms()
    transforms.add(message('base', 'lens', vector, translation, scale))
    expected = np.eye(4)
    expected[:3, :3] = cv2.Rodrigues(np.array(vector, np.float64))[0]
    expected[:3, 3] = translation
    np.testing.assert_allclose(transforms.between('lens', 'base'), expected, atol=1e-9)
    np.testing.assert_allclose(transforms.between('base', 'lens') @ expected, np.eye(4),
                               atol=1e-9)


def test_the_way_leads_over_the_nearest_common_frame():
    transforms = StaticTransforms()
    for item in (message('base', 'head', (0, 0, 1), (1, 2, 3)),
                 message('head', 'left', (0.5, 0, 0), (0.1, 0, 0)),
                 message('/head', 'right', (0, 0.2, 0), (-0.1, 0, 0))):
        transforms.add(item)
    there, back = transforms.between('left', 'right'), transforms.between('/right', 'left')
    np.testing.assert_allclose(there @ back, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(
        transforms.between('right', 'base') @ there, transforms.between('left', 'base'),
        atol=1e-9)


def test_frames_without_a_connection_have_no_transform():
    transforms = StaticTransforms()
    transforms.add(message('base', 'lens'))
    transforms.add(message('map', 'odom'))
    assert transforms.between('lens', 'odom') is None
    assert transforms.between('nowhere', 'lens') is None
    np.testing.assert_array_equal(transforms.between('nowhere', 'nowhere'), np.eye(4))


@pytest.mark.parametrize('values', [
    {'scale': 0.0}, {'scale': float('nan')}, {'translation': (0, float('inf'), 0)}])
def test_what_is_no_rigid_motion_is_left_out(values):
    transforms = StaticTransforms()
    transforms.add(message('base', 'lens', **values))
    assert transforms.between('lens', 'base') is None


def test_frames_in_a_circle_come_to_an_end():
    transforms = StaticTransforms()
    transforms.add(message('a', 'b'))
    transforms.add(message('b', 'a'))
    assert transforms.between('a', 'c') is None


def test_transforms_start_anew_when_time_goes_back():
    """A bag that loops is heard again from its start, not from where it ended."""
    transforms = Transforms(keep_s=10.0)
    for second in (*range(60), *range(3)):
        pose = np.eye(4)
        pose[0, 3] = second
        transforms.put('base', 'odom', second * 10**9, pose)

    assert transforms.between('base', 'odom', 1_500_000_000)[0, 3] == pytest.approx(1.5)
    assert transforms.newest_ns('base') == 2 * 10**9


def test_between_frames_at_two_times_what_stands_still_counts():
    """What was a metre ahead is at the camera once that has come there."""
    transforms = Transforms()
    for second in range(2):
        pose = np.eye(4)
        pose[0, 3] = second
        transforms.put('base', 'odom', second * 10**9, pose)
    found = transforms.across('base', 0, 'base', 10**9, 'odom')

    np.testing.assert_allclose(found[:3, 3], [-1, 0, 0])
    assert transforms.across('base', 0, 'base', 10**9, 'map') is None
