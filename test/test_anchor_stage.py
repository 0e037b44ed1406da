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
"""Tests of the anchor stage: scale, local field, and both in a rendered walk."""

from _anchoring import errors, fake_network, walk, WRONG_SCALE
from lstm_depth.anchor import AnchorConfig, AnchorStage, source_names
from lstm_depth.anchor.field import LocalField
from lstm_depth.anchor.memory import DepthMemory
from lstm_depth.anchor.motion import motion
from lstm_depth.anchor.scale import measure_scale, ScaleFilter, ScaleMeasurement
from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera
import numpy as np
import pytest


def test_scale_follows_what_most_points_say():
    """A fifth of wild points does not move it."""
    config = AnchorConfig()
    ratio = np.full(100, 0.2)
    ratio[:20] = 2.0
    measured = measure_scale(ratio, np.full(100, 0.05), config, 8)
    scale = ScaleFilter(config)
    for _ in range(10):
        scale.predict(0.1)
        assert scale.update(measured)

    assert scale.log_scale == pytest.approx(0.2, abs=0.02)
    assert scale.sigma < 0.1


def test_too_few_points_are_no_measurement():
    """Three points tell nothing."""
    assert measure_scale(np.zeros(3), np.ones(3), AnchorConfig(), 8) is None


def test_a_jump_of_the_scale_is_believed_when_it_stays():
    """One wild frame is left out, a lasting change is taken."""
    scale = ScaleFilter(AnchorConfig())
    for _ in range(20):
        scale.predict(0.1)
        scale.update(ScaleMeasurement(0.1, 0.05, 100))
    jump = ScaleMeasurement(1.0, 0.05, 100)

    assert not scale.update(jump)
    assert scale.log_scale == pytest.approx(0.1, abs=0.02)
    assert any(scale.update(jump) for _ in filter(lambda _: scale.predict(0.1) is None, range(20)))


def test_without_evidence_the_scale_returns_to_the_networks_own():
    """Slowly, and with a deviation that grows."""
    scale = ScaleFilter(AnchorConfig(release_s=5.0))
    scale.update(ScaleMeasurement(0.3, 0.01, 100))
    held, sure = scale.log_scale, scale.sigma
    for _ in range(50):
        scale.predict(0.1)

    assert scale.log_scale == pytest.approx(held * np.exp(-1), rel=1e-6)
    assert scale.sigma > sure


def field_of(points, depths, residuals, at):
    """Return field and evidence of equally sure points over a (120, 160) image."""
    field = LocalField(AnchorConfig(), (120, 160))
    grid = np.full(field.shape, np.log(at))
    return field, field.fit(np.array(points, float), np.log(depths), np.array(residuals, float),
                            np.full(len(points), 400.0), grid)


def test_field_says_what_the_points_say_near_them_and_nothing_far_off():
    """Forty pixels is near, a hundred and fifty is far."""
    field, (correction, evidence) = field_of([[20, 20]] * 2, [2.0] * 2, [0.3] * 2, 2.0)
    near = np.linalg.norm(field.places - [20, 20], axis=1).reshape(field.shape)

    assert correction[near < 15] == pytest.approx(0.3, abs=0.05)
    assert np.abs(correction[near > 145]).max() < 0.03
    assert evidence[near < 15].min() > 0.85 > 0.1 > evidence[near > 145].max()


def test_field_stops_at_a_depth_edge():
    """A point on the wall does not correct what stands before it."""
    _, (correction, _) = field_of([[80, 60]] * 20, [4.0] * 20, [0.3] * 20, 1.5)

    assert np.abs(correction).max() < 0.01


def test_field_is_the_kernel_regression_it_stands_for():
    """The grid of cells gives what the sum over all points gives."""
    rng = np.random.default_rng(0)
    config = AnchorConfig()
    points, residual = rng.uniform(0, [160, 120], (60, 2)), rng.normal(0, 0.2, 60)
    field, (found, _) = field_of(points, np.full(60, 2.0), residual, 2.0)
    away = np.linalg.norm(field.places[:, None] - points, axis=2) / config.field_px
    weight = 400.0 * np.exp(-away ** 2 / 2)
    exact = (weight @ residual) / (weight.sum(axis=1) + config.network_sigma ** -2)

    assert np.corrcoef(found.reshape(-1), exact)[0, 1] > 0.95
    assert np.abs(found.reshape(-1) - exact).max() < 0.08


def test_a_walk_with_odometry_takes_most_of_the_error_away():
    """A network 30 % too far is right once the camera has moved."""
    frames, stage, depths, alone = walk(), AnchorStage('odometry'), [], []
    for index, frame in enumerate(frames):
        depth = fake_network(frame, index)
        result = stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s, frame.pose)
        depths.append(result.depth)
        alone.append(depth)
    half = len(frames) // 2
    before, after = errors(alone, frames)[half:].mean(), errors(depths, frames)[half:].mean()

    assert after < 0.5 * before
    assert result.scale == pytest.approx(1 / WRONG_SCALE, rel=0.12)
    assert len(result.anchors) > 50
    assert result.note == ''


def test_without_calibration_depth_stays_as_it_is_and_says_why():
    """Nothing can be triangulated without K."""
    frame = walk()[0]
    depth = fake_network(frame, 0)
    result = AnchorStage('odometry').apply(frame.rgb, depth, None, 0.0, frame.pose)

    np.testing.assert_array_equal(result.depth, depth)
    assert 'calibrated' in result.note


def test_an_unknown_source_is_refused_with_the_nearest_name():
    """The error says what there is."""
    assert 'odometry' in source_names()
    with pytest.raises(ConfigError, match='odometry'):
        AnchorStage('odometri')


def anchored_errors(scale_of):
    """Return the errors of a walk, alone and anchored, of a network with a scale by frame."""
    frames, stage = walk(), AnchorStage('odometry')
    alone = [fake_network(frame, index, scale_of(index)) for index, frame in enumerate(frames)]
    anchored = [stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s, frame.pose).depth
                for frame, depth in zip(frames, alone)]
    return errors(alone, frames), errors(anchored, frames)


def test_a_network_that_changes_its_scale_is_followed_at_once():
    """Depth of the last frame tells the jump before any point does."""
    _, anchored = anchored_errors(lambda index: 1.3 if index < 55 else 0.9)

    assert anchored[55:60].mean() < 1.3 * anchored[45:55].mean()


@pytest.mark.parametrize('scale', [2.2, 0.45])
def test_a_network_that_is_very_wrong_is_put_right_within_two_seconds(scale):
    """However far the points are from what it says, they agree with each other."""
    alone, anchored = anchored_errors(lambda index: scale)

    assert anchored[30:].mean() < 0.3 * alone[30:].mean()


def test_depth_of_before_is_seen_where_the_camera_has_gone():
    """A place two metres ahead is one and a half after half a metre, and fades."""
    memory, camera = DepthMemory(2.0), Camera(320, 240, 250, 250, 160, 120)
    memory.remember(np.array([[0.0, 0.0, 1.0], [0.1, 0.0, 1.0], [0.0, 0.0, 1.0]]),
                    np.array([2.0, 2.0, np.nan]), np.full(3, 100.0))
    carried = memory.carry(motion(np.array([0, 0, 0, 0, 0, 0.5])), 2.0, camera)

    np.testing.assert_allclose(carried.depth, [1.5, 1.5])
    np.testing.assert_allclose(carried.pixels, [[160, 120], [160 + 250 * 0.2 / 1.5, 120]])
    np.testing.assert_allclose(carried.information, 100 * np.exp(-1))


def test_nothing_is_remembered_where_the_motion_is_not_known():
    """Depth of before could be anywhere."""
    memory, camera = DepthMemory(2.0), Camera(320, 240, 250, 250, 160, 120)
    memory.remember(np.array([[0.0, 0.0, 1.0]]), np.array([2.0]), np.array([100.0]))

    assert len(memory.carry(None, 0.1, camera).depth) == 0
    assert len(memory.carry(np.eye(4), 0.1, camera).depth) == 0
