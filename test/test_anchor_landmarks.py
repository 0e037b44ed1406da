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
"""Tests of the points in space that rays have seen, and of the corners that give the rays."""

import cv2
from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.landmarks import Landmarks
from lstm_depth.anchor.motion import inverse, motion, refine_pose, rotation_vector
from lstm_depth.anchor.tracks import Tracker
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera
import numpy as np
import pytest

FOCAL = 200.0


def seen_from(points: np.ndarray, centres: np.ndarray, noise_px: float = 0.0,
              guess: float = 1.0) -> Landmarks:
    """Return landmarks of *points* (N, 3) looked at from each of *centres* (T, 3)."""
    rng = np.random.default_rng(0)
    landmarks = Landmarks(0.5, 2.0)
    for centre in centres:
        rays = points - centre
        rays = rays + rng.normal(0, noise_px / FOCAL, rays.shape) * rays[:, 2:]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        landmarks.observe(centre, rays, np.full(len(points), guess), FOCAL)
    return landmarks


POINTS = np.random.default_rng(3).uniform([-1, -1, 2], [1, 1, 5], (50, 3))
SIDEWAYS = np.linspace([0, 0, 0], [0.5, 0, 0], 10)


def test_exact_rays_give_the_exact_point_from_a_wrong_first_guess():
    """The first guess only says that the point is on its ray."""
    landmarks = seen_from(POINTS, SIDEWAYS, guess=3.0)

    assert np.median(np.abs(landmarks.points - POINTS)) < 0.01


def test_the_stated_deviation_is_that_of_the_error():
    """Points whose depth is said to be known to 3 % are off by about that."""
    landmarks = seen_from(POINTS, SIDEWAYS, noise_px=0.5, guess=3.0)
    centre = SIDEWAYS[-1]
    off = np.log(np.linalg.norm(landmarks.points - centre, axis=1)
                 / np.linalg.norm(POINTS - centre, axis=1))

    assert 0.15 < np.std(off / landmarks.sigma(centre, FOCAL)) < 1.2


def test_without_parallax_the_depth_stays_unknown():
    """A camera that only turns, or stands, fixes nothing."""
    landmarks = seen_from(POINTS, np.zeros((10, 3)), noise_px=0.3)

    assert (landmarks.sigma(np.zeros(3), FOCAL) > 0.25).all()


def test_a_point_that_moves_begins_anew():
    """Rays that pass their landmark twice in a row are of something else."""
    landmarks = seen_from(POINTS, SIDEWAYS)
    moved = POINTS + [0.5, 0.5, 0]
    for _ in range(2):
        rays = moved - SIDEWAYS[-1]
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        landmarks.observe(SIDEWAYS[-1], rays, np.ones(len(POINTS)), FOCAL)

    assert (landmarks.seen == 1).all()


def test_landmarks_of_another_scale_are_seen_from_places_of_that_scale():
    """What was seen before counts there as it did here."""
    landmarks = seen_from(POINTS, SIDEWAYS)
    before, centre = landmarks.points, np.array([0.3, 0.2, 0.1])
    landmarks.rescale(2.0, centre)
    expected = centre + 2 * (before - centre)
    np.testing.assert_allclose(landmarks.points, expected)
    place = centre + 2 * (SIDEWAYS[-1] - centre)
    rays = expected - place
    landmarks.observe(place, rays / np.linalg.norm(rays, axis=1, keepdims=True), np.ones(50),
                      FOCAL)

    np.testing.assert_allclose(landmarks.points, expected, atol=0.02)


def test_pose_is_refined_to_where_the_points_are_seen():
    """Outliers do not turn it."""
    camera = Camera(320, 240, 250, 250, 160, 120)
    truth = motion(np.array([0.02, -0.03, 0.01, 0.05, 0.02, -0.04]))
    pixels = camera.project((POINTS - truth[:3, 3]) @ truth[:3, :3])
    pixels[:5] += 30

    found = refine_pose(np.eye(4), POINTS, pixels, np.ones(50), camera, 1.0, 1.0)

    off = inverse(truth) @ found.pose
    assert np.linalg.norm(rotation_vector(off[:3, :3])) < 6e-3
    assert np.linalg.norm(off[:3, 3]) < 3e-2
    assert found.inliers[5:].all() and not found.inliers[:5].any()


def texture(seed: int = 0) -> np.ndarray:
    """Return (120, 160) uint8 of blurred noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (120, 160)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def test_corners_follow_the_image():
    """An image shifted by (3, -2) pixels shifts its corners."""
    tracker = Tracker(AnchorConfig())
    first = tracker.advance(texture())
    shifted = cv2.warpAffine(texture(), np.float32([[1, 0, 3], [0, 1, -2]]), (160, 120),
                             borderMode=cv2.BORDER_REFLECT)
    second = tracker.advance(shifted)

    moved = second.points[:len(second.kept)] - first.points[second.kept]
    assert len(second.kept) > 0.7 * len(first.points) > 20
    assert (np.abs(moved - [3, -2]) < 0.2).all(axis=1).mean() > 0.95


def test_corners_do_not_follow_into_another_image():
    """What is not found again when tracked back is given up."""
    tracker = Tracker(AnchorConfig())
    first = tracker.advance(texture())
    second = tracker.advance(texture(1))

    assert len(second.kept) < 0.2 * len(first.points)


@pytest.mark.parametrize('wrong', [
    {'tracks': 3}, {'max_sigma': 0.0}, {'min_depth': 9.0}, {'memory_s': float('nan')},
    {'camera_height_m': -1.0}, {'min_share': 2.0}])
def test_settings_that_cannot_be_used_are_refused(wrong):
    """The error names the setting."""
    with pytest.raises(ConfigError, match=next(iter(wrong)).split('_')[0]):
        AnchorConfig(**wrong)
