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
"""Camera paths: clear of furniture, smooth, within their limits, able to stop."""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from lstm_depth.render import CameraPath, PathConfig, random_room, RoomConfig
import numpy as np
import pytest

RATE = 30.0
# Shadows do not matter to a path.
ROOM_CONFIG = RoomConfig(shadow_size=0)


def poses(path, seconds):
    return np.array([path.pose(i / RATE) for i in range(int(seconds * RATE))])


@pytest.fixture(scope='module')
def walks():
    """Return the room, its path and the poses of 20 s, for several seeds."""
    result = []
    for seed in range(4):
        room = random_room(seed, ROOM_CONFIG)
        path = CameraPath(room, np.random.default_rng(seed))
        result.append((room, poses(path, 20)))
    return result


def test_camera_never_comes_close_to_furniture_or_walls(walks):
    for room, track in walks:
        assert room.clearance(track[:, :3, 3]).min() >= PathConfig().clearance_m


def test_camera_stays_in_its_range_of_heights(walks):
    low, high = PathConfig().height_m
    for _, track in walks:
        # The tremor may add millimetres.
        assert track[:, 2, 3].min() > low - 0.02 and track[:, 2, 3].max() < high + 0.02


def test_poses_are_rigid_transforms(walks):
    for _, track in walks:
        turns = track[:, :3, :3]
        identity = np.broadcast_to(np.eye(3), turns.shape)
        np.testing.assert_allclose(turns @ turns.transpose(0, 2, 1), identity, atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(turns), 1, atol=1e-12)


def test_motion_is_smooth_and_within_its_limits(walks):
    config = PathConfig()
    for _, track in walks:
        velocity = np.diff(track[:, :3, 3], axis=0) * RATE
        speed = np.linalg.norm(velocity, axis=1)
        # The tremor adds its own few centimetres a second.
        assert speed.max() < config.speed_mps[1] + 0.1
        assert 0.03 < speed.mean()
        assert np.linalg.norm(np.diff(velocity, axis=0), axis=1).max() < 0.1
        relative = track[:-1, :3, :3].transpose(0, 2, 1) @ track[1:, :3, :3]
        cosine = (np.trace(relative, axis1=1, axis2=2) - 1) / 2
        turn = np.arccos(np.clip(cosine, -1, 1)) * RATE
        assert turn.max() < 2 * config.turn_rate + 0.2


def test_camera_looks_into_the_room(walks):
    for room, track in walks:
        ahead = [room.look_ahead(pose) for pose in track[::15]]
        assert np.median(ahead) > 1.0
        assert np.mean(np.array(ahead) < 0.5) < 0.15


def test_camera_stands_exactly_still_when_told_and_moves_before_and_after():
    room = random_room(1, ROOM_CONFIG)
    config = PathConfig(still_from_s=2.0, still_for_s=1.5)
    track = poses(CameraPath(room, np.random.default_rng(0), config), 6)
    still = track[60:105]
    assert (still == still[0]).all()
    moving = np.linalg.norm(np.diff(track[:, :3, 3], axis=0), axis=1)
    assert moving[:40].min() > 0 and moving[120:].min() > 0
    # It brakes and starts without a jerk.
    assert np.abs(np.diff(moving)).max() * RATE < 0.1


def test_camera_can_stand_still_from_the_start_for_good():
    config = PathConfig(still_for_s=float('inf'))
    track = poses(CameraPath(random_room(2, ROOM_CONFIG), np.random.default_rng(0), config), 2)
    assert (track == track[0]).all()


def test_pose_does_not_depend_on_what_was_asked_before():
    room = random_room(3, ROOM_CONFIG)
    in_order = CameraPath(room, np.random.default_rng(7))
    expected = [in_order.pose(t) for t in (0.0, 3.3, 9.1)]
    backwards = CameraPath(room, np.random.default_rng(7))
    for time_s, pose in reversed(list(zip((0.0, 3.3, 9.1), expected))):
        assert (backwards.pose(time_s) == pose).all()


def test_impossible_paths_are_refused():
    room = random_room(1, ROOM_CONFIG)
    with pytest.raises(ConfigError, match='clearance_m'):
        CameraPath(room, np.random.default_rng(0), PathConfig(clearance_m=1.0,
                                                              height_m=(0.4, 0.5)))
    with pytest.raises(ConfigError, match='no pose'):
        CameraPath(room, np.random.default_rng(0)).pose(-0.1)
    with pytest.raises(ConfigError, match='speed_mps'):
        PathConfig(speed_mps=(0.5, 0.1))
