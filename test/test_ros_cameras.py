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
"""Several cameras in one depth_node: one network, everything else their own."""

from __future__ import annotations

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    drops,
    HEIGHT,
    image,
    pixels,
    Rig,
    rig_fixture,
    wait_for,
    WIDTH,
)
from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from std_srvs.srv import Trigger

NAMES = ('front', 'left')
OUTPUTS = {'depth/image': Image, 'depth/camera_info': CameraInfo, 'depth/points': PointCloud2}


class Cameras:
    """A node with two cameras and what feeds and hears them."""

    def __init__(self, rig, checkpoint) -> None:
        """Start the node and wait until all is matched."""
        self.rig = rig
        self.node = rig.depth_node(autostart=True, checkpoint=str(checkpoint),
                                   cameras=list(NAMES), max_gap_s=100.0,
                                   cloud_drop_flying=False)
        assert self.node.state_label == 'active'
        driver = rig.driver
        self.received = {name: {output: [] for output in OUTPUTS} for name in NAMES}
        self.images, self.infos = {}, {}
        for name in NAMES:
            self.images[name] = driver.create_publisher(Image, f'{name}/image', 10)
            self.infos[name] = driver.create_publisher(CameraInfo, f'{name}/camera_info', 10)
            for output, kind in OUTPUTS.items():
                driver.create_subscription(kind, f'/depth_node/{name}/{output}',
                                           self.received[name][output].append, 50)
        wait_for(lambda: all(
            publisher.get_subscription_count()
            for publisher in (*self.images.values(), *self.infos.values())))
        wait_for(lambda: all(camera.outputs.wanted(output)
                             for camera in self.node.cameras for output in OUTPUTS))

    def show(self, name, stamp, focal=35.0, **fields):
        """Send an image of one camera and wait for all that is made of it."""
        counts = {output: len(got) for output, got in self.received[name].items()}
        self.infos[name].publish(camera_info(focal=focal))
        self.images[name].publish(image(stamp, frame_id=name, **fields))
        wait_for(lambda: all(len(got) > counts[output]
                             for output, got in self.received[name].items()))
        return {output: got[-1] for output, got in self.received[name].items()}


@pytest.fixture(name='cameras')
def cameras_fixture(rig, checkpoint):
    """Return a running node with two cameras."""
    return Cameras(rig, checkpoint)


def test_each_camera_has_its_own_topics_stamps_frames_and_geometry(cameras):
    for index in range(3):
        for name, focal in (('front', 35.0), ('left', 50.0)):
            # Both at once, and in no order of time between them.
            stamp = 10 - index + (5 if name == 'left' else 0)
            made = cameras.show(name, stamp, focal)
            for message in made.values():
                assert (message.header.stamp.sec, message.header.frame_id) == (stamp, name)
                assert (message.width, message.height) == (WIDTH, HEIGHT)
            assert made['depth/camera_info'].p[0] == focal
            points = np.frombuffer(made['depth/points'].data, np.float32).reshape(HEIGHT, WIDTH, 4)
            u = points[0, :, 0] / points[0, :, 2] * focal + (WIDTH - 1) / 2
            assert np.abs(u - np.arange(WIDTH)).max() < 0.01


def test_a_camera_is_answered_as_if_it_were_alone(cameras, rig, checkpoint):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (4, 2, HEIGHT * WIDTH * 3), np.uint8)
    together = {name: [] for name in NAMES}
    for index, pair in enumerate(pictures):
        for name, data in zip(NAMES, pair):
            made = cameras.show(name, 1 + index / 10, data=data.tobytes())
            together[name].append(pixels(made['depth/image']))
    engines = {id(camera.processor.stream.model) for camera in cameras.node.cameras}
    assert len(engines) == 1
    for camera, name in enumerate(NAMES):
        # A fresh stream with the same frames, none of the other camera's among them.
        stream = cameras.node.cameras[camera].processor.stream
        stream.reset()
        alone = [stream.push(pair[camera].reshape(HEIGHT, WIDTH, 3), 1 + index / 10).depth
                 for index, pair in enumerate(pictures)]
        scale = together[name][0] / alone[0]
        for depth, reference in zip(together[name], alone):
            np.testing.assert_allclose(depth, reference * scale.mean(), rtol=1e-4)


def test_a_reset_or_a_broken_image_of_one_camera_is_not_the_others(cameras, rig):
    front, left = cameras.node.cameras
    for name in NAMES:
        cameras.show(name, 1.0)
    assert rig.call(Trigger, '/depth_node/front/reset', Trigger.Request()).success
    cameras.images['front'].publish(image(1.1, frame_id='front', encoding='nonsense'))
    wait_for(lambda: front.telemetry.snapshot().drops)
    for name in NAMES:
        cameras.show(name, 1.2)
    assert (front.processor.resets, left.processor.resets) == ({'explicit': 1}, {})
    assert dict(front.telemetry.snapshot().drops) == {'bad_encoding': 1}
    assert not left.telemetry.snapshot().drops
    assert rig.call(Trigger, '/depth_node/reset', Trigger.Request()).success
    wait_for(lambda: left.processor.resets == {'explicit': 1})
    assert front.processor.resets == {'explicit': 2}


def test_each_camera_has_its_own_diagnostics(cameras, rig):
    statuses = {}

    def note(message):
        status = message.status[0]
        statuses[status.name] = {item.key: item.value for item in status.values}

    rig.driver.create_subscription(DiagnosticArray, '/diagnostics', note, 10)
    cameras.show('left', 1.0)
    left = wait_for(lambda: (
        values := statuses.get('/depth_node: left depth', {})).get('frames out') == '1' and values)
    front = wait_for(lambda: statuses.get('/depth_node: front depth'))
    assert (left['image topic'], front['image topic']) == ('/left/image', '/front/image')
    assert front['frames in'] == '0'


def test_a_camera_that_floods_does_not_starve_the_other(cameras):
    front, left = cameras.node.cameras
    for index in range(30):
        cameras.images['front'].publish(image(1 + index / 100, frame_id='front'))
        if index % 10 == 0:
            cameras.show('left', 1 + index / 100)
    assert left.telemetry.snapshot().frames_out == 3 and not left.telemetry.snapshot().drops


def test_without_names_the_topics_have_no_prefix(rig, checkpoint):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    assert drops(node) == {} and node.settings.cameras == ('',)
