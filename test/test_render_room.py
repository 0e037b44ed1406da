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
"""Random rooms: repeatable, closed, furnished, lit."""

from __future__ import annotations

from _rooms import plain_room, SIZE, world_points
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.render import ImageConfig, look, random_room, RoomConfig
from lstm_depth.render.solids import box, Finish
import numpy as np
import pytest

CAMERA = NYU_CAMERA.resized(80, 60)
PLAIN = ImageConfig(noise=0, vignette=0, softness=0, auto_exposure=0)
SEEDS = range(4)


@pytest.fixture(scope='module')
def rooms():
    return [random_room(seed, RoomConfig(shadow_size=32)) for seed in SEEDS]


def test_same_seed_gives_the_same_room_and_another_seed_another(rooms):
    again = random_room(0, RoomConfig(shadow_size=32))
    pose = rooms[0].random_pose(np.random.default_rng(5))
    for first, second in zip(rooms[0].render(pose, CAMERA), again.render(pose, CAMERA)):
        assert first.tobytes() == second.tobytes()
    assert not np.array_equal(rooms[0].size, rooms[1].size)


def test_sizes_stay_in_the_configured_ranges(rooms):
    for room in rooms:
        low, high = zip(RoomConfig().width_m, RoomConfig().length_m, RoomConfig().height_m)
        assert (room.size >= low).all() and (room.size <= high).all()


def test_views_have_valid_depth_inside_the_room_and_usable_exposure(rooms):
    for seed, room in zip(SEEDS, rooms):
        rng = np.random.default_rng(seed)
        for _ in range(3):
            pose = room.random_pose(rng)
            rgb, depth = room.render(pose, CAMERA, rng=rng)
            assert rgb.dtype == np.uint8 and rgb.shape == (60, 80, 3)
            points = world_points(depth, pose, CAMERA)
            assert (points > -1e-4).all() and (points < room.size + 1e-4).all()
            assert 50 < rgb.mean() < 200
            assert rgb.std() > 5


def test_random_poses_keep_clear_of_everything(rooms):
    for room in rooms:
        rng = np.random.default_rng(1)
        positions = np.array([room.random_pose(rng)[:3, 3] for _ in range(5)])
        assert (room.clearance(positions) >= 0.35).all()


def test_views_show_furniture_and_not_only_walls(rooms):
    for room in rooms:
        rng = np.random.default_rng(2)
        furniture = 0.0
        for _ in range(6):
            pose = room.random_pose(rng)
            points = world_points(room.depth(pose, CAMERA), pose, CAMERA)
            to_shell = np.minimum(points, room.size - points).min(axis=2)
            furniture += (to_shell > 0.05).mean() / 6
        assert furniture > 0.08


def test_clearance_is_the_distance_to_walls_and_boxes():
    room = plain_room([box((2, 3), (2, 3), (0, 1), Finish())])
    points = [(0.3, 2.5, 1.0), (1.5, 2.5, 0.5), (2.5, 2.5, 1.4), (2.5, 2.5, 0.6), (4.2, 1, 1)]
    np.testing.assert_allclose(room.clearance(points), [0.3, 0.5, 0.4, -0.4, -0.2], atol=1e-9)


def test_floor_under_a_board_lies_in_its_shadow():
    board = box((1.5, 2.5), (2.0, 3.0), (1.0, 1.05), Finish())
    # From low down, towards the floor under the board and beside it.
    pose = look(np.array([0.4, 2.5, 0.6]), 0.0, -0.35, 0.0)
    bright, depth = plain_room().render(pose, CAMERA, config=PLAIN)
    dark, _ = plain_room([board]).render(pose, CAMERA, config=PLAIN)
    points = world_points(depth, pose, CAMERA)
    floor = points[..., 2] < 0.01
    middle = floor & (np.abs(points[..., :2] - (2.0, 2.5)) < 0.3).all(axis=2)
    beside = floor & (np.abs(points[..., 1] - 2.5) > 1.2)
    assert middle.sum() > 10 and beside.sum() > 10
    assert dark[middle].mean() / dark[beside].mean() < 0.8 * (bright[middle].mean()
                                                              / bright[beside].mean())


def test_depth_does_not_depend_on_how_the_image_is_taken(rooms):
    pose = rooms[1].random_pose(np.random.default_rng(3))
    _, plain = rooms[1].render(pose, CAMERA, config=PLAIN)
    _, fancy = rooms[1].render(pose, CAMERA, config=ImageConfig(supersample=3, noise=9),
                               rng=np.random.default_rng(0))
    assert plain.tobytes() == fancy.tobytes() == rooms[1].depth(pose, CAMERA).tobytes()


def test_any_camera_sees_the_same_room(rooms):
    pose = rooms[2].random_pose(np.random.default_rng(4))
    whole = rooms[2].depth(pose, CAMERA)
    crop = Camera(20, 10, CAMERA.fx, CAMERA.fy, CAMERA.cx - 30, CAMERA.cy - 25)
    np.testing.assert_allclose(rooms[2].depth(pose, crop), whole[25:35, 30:50], rtol=1e-6)


def test_more_samples_smooth_edges_and_leave_flat_parts_alone():
    room = plain_room([box((2.0, 2.5), (2.0, 3.0), (0.8, 1.6), Finish('plain', (0.1,) * 3))])
    pose = look(np.array([0.5, 2.5, 1.2]), 0.0, 0.0, 0.3)
    hard, depth = room.render(pose, CAMERA, config=ImageConfig(supersample=1, noise=0, softness=0))
    soft, _ = room.render(pose, CAMERA, config=ImageConfig(supersample=4, noise=0, softness=0))
    changed = np.abs(hard.astype(int) - soft).max(axis=2) > 3
    edge = np.zeros(depth.shape, bool)
    edge[:, 1:] = np.abs(np.diff(depth, axis=1)) > 0.3
    edge[1:] |= np.abs(np.diff(depth, axis=0)) > 0.3
    assert changed[edge].mean() > 0.2
    assert changed.mean() < 0.1


def test_noise_comes_from_the_generator_alone(rooms):
    pose = rooms[3].random_pose(np.random.default_rng(6))
    clean = rooms[3].render(pose, CAMERA)[0].astype(int)
    noisy = [rooms[3].render(pose, CAMERA, rng=np.random.default_rng(seed))[0]
             for seed in (1, 1, 2)]
    assert noisy[0].tobytes() == noisy[1].tobytes() != noisy[2].tobytes()
    assert 0.5 < (noisy[0] - clean).std() < 3


def test_impossible_settings_are_refused_by_name():
    for config, name in ((RoomConfig, 'width_m'), (RoomConfig, 'height_m')):
        with pytest.raises(ConfigError, match=name):
            config(**{name: (9.0, 3.0)})
    with pytest.raises(ConfigError, match='supersample'):
        ImageConfig(supersample=0)
    with pytest.raises(ConfigError, match='clutter'):
        RoomConfig(clutter=float('nan'))


def test_empty_room_can_be_looked_at():
    room = plain_room()
    pose = room.random_pose(np.random.default_rng(0))
    assert room.render(pose, CAMERA)[0].any()
    np.testing.assert_array_equal(room.landmarks(), [SIZE / 2])
