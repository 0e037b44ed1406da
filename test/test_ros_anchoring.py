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

from types import SimpleNamespace

from _anchoring import walk
import _have_ros  # noqa: F401
from _ros import checkpoint_fixture, Rig, rig_fixture, wait_for  # noqa: F401
from lstm_depth import load_model
from lstm_depth.errors import ConfigError
from lstm_depth.msgs.transforms import Transforms
from lstm_depth.ros.anchoring import CameraAnchor, MotionInput
from lstm_depth.ros.conversion import byte_array
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.stream import DepthStream
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header


def header(frame, frame_id: str) -> Header:
    """Return the header of a frame."""
    result = Header(frame_id=frame_id)
    result.stamp.sec, result.stamp.nanosec = divmod(frame.stamp_ns, 10**9)
    return result


def odometry(frame) -> Odometry:
    """Return the pose of a frame's camera in odom."""
    message = Odometry(header=header(frame, 'odom'), child_frame_id='camera')
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
    return Image(header=header(frame, 'camera'), height=height, width=width, encoding='rgb8',
                 step=3 * width, data=byte_array(frame.rgb.reshape(-1)))


def info(frame) -> CameraInfo:
    """Return the camera_info of a frame."""
    camera = frame.camera
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    return CameraInfo(
        header=header(frame, 'camera'), width=camera.width, height=camera.height,
        distortion_model='plumb_bob', d=[0.0] * 5, k=k,
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0])


def test_depth_with_odometry_over_dds_is_that_of_the_stream(rig, checkpoint):
    """Poses that come as messages anchor as poses that are at hand."""
    frames = walk()
    node = rig.active_node(checkpoint, anchor='odometry', anchor_wait_s=1.0)
    poses = rig.driver.create_publisher(Odometry, 'odom', 100)
    rig.driver.create_subscription(Image, '/depth_node/depth/confidence',
                                   rig.received.setdefault('confidence', []).append, 200)
    wait_for(lambda: node.cameras[0].outputs.wanted('depth/confidence'), what='for a match')
    wait_for(poses.get_subscription_count, what='for the node to hear odometry')
    stream = DepthStream(load_model(str(checkpoint), backend='torch'), anchor='odometry')
    transforms, anchored = Transforms(), 0
    for index, frame in enumerate(frames):
        rig.show(color(frame), info(frame))
        poses.publish(odometry(frame))
        message = rig.answered(index + 1)[-1]
        found = np.frombuffer(message.data, np.float32).reshape(message.height, message.width)
        transforms.add_odometry(odometry(frame))
        expected = stream.push(frame.rgb, frame.stamp_s, camera=frame.camera,
                               pose=transforms.between('camera', 'odom', frame.stamp_ns))
        anchored += len(expected.anchors) > 0
        np.testing.assert_allclose(found, expected.depth, rtol=1e-6)

    confidence = rig.received['confidence'][-1]
    shares = np.frombuffer(confidence.data, np.float32)
    assert (confidence.width, confidence.height) == (message.width, message.height)
    assert 0 <= shares.min() < shares.max() <= 1
    assert anchored > 10
    facts = node.cameras[0].processor.anchor.facts
    assert facts['anchor'] == 'odometry'
    assert int(facts['anchor points']) > 0


def test_without_poses_depth_comes_as_it_is_and_diagnostics_say_why(rig, checkpoint):
    """No transform is no reason to be silent."""
    frame = walk()[0]
    node = rig.active_node(checkpoint, anchor='odometry', anchor_wait_s=0.0)
    rig.show(color(frame), info(frame))
    rig.answered(1)

    assert 'no transform' in node.cameras[0].processor.anchor.facts['not anchored']


def test_auto_takes_poses_where_there_are_any_and_else_what_needs_none(monkeypatch):
    """It looks for three seconds."""
    now = [100.0]
    monkeypatch.setattr('lstm_depth.ros.anchoring.time', SimpleNamespace(monotonic=lambda: now[0]))
    answers = [(None, 'no transform')]
    motion = SimpleNamespace(pose=lambda *arguments: answers[-1])
    anchor = CameraAnchor(motion, DepthSettings(anchor='auto'))
    assert anchor.pose(Header()) is None and anchor.source == ''
    now[0] += 4
    anchor.pose(Header())
    assert anchor.source == 'visual'
    answers.append((np.eye(4), ''))
    anchor.pose(Header())
    assert anchor.source == 'odometry'


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

    motion._on_static(item('base', 'camera', 0.5, 0))
    motion._on_moving(item('odom', 'base', 1.0, 1))
    motion._on_moving(item('odom', 'base', 3.0, 2))
    stamp = Header(frame_id='camera')
    stamp.stamp.sec, stamp.stamp.nanosec = 1, 500_000_000

    pose, why = motion.pose(stamp, '', 0.0)
    assert why == ''
    np.testing.assert_allclose(pose[:3, 3], [2.5, 0, 0])
    stamp.stamp.sec = 5
    assert 'before the image' in motion.pose(stamp, '', 0.0)[1]


def test_camera_height_has_to_be_given():
    """The error names the parameter."""
    with pytest.raises(ConfigError, match='camera_height'):
        DepthSettings(anchor='camera_height')
