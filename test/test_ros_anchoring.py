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
"""Tests of anchored depth in the node: poses over DDS, and what it says of them."""

from functools import partial
from types import SimpleNamespace

from _anchoring import scan_fields, walk, write_walk
import _have_ros  # noqa: F401
from _ros import checkpoint_fixture, rig_fixture  # noqa: F401
from _ros import pixels, TransformPlayer, wait_for
from lstm_depth import load_model
from lstm_depth.errors import ConfigError
from lstm_depth.evaluation.anchoring import Anchoring
from lstm_depth.media.points import RecordedPoints
from lstm_depth.media.poses import open_poses
from lstm_depth.media.sources import open_source
from lstm_depth.ros.anchor_doctor import node_checks, said_checks
from lstm_depth.ros.anchoring import CameraAnchor, MotionInput
from lstm_depth.ros.conversion import byte_array
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.stream import DepthStream
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image, LaserScan
from std_msgs.msg import Header


FRAMES = walk()[:66]


def header(frame, frame_id: str) -> Header:
    """Return the header of a frame."""
    result = Header(frame_id=frame_id)
    result.stamp.sec, result.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
    return result


def odometry(frame) -> Odometry:
    """Return the pose of a frame's camera in odom."""
    message = Odometry(header=header(frame, 'odom'), child_frame_id=frame.frame_id)
    turn, place = frame.pose[:3, :3], frame.pose[:3, 3]
    w = np.sqrt(max(1 + np.trace(turn), 1e-12)) / 2
    if w < 0.1:
        values, vectors = np.linalg.eigh(quaternion_matrix(turn))
        x, y, z, w = vectors[:, np.argmax(values)]
    else:
        x, y, z = ((turn[2, 1] - turn[1, 2]) / (4 * w), (turn[0, 2] - turn[2, 0]) / (4 * w),
                   (turn[1, 0] - turn[0, 1]) / (4 * w))
    pose = message.pose.pose
    pose.position.x, pose.position.y, pose.position.z = place.tolist()
    (pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w) = (
        float(x), float(y), float(z), float(w))
    return message


def quaternion_matrix(turn: np.ndarray) -> np.ndarray:
    """Return the (4, 4) whose first eigenvector is the quaternion x y z w (Bar-Itzhack 2000)."""
    (a, b, c), (d, e, f), (g, h, i) = turn
    return np.array([[a - e - i, b + d, c + g, h - f], [b + d, e - a - i, f + h, c - g],
                     [c + g, f + h, i - a - e, d - b], [h - f, c - g, d - b, a + e + i]]) / 3


def color(frame) -> Image:
    """Return the image of a frame."""
    height, width = frame.rgb.shape[:2]
    return Image(header=header(frame, frame.frame_id), height=height, width=width, encoding='rgb8',
                 step=3 * width, data=byte_array(frame.rgb.reshape(-1)))


def info(frame) -> CameraInfo:
    """Return the camera_info of a frame."""
    camera = frame.camera
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(frame, frame.frame_id), width=camera.width, height=camera.height,
        distortion_model='plumb_bob', d=[0.0] * 5, k=k,
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0])


def test_poses_come_from_odometry_too(rig, checkpoint):
    """Where there is no /tf; they are those of the image's stamp, and confidence comes along."""
    node = rig.active_node(checkpoint, anchor='auto', anchor_wait_s=1.0)
    poses = rig.driver.create_publisher(Odometry, 'odom', 100)
    rig.driver.create_subscription(Image, '/depth_node/depth/confidence',
                                   rig.received.setdefault('confidence', []).append, 200)
    wait_for(lambda: node.cameras[0].outputs.wanted('depth/confidence'), what='for a match')
    wait_for(poses.get_subscription_count, what='for the node to hear odometry')
    for index, frame in enumerate(walk()[:3]):
        rig.show(color(frame), info(frame))
        poses.publish(odometry(frame))
        message = rig.answered(index + 1)[-1]
        pose, why = node._motion.pose(header(frame, frame.frame_id), '', 0.0)
        assert why == ''
        np.testing.assert_allclose(pose, frame.pose, atol=1e-9)

    confidence = rig.answered(3, 'confidence')[-1]
    shares = np.frombuffer(confidence.data, np.float32)
    assert (confidence.width, confidence.height) == (message.width, message.height)
    assert 0 < shares.min() <= shares.max() <= 1
    assert node.cameras[0].processor.anchor.facts['anchor'] == 'odometry'


@pytest.fixture(name='recording', scope='module')
def recording_fixture(tmp_path_factory):
    """Return a bag of a walk with /tf, /tf_static and a laser scan."""
    return write_walk(tmp_path_factory.mktemp('walked') / 'bag', FRAMES)


@pytest.mark.parametrize('source', ['odometry', 'points'])
def test_depth_with_the_tf_of_a_played_bag_is_that_of_the_commands(
        rig, checkpoint, recording, source):
    """Transforms and scans over DDS anchor as those that are read from the bag."""
    node = rig.active_node(checkpoint, anchor='auto', anchor_wait_s=1.0,
                           points_type='laser_scan' if source == 'points' else '')
    player = TransformPlayer(rig.driver, recording)
    scans = rig.driver.create_publisher(LaserScan, 'points', 10)
    wait_for(lambda: player.heard() and (scans.get_subscription_count() or source != 'points'),
             what='for the node to hear /tf and scans')
    poses = open_poses(recording)
    anchoring = Anchoring(source, poses=poses, points=RecordedPoints(
        recording, '/scan', poses) if source == 'points' else None)
    stream = DepthStream(load_model(str(checkpoint), backend='torch'),
                         **anchoring.stream_arguments)
    with open_source(recording, image_topic='/camera/image') as frames:
        # The network is off by a factor of 2.4, which is believed when it has stayed for 1.2 s.
        for index, frame in zip(range(66 if source == 'odometry' else 24), frames):
            scans.publish(LaserScan(header=header(frame, 'laser'), **scan_fields(FRAMES[index])))
            player.play_until(frame.stamp_ns)
            wait_for(partial(told, node, frame, source), what='for transforms and scan')
            rig.show(color(frame), info(frame))
            message = rig.answered(index + 1)[-1]
            expected = stream.push(frame.rgb, frame.stamp_s, camera=frame.camera,
                                   **anchoring.push_arguments(frame))
            np.testing.assert_allclose(pixels(message), expected.depth, rtol=1e-6)

    facts = node.cameras[0].processor.anchor.facts
    assert facts['anchor'] == source
    assert facts['anchor points'] == len(expected.anchors) > 10


def told(node, frame, source) -> bool:
    """Return whether a node knows what there is to know of a frame."""
    seen = header(frame, 'camera_optical_frame')
    if node._motion.pose(seen, '', 0.0)[0] is None:
        return False
    # The scan of the frame before is good enough for the node, but not for a comparison.
    kept = node._motion._points and node._motion._points._kept.get('laser')
    return source != 'points' or bool(kept and kept[-1][0] == frame.stamp_ns)


def test_without_points_diagnostics_say_what_is_missing(rig, checkpoint):
    """The topic is named."""
    frame = walk()[0]
    node = rig.active_node(checkpoint, anchor='points', points_type='range', anchor_wait_s=0.0)
    rig.show(color(frame), info(frame))
    rig.answered(1)

    facts = node.cameras[0].processor.anchor.facts
    assert facts['not anchored'] == 'no message on /points'


def test_the_doctor_hears_what_a_running_node_says(rig, checkpoint, monkeypatch):
    """Which source it is, and why it does not anchor."""
    frame = walk()[0]
    rig.active_node(checkpoint, anchor='odometry', anchor_wait_s=0.0)
    rig.show(color(frame), info(frame))
    rig.answered(1)
    monkeypatch.setenv('ROS_DOMAIN_ID', str(rig.domain))
    anchor, offset = node_checks(0.2)

    assert anchor.ok is False and '/depth_node: depth: odometry' in anchor.text
    assert 'no transform' in anchor.advice
    assert offset.ok is None


def test_without_poses_depth_comes_as_it_is_and_diagnostics_say_why(rig, checkpoint):
    """No transform is no reason to be silent."""
    frame = walk()[0]
    node = rig.active_node(checkpoint, anchor='odometry', anchor_wait_s=0.0)
    rig.show(color(frame), info(frame))
    rig.answered(1)

    assert 'no transform' in node.cameras[0].processor.anchor.facts['not anchored']


def test_auto_takes_points_or_poses_where_there_are_any_and_else_what_needs_none(monkeypatch):
    """It looks for three seconds, and goes on with poses where no more points come."""
    now, there = [100.0], {'pose': None, 'points': None}
    monkeypatch.setattr('lstm_depth.ros.anchoring.time', SimpleNamespace(monotonic=lambda: now[0]))
    motion = SimpleNamespace(pose=lambda *arguments: (there['pose'], 'no transform'),
                             points=lambda *arguments: (there['points'], 'no message'),
                             moves=lambda frame: there.get('moves', True))
    anchor = CameraAnchor(motion, DepthSettings(anchor='auto', points_type='range'))

    def source(**found):
        there.update(found)
        anchor.known(Header())
        now[0] += 2
        return anchor.source

    assert source() == source() == ''
    assert source() == 'visual'
    # A camera that is only mounted somewhere has no odometry.
    assert source(pose=np.eye(4), moves=False) == 'visual'
    assert source(moves=True) == 'odometry'
    assert source(points=np.zeros((1, 3))) == 'points'
    assert source(points=None) == 'points'
    assert source() == 'odometry'


def test_transforms_are_taken_from_tf_messages(rig):
    """A static transform to the camera and a moving one to the robot are chained."""
    motion = MotionInput(rig.driver)
    one = SimpleNamespace(x=0.0, y=0.0, z=0.0, w=1.0)

    def item(parent, child, x, sec):
        stamp = SimpleNamespace(sec=sec, nanosec=0)
        place = SimpleNamespace(x=x, y=0.0, z=0.0)
        return SimpleNamespace(transforms=[SimpleNamespace(
            header=SimpleNamespace(frame_id=parent, stamp=stamp), child_frame_id=child,
            transform=SimpleNamespace(rotation=one, translation=place))])

    motion._on_transforms(item('base', 'camera', 0.5, 0), True)
    motion._on_transforms(item('odom', 'base', 1.0, 1), False)
    motion._on_transforms(item('odom', 'base', 3.0, 2), False)
    stamp = Header(frame_id='camera')
    stamp.stamp.sec, stamp.stamp.nanosec = 1, 500_000_000

    pose, why = motion.pose(stamp, '', 0.0)
    assert why == ''
    np.testing.assert_allclose(pose[:3, 3], [2.5, 0, 0])
    stamp.stamp.sec = 5
    assert 'before the image' in motion.pose(stamp, '', 0.0)[1]


@pytest.mark.parametrize('anchor, needed', [
    ('camera_height', 'camera_height'), ('points', 'points_type')])
def test_what_an_anchor_needs_has_to_be_given(anchor, needed):
    """The error names the parameter."""
    with pytest.raises(ConfigError, match=needed):
        DepthSettings(anchor=anchor)


@pytest.mark.parametrize('values, oks', [
    ({'anchor': 'odometry', 'anchor scale': '0.9', 'anchor points': '80',
      'anchor time offset [s]': '+0.004'}, [True, True]),
    ({'anchor': 'odometry', 'anchor time offset [s]': '-0.030',
      'not anchored': 'camera: no transform'}, [False, False]),
    ({'anchor': 'visual'}, [True, None])])
def test_what_a_node_says_is_judged(values, oks):
    """An anchor that does not hold, and an offset that is worth setting, are not ok."""
    found = list(said_checks('depth_node: depth', values))

    assert [check.ok for check in found] == oks
    if oks[1] is False:
        assert found[0].advice == 'camera: no transform'
        assert '-0.030 to odom_time_offset_s' in found[1].advice
