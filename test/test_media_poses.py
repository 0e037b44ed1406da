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
"""Tests of where the camera was: transforms over time, odometry and trajectory files."""

from types import SimpleNamespace

from _anchoring import walk
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagWriter
from lstm_depth.media.poses import open_poses, Poses
from lstm_depth.msgs.transforms import interpolated, Transforms
import numpy as np
import pytest

SECOND = 10**9
STEP = 66_666_667


def turned(angle: float, *place: float) -> np.ndarray:
    """Return a pose that is turned about z."""
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    pose[:3, 3] = place
    return pose


def moving() -> Transforms:
    """Return a robot that drives and turns for a second, with a camera on it."""
    transforms = Transforms()
    for index in range(11):
        transforms.put('base', 'odom', index * SECOND // 10, turned(0.1 * index, index, 0, 0))
    transforms.put('odom', 'map', 0, turned(1.0, 5, 5, 0))
    transforms._static['lens'] = ('base', turned(0.0, 0, 0, 2))
    return transforms


def frame_at(stamp_ns: int, frame_id: str = 'lens') -> CameraFrame:
    """Return a black frame."""
    return CameraFrame(np.zeros((2, 2, 3), np.uint8), stamp_ns, frame_id)


def test_between_two_stamps_the_pose_is_interpolated():
    """Turned along the shortest way, moved on a straight line."""
    found = moving().between('lens', 'odom', SECOND // 20)

    np.testing.assert_allclose(found, turned(0.05, 0.5, 0, 2), atol=1e-12)


def test_no_pose_beyond_the_ends_and_in_a_long_pause():
    """A pose is never carried on; the reason says by how much it is missing."""
    transforms = moving()
    transforms.put('base', 'odom', 5 * SECOND, turned(0.0, 0, 0, 0))

    assert transforms.between('lens', 'odom', 2 * SECOND) is None
    assert 'pauses' in transforms.missing('lens', 'odom', 2 * SECOND)
    assert transforms.between('lens', 'odom', -1) is None
    assert transforms.between('lens', 'odom', 6 * SECOND) is None
    assert '1.000 s before the image' in transforms.missing('lens', 'odom', 6 * SECOND)
    assert 'no transform' in transforms.missing('lens', 'kitchen', 0)


def test_odometry_is_a_transform_of_its_child():
    """A nav_msgs/Odometry and a static transform are enough."""
    message = SimpleNamespace(
        header=SimpleNamespace(frame_id='odom', stamp=SimpleNamespace(sec=1, nanosec=0)),
        child_frame_id='base', pose=SimpleNamespace(pose=SimpleNamespace(
            position=SimpleNamespace(x=1, y=2, z=3),
            orientation=SimpleNamespace(x=0, y=0, z=0, w=1))))
    transforms = Transforms()
    transforms.add_odometry(message)

    np.testing.assert_allclose(transforms.between('base', 'odom', SECOND)[:3, 3], [1, 2, 3])


def test_old_transforms_are_forgotten():
    """A node runs for days."""
    transforms = Transforms(keep_s=1.0)
    for index in range(1000):
        transforms.put('base', 'odom', index * SECOND // 10, np.eye(4))

    assert len(transforms._moving['base'][1].stamps) <= 21
    assert transforms.between('base', 'odom', 999 * SECOND // 10) is not None


def test_odom_is_preferred_to_map():
    """Poses in odom never jump; a named frame is used as named."""
    transforms = moving()

    np.testing.assert_allclose(Poses(transforms, '').at(frame_at(0))[:3, 3], [0, 0, 2])
    found = Poses(transforms, '', world='map').at(frame_at(0))
    np.testing.assert_allclose(found[:3, 3], [5, 5, 2])


def test_halfway_is_halfway():
    """Rotation and translation alike."""
    found = interpolated(turned(0.2, 1, 1, 1), turned(0.6, 3, 1, 1), 0.5)

    np.testing.assert_allclose(found, turned(0.4, 2, 1, 1), atol=1e-12)


def test_poses_of_a_bag_are_those_of_its_transforms(tmp_path):
    """What a sample writes as /tf comes back as it was."""
    frames = walk()[:3]
    with BagWriter(tmp_path / 'bag') as bag:
        for frame in frames:
            bag.write_image('/image', frame.rgb, 'rgb8', frame.stamp_ns, frame.frame_id)
            bag.write_transform('/tf', frame.pose, frame.stamp_ns, 'odom', frame.frame_id)
    poses = open_poses(tmp_path / 'bag')

    for frame in frames:
        np.testing.assert_allclose(poses.at(frame), frame.pose, atol=1e-9)
    assert poses.at(frame_at(0)) is None


def test_a_bag_without_transforms_has_no_poses(tmp_path):
    """And neither has a video."""
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_camera_info('/info', Camera(4, 4, 1, 1, 1, 1), 0, 'lens')

    assert open_poses(tmp_path / 'bag') is None
    assert open_poses('video.mp4') is None
    with pytest.raises(DataError, match='/odom'):
        open_poses(tmp_path / 'bag', odometry_topic='/odom')


def test_a_trajectory_file_gives_poses_to_the_nanosecond(tmp_path):
    """Stamps of today do not fit into a float."""
    path = tmp_path / 'tum.txt'
    path.write_text('# stamp tx ty tz qx qy qz qw\n'
                    '1700000000.000000001 1 2 3 0 0 0 1\n'
                    '1700000000.100000001 2 2 3 0 0 0 2\n')
    poses = open_poses('anything', trajectory=path)

    assert poses.at(frame_at(1_700_000_000_000_000_000)) is None
    found = poses.at(frame_at(1_700_000_000_050_000_001, 'whatever'))
    np.testing.assert_allclose(found[:3, 3], [1.5, 2, 3])


@pytest.mark.parametrize('text', ['', 'a b c', '1 2 3\n', '1 0 0 0 0 0 0 0\n',
                                  '1 0 0 nan 0 0 0 1\n'])
def test_a_file_that_is_no_trajectory_is_refused_by_name(tmp_path, text):
    """The error names it."""
    path = tmp_path / 'wrong.txt'
    path.write_text(text)
    with pytest.raises(DataError, match=r'wrong\.txt'):
        open_poses('anything', trajectory=path)
