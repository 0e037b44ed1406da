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
"""Tests of lstm_depth.msgs.registration."""

from __future__ import annotations

from _two_cameras import BASELINE, COLOUR_CAMERA, DEPTH_CAMERA, rigid, seen, write_robot_bag
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagReader, BagWriter
from lstm_depth.msgs.registration import DepthRegistration, register_depth, same_view
import numpy as np
import pytest

small = st.floats(-0.1, 0.1)


@settings(max_examples=30, deadline=None)
@given(rotation=st.tuples(small, small, small), translation=st.tuples(small, small, small),
       slope=st.tuples(small, small))
def test_a_plane_is_where_the_other_camera_sees_it(rotation, translation, slope):
    # The frame of the depth camera is the world; the transform leads from it to colour.
    transform = rigid(rotation, translation)
    normal, offset = np.array([*slope, 1.0]), 2.0
    depth = seen(DEPTH_CAMERA, np.eye(4), normal, offset)
    expected = seen(COLOUR_CAMERA, np.linalg.inv(transform), normal, offset)
    registered = register_depth(depth, DEPTH_CAMERA, COLOUR_CAMERA, transform)
    assert registered.shape == (80, 96) and registered.dtype == np.float32
    known = np.isfinite(registered)
    # What the depth camera sees fills the picture without gaps.
    inner = known[30:50, 40:60]
    assert inner.all()
    # Half a pixel of the depth camera beside the ray of the colour pixel.
    np.testing.assert_allclose(registered[known], expected[known], atol=0.02)


def test_the_nearest_surface_wins_and_nothing_shines_through_coarse_depth():
    # A box before a wall, seen by a depth camera of a third of the resolution, from the side.
    coarse = Camera(40, 30, 30.0, 30.0, 19.5, 14.5)
    fine = Camera(120, 90, 90.0, 90.0, 59.5, 44.5)
    depth = np.full((30, 40), 4.0, np.float32)
    depth[8:22, 10:30] = 1.0
    registered = register_depth(depth, coarse, fine, rigid(translation=(0.1, 0, 0)))
    # The box is moved by 90 x 0.1 / 1 = 9 pixels, the wall by 2.25; the box stays whole.
    assert (registered[26:64, 42:96] == 1.0).all()
    assert (registered[26:64, 105:115] == 4.0).all()
    # Uncovered on the left of the box: the depth camera never saw that part of the wall.
    assert np.isnan(registered[30:60, 34:38]).all()


@pytest.mark.parametrize('factor', [1, 2, 3])
def test_depth_of_the_same_view_at_lower_resolution_keeps_its_place(factor):
    camera = Camera(40, 30, 30.0, 30.0, 19.5, 14.5)
    large = Camera(40 * factor, 30 * factor, 30.0 * factor, 30.0 * factor,
                   20.0 * factor - 0.5, 15.0 * factor - 0.5)
    depth = np.random.default_rng(0).uniform(1, 5, (30, 40)).astype(np.float32)
    depth[3, 4] = np.nan
    registered = register_depth(depth, camera, large)
    np.testing.assert_array_equal(registered, depth.repeat(factor, 0).repeat(factor, 1))


def test_cameras_of_one_view_are_recognised_at_any_size():
    assert same_view(DEPTH_CAMERA, DEPTH_CAMERA.resized(640, 480))
    assert not same_view(DEPTH_CAMERA, Camera(64, 48, 50.0, 52.0, 32.0, 24.0))


def aligned(depth, transform, **changes):
    """Register with *transform* as the only answer; return the result and the notes."""
    arguments = {'depth_camera': DEPTH_CAMERA, 'depth_frame': 'depth', 'shape': depth.shape,
                 'camera': DEPTH_CAMERA, 'frame': 'colour', **changes}
    registration = DepthRegistration(lambda *_: transform)
    return registration.aligned(depth, **arguments), registration.notes


def test_depth_of_the_colour_camera_itself_is_not_touched():
    depth = np.full((48, 64), 2.0, np.float32)
    for transform in (np.eye(4), None):
        result, notes = aligned(depth, transform)
        assert result is depth and notes == []


def test_depth_of_a_camera_beside_is_moved_though_the_intrinsics_agree():
    depth = np.full((48, 64), 2.0, np.float32)
    result, notes = aligned(depth, rigid(translation=(0.2, 0, 0)))
    assert np.isnan(result[:, :5]).all() and (result[:, 5:] == 2.0).all() and notes == []


def test_an_unknown_place_is_assumed_to_be_the_same_and_said():
    depth = np.full((48, 64), 2.0, np.float32)
    result, notes = aligned(depth, None, camera=COLOUR_CAMERA, shape=(80, 96))
    assert result.shape == (80, 96) and np.nanmax(result) == 2.0
    assert len(notes) == 1 and 'from depth to colour' in notes[0]


@pytest.mark.parametrize('camera', [None, Camera(96, 80, 0.0, 0.0, 0.0, 0.0)])
def test_another_size_without_calibration_is_refused(camera):
    depth = np.full((48, 64), 2.0, np.float32)
    with pytest.raises(DataError, match='64x48 but the image is 96x80'):
        aligned(depth, np.eye(4), camera=camera, shape=(80, 96))


@pytest.mark.parametrize('encoding', ['16UC1', '32FC1', 'compressedDepth'])
def test_unaligned_depth_of_a_bag_is_registered_by_its_calibration(tmp_path, encoding):
    expected = seen(COLOUR_CAMERA, np.linalg.inv(BASELINE), np.array([0.1, 0.0, 1.0]), 2.0)
    with BagReader(write_robot_bag(tmp_path / 'bag', encoding=encoding)) as bag:
        topics = bag.choose_topics()
        assert topics.depth.startswith('/depth/image_raw')
        assert topics.depth_info == '/depth/camera_info'
        frames = list(bag.frames())
        assert bag.notes == []
    assert len(frames) == 3
    for frame in frames:
        known = np.isfinite(frame.depth)
        assert known.mean() > 0.6
        np.testing.assert_allclose(frame.depth[known], expected[known], atol=0.02)


def test_a_bag_without_the_transform_is_registered_in_place_with_a_note(tmp_path):
    with BagReader(write_robot_bag(tmp_path / 'bag', transforms=False)) as bag:
        frames = list(bag.frames())
        assert np.isfinite(frames[0].depth).mean() > 0.6
        assert bag.notes == [
            'no transform from depth_frame to colour_frame is known (/tf_static): depth was '
            'registered as if both cameras were at the same place']


def test_depth_without_its_camera_info_and_of_another_size_is_refused(tmp_path):
    with BagReader(write_robot_bag(tmp_path / 'bag')) as bag:
        with pytest.raises(DataError, match=r'(?s)/bag: depth is 64x48.*choose.*/depth/image_raw'):
            list(bag.frames(camera_info_topic='', depth_topic='/depth/image_raw'))


def test_depth_that_is_never_near_an_image_is_said_with_both_times(tmp_path):
    with BagWriter(tmp_path / 'bag') as writer:
        for index in range(4):
            stamp = (index + 1) * 10**8
            writer.write_image('/image', np.zeros((48, 64, 3), np.uint8), 'rgb8', stamp, 'cam')
            writer.write_image('/depth', np.ones((48, 64), np.float32), '32FC1',
                               stamp + 50 * 10**9, 'cam')
    with BagReader(tmp_path / 'bag') as bag:
        assert [frame.depth for frame in bag.frames()] == [None] * 4
        note, = bag.notes
    assert 'no depth of /depth is within half a frame interval of an image of /image' in note
    assert '0.100 to 0.400 s' in note and '50.100 to 50.400 s' in note
