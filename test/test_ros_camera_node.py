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
"""camera_node publishes each kind of source as a camera would."""

from __future__ import annotations

from pathlib import Path
import time
from typing import Any

import _have_ros  # noqa: F401
from _ros import PATIENCE_S, Rig, rig_fixture, wait_for  # noqa: F401
import cv2
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.msgs.image import decode_depth, decode_rgb
from lstm_depth.ros import camera_node
from lstm_depth.ros.camera_node import CameraNode
import numpy as np
import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

WIDTH, HEIGHT, COUNT = 24, 16, 4
CALIBRATION = """
image_width: 48
image_height: 32
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}
camera_matrix: {rows: 3, cols: 3, data: [40, 0, 23.5, 0, 40, 15.5, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [40, 0, 23.5, 0, 0, 40, 15.5, 0, 0, 0, 1, 0]}
"""


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Return a folder of images, each of one grey value."""
    folder = tmp_path_factory.mktemp('images')
    for index in range(COUNT):
        cv2.imwrite(str(folder / f'{index}.png'),
                    np.full((HEIGHT, WIDTH, 3), 40 * index, np.uint8))
    return folder


class Played:
    """What one camera_node sent."""

    def __init__(self, rig: Rig, **parameters: Any) -> None:
        """Subscribe to all its topics, then start it."""
        self.messages: list[tuple[str, Any]] = []
        self.image_arrivals: list[float] = []
        rig.driver.create_subscription(
            Image, 'image', lambda msg: self.image_arrivals.append(time.monotonic()), 50)
        for topic, kind in (('camera_info', CameraInfo), ('image', Image), ('depth', Image),
                            ('image/compressed', CompressedImage)):
            rig.driver.create_subscription(
                kind, topic, lambda msg, topic=topic: self.messages.append((topic, msg)), 50)
        self.node = rig.spin(CameraNode(context=rig.context, parameter_overrides=[
            Parameter(name, value=value)
            for name, value in {'wait_for_subscribers': 1, 'rate': 50.0, **parameters}.items()]))

    def topic(self, name: str, count: int = COUNT) -> list[Any]:
        """Wait for *count* messages of a topic; return them all."""
        wait_for(lambda: sum(topic == name for topic, _ in self.messages) >= count,
                 what=f'for {count} on {name}')
        return [msg for topic, msg in self.messages if topic == name]


def stamps_ns(messages: list[Any]) -> list[int]:
    """Return the stamps of messages in nanoseconds."""
    return [msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec for msg in messages]


def test_images_come_in_order_each_with_its_camera_info(rig, folder, tmp_path):
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(CALIBRATION)
    played = Played(rig, source=str(folder), calibration=str(calibration), frame_id='lens')
    images = played.topic('image')
    infos = played.topic('camera_info')
    assert [int(decode_rgb(msg).mean()) for msg in images] == [0, 40, 80, 120]
    assert stamps_ns(images) == stamps_ns(infos) == [0, 20_000_000, 40_000_000, 60_000_000]
    assert {msg.header.frame_id for msg in (*images, *infos)} == {'lens'}
    # The calibration is of images twice as large.
    assert (infos[0].width, infos[0].height) == (WIDTH, HEIGHT)
    assert infos[0].k[0] == infos[0].p[0] == 20.0 and infos[0].k[2] == 11.75
    assert played.node.done.wait(PATIENCE_S) and played.node.status == 0


def test_without_calibration_the_camera_info_is_uncalibrated(rig, folder):
    played = Played(rig, source=str(folder), rate=200.0)
    info = played.topic('camera_info')[0]
    assert (info.width, info.height, info.k[0]) == (WIDTH, HEIGHT, 0.0)


@pytest.mark.parametrize('rectified', ['auto', 'true'])
def test_the_calibration_is_published_as_it_is(rig, folder, tmp_path, rectified):
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text(CALIBRATION.replace('[0, 0, 0, 0, 0]', '[0.2, -0.1, 0, 0, 0.01]')
                           .replace('[40, 0, 23.5, 0, 0, 40', '[52, 0, 23.5, 0, 0, 50'))
    played = Played(rig, source=str(folder), calibration=str(calibration), rectified=rectified)
    info = played.topic('camera_info')[0]
    assert (info.p[0], info.p[5]) == (26.0, 25.0)
    if rectified == 'auto':
        assert list(info.d) == [0.2, -0.1, 0, 0, 0.01] and info.k[0] == 20.0
        assert 'raw image (D is not 0)' in wait_for(lambda: rig.log('raw image'))
    else:
        # Who gets this cannot tell that the image is rectified but by D.
        assert not any(info.d) and (info.k[0], info.k[4]) == (26.0, 25.0)


def test_looping_goes_on_with_rising_stamps(rig, folder):
    played = Played(rig, source=str(folder), loop=True, rate=100.0)
    stamps = stamps_ns(played.topic('image', 3 * COUNT))
    assert stamps == sorted(set(stamps))
    assert not played.node.done.is_set()


def test_jpegs_are_published_on_request(rig, folder):
    played = Played(rig, source=str(folder), image_transport='both', rate=100.0)
    for raw, jpeg in zip(played.topic('image'), played.topic('image/compressed')):
        assert np.abs(decode_rgb(raw).astype(int) - decode_rgb(jpeg)).max() <= 2
        assert raw.header == jpeg.header


def test_stamps_can_be_the_time_of_publishing(rig, folder):
    before = time.time_ns()
    stamps = stamps_ns(Played(rig, source=str(folder), stamps='now').topic('image'))
    assert before < stamps[0] < stamps[-1] < time.time_ns()


def test_the_pace_can_be_set_and_changed(rig, folder):
    played = Played(rig, source=str(folder), loop=True, rate=10.0)
    played.topic('image', 2)
    assert played.node.set_parameters([Parameter('rate', value=200.0)])[0].successful
    played.topic('image', 32)
    # The median, for a machine may stand still for a while.
    assert np.median(np.diff(played.image_arrivals)[-20:]) < 0.05
    refused = played.node.set_parameters([Parameter('stamps', value='never')])[0]
    assert not refused.successful and 'source, now' in refused.reason


def test_nothing_is_played_before_the_subscribers_are_there(rig, folder):
    node = rig.spin(CameraNode(context=rig.context, parameter_overrides=[
        Parameter('source', value=str(folder)), Parameter('wait_for_subscribers', value=1)]))
    rig.driver.create_subscription(Image, 'image', print, 10)
    wait_for(node._image.get_subscription_count)
    time.sleep(0.3)
    assert node.published == 0
    rig.driver.create_subscription(CameraInfo, 'camera_info', print, 10)
    wait_for(lambda: node.published)


def test_a_node_with_two_subscriptions_is_one_subscriber(rig, folder):
    # Our own depth node has two until it has heard something, if it was there first.
    node = rig.spin(CameraNode(context=rig.context, parameter_overrides=[
        Parameter('source', value=str(folder)), Parameter('wait_for_subscribers', value=2)]))
    for kind, topic in ((Image, 'image'), (Image, 'image'), (CameraInfo, 'camera_info')):
        rig.driver.create_subscription(kind, topic, print, 10)
    wait_for(lambda: node._image.get_subscription_count() == 2)
    time.sleep(camera_node._SETTLE_S + 0.3)
    assert node.published == 0
    rig.spin(Node('another', context=rig.context)).create_subscription(Image, 'image', print, 10)
    wait_for(lambda: node.published)


def test_depth_of_the_source_is_published_beside_the_image(rig, monkeypatch):
    depth = np.full((HEIGHT, WIDTH), 2.0, np.float32)
    depth[0, 0] = np.nan
    camera = Camera(WIDTH, HEIGHT, 20.0, 20.0, 11.5, 7.5)
    frames = [CameraFrame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 10**9 * second, 'lens', camera,
                          depth) for second in (1, 2)]
    asked = {}

    def open_fake(spec, **options):
        asked.update(options)
        return FakeSource(frames)

    monkeypatch.setattr(camera_node, 'open_source', open_fake)
    played = Played(rig, source='bag', publish_depth=True, depth_topic='/truth')
    messages = played.topic('depth', 2)
    assert asked['depth_topic'] == '/truth'
    assert stamps_ns(messages) == stamps_ns(played.topic('image', 2)) == [10**9, 2 * 10**9]
    np.testing.assert_array_equal(decode_depth(messages[0]), depth)


class FakeSource(list):
    """Frames that need no file."""

    name = 'fake'
    skipped = {'corrupt_image': 1}
    truncated = 'the end is missing'
    notes = ()
    camera_basis = ''

    def close(self) -> None:
        """Do nothing."""


def test_what_was_skipped_or_missing_is_said_at_the_end(rig, monkeypatch, capfd):
    frame = CameraFrame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 1)
    monkeypatch.setattr(camera_node, 'open_source', lambda *_, **__: FakeSource([frame]))
    played = Played(rig, source='bag', exit_when_done=False)
    played.topic('image', 1)
    assert wait_for(lambda: rig.warnings('the end is missing'))
    assert '1 skipped (corrupt_image)' in rig._log
    assert not played.node.done.is_set()
