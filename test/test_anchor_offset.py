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
"""Tests of the time between poses and images, which is learned from turns."""

from lstm_depth.anchor.motion import inverse, motion
from lstm_depth.anchor.offset import LIMIT_S, TimeOffset
from lstm_depth.geometry import Camera
import numpy as np
import pytest

CAMERA = Camera(320, 240, 250, 250, 160, 120)
POINTS = np.random.default_rng(0).uniform([-2, -1.5, 2], [2, 1.5, 6], (80, 3))
DT = 1 / 15


def at(seconds: float, turning: float = 1.0) -> np.ndarray:
    """Return the (4, 4) pose of a camera in the hand of somebody who walks and looks around."""
    turn = turning * np.array([0.08 * np.sin(3.1 * seconds), 0.2 * np.sin(2.3 * seconds),
                               0.03 * np.sin(4 * seconds)])
    return motion(np.array([*turn, 0.1 * np.sin(seconds), 0.0, 0.4 * seconds]))


def followed(offset_s: float, turning: float = 1.0, frames: int = 120,
             depth_error: float = 1.2) -> TimeOffset:
    """Return what is learned from poses that are *offset_s* later than the images."""
    rng, offset = np.random.default_rng(1), TimeOffset()
    for stamp in DT * np.arange(1, frames):
        told = [at(when + offset_s, turning) for when in (stamp - DT, stamp)]
        before, now = at(stamp - DT, turning), at(stamp, turning)
        local = POINTS @ before[:3, :3]
        world = local @ before[:3, :3].T + before[:3, 3]
        pixels = CAMERA.project((world - now[:3, 3]) @ now[:3, :3])
        offset.observe(inverse(told[0]) @ told[1], DT, local * depth_error,
                       pixels + rng.normal(0, 0.3, pixels.shape), CAMERA)
    return offset


@pytest.mark.parametrize('offset_s', [-0.03, 0.0, 0.02])
def test_the_offset_is_found_though_depth_is_a_fifth_too_far(offset_s):
    """Within four milliseconds, and the pose is carried back to the image."""
    found = followed(offset_s)
    assert found.offset_s == pytest.approx(offset_s, abs=4e-3)
    assert found.sigma_s < 5e-3

    told, before = at(8 + offset_s), at(8 + offset_s - DT)
    off, left = (np.abs(inverse(at(8)) @ pose - np.eye(4)).max()
                 for pose in (told, found.correct(told, inverse(before) @ told, DT)))
    assert left < 0.4 * off + 1e-9


def test_a_camera_that_does_not_turn_tells_no_offset():
    """The poses are used as they are."""
    found = followed(0.03, turning=0.0)

    assert found.applied_s == 0


def test_no_offset_is_believed_beyond_the_limit():
    """Poses that are a quarter of a second late are another trouble."""
    assert abs(followed(0.25).offset_s) <= LIMIT_S


def test_a_pose_after_the_image_is_left_alone_where_frames_are_far_apart():
    """Between frames of a slow video the turn is not known well enough to go back in it."""
    found = followed(0.03)
    step = motion(np.array([0.0, 0.1, 0.0, 0.1, 0.0, 0.0]))

    np.testing.assert_array_equal(found.correct(step, step, 0.2), step)
    assert np.abs(found.correct(step, step, DT) - step).max() > 0.01
