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
"""Video and stills: repeatable, stamped, consistent between views."""

from __future__ import annotations

from _rooms import world_points
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.render import PathConfig, random_views, RoomConfig, sample_frames
import numpy as np
import pytest

SMALL = {'width': 64, 'height': 48, 'room_config': RoomConfig(shadow_size=32)}


@pytest.fixture(scope='module')
def video():
    return list(sample_frames(8, 4, rate_hz=10.0, **SMALL))


def as_bytes(frames):
    return [(f.rgb.tobytes(), f.depth.tobytes(), f.pose.tobytes(), f.stamp_ns) for f in frames]


def test_same_arguments_give_the_same_bytes(video):
    assert as_bytes(sample_frames(8, 4, rate_hz=10.0, **SMALL)) == as_bytes(video)


def test_fewer_frames_are_the_beginning_of_more(video):
    assert as_bytes(sample_frames(3, 4, rate_hz=10.0, **SMALL)) == as_bytes(video[:3])


def test_frames_carry_everything(video):
    for index, frame in enumerate(video):
        assert frame.stamp_ns - video[0].stamp_ns == index * 100_000_000
        assert frame.frame_id == 'camera_optical_frame'
        assert frame.camera == NYU_CAMERA.resized(64, 48)
        assert frame.rgb.shape == (48, 64, 3) and frame.rgb.dtype == np.uint8
        assert frame.depth.shape == (48, 64) and frame.depth.dtype == np.float32
        assert np.isfinite(frame.depth).all()
        assert frame.pose.shape == (4, 4)


def test_depth_of_one_frame_predicts_the_next_but_for_occlusions(video):
    checked = 0
    for first, second in zip(video, video[1:]):
        points = world_points(first.depth, first.pose, first.camera)
        local = (points - second.pose[:3, 3]) @ second.pose[:3, :3]
        pixels = np.rint(second.camera.project(local)).astype(int)
        inside = ((pixels >= 0) & (pixels < (64, 48))).all(axis=2) & (local[..., 2] > 0)
        u, v = pixels[inside].T
        # The nearest pixel's ray meets the surface up to half a pixel beside the point.
        error = np.abs(second.depth[v, u] - local[inside][:, 2]) / local[inside][:, 2]
        assert len(u) > 0.5 * 64 * 48
        assert np.median(error) < 0.01
        assert (error < 0.05).mean() > 0.85
        checked += len(error)
    assert checked > 5000


def test_still_camera_gives_equal_poses_and_depth_but_fresh_noise():
    still = PathConfig(still_for_s=float('inf'))
    first, second = sample_frames(2, 5, path_config=still, **SMALL)
    assert first.pose.tobytes() == second.pose.tobytes()
    assert first.depth.tobytes() == second.depth.tobytes()
    difference = np.abs(first.rgb.astype(int) - second.rgb)
    assert 0 < difference.mean() < 4


def test_any_camera_may_be_given():
    camera = Camera(40, 30, 30.0, 31.0, 20.0, 14.0)
    frame, = sample_frames(1, 1, camera=camera, room_config=RoomConfig(shadow_size=0))
    assert frame.camera is camera and frame.depth.shape == (30, 40)


def test_views_are_repeatable_and_show_different_rooms():
    options = {'views_per_room': 2, **SMALL, 'room_config': RoomConfig(shadow_size=0)}
    views = as_bytes(random_views(4, 9, **options))
    assert as_bytes(random_views(2, 9, **options)) == views[:2]
    assert len({depth for _, depth, _, _ in views}) == 4
    # Views 2 and 3 come from the room of the next seed.
    assert as_bytes(random_views(1, 10, **options))[0][:3] == views[2][:3]


@pytest.mark.parametrize('arguments', [(-1, 0), (1, -1)])
def test_impossible_arguments_are_refused_before_rendering(arguments):
    with pytest.raises(ConfigError, match='negative'):
        sample_frames(*arguments)
    with pytest.raises(ConfigError, match='rate_hz'):
        sample_frames(1, 0, rate_hz=0)
