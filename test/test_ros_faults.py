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
"""depth_node and what is broken: messages, output, memory, checkpoints, transitions."""

from __future__ import annotations

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    drops,
    HEIGHT,
    image,
    pixels,
    resets,
    rig_fixture,
    stamped,
    wait_for,
    WIDTH,
)
import cv2
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lstm_depth.ros.conversion import byte_array, to_jpeg_message
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from std_srvs.srv import Trigger
import torch

BROKEN = {
    'bad_encoding': lambda: image(1.5, encoding='nonsense'),
    'short_data': lambda: image(1.5, data=byte_array(np.zeros(100, np.uint8))),
    'zero_size': lambda: image(1.5, width=0, height=0, step=0),
    'bad_step': lambda: image(1.5, step=5),
}


@pytest.mark.parametrize('cause', BROKEN)
def test_a_broken_image_is_dropped_counted_and_leaves_no_trace(rig, checkpoint, cause):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    state = [tensor.clone() for tensor in node.cameras[0].processor.stream.state]
    for _ in range(3):
        before = drops(node).get(cause, 0)
        rig.show(BROKEN[cause](), camera_info())
        wait_for(lambda count=before: drops(node).get(cause, 0) > count)
    assert all(torch.equal(a, b) for a, b in zip(state, node.cameras[0].processor.stream.state))
    rig.show(image(1.6), camera_info())
    assert rig.answered(2)[1].header.stamp.nanosec == 600000000
    assert drops(node) == {cause: 3} and resets(node) == {}
    assert len(wait_for(lambda: rig.warnings('image dropped'))) == 1


@pytest.mark.parametrize(('data', 'cause'), [
    (b'', 'zero_size'), (b'no jpeg at all', 'corrupt_image'), ('cut', 'corrupt_image')])
def test_a_corrupt_jpeg_is_dropped_and_counted(rig, checkpoint, data, cause):
    node = rig.active_node(checkpoint, image_transport='compressed')
    good = to_jpeg_message(cv2.randu(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0, 255), Header(), 90)
    if data == 'cut':
        data = good.data.tobytes()[:len(good.data) // 2]
    bad = CompressedImage(format='jpeg')
    bad.data.frombytes(data)
    rig.show(stamped(bad, 1.0))
    wait_for(lambda: drops(node) == {cause: 1})
    rig.show(stamped(good, 1.1))
    rig.answered(1)


# The network.

def test_non_finite_output_is_nan_and_resets(rig, checkpoint):
    node = rig.active_node(checkpoint)
    rig.show(image(1.0), camera_info())
    rig.answered(1)
    weights = next(node.cameras[0].processor.stream.model.network.parameters())
    kept = weights.detach().clone()
    weights.data.fill_(float('nan'))
    rig.show(image(1.1), camera_info())
    assert np.isnan(pixels(rig.answered(2)[1])).all()
    weights.data.copy_(kept)
    rig.show(image(1.2), camera_info())
    assert np.isfinite(pixels(rig.answered(3)[2])).all()
    assert resets(node) == {'non_finite': 1}
    assert any('NaN' in alert.text for alert in node.cameras[0].alerts.current())


def test_running_out_of_gpu_memory_costs_one_frame(rig, checkpoint, monkeypatch):
    node = rig.active_node(checkpoint)
    statuses = []
    rig.driver.create_subscription(DiagnosticArray, '/diagnostics',
                                   lambda msg: statuses.append(msg.status[0]), 10)
    emptied = []
    monkeypatch.setattr(torch.cuda, 'empty_cache', lambda: emptied.append(True))

    def run_out(*args, **kwargs):
        monkeypatch.undo()
        monkeypatch.setattr(torch.cuda, 'empty_cache', lambda: emptied.append(True))
        raise torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')

    monkeypatch.setattr(node.cameras[0].processor.stream.model.network, 'forward', run_out)
    rig.show(image(1.0), camera_info())
    wait_for(lambda: drops(node) == {'out_of_memory': 1})
    assert emptied
    error = wait_for(lambda: next((s for s in statuses if s.level == b'\x02'), None))
    assert 'out of GPU memory' in error.message and 'device:=cpu' in error.message
    rig.show(image(1.1), camera_info())
    rig.answered(1)


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without CUDA')
def test_an_absent_gpu_gives_the_cpu_with_a_warning(rig, checkpoint):
    node = rig.active_node(checkpoint, device='cuda:3')
    assert node.cameras[0].processor.stream.device == 'cpu'
    warning, = wait_for(lambda: rig.warnings('cuda:3'))
    assert 'using the CPU' in warning


def test_a_bug_in_a_frame_costs_that_frame(rig, checkpoint, monkeypatch):
    node = rig.active_node(checkpoint)

    def fail(*args, **kwargs):
        monkeypatch.undo()
        raise RuntimeError('a bug')

    monkeypatch.setattr(node.cameras[0].processor.stream, 'push', fail)
    rig.show(image(1.0), camera_info())
    wait_for(lambda: drops(node) == {'internal_error': 1})
    rig.show(image(1.1), camera_info())
    rig.answered(1)


# Life.

def test_a_missing_checkpoint_fails_configure_and_a_good_one_then_succeeds(
        rig, checkpoint, tmp_path):
    missing = tmp_path / 'missing.safetensors'
    node = rig.depth_node(checkpoint=str(missing))
    assert not rig.transition(Transition.TRANSITION_CONFIGURE)
    assert node.state_label == 'unconfigured'
    message, = wait_for(lambda: rig.warnings('cannot configure'))
    assert str(missing) in message and 'give the path' in message
    assert rig.set_parameters(checkpoint=str(checkpoint))[0].successful
    assert rig.transition(Transition.TRANSITION_CONFIGURE)
    assert rig.transition(Transition.TRANSITION_ACTIVATE)
    rig.listen('image')
    wait_for(lambda: rig.images.get_subscription_count()
             and node.cameras[0].outputs.wanted('depth/image'))
    rig.show(image(1.0), camera_info())
    rig.answered(1)


def test_a_corrupt_checkpoint_fails_configure(rig, tmp_path):
    page = tmp_path / 'page.safetensors'
    page.write_text('<!DOCTYPE html><html>Not found</html>')
    node = rig.depth_node(autostart=True, checkpoint=str(page))
    assert node.state_label == 'unconfigured'
    assert str(page) in wait_for(lambda: rig.warnings('cannot configure'))[0]


def test_an_impossible_transition_is_refused_and_the_node_lives(rig):
    node = rig.depth_node()
    assert not rig.transition(Transition.TRANSITION_ACTIVATE)
    assert node.state_label == 'unconfigured'
    answer = rig.call(Trigger, '/depth_node/reset', Trigger.Request())
    assert not answer.success and 'unconfigured' in answer.message


def test_a_whole_life_can_be_lived_twice(rig, checkpoint):
    node = rig.active_node(checkpoint)
    for life in range(2):
        rig.show(image(1.0 + life), camera_info())
        rig.answered(life + 1)
        assert rig.transition(Transition.TRANSITION_DEACTIVATE)
        wait_for(lambda: not rig.images.get_subscription_count())
        assert rig.transition(Transition.TRANSITION_CLEANUP)
        assert node.cameras[0].processor is None
        assert rig.transition(Transition.TRANSITION_CONFIGURE)
        assert rig.transition(Transition.TRANSITION_ACTIVATE)
        wait_for(lambda: rig.images.get_subscription_count()
                 and node.cameras[0].outputs.wanted('depth/image'))
    assert rig.transition(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert node.state_label == 'finalized'
