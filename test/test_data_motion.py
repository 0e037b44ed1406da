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
"""Clips from stills: the path is smooth, and image and depth move as the geometry says."""

from __future__ import annotations

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.data.motion import frames_from_still, MotionConfig, random_path, StillView
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera, nearest_per_place, splat_depth
from lstm_depth.render import random_room
import numpy as np
import pytest

CAMERA = Camera(160, 120, 130.0, 130.0, 79.5, 59.5)
STILL = MotionConfig(shift_m=0, turn_deg=0, margin=0)


def wall(distance: float = 2.0) -> CameraFrame:
    """Return a smooth picture on a wall straight ahead."""
    rng = np.random.default_rng(0)
    rgb = cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3)).astype(np.uint8), (0, 0), 4)
    return CameraFrame(rgb, 5 * 10**9, camera=CAMERA,
                       depth=np.full((120, 160), distance, np.float32))


def box_before_wall() -> CameraFrame:
    """Return a red box at 1 m before a blue wall at 3 m."""
    frame = wall(3.0)
    frame.rgb[:] = (0, 0, 200)
    frame.rgb[40:80, 60:100] = (200, 0, 0)
    frame.depth[40:80, 60:100] = 1.0
    return frame


def shifted(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> np.ndarray:
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80))
def test_a_path_is_smooth_and_stays_near_the_still(seed, count):
    config = MotionConfig()
    poses = random_path(count, config, np.random.default_rng(seed))
    np.testing.assert_allclose(poses[:, :3, :3] @ poses[:, :3, :3].transpose(0, 2, 1),
                               np.tile(np.eye(3), (count, 1, 1)), atol=1e-9)
    assert np.abs(poses[:, :3, 3]).max() <= config.shift_m
    # The fastest swing of 5 cm, twice, within a second.
    step = 2 * np.pi / config.period_s[0] / config.rate_hz * config.shift_m
    moved = np.diff(poses[:, :3, 3], axis=0)
    assert np.abs(moved).max(initial=0) <= step
    assert np.abs(np.diff(moved, axis=0)).max(initial=0) <= step * 2 * np.pi / config.rate_hz


def test_a_camera_that_stands_still_sees_the_still():
    frame = wall()
    seen, = frames_from_still(frame, 1, STILL, np.random.default_rng(0))
    np.testing.assert_array_equal(seen.rgb, frame.rgb)
    np.testing.assert_allclose(seen.depth, frame.depth, rtol=1e-6)
    assert seen.stamp_ns == frame.stamp_ns and seen.camera == CAMERA


def test_a_step_forward_brings_the_wall_nearer_and_makes_it_larger():
    frame = wall()
    seen = StillView(frame, STILL).seen_from(shifted(z=0.5))
    np.testing.assert_allclose(seen.depth[np.isfinite(seen.depth)], 1.5, rtol=1e-5)
    u, v = 110, 40
    source = CAMERA.project(np.array([(u - 79.5) / 130 * 1.5, (v - 59.5) / 130 * 1.5, 2.0]))
    expected = cv2.remap(frame.rgb, np.float32([[source[0]]]), np.float32([[source[1]]]),
                         cv2.INTER_LINEAR)
    np.testing.assert_allclose(seen.rgb[v, u].astype(int), expected[0, 0], atol=2)


def test_a_step_to_the_right_moves_near_things_more():
    frame = box_before_wall()
    seen = StillView(frame, STILL).seen_from(shifted(x=0.1))
    near = np.argwhere(np.nan_to_num(seen.depth) == 1)
    assert near[:, 1].min() == pytest.approx(60 - 13, abs=1)
    assert near[:, 1].max() == pytest.approx(99 - 13, abs=1)


def test_what_the_box_hid_has_no_depth_and_is_filled_from_around():
    seen = StillView(box_before_wall(), STILL).seen_from(shifted(x=0.1))
    hidden = np.isnan(seen.depth[50:70, 80:110])
    assert 4 <= hidden.sum(axis=1).min() <= hidden.sum(axis=1).max() <= 12
    colours = seen.rgb[50:70, 80:110][hidden].astype(int)
    # From box and wall and the line between them, never black and never from elsewhere.
    assert (colours[:, 0] + colours[:, 2] == 200).all() and not colours[:, 1].any()


def test_no_point_hangs_between_box_and_wall():
    frame = box_before_wall()
    smeared = CameraFrame(frame.rgb, 0, camera=CAMERA, depth=cv2.blur(frame.depth, (5, 5)))
    seen = StillView(smeared, STILL).seen_from(shifted(x=0.05))
    depth = seen.depth[np.isfinite(seen.depth)]
    assert ((depth > 1.25) & (depth < 2.3)).mean() < 0.002


def test_a_still_view_agrees_with_rendering_from_there():
    room = random_room(2)
    camera = Camera(320, 240, 260.0, 260.0, 159.5, 119.5)
    pose = room.random_pose(np.random.default_rng(2))
    rgb, depth = room.render(pose, camera)
    moved = random_path(3, MotionConfig(), np.random.default_rng(1))[2]
    seen = StillView(CameraFrame(rgb, 0, camera=camera, depth=depth),
                     MotionConfig(margin=0)).seen_from(moved)
    truth = room.depth(pose @ moved, camera)
    error = np.abs(seen.depth - truth)[np.isfinite(seen.depth) & np.isfinite(truth)]
    assert np.median(error) < 0.01 and (error > 0.1).mean() < 0.03
    assert np.isfinite(seen.depth).mean() > 0.8


def test_parts_of_a_path_join():
    frame, config = wall(), MotionConfig()
    whole = frames_from_still(frame, 6, config, np.random.default_rng(3))
    part = frames_from_still(frame, 6, config, np.random.default_rng(3), start=2, stop=4)
    assert [item.stamp_ns for item in part] == [item.stamp_ns for item in whole[2:4]]
    for ours, theirs in zip(part, whole[2:4]):
        np.testing.assert_array_equal(ours.rgb, theirs.rgb)
        np.testing.assert_array_equal(ours.pose, theirs.pose)


def test_the_margin_keeps_the_border_out_of_sight():
    frame = wall()
    views = [StillView(frame, MotionConfig(margin=margin)).seen_from(shifted(x=0.1))
             for margin in (0.0, 0.1)]
    shares = [np.isfinite(view.depth).mean() for view in views]
    assert shares[0] < 0.99 and shares[1] == 1
    camera = views[1].camera
    # The pixel at the still's left margin is the first one of the view.
    assert camera.fx == pytest.approx(130 / 0.8)
    assert (0 - camera.cx) / camera.fx == pytest.approx((16 - 79.5) / 130)


@pytest.mark.parametrize('still', [
    CameraFrame(np.zeros((4, 4, 3), np.uint8), 0, camera=CAMERA),
    CameraFrame(np.zeros((4, 4, 3), np.uint8), 0, depth=np.ones((4, 4), np.float32))])
def test_a_still_without_depth_or_camera_is_an_error(still):
    with pytest.raises(DataError, match='needs depth and a calibrated camera'):
        StillView(still, MotionConfig())


def test_a_still_without_valid_depth_is_an_error():
    frame = CameraFrame(wall().rgb, 0, camera=CAMERA, depth=np.full((120, 160), np.nan))
    with pytest.raises(DataError, match='no valid depth'):
        StillView(frame, MotionConfig()).seen_from(np.eye(4))


@pytest.mark.parametrize('values', [{'shift_m': -1}, {'rate_hz': 0}, {'period_s': (0, 1)},
                                    {'period_s': (2, 1)}, {'margin': 0.5}])
def test_impossible_motion_is_refused(values):
    with pytest.raises(ConfigError):
        MotionConfig(**values)


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(0.1, 10)), max_size=40))
def test_the_nearest_of_each_place_stays(points):
    place = np.array([point[0] for point in points], int)
    z = np.array([point[1] for point in points])
    expected = [min((depth for where, depth in points if where == number), default=np.inf)
                for number in range(6)]
    np.testing.assert_array_equal(nearest_per_place(place, z, 6), expected)


def test_points_behind_and_beside_the_camera_are_not_seen():
    points = np.array([[0, 0, 2.0], [0, 0, -2.0], [5, 0, 1.0], [0, 0, 3.0]])
    depth = splat_depth(points, Camera(5, 5, 4.0, 4.0, 2.0, 2.0))
    assert depth[2, 2] == 2 and (depth > 0).sum() == 1
