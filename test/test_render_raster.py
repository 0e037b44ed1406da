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
"""Depth against geometry worked out by hand."""

from __future__ import annotations

from _rooms import plain_room, SIZE, world_points
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.render import look
from lstm_depth.render.solids import box, ellipsoid, Finish, prism, turned
import numpy as np
import pytest

CAMERA = NYU_CAMERA.resized(64, 48)
FINISH = Finish()
EMPTY = plain_room(shadow_size=0)


def facing(position, yaw=0.0, pitch=0.0, roll=0.0):
    return look(np.array(position, float), yaw, pitch, roll)


def test_wall_straight_ahead_has_its_distance_in_every_pixel():
    # Towards +x from x = 0.5 the wall at x = 4 fills a narrow view.
    camera = Camera(32, 24, 100.0, 100.0, 15.5, 11.5)
    depth = EMPTY.depth(facing((0.5, 2.5, 1.2)), camera)
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, 3.5, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.floats(0.1, 3.9), st.floats(0.1, 4.9), st.floats(0.1, 2.4)),
       st.floats(-3.1, 3.1), st.floats(-1.4, 1.4), st.floats(-0.5, 0.5))
def test_empty_room_is_closed_and_every_point_lies_on_its_shell(position, yaw, pitch, roll):
    pose = facing(position, yaw, pitch, roll)
    depth = EMPTY.depth(pose, CAMERA)
    assert np.isfinite(depth).all() and (depth > 0).all()
    points = world_points(depth, pose, CAMERA)
    to_shell = np.minimum(np.abs(points), np.abs(SIZE - points)).min(axis=2)
    assert to_shell.max() < 1e-4
    assert (points > -1e-4).all() and (points < SIZE + 1e-4).all()


def test_box_hides_the_wall_where_it_projects_and_nowhere_else():
    room = plain_room([box((2.0, 2.5), (2.0, 3.0), (0.8, 1.6), FINISH)], shadow_size=0)
    pose = facing((0.5, 2.5, 1.2))
    depth = room.depth(pose, CAMERA)
    rays = CAMERA.rays()
    covered = (np.abs(rays[..., 0]) < 0.5 / 1.5) & (np.abs(rays[..., 1]) < 0.4 / 1.5)
    np.testing.assert_allclose(depth[covered], 1.5, atol=1e-6)
    np.testing.assert_array_equal(depth[~covered], EMPTY.depth(pose, CAMERA)[~covered])
    assert covered.sum() > 200


def test_nearer_of_two_boxes_wins_in_either_order():
    near = box((1.5, 1.7), (2.2, 2.8), (0.9, 1.5), FINISH)
    far = box((2.0, 2.5), (2.0, 3.0), (0.8, 1.6), FINISH)
    views = [plain_room(order, shadow_size=0).depth(facing((0.5, 2.5, 1.2)), CAMERA)
             for order in ((near, far), (far, near))]
    np.testing.assert_array_equal(*views)
    assert views[0].min() == pytest.approx(1.0, abs=1e-6)


def test_sphere_has_the_depth_of_the_quadratic():
    room = plain_room([ellipsoid((2.5, 2.5, 1.2), (0.5, 0.5, 0.5), FINISH)], shadow_size=0)
    depth = room.depth(facing((0.5, 2.5, 1.2)), CAMERA).astype(float)
    rays = CAMERA.rays().astype(float)
    square = (rays ** 2).sum(axis=2)
    root = 4 - square * (4 - 0.25)
    hit = root > 0
    expected = (2 - np.sqrt(root[hit])) / square[hit]
    assert hit.sum() > 50
    np.testing.assert_allclose(depth[hit], expected, atol=1e-5)
    assert (depth[~hit] > 2).all()


@pytest.mark.parametrize('solid', [
    box((-0.3, 0.3), (-0.2, 0.2), (-0.25, 0.25), FINISH),
    box((-0.3, 0.3), (-0.2, 0.2), (-0.25, 0.25), FINISH, bevel=0.08),
    prism((0, 0), (-0.3, 0.3), (0.3, 0.15), FINISH, sides=12),
    ellipsoid((0, 0, 0), (0.4, 0.2, 0.3), FINISH)],
    ids=['box', 'cushion', 'prism', 'ellipsoid'])
def test_points_seen_on_a_turned_body_lie_on_its_surface(solid):
    moved = solid.moved(turned(yaw=0.7, tilt=0.4, lean=-0.3), (2.2, 2.4, 1.1))
    room = plain_room([moved], shadow_size=0)
    pose = facing((0.6, 2.3, 1.3), roll=0.1)
    depth = room.depth(pose, CAMERA)
    points = world_points(depth, pose, CAMERA)[depth < EMPTY.depth(pose, CAMERA)]
    assert len(points) > 40
    if len(moved.offsets):
        above = (points @ moved.normals.T - moved.offsets).max(axis=1)
    else:
        above = np.linalg.norm((points - moved.centre) @ moved.bulge.T, axis=1) - 1
    assert np.abs(above).max() < 1e-4


def test_body_reaching_behind_the_camera_is_still_seen():
    # A shelf board beside and behind the camera: its corners lie on both sides of the lens.
    room = plain_room([box((0.1, 3.9), (2.9, 3.1), (0.1, 2.4), FINISH)], shadow_size=0)
    pose = facing((2.0, 2.5, 1.2))
    depth = room.depth(pose, CAMERA)
    leftwards, down = -CAMERA.rays()[..., 0], CAMERA.rays()[..., 1]
    expected = 0.4 / np.maximum(leftwards, 1e-6)
    seen = (expected < 1.9) & (np.abs(down * expected) < 1.1)
    assert seen.sum() > 500
    np.testing.assert_allclose(depth[seen], expected[seen], rtol=1e-5)


def test_camera_outside_the_room_or_uncalibrated_is_refused():
    with pytest.raises(ConfigError, match='outside the room'):
        EMPTY.depth(facing((5.0, 2.5, 1.2)), CAMERA)
    with pytest.raises(ConfigError, match='not calibrated'):
        EMPTY.depth(facing((2.0, 2.5, 1.2)), Camera(8, 8, 0, 0, 0, 0))
