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
"""Images that do not arrive: what the traces say, and what the node makes of it over real DDS."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    checkpoint_fixture,
    drops,
    process_environment,
    rig_fixture,
    wait_for,
)
from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.ros import loss
from lstm_depth.ros.loss import LossWatch
from lstm_depth.ros.transport import VARIABLES
from lstm_depth.telemetry import Telemetry
import numpy as np
import pytest

STEP = 33_000_000
NOW = [100.0]


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """Return a list whose only item is the time of the module."""
    monkeypatch.setattr(loss, 'time', SimpleNamespace(monotonic=lambda: NOW[0]))
    return NOW


class Played:
    """A camera at 30 Hz, some of whose images do not arrive."""

    def __init__(self, arrives, *, info=lambda index: index * STEP, reports=True,
                 reported=lambda index: True, numbered=False, jitter=0, frames=300) -> None:
        """Play it and look four times a second, as the node does."""
        self.telemetry = Telemetry()
        self.watch = LossWatch(self.telemetry)
        noise = np.random.default_rng(0).integers(-jitter, jitter + 1, frames)
        for index in range(frames):
            if info(index) is not None:
                self.watch.info(info(index) + int(noise[index]))
            if arrives(index):
                if numbered:
                    self.watch.number(1000 + index)
                self.watch.image(index * STEP + int(noise[index]))
                self.telemetry.frame_in()
            elif reports and reported(index):
                self.watch.reported(1)
            if index % 8 == 7:
                self.watch.settle(reports)
        # What is left is looked at when nothing comes any more, and told the time after that.
        for _ in range(3):
            self.watch.settle(reports)
            NOW[0] += 2.1
        self.drops = dict(self.telemetry.snapshot().drops)
        self.frames_in = self.telemetry.snapshot().frames_in


def half(index):
    """Lose every second image in runs, as a full shared memory does."""
    return index == 0 or index == 299 or (index * 7 // 5) % 2 == 0


LOST = sum(not half(index) for index in range(300))


def test_what_the_middleware_reports_is_lost_in_transport():
    played = Played(half)
    assert played.drops == {'lost_in_transport': LOST} and played.frames_in == 300
    assert played.watch.share() == pytest.approx(LOST / 300)
    text = played.watch.text('BEST_EFFORT')
    assert text.startswith(f'{100 * LOST / 300:.0f} % of the images are lost between camera and')
    assert 'fastdds.xml' in text and 'compressed' in text and 'RELIABLE' in text


@pytest.mark.parametrize('jitter', [0, 3_000_000])
def test_camera_info_without_its_image_is_a_loss_where_nothing_is_reported(jitter):
    played = Played(half, reports=False, jitter=jitter)
    assert played.drops == {'lost_in_transport': LOST} and played.frames_in == 300


def test_gaps_in_the_stamps_are_losses_where_there_is_no_other_trace():
    played = Played(lambda i: i % 7 != 3, reports=False, info=lambda i: None, jitter=2_000_000)
    lost = 300 - sum(i % 7 != 3 for i in range(300))
    # Nothing is counted before the pace of the stamps is known.
    assert played.drops.keys() == {'lost_in_transport'}
    assert lost - 5 <= played.drops['lost_in_transport'] <= lost
    assert played.watch.share() > 0.1


def test_an_image_replaced_in_the_queue_is_superseded_and_no_reason_for_alarm():
    played = Played(lambda i: i % 10 != 4, reported=lambda i: False)
    assert played.drops == {'superseded_in_queue': 30} and played.frames_in == 300
    assert played.watch.text('RELIABLE') == ''


@pytest.mark.parametrize('traces', [{}, {'numbered': True, 'info': lambda index: None}])
def test_reports_and_traces_of_the_same_images_count_once(traces):
    played = Played(lambda i: i % 10 != 4 and i % 10 != 5, reported=lambda i: i % 10 == 4,
                    **traces)
    assert played.drops == {'lost_in_transport': 30, 'superseded_in_queue': 30}
    assert played.frames_in == 300


def test_a_camera_that_leaves_frames_out_by_itself_is_not_accused():
    numbers = iter(range(1, 301))
    watch = LossWatch(telemetry := Telemetry())
    for index in range(300):
        if index % 5:
            watch.number(next(numbers))
            watch.info(index * STEP)
            watch.image(index * STEP)
        watch.settle(True)
    assert not telemetry.snapshot().drops
    without_numbers = Played(lambda i: i % 5, info=lambda i: i * STEP if i % 5 else None,
                             reported=lambda i: False)
    assert without_numbers.drops == {}


def test_a_publisher_that_starts_anew_counts_from_one_again():
    watch = LossWatch(telemetry := Telemetry())
    for index, number in enumerate((7, 8, 1, 2, 5)):
        watch.number(number)
        watch.image(index * STEP)
    watch.settle(False)
    assert dict(telemetry.snapshot().drops) == {'lost_in_transport': 2}


def test_images_are_counted_once_where_a_second_publisher_comes_and_goes(clock):
    """Nothing is lost or counted twice while the numbers mean nothing."""
    watch, arrived = LossWatch(telemetry := Telemetry()), 0
    for index in range(900):
        watch.info(index * STEP)
        # Two in three arrive, also where what is judged by changes.
        if index % 3 != 1 or index == 899:
            alone = not 300 <= index < 600
            watch.number(1 + index if alone else 0)
            watch.image(index * STEP)
            arrived += 1
        if index % 8 == 7:
            watch.settle(True)
    for _ in range(3):
        watch.settle(True)
        clock[0] += 2.1
    assert dict(telemetry.snapshot().drops) == {'superseded_in_queue': 900 - arrived}


def test_the_numbers_of_several_publishers_say_nothing():
    watch = LossWatch(telemetry := Telemetry())
    for index, number in enumerate((7, 8, 0, 0, 300, 301)):
        watch.number(number)
        watch.image(index * STEP)
    watch.settle(False)
    assert not telemetry.snapshot().drops


@pytest.mark.parametrize('reports', [True, False])
def test_images_that_are_thinned_out_on_purpose_are_not_lost(reports):
    played = Played(lambda i: i % 6 == 0, reports=reports, reported=lambda i: False)
    assert played.drops == {} and played.watch.text('') == ''


@pytest.mark.parametrize('info', [lambda i: 5 if i == 0 else None, lambda i: i * STEP + 400])
def test_a_camera_info_with_other_stamps_accuses_nobody(info):
    assert Played(lambda i: True, info=info, reports=False).drops == {}


def test_an_irregular_camera_is_not_accused():
    generator = np.random.default_rng(1)
    watch = LossWatch(telemetry := Telemetry())
    stamp = 0
    for _ in range(200):
        stamp += int(generator.uniform(20e6, 200e6))
        watch.image(stamp)
        watch.settle(False)
    assert not telemetry.snapshot().drops


def test_a_bag_that_starts_again_and_a_pause_are_no_losses():
    watch = LossWatch(telemetry := Telemetry())
    for _ in range(3):
        for index in [*range(50), *range(400, 450)]:
            watch.info(index * STEP)
            watch.image(index * STEP)
            watch.settle(False)
    assert not telemetry.snapshot().drops


def test_the_alarm_ends_when_the_loss_has_ended(clock):
    played = Played(half)
    clock[0] += 5
    for index in range(300, 330):
        played.watch.image(index * STEP)
    played.watch.settle(True)
    assert played.watch.text('') == ''


SENDER = """
import array, sys, time
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(Image, 'image', QoSProfile(
    depth=5, reliability=ReliabilityPolicy.BEST_EFFORT))
while not publisher.get_subscription_count():
    time.sleep(0.02)
time.sleep(0.5)
msg = Image(width=640, height=480, step=1920, encoding='rgb8',
            data=array.array('B', bytes(921600)))
for index in range(60):
    msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(10**9 + index * 33000000, 10**9)
    publisher.publish(msg)
    time.sleep(0.033)
# Small ones get through: they bring the news of what was lost before.
for index in range(60, 63):
    small = Image(width=1, height=1, step=3, encoding='rgb8', data=array.array('B', bytes(3)))
    small.header.stamp.sec, small.header.stamp.nanosec = divmod(
        10**9 + index * 33000000, 10**9)
    publisher.publish(small)
    time.sleep(0.1)
time.sleep(1)
"""


def test_half_the_images_of_a_camera_without_a_profile_are_counted_and_told(
        rig, checkpoint, monkeypatch):
    monkeypatch.undo()
    node = rig.active_node(checkpoint)
    rig.driver.destroy_publisher(rig.images)
    statuses = []
    rig.driver.create_subscription(DiagnosticArray, '/diagnostics',
                                   lambda msg: statuses.append(msg.status[0]), 10)
    environment = {name: value for name, value in process_environment(rig.domain).items()
                   if name not in VARIABLES}
    subprocess.run([sys.executable, '-c', SENDER], env=environment, check=True, timeout=60)
    wait_for(lambda: drops(node).get('lost_in_transport', 0) > 5)
    status = wait_for(lambda: next(
        (status for status in statuses if 'are lost between camera and node' in status.message),
        None))
    assert 'fastdds.xml' in status.message and status.level == b'\x01'
    assert {item.key: item.value for item in status.values}['image QoS'] == (
        'BEST_EFFORT, VOLATILE, KEEP_LAST 1')
    assert len(wait_for(lambda: rig.warnings('/image: '))) == 1
    snapshot = node.cameras[0].telemetry.snapshot()
    # All but what came before both sides were matched.
    assert 60 <= snapshot.frames_in <= 63, snapshot
