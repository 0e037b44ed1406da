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
"""Subscriptions that follow their publishers' QoS, over real DDS."""

from __future__ import annotations

from collections import Counter
import time
from typing import Any

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    drops,
    image,
    resets,
    Rig,
    rig_fixture,
    wait_for,
)
from lstm_depth.errors import ConfigError
from lstm_depth.ros import following
from lstm_depth.ros.depth_node import DepthNode
import pytest
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, Image

RELIABLE, BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT


def received(rig: Rig, topic: str = '/image') -> list[QoSProfile]:
    """Return the QoS of the node's subscriptions of *topic*, as DDS tells the others."""
    return [info.qos_profile for info in rig.driver.get_subscriptions_info_by_topic(topic)
            if info.node_name == 'depth_node']


def wait_until_received(rig: Rig, reliability: ReliabilityPolicy) -> None:
    """Wait until the images are received with one subscription of *reliability*."""
    wait_for(lambda: [profile.reliability for profile in received(rig)] == [reliability],
             what=f'for {reliability.name}')


def sender(rig: Rig, reliability: ReliabilityPolicy) -> Any:
    """Return another publisher of images."""
    return rig.driver.create_publisher(Image, 'image', QoSProfile(
        depth=10, reliability=reliability))


def test_a_publisher_that_comes_and_goes_changes_the_qos_and_costs_no_state(rig, checkpoint):
    node = rig.active_node(checkpoint)
    wait_until_received(rig, RELIABLE)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    other = sender(rig, BEST_EFFORT)
    count = 1

    def show_until(reliability: ReliabilityPolicy) -> None:
        """Show images until they come by one subscription only."""
        nonlocal count
        for _ in range(100):
            rig.show(image(1 + count / 10), camera_info())
            count += 1
            rig.answered(count)
            if [profile.reliability for profile in received(rig)] == [reliability]:
                return
        pytest.fail(f'not received {reliability.name} alone: {received(rig)}')

    show_until(BEST_EFFORT)
    wait_for(lambda: other.get_subscription_count() == 1)
    other.publish(image(1 + count / 10))
    count += 1
    rig.answered(count)
    rig.driver.destroy_publisher(other)
    show_until(RELIABLE)
    assert not rig.warnings('has an incompatible')
    stamps = Counter(msg.header.stamp.sec * 10 + msg.header.stamp.nanosec // 10**8
                     for msg in rig.received['image'])
    assert set(stamps.values()) == {1}
    assert resets(node) == {} and drops(node) == {}


def test_what_comes_by_two_subscriptions_for_a_moment_is_taken_once(rig, checkpoint):
    node = rig.active_node(checkpoint)
    wait_until_received(rig, RELIABLE)
    images = node.cameras[0].input._images
    node.settings = node.settings.__class__(input_reliability='best_effort')
    wait_for(lambda: len(received(rig)) == 2, what='for both subscriptions')
    wait_for(lambda: rig.images.get_subscription_count() == 2)
    for index in range(3):
        rig.show(image(1 + index / 10), camera_info())
        rig.answered(index + 1)
    wait_until_received(rig, BEST_EFFORT)
    assert len(rig.received['image']) == 3 and drops(node) == {}
    assert images.profile.reliability == BEST_EFFORT


def test_it_says_once_how_the_images_are_received_and_why(rig, checkpoint, capfd):
    rig.active_node(checkpoint)
    wait_for(lambda: rig.log('/image is received'))
    time.sleep(0.6)
    rig.warnings('')
    lines = [line for line in rig._log.splitlines() if '/image is received' in line]
    assert len(lines) == 1 and 'RELIABLE' in lines[0] and 'all its publishers' in lines[0]


def test_qos_overrides_win_over_everything(rig, checkpoint):
    rig.active_node(checkpoint, input_reliability='reliable', **{
        'qos_overrides./image.subscription.reliability': 'best_effort',
        'qos_overrides./image.subscription.durability': 'volatile'})
    time.sleep(0.6)
    profile, = wait_for(lambda: received(rig))
    assert profile.reliability == BEST_EFFORT


@pytest.mark.parametrize(('parameter', 'value', 'words'), [
    ('qos_overrides./image.subscription.reliability', 'perhaps', 'must be one of auto'),
    ('qos_overrides./camera_info.subscription.durability', 'latched', 'must be one of auto'),
    ('qos_overrides./image.subscription.depth', 0, '1 or more'),
])
def test_an_override_that_cannot_be_is_refused_at_start(rig, parameter, value, words):
    with pytest.raises(ConfigError, match=words) as caught:
        DepthNode(context=rig.context, parameter_overrides=[Parameter(parameter, value=value)])
    assert parameter in str(caught.value)


def test_a_camera_info_that_was_published_once_before_us_gives_clouds(rig, checkpoint):
    rig.driver.destroy_publisher(rig.infos)
    latched = rig.driver.create_publisher(CameraInfo, 'camera_info', QoSProfile(
        depth=1, reliability=RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    latched.publish(camera_info())
    rig.infos = latched
    node = rig.active_node(checkpoint, listen=('image', 'points', 'camera_info'))
    wait_for(lambda: node.cameras[0].input._info, what='for the camera_info of before')
    for index in range(3):
        rig.show(image(1 + index / 10))
        rig.answered(index + 1, 'points')
        rig.answered(index + 1, 'camera_info')
    assert drops(node) == {}


def test_a_latched_camera_info_is_noticed_after_the_start_too(rig, checkpoint):
    node = rig.depth_node(autostart=True, checkpoint=str(checkpoint))
    rig.driver.destroy_publisher(rig.infos)
    latched = rig.driver.create_publisher(CameraInfo, 'camera_info', QoSProfile(
        depth=1, reliability=RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    latched.publish(camera_info())
    wait_for(lambda: node.cameras[0].input._info, what='for the camera_info')


@pytest.mark.parametrize('gives_info', [True, False])
def test_messages_come_with_and_without_information_about_them(
        rig, checkpoint, monkeypatch, gives_info):
    monkeypatch.setattr(following, '_GIVES_INFO', gives_info)
    node = rig.active_node(checkpoint)
    for index in range(3):
        rig.show(image(1 + index / 10), camera_info())
        rig.answered(index + 1)
    assert node.cameras[0].input._loss._numbered is gives_info
