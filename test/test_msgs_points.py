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
"""Tests of metric points from messages: what they say, and where that is from the camera."""

from types import SimpleNamespace

from lstm_depth.errors import MessageError
from lstm_depth.msgs.points import points_of, SparsePoints
from lstm_depth.msgs.transforms import Transforms
import numpy as np
import pytest

SECOND = 10**9


def header(frame_id='laser', stamp_ns=0):
    """Return a header."""
    sec, nanosec = divmod(stamp_ns, SECOND)
    return SimpleNamespace(frame_id=frame_id, stamp=SimpleNamespace(sec=sec, nanosec=nanosec))


def scan(*ranges, stamp_ns=0, frame_id='laser'):
    """Return a LaserScan from straight to the right over the front to the left."""
    return SimpleNamespace(
        header=header(frame_id, stamp_ns), ranges=np.array(ranges, np.float32), range_min=0.1,
        range_max=10.0, angle_min=-np.pi / 2, angle_increment=np.pi / max(len(ranges) - 1, 1))


def cloud(points, *, step=24, offset=4, kind='<f4', **fields):
    """Return a PointCloud2 of (height, width, 3) points with room around the coordinates."""
    height, width = points.shape[:2]
    dtype = np.dtype({'names': list('xyz'), 'formats': [kind] * 3,
                      'offsets': [offset + index * int(kind[2]) for index in range(3)],
                      'itemsize': step})
    values = np.zeros((height, width), dtype)
    for index, name in enumerate('xyz'):
        values[name] = points[..., index]
    made = {'header': header(), 'height': height, 'width': width, 'point_step': step,
            'row_step': step * width, 'is_bigendian': kind[0] == '>', 'is_dense': False,
            'data': values.tobytes(),
            'fields': [SimpleNamespace(name=name, offset=dtype.fields[name][1],
                                       datatype={'4': 7, '8': 8}[kind[2]], count=1)
                       for name in 'xyz']}
    return SimpleNamespace(**{**made, **fields})


def test_a_scan_is_counted_from_the_right_and_only_where_it_hit_something():
    """Infinity, NaN and what is nearer than it can measure are no points (REP-117)."""
    found = points_of(scan(1.0, np.inf, 2.0, np.nan, 0.05))

    np.testing.assert_allclose(found, [[0, -1, 0], [2, 0, 0]], atol=1e-6)


@pytest.mark.parametrize('kind', ['<f4', '>f4', '<f8'])
def test_a_cloud_is_read_wherever_its_coordinates_are(kind):
    """Of either byte order, as float32 or float64, and without the points that are none."""
    points = np.random.default_rng(0).normal(size=(3, 5, 3)).astype(np.float32)
    points[1, 2, 1] = np.nan
    found = points_of(cloud(points, kind=kind, step=32))

    np.testing.assert_allclose(found, np.delete(points.reshape(-1, 3), 7, axis=0))


def test_of_a_large_cloud_some_points_are_taken_evenly():
    """A hundred thousand points say no more of the scale than ten thousand."""
    points = np.zeros((1, 100_000, 3), np.float32)
    points[0, :, 0] = np.arange(100_000)
    found = points_of(cloud(points))

    assert 5_000 <= len(found) <= 10_000
    assert np.ptp(np.diff(found[:, 0])) == 0 and found[-1, 0] > 99_000


@pytest.mark.parametrize('wrong', [
    {'row_step': 7}, {'data': b'123'}, {'fields': []}, {'point_step': 10}])
def test_a_cloud_that_contradicts_itself_is_refused(wrong):
    """It would be read beyond its end."""
    with pytest.raises(MessageError):
        points_of(cloud(np.zeros((2, 2, 3)), **wrong))


def test_a_range_finder_tells_the_end_of_its_beam_and_how_wide_it_is():
    """Beyond what it can measure it tells nothing."""
    message = SimpleNamespace(header=header(), range=1.5, min_range=0.1, max_range=4.0,
                              field_of_view=0.4)
    np.testing.assert_allclose(points_of(message), [[1.5, 0, 0, 0.2]])
    message.range = np.inf
    assert len(points_of(message)) == 0


def robot() -> Transforms:
    """Return a robot that drives one metre a second, with a laser 0.2 m ahead of its camera."""
    transforms = Transforms()
    mount = np.array([[0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]], float).T
    transforms._static['camera'] = ('base', mount)
    transforms._static['laser'] = ('base', np.array(
        [[1, 0, 0, 0.2], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]))
    for index in range(3):
        pose = np.eye(4)
        pose[0, 3] = index
        transforms.put('base', 'odom', index * SECOND, pose)
    return transforms


@pytest.mark.parametrize('world, z', [('odom', 1.95), ('', 2.2)])
def test_points_are_where_the_robot_has_come_meanwhile(world, z):
    """A wall 2.2 m before the camera is 1.95 m away a quarter of a second later."""
    points = SparsePoints('/scan')
    points.add(scan(1.0, 2.0, 1.0, stamp_ns=SECOND))
    found, why = points.at(robot(), 'camera', world, SECOND + SECOND // 4)

    assert why == ''
    np.testing.assert_allclose(found[1], [0, 0, z], atol=1e-6)


def test_what_is_missing_is_said():
    """No message, an old one, a later one, no transform: each has its words."""
    points = SparsePoints('/scan')
    assert points.at(robot(), 'camera', '', 0)[1] == 'no message on /scan'
    points.add(scan(1.0, stamp_ns=2 * SECOND))
    assert 'later than the image' in points.at(robot(), 'camera', '', SECOND)[1]
    assert '3.0 s older' in points.at(robot(), 'camera', '', 5 * SECOND)[1]
    found, why = points.at(robot(), 'eye', '', 2 * SECOND)
    assert found is None and 'no transform' in why and 'above laser is base' in why


def test_sensors_on_one_topic_are_told_apart_by_their_frames():
    """Eight sonars often share a topic."""
    points, transforms = SparsePoints('/sonar'), robot()
    points.add(scan(2.0, stamp_ns=SECOND))
    points.add(SimpleNamespace(header=header('camera', SECOND), range=1.0, min_range=0.1,
                               max_range=4.0, field_of_view=0.4))
    found, _ = points.at(transforms, 'camera', 'odom', SECOND)

    assert found.shape == (2, 4)
    assert sorted(found[:, 3]) == [0, 0.2]
    # A stamp that went back is a bag that was started again.
    points.add(scan(2.0, stamp_ns=0))
    assert len(points.at(transforms, 'camera', '', SECOND // 10)[0]) == 1
