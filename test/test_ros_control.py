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
"""depth_node while it runs: services, parameters, QoS, and what it says about itself."""

from __future__ import annotations

from threading import Event
import time

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    drops,
    image,
    OUTPUTS,
    PATIENCE_S,
    pixels,
    resets,
    Rig,
    rig_fixture,
    wait_for,
    WIDTH,
)
from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.ros import model_loader
from lstm_depth.ros.conversion import byte_array
import numpy as np
import pytest
from rcl_interfaces.srv import DescribeParameters
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger
import torch


def test_services_and_parameters_answer_while_the_network_runs(rig, checkpoint, monkeypatch):
    node = rig.active_node(checkpoint)
    running, go = Event(), Event()
    push = node.cameras[0].processor.stream.push

    def slow_push(*args, **kwargs):
        running.set()
        assert go.wait(2 * PATIENCE_S)
        return push(*args, **kwargs)

    monkeypatch.setattr(node.cameras[0].processor.stream, 'push', slow_push)
    rig.show(image(1.0), camera_info())
    assert running.wait(PATIENCE_S)
    assert rig.call(Trigger, '/depth_node/reset', Trigger.Request()).success
    assert rig.set_parameters(cloud_stride=2)[0].successful
    for index in range(3):
        rig.show(image(1.1 + index / 10), camera_info())
        # One by one: DDS, too, keeps only the newest.
        wait_for(lambda count=index + 2: node.cameras[0].telemetry.snapshot().frames_in == count)
    # All of it while the network is still held.
    assert not go.is_set() and not rig.received['image']
    assert drops(node) == {'superseded': 2}
    go.set()
    stamps = [message.header.stamp.nanosec for message in rig.answered(2)]
    assert stamps == [0, 300000000]
    assert resets(node) == {'explicit': 1}


def test_wrong_parameters_are_refused_with_the_reason(rig, checkpoint, tmp_path):
    node = rig.active_node(checkpoint)
    before = node.settings
    for values, reason in (
            ({'mode': 'both'}, 'one of stateful, window'),
            ({'min_depth': 500.0}, 'min_depth must be below max_depth'),
            ({'output_scale': 7.0}, 'out of range'),
            ({'cloud_stride': 'two'}, 'type'),
            ({'image_transport': 'compressed'}, 'read-only'),
            ({'checkpoint': str(tmp_path / 'nothing.safetensors')}, 'nothing.safetensors')):
        result, = rig.set_parameters(**values)
        assert not result.successful and reason in result.reason, result.reason
    assert node.settings == before
    described = rig.call(DescribeParameters, '/depth_node/describe_parameters',
                         DescribeParameters.Request(names=['max_gap_s'])).descriptors[0]
    assert described.description and described.floating_point_range[0].to_value == 3600.0


def test_changed_parameters_take_effect_on_the_next_frame(rig, checkpoint):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    assert rig.answered(1)[0].encoding == '32FC1'
    results = rig.set_parameters(depth_encoding='16UC1', mode='window', buffer_size=3,
                                 output_scale=0.5)
    assert all(result.successful for result in results)
    rig.show(image(1.1), camera_info())
    message = rig.answered(2)[1]
    assert (message.encoding, message.width) == ('16UC1', WIDTH // 2)
    stream = node.cameras[0].processor.stream
    assert (stream.mode, stream.buffer_size) == ('window', 3)
    assert resets(node) == {}


def test_another_checkpoint_goes_in_without_losing_the_stream(rig, checkpoint, tmp_path):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    before = pixels(rig.answered(1)[0])
    model = load_network(checkpoint)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(torch.randn_like(weights) * 0.05)
    other = tmp_path / 'other.safetensors'
    save_checkpoint(other, model)
    assert rig.set_parameters(checkpoint=str(other))[0].successful
    wait_for(lambda: facts(rig)['checkpoint'] == str(other))
    rig.show(image(1.1), camera_info())
    assert not np.allclose(before, pixels(rig.answered(2)[1]))
    assert resets(node) == {} and node.cameras[0].processor.stream.state


def test_services_answer_while_a_checkpoint_is_loaded_and_it_is_in_use_after_the_swap(
        rig, checkpoint, tmp_path, monkeypatch):
    rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    other = tmp_path / 'other.safetensors'
    other.write_bytes(checkpoint.read_bytes())
    loading, go, load = Event(), Event(), model_loader.load

    def slow_load(choice):
        loading.set()
        assert go.wait(2 * PATIENCE_S)
        return load(choice)

    monkeypatch.setattr(model_loader, 'load', slow_load)
    assert rig.set_parameters(checkpoint=str(other))[0].successful
    assert loading.wait(PATIENCE_S)
    assert rig.call(Trigger, '/depth_node/reset', Trigger.Request()).success
    rig.show(image(1.1), camera_info())
    rig.answered(2)
    assert facts(rig)['checkpoint'] == str(checkpoint)
    go.set()
    wait_for(lambda: facts(rig)['checkpoint'] == str(other))
    rig.show(image(1.2), camera_info())
    rig.answered(3)


def test_a_checkpoint_that_turns_out_broken_leaves_the_old_one_and_says_so(
        rig, checkpoint, tmp_path):
    rig.active_node(checkpoint)
    torn = tmp_path / 'torn.safetensors'
    content = bytearray(checkpoint.read_bytes())
    # Weights of NaN: the header is as it should be.
    content[-4000:] = b'\xff' * 4000
    torn.write_bytes(content)
    assert rig.set_parameters(checkpoint=str(torn))[0].successful
    error, = wait_for(lambda: rig.warnings('checkpoint not changed'))
    assert str(torn) in error and f'still in use: {checkpoint}' in error
    wait_for(lambda: facts(rig)['checkpoint'] == str(checkpoint))
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    # The same path may be tried again once the file is mended.
    torn.write_bytes(checkpoint.read_bytes())
    assert rig.set_parameters(checkpoint=str(torn))[0].successful
    wait_for(lambda: facts(rig)['checkpoint'] == str(torn))


def test_qos_can_be_overridden(rig, checkpoint):
    rig.active_node(checkpoint, listen=(), **{
        'qos_overrides./image.subscription.reliability': 'reliable',
        'qos_overrides./depth_node/depth/image.publisher.reliability': 'best_effort',
        'qos_overrides./depth_node/depth/points.publisher.durability': 'transient_local'})
    subscription = rig.driver.get_subscriptions_info_by_topic('/image')[0]
    assert subscription.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    publisher = rig.driver.get_publishers_info_by_topic('/depth_node/depth/image')[0]
    assert publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    cloud = rig.driver.get_publishers_info_by_topic('/depth_node/depth/points')[0]
    assert cloud.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL


def test_default_qos_fits_the_camera_and_every_consumer(rig, checkpoint):
    rig.active_node(checkpoint)
    image_in = rig.driver.get_subscriptions_info_by_topic('/image')[0].qos_profile
    assert image_in.reliability == ReliabilityPolicy.RELIABLE
    for name in OUTPUTS:
        out = rig.driver.get_publishers_info_by_topic(f'/depth_node/depth/{name}')[0].qos_profile
        assert out.reliability == ReliabilityPolicy.RELIABLE


def facts(rig: Rig) -> dict[str, str]:
    """Return the values of the next diagnostics."""
    statuses = []
    subscription = rig.driver.create_subscription(
        DiagnosticArray, '/diagnostics', lambda msg: statuses.append(msg.status[0]), 1)
    status = wait_for(lambda: statuses and statuses[-1], what='for diagnostics')
    rig.driver.destroy_subscription(subscription)
    return {item.key: item.value for item in status.values}


def provoked(rig: Rig, provoke, text: str) -> str:
    """Return the warning with *text* that follows from *provoke*."""
    for _ in range(10):
        provoke()
        # DDS loses an event now and then when several endpoints appear at once.
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            if warnings := rig.warnings(text):
                return warnings[0]
            time.sleep(0.02)
    pytest.fail(f'no warning with {text!r}')


def test_incompatible_qos_is_logged_with_what_to_change(rig, checkpoint):
    rig.active_node(checkpoint, **{
        'qos_overrides./image.subscription.reliability': 'reliable'})
    ours = provoked(rig, lambda: rig.driver.create_publisher(Image, 'image', QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)), 'a publisher of /image')
    assert 'qos_overrides./image.subscription.reliability' in ours
    theirs = provoked(rig, lambda: rig.driver.create_subscription(
        Image, '/depth_node/depth/colored', print,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)),
        'a subscription of /depth_node/depth/colored')
    assert 'DURABILITY' in theirs


# What it says about itself.

def test_silence_is_warned_about_once_with_topic_qos_and_advice(rig, checkpoint):
    rig.depth_node(autostart=True, checkpoint=str(checkpoint), no_input_timeout_s=0.3)
    warning, = wait_for(lambda: rig.warnings('no image for'))
    # The driver has a publisher on the topic, which sends nothing.
    for part in ('/image', 'sensor_msgs/msg/Image',
                 'requested QoS: RELIABLE, VOLATILE, KEEP_LAST 1', 'is published by /driver',
                 'ros2 topic hz /image'):
        assert part in warning
    time.sleep(0.6)
    assert len(rig.warnings('no image for')) == 1
    rig.show(image(1.0))
    wait_for(lambda: len(rig.warnings('no image for')) == 2)


def test_silence_is_explained_with_the_overridden_qos(rig, checkpoint):
    rig.depth_node(autostart=True, checkpoint=str(checkpoint), no_input_timeout_s=0.3, **{
        'qos_overrides./image.subscription.reliability': 'reliable',
        'qos_overrides./image.subscription.depth': 7})
    warning, = wait_for(lambda: rig.warnings('no image for'))
    assert 'requested QoS: RELIABLE, VOLATILE, KEEP_LAST 7' in warning


def test_silence_without_a_publisher_says_so(rig, checkpoint):
    rig.driver.destroy_publisher(rig.images)
    rig.depth_node(autostart=True, checkpoint=str(checkpoint), no_input_timeout_s=0.3)
    warning, = wait_for(lambda: rig.warnings('no image for'))
    assert 'nobody publishes /image' in warning and 'remap' in warning


def test_diagnostics_tell_rates_latency_drops_resets_model_and_device(rig, checkpoint):
    rig.active_node(checkpoint)
    statuses = []
    rig.driver.create_subscription(DiagnosticArray, '/diagnostics',
                                   lambda msg: statuses.append(msg.status[0]), 10)
    for index, stamp in enumerate((1.0, 1.1, 9.0)):
        rig.show(image(stamp), camera_info())
        rig.answered(index + 1)
    rig.show(image(9.1, data=byte_array(np.zeros(9, np.uint8))), camera_info())
    status = wait_for(lambda: next(
        (s for s in statuses if 'dropped: short_data' in {v.key for v in s.values}), None))
    values = {item.key: item.value for item in status.values}
    assert status.name == '/depth_node: depth' and status.level == b'\x01'
    assert status.hardware_id == 'cpu' and 'bytes of data' in status.message
    assert (values['frames in'], values['frames out'], values['dropped: short_data'],
            values['reset: gap']) == ('4', '3', '1', '1')
    assert values['model'] == 'residual_lstm' and values['checkpoint'] == str(checkpoint)
    assert float(values['latency p95 [ms]']) >= float(values['latency p50 [ms]']) > 0
    assert float(values['rate in [Hz]']) > 0 and float(values['rate out [Hz]']) > 0


def test_a_flat_answer_is_a_diagnostics_warning(rig, checkpoint):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    with torch.no_grad():
        for weights in node.cameras[0].processor.stream.model.network.parameters():
            weights.zero_()
    rig.show(image(1.1), camera_info())
    depth = pixels(rig.answered(2)[1])
    assert depth.std() < 1e-3 * depth.mean()
    assert any('flat' in alert.text for alert in node.cameras[0].alerts.current())
