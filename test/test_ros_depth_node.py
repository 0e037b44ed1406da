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
"""depth_node over real DDS: what comes out for what goes in."""

from __future__ import annotations

from threading import Event
import time

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    drops,
    HEIGHT,
    image,
    OUTPUTS,
    PATIENCE_S,
    pixels,
    resets,
    Rig,
    rig_fixture,
    stamped,
    wait_for,
    WIDTH,
)
import cv2
from lifecycle_msgs.msg import Transition
from lstm_depth.ros.conversion import to_jpeg_message
from lstm_depth.ros.outputs import TOPICS
import numpy as np
import pytest
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Header


def test_each_image_gives_one_answer_with_its_stamp_frame_and_size(rig, checkpoint):
    rig.active_node(checkpoint, listen=tuple(OUTPUTS))
    for index in range(3):
        rig.show(image(10 + index / 10, frame_id='optical'), camera_info())
        for name in OUTPUTS:
            rig.answered(index + 1, name)
    for name, messages in rig.received.items():
        assert [round(m.header.stamp.sec + m.header.stamp.nanosec * 1e-9, 6)
                for m in messages] == [10.0, 10.1, 10.2], name
        assert {(m.header.frame_id, m.width, m.height) for m in messages} == {
            ('optical', WIDTH, HEIGHT)}, name
    depth = rig.received['image'][0]
    assert depth.encoding == '32FC1'
    assert np.isfinite(pixels(depth)).all() and (pixels(depth) > 0).all()
    assert rig.received['colored'][0].encoding == 'rgb8'
    info = rig.received['camera_info'][0]
    assert list(info.k) == list(camera_info().k) and list(info.p) == list(camera_info().p)


def test_a_compressed_image_is_answered_like_a_raw_one(rig, checkpoint):
    rig.active_node(checkpoint, image_transport='compressed')
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    rig.show(stamped(to_jpeg_message(rgb, Header(), 90), 1.0), camera_info())
    depth, = rig.answered(1)
    assert (depth.width, depth.height, depth.header.stamp.sec) == (WIDTH, HEIGHT, 1)


def test_millimetres_are_zero_where_depth_is_invalid(rig, checkpoint):
    node = rig.active_node(checkpoint, depth_encoding='16UC1', max_depth=0.5)
    rig.show(image(1.0), camera_info())
    assert not pixels(rig.answered(1)[0]).any()
    assert rig.set_parameters(max_depth=50.0)[0].successful
    rig.show(image(1.1), camera_info())
    millimetres = pixels(rig.answered(2)[1])
    assert millimetres.dtype == np.uint16 and millimetres.min() > 100
    assert drops(node) == {}


def test_smaller_outputs_keep_the_geometry(rig, checkpoint):
    rig.active_node(checkpoint, listen=tuple(OUTPUTS), output_scale=0.5, cloud_stride=2)
    rig.show(image(1.0), camera_info())
    info, = rig.answered(1, 'camera_info')
    depth, = rig.answered(1)
    cloud, = rig.answered(1, 'points')
    half = (WIDTH // 2, HEIGHT // 2)
    assert (depth.width, depth.height) == (info.width, info.height) == half
    for matrix, own in ((info.k, camera_info().k), (info.p, camera_info().p)):
        columns = len(own) // 3
        expected = np.reshape(own, (3, columns)) * [[0.5], [0.5], [1.0]]
        np.testing.assert_allclose(np.reshape(matrix, (3, columns)), expected)
    assert (cloud.width, cloud.height) == (half[0] // 2, half[1] // 2)


def test_the_cloud_projects_onto_its_own_pixels_and_is_nan_where_depth_is(rig, checkpoint):
    node = rig.active_node(checkpoint, listen=('image', 'camera_info', 'points'),
                           cloud_drop_flying=False)
    rig.show(image(1.0), camera_info())
    plain = pixels(rig.answered(1)[0])
    rig.answered(1, 'points')
    node.set_parameters([Parameter('max_depth', value=float(np.median(plain)))])
    # After a gap the state starts anew, and the same picture has the same depth.
    rig.show(image(9.0), camera_info())
    depth = pixels(rig.answered(2)[1])
    assert 0 < np.isnan(depth).sum() < depth.size
    cloud = rig.answered(2, 'points')[1]
    assert not cloud.is_dense and cloud.point_step == 16
    assert [(field.name, field.offset, field.datatype) for field in cloud.fields] == [
        ('x', 0, 7), ('y', 4, 7), ('z', 8, 7), ('rgb', 12, 7)]
    points = np.frombuffer(cloud.data, np.float32).reshape(HEIGHT, WIDTH, 4)
    p = np.reshape(rig.answered(2, 'camera_info')[1].p, (3, 4))
    u = points[..., 0] / points[..., 2] * p[0, 0] + p[0, 2]
    v = points[..., 1] / points[..., 2] * p[1, 1] + p[1, 2]
    rows, columns = np.indices(depth.shape)
    valid = np.isfinite(depth)
    assert np.abs(u - columns)[valid].max() < 0.01 and np.abs(v - rows)[valid].max() < 0.01
    assert np.isnan(points[~valid][:, :3]).all()
    np.testing.assert_array_equal(points[..., 2], depth)


@pytest.mark.parametrize('rectified', ['auto', 'true'])
def test_a_raw_image_has_the_cloud_of_k_and_d_and_a_rectified_one_that_of_p(
        rig, checkpoint, rectified):
    rig.active_node(checkpoint, listen=('image', 'camera_info', 'points'), rectified=rectified,
                    cloud_drop_flying=False)
    info = camera_info()
    info.d = [-0.2, 0.05, 0.001, 0.0, 0.0]
    info.p[0], info.p[5] = 46.0, 45.0
    rig.show(image(1.0), info)
    found = rig.answered(1, 'camera_info')[0]
    points = np.frombuffer(rig.answered(1, 'points')[0].data, np.float32).reshape(-1, 4)[:, :3]
    rows, columns = np.indices((HEIGHT, WIDTH)).reshape(2, -1)
    d = np.array(info.d) if rectified == 'auto' else np.zeros(5)
    k = np.reshape(info.k if rectified == 'auto' else np.delete(info.p, [3, 7, 11]), (3, 3))
    pixels_of = cv2.projectPoints(points.astype(float), np.zeros(3), np.zeros(3), k, d)[0][:, 0]
    assert np.abs(pixels_of - np.stack([columns, rows], axis=-1)).max() < 0.01
    # Consumers of the depth image read P, and nothing else may contradict it.
    assert (found.p[0], found.p[5]) == (k[0, 0], k[1, 1]) and list(found.d) == list(d)
    assert list(found.k) == list(k.ravel())
    assert rig.log('raw image' if rectified == 'auto' else 'rectified image')


def test_colours_and_clouds_are_made_only_for_subscribers(rig, checkpoint, monkeypatch):
    made = []
    for name, (_, maker) in TOPICS.items():
        monkeypatch.setattr(maker, 'make', lambda *args, _name=name, _make=maker.make: (
            made.append(_name), _make(*args))[1])
    node = rig.active_node(checkpoint, listen=('image',))
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    assert made == ['depth/image']
    rig.listen('points')
    wait_for(lambda: node.cameras[0].outputs.wanted('depth/points'))
    rig.show(image(1.1), camera_info())
    rig.answered(1, 'points')
    assert made == ['depth/image', 'depth/image', 'depth/points']


@pytest.mark.parametrize(('lazy', 'runs'), [(False, True), (True, False)])
def test_without_subscribers_the_network_runs_unless_lazy(rig, checkpoint, lazy, runs):
    node = rig.active_node(checkpoint, listen=(), lazy=lazy)
    rig.show(image(1.0), camera_info())
    wait_for(lambda: node.cameras[0].telemetry.snapshot().frames_out or drops(node))
    assert (node.cameras[0].telemetry.snapshot().frames_out == 1) == runs
    assert drops(node) == ({} if runs else {'no_subscriber': 1})


# Camera calibration.

def test_without_camera_info_depth_comes_alone_and_one_warning_names_the_topic(rig, checkpoint):
    rig.active_node(checkpoint, listen=tuple(OUTPUTS))
    for index in range(5):
        rig.show(image(1 + index * 0.3))
        rig.answered(index + 1)
        time.sleep(0.3)
    assert not rig.received['camera_info'] and not rig.received['points']
    warning, = wait_for(lambda: rig.warnings('no camera_info'))
    assert '/camera_info' in warning
    rig.show(image(3.0), camera_info())
    rig.answered(1, 'points')


def test_an_uncalibrated_camera_gives_depth_but_no_cloud_and_one_warning(rig, checkpoint):
    rig.active_node(checkpoint, listen=('image', 'camera_info', 'points'))
    for index in range(2):
        rig.show(image(1 + index / 10), camera_info(focal=0.0))
        rig.answered(index + 1)
    rig.answered(2, 'camera_info')
    warning, = wait_for(lambda: rig.warnings('uncalibrated'))
    assert '/camera_info' in warning and not rig.received['points']


# Time.

@pytest.mark.parametrize('clock_first', [True, False])
def test_clock_and_stamps_that_go_back_together_are_one_event(checkpoint, clock_first, capfd):
    rig = Rig(__name__, capfd, use_sim_time=True)
    try:
        node = rig.active_node(checkpoint)
        clock = rig.driver.create_publisher(Clock, '/clock', 10)
        wait_for(clock.get_subscription_count)

        def tick(seconds: int) -> None:
            message = Clock()
            message.clock.sec = seconds
            clock.publish(message)
            wait_for(lambda: node.get_clock().now().nanoseconds == seconds * 10**9)

        tick(50)
        rig.show(image(50.0), camera_info())
        rig.answered(1)
        if clock_first:
            tick(10)
        rig.show(image(10.0), camera_info())
        rig.answered(2)
        if not clock_first:
            tick(10)
        rig.show(image(10.1), camera_info())
        rig.answered(3)
        assert resets(node) == {'backward_stamp': 1}
        assert len(wait_for(lambda: rig.warnings('went backward'))) == 1
    finally:
        rig.close()


# Overlap: one frame in the network, one being published.

def test_publishing_overlaps_the_network_and_keeps_every_frame_and_their_order(
        rig, checkpoint, monkeypatch):
    node = rig.active_node(checkpoint)
    camera = node.cameras[0]
    publish, push = camera.outputs.publish, camera.processor.stream.push
    publishing, go, pushed = Event(), Event(), []

    def slow_publish(prediction):
        publishing.set()
        assert go.wait(2 * PATIENCE_S)
        publish(prediction)

    monkeypatch.setattr(camera.outputs, 'publish', slow_publish)
    monkeypatch.setattr(camera.processor.stream, 'push', lambda *args, **kwargs: (
        frame := push(*args, **kwargs), pushed.append(frame.depth.copy()))[0])
    rig.show(image(1.0), camera_info())
    assert publishing.wait(PATIENCE_S)
    rig.show(image(1.1), camera_info())
    # The second is through the network while the first is still being published.
    wait_for(lambda: len(pushed) == 2)
    for index in range(3):
        rig.show(image(1.2 + index / 10), camera_info())
        wait_for(lambda count=index + 3: camera.telemetry.snapshot().frames_in == count)
    time.sleep(0.1)
    # It waits for the publisher, so no third frame was begun with a fourth one on the way.
    assert len(pushed) == 2
    go.set()
    wait_for(lambda: camera.telemetry.snapshot().frames_out
             + sum(drops(node).values()) == camera.telemetry.snapshot().frames_in == 5)
    got = rig.answered(camera.telemetry.snapshot().frames_out)
    stamps = [message.header.stamp.nanosec for message in got]
    assert stamps == sorted(stamps) and stamps[:2] == [0, 100000000] and stamps[-1] == 400000000
    assert set(drops(node)) <= {'superseded'}
    for message, depth in zip(got, pushed):
        np.testing.assert_array_equal(pixels(message), depth)


def test_a_frame_under_way_at_deactivation_is_counted_and_not_published(
        rig, checkpoint, monkeypatch):
    node = rig.active_node(checkpoint)
    camera = node.cameras[0]
    push, running, go = camera.processor.stream.push, Event(), Event()

    def slow_push(*args, **kwargs):
        running.set()
        assert go.wait(2 * PATIENCE_S)
        return push(*args, **kwargs)

    monkeypatch.setattr(camera.processor.stream, 'push', slow_push)
    rig.show(image(1.0), camera_info())
    assert running.wait(PATIENCE_S)
    assert rig.transition(Transition.TRANSITION_DEACTIVATE)
    go.set()
    wait_for(lambda: drops(node) == {'deactivated': 1})
    assert camera.telemetry.snapshot().frames_out == 0 and not rig.received['image']
