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
"""Tests of depth anchored by points of another sensor."""

from types import SimpleNamespace

from _anchoring import (
    errors,
    fake_network,
    LASER_TO_CAMERA,
    scan_fields,
    walk,
    write_walk,
    WRONG_SCALE,
)
from _recordings import tiny_checkpoint
from lstm_depth.anchor import AnchorConfig, AnchorStage
from lstm_depth.anchor.source import create_source, View
from lstm_depth.cli import main
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.points import RecordedPoints
from lstm_depth.media.poses import open_poses
from lstm_depth.msgs.points import points_of
import numpy as np
import pytest

CAMERA = Camera(160, 120, 150, 150, 80, 60)


def scanned(frame):
    """Return the points of a scan in the camera's frame."""
    points = points_of(SimpleNamespace(**scan_fields(frame)))
    return points @ LASER_TO_CAMERA[:3, :3].T


def seen(points, depth):
    """Return the anchors that a constant *depth* leaves of *points*."""
    image = np.full((120, 160), depth, np.float32) if np.isscalar(depth) else depth
    view = View(np.zeros((120, 160), np.uint8), image, CAMERA, 0.0,
                points=np.array(points, float))
    return create_source('points', AnchorConfig()).observe(view, 1.0)


def test_a_walk_with_a_laser_scan_takes_most_of_the_error_away():
    """One row of the image tells the scale of all."""
    frames, stage, depths, alone = walk(), AnchorStage('points'), [], []
    for index, frame in enumerate(frames):
        depth = fake_network(frame, index)
        result = stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s,
                             points=scanned(frame))
        depths.append(result.depth)
        alone.append(depth)

    assert errors(depths, frames).mean() < 0.55 * errors(alone, frames).mean()
    assert result.scale == pytest.approx(1 / WRONG_SCALE, rel=0.12)
    assert len(result.anchors) > 50 and result.note == ''


def test_without_points_in_view_depth_stays_as_it_is_and_says_why():
    """Behind the camera, beside the image, or none at all."""
    assert seen([[0, 0, -2.0]], 2.0).note == seen([[9.0, 0, 1.0]], 2.0).note != ''
    assert len(seen([[9.0, 0, 1.0]], 2.0).depth) == 0
    assert seen(np.empty((0, 3)), 2.0).note == 'no points'


def test_points_behind_what_the_camera_sees_are_left_out():
    """The laser on the roof sees over the chair that stands before the camera."""
    image = np.full((120, 160), 4.0, np.float32)
    image[50:70, 70:90] = 1.5
    points = [[x, 0, 4.4] for x in np.linspace(-1.8, 1.8, 21)]
    found = seen(points, image)

    hit = image[60, np.rint(found.pixels[:, 0]).astype(int)]
    assert 15 < len(found.depth) < 21
    assert (hit == 4.0).all()


def test_a_wide_beam_has_measured_the_nearest_thing_in_it():
    """It says nothing of the wall on its axis when a post stands beside it."""
    image = np.full((120, 160), 4.0, np.float32)
    image[:, 100:112] = 2.0
    found = seen([[0, 0, 1.6, 0.25]], image)

    column, _ = found.pixels[0]
    assert 99 <= column <= 112
    assert found.depth[0] == pytest.approx(1.6, rel=0.05)
    narrow = seen([[0, 0, 1.6, 0.0]], image)
    np.testing.assert_allclose(narrow.pixels, [[80, 60]], atol=1e-6)


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    """Return a bag of a walk with a laser scan of every frame."""
    return write_walk(tmp_path_factory.mktemp('scanned') / 'bag', walk()[:20])


def test_points_of_a_bag_are_those_in_view_of_each_image(recording):
    """Also when the frames are asked for a second time."""
    points = RecordedPoints(recording, '/scan', open_poses(recording))
    for _ in range(2):
        for frame in walk()[:20]:
            np.testing.assert_allclose(points.at(frame), scanned(frame), atol=1e-5)
    assert points.why == ''
    with pytest.raises(DataError, match='/scan'):
        RecordedPoints(recording, '/camera/image', None)
    apart = RecordedPoints(recording, '/scan', None)
    assert apart.at(walk()[0]) is None and 'no transform' in apart.why


def test_commands_anchor_by_a_topic_of_points(recording, tmp_path, capsys):
    """What has no topic of points says which argument is missing."""
    checkpoint = str(tiny_checkpoint(tmp_path / 'tiny.safetensors'))
    main(['replay', str(recording), '--checkpoint', checkpoint, '--anchor', 'points',
          '--points-topic', '/scan'])
    assert 'points of /scan: ' in capsys.readouterr().out
    assert main(['replay', str(recording), '--checkpoint', checkpoint, '--anchor', 'points']) == 2
    assert '--points-topic' in capsys.readouterr().err
