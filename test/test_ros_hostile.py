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
"""Nothing that arrives ends the node: parameters, times and texts that no one should send."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    image,
    process_environment,
    Rig,
    rig_fixture,
    wait_for,
)
from lstm_depth.header import KEY, read_header
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import DescribeParameters, SetParameters, SetParametersAtomically
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from safetensors.numpy import save


def header_file(folder, checkpoint, **changes):
    """Return a checkpoint without weights whose header has *changes*."""
    path = folder / 'changed.safetensors'
    text = changes.pop('text', None) or json.dumps({**read_header(checkpoint), **changes})
    path.write_bytes(save({'weight': np.zeros(1, np.float32)}, metadata={KEY: text}))
    return str(path)


# Name: what to set checkpoint to, from the folder and a good checkpoint.
CHECKPOINTS = {
    'no such user': lambda folder, good: '~nouser/x',
    'a name too long': lambda folder, good: 'x' * 300,
    'a path too long': lambda folder, good: '/' + 'x' * 100_000,
    'brackets': lambda folder, good: '[' * 200_000,
    'a NUL': lambda folder, good: '/tmp/a\x00b.safetensors',
    'a folder': lambda folder, good: str(folder),
    'model is a list': lambda folder, good: header_file(folder, good, model=[]),
    'a word for a number': lambda folder, good: header_file(
        folder, good, config={**read_header(good)['config'], 'input_height': 'two'}),
    'nested header': lambda folder, good: header_file(folder, good, text='[' * 200_000),
    'header of another type': lambda folder, good: header_file(folder, good, text='5'),
    'config is a word': lambda folder, good: header_file(folder, good, config='none'),
}


@pytest.mark.parametrize('case', CHECKPOINTS)
def test_a_checkpoint_that_cannot_be_is_refused_with_a_reason(rig, checkpoint, tmp_path, case):
    rig.active_node(checkpoint)
    result, = rig.set_parameters(checkpoint=CHECKPOINTS[case](tmp_path, checkpoint))
    if result.successful:
        # What only loading tells comes in the log.
        assert wait_for(lambda: rig.warnings('checkpoint not changed'))
    else:
        assert 0 < len(result.reason) < 600
    rig.show(image(1.0), camera_info())
    rig.answered(1)


@pytest.mark.parametrize('case', CHECKPOINTS)
def test_a_checkpoint_that_cannot_be_fails_configure_and_not_the_node(
        rig, checkpoint, tmp_path, case):
    node = rig.depth_node(autostart=True, checkpoint=CHECKPOINTS[case](tmp_path, checkpoint))
    assert node.state_label == 'unconfigured'
    assert rig.warnings('cannot configure')


VALUES = {
    'an unknown type': ParameterValue(type=99),
    'no value': ParameterValue(type=0),
    'a word for a number': ParameterValue(type=4, string_value='two'),
    'an array': ParameterValue(type=9, string_array_value=['a'] * 1000),
    'not a number': ParameterValue(type=3, double_value=float('nan')),
}


@pytest.mark.parametrize('value', VALUES)
@pytest.mark.parametrize('name', ['max_gap_s', 'use_sim_time', 'no such', '', 'x' * 1000, '~'])
def test_a_parameter_that_cannot_be_is_refused_with_a_reason(rig, name, value):
    rig.depth_node()
    request = SetParameters.Request(parameters=[Parameter(name=name, value=VALUES[value])])
    one, = rig.call(SetParameters, '/depth_node/set_parameters', request).results
    all_or_none = rig.call(
        SetParametersAtomically, '/depth_node/set_parameters_atomically',
        SetParametersAtomically.Request(parameters=request.parameters)).result
    # Nothing where there is nothing changes nothing, which rclpy calls a success.
    if name and (value != 'no value' or name == 'max_gap_s'):
        for result in (one, all_or_none):
            assert not result.successful and 0 < len(result.reason) < 600
    rig.call(DescribeParameters, '/depth_node/describe_parameters',
             DescribeParameters.Request(names=[name]))


def test_times_and_texts_that_cannot_be_cost_one_line_and_not_the_node(rig, checkpoint, tmp_path):
    log = tmp_path / 'log'
    with log.open('w') as output:
        process = subprocess.Popen(
            [sys.executable, '-m', 'lstm_depth.ros', 'depth_node', '--ros-args',
             '-p', 'autostart:=true', '-p', f'checkpoint:={checkpoint}',
             '-p', 'use_sim_time:=true'],
            env=process_environment(rig.domain), stderr=output, stdout=output)
    try:
        clock = rig.driver.create_publisher(Clock, '/clock', 10)
        rig.listen('image')
        wait_for(lambda: rig.images.get_subscription_count() and clock.get_subscription_count()
                 and rig.driver.count_subscribers('/depth_node/depth/image'), 60)
        bad_clock = Clock()
        bad_clock.clock.sec = -1
        bad_text = serialize_message(image(1.0)).replace(b'camera', b'\xff\xfe\xfdera')
        for index in range(20):
            clock.publish(bad_clock)
            rig.images.publish(bad_text)
            rig.show(image(2.0 + index / 10), camera_info())
            wait_for(lambda: not process.poll(), 1)
            try:
                wait_for(lambda: rig.received['image'], 1)
                break
            except pytest.fail.Exception:
                continue
        assert rig.received['image'] and process.poll() is None
        text = wait_for(lambda: 'left out' in (text := log.read_text()) and text)
        assert text.count('ValueError') < 10
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()
