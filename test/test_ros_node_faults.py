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
"""
depth_node and what is broken inside: files of images, the network, memory, checkpoints.

What can be struck from outside is in ``test_ros_faults``.
"""

from __future__ import annotations

from collections import Counter
import os
import struct
from types import SimpleNamespace
import zlib

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
from lstm_depth.ros.conversion import to_jpeg_message
from lstm_depth.ros.soak.files import UNUSABLE
from lstm_depth.ros.usage import usage
import numpy as np
import pytest
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from std_srvs.srv import Trigger
import torch


def compressed(data: bytes) -> CompressedImage:
    """Return a message of *data*, whatever it is."""
    message = CompressedImage(format='jpeg')
    message.data.frombytes(data)
    return message


def flat_png(width: int, height: int) -> bytes:
    """Return a PNG of one colour, small however large it claims to be."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack('>I', len(data)) + kind + data + struct.pack(
            '>I', zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    rows = b''.join(packer.compress(row) for _ in range(height)) + packer.flush()
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack(
        '>IIBBBBB', width, height, 8, 2, 0, 0, 0)) + chunk(b'IDAT', rows) + chunk(b'IEND', b''))


def test_files_that_are_no_image_are_dropped_counted_and_take_no_memory(rig, checkpoint):
    node = rig.active_node(checkpoint, image_transport='compressed')
    good = to_jpeg_message(cv2.randu(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0, 255), Header(), 90)
    whole, causes = good.data.tobytes(), Counter()
    rig.show(stamped(good, 1.0))
    rig.answered(1)
    before = usage(os.getpid()).peak_mb
    for number, (data, cause) in enumerate((
            (b'', 'zero_size'), (b'no jpeg at all', 'corrupt_image'),
            (whole[:len(whole) // 2], 'corrupt_image'), (flat_png(12000, 12000), 'too_large'))):
        rig.show(stamped(compressed(data), 2.0 + number))
        causes[cause] += 1
        wait_for(lambda: drops(node) == causes)
    # Decoded, the last one takes 430 MB.
    assert usage(os.getpid()).peak_mb - before < 150
    warning, = wait_for(lambda: rig.warnings('more than the limit of'))
    assert '12000x12000' in warning
    rig.show(stamped(good, 9.0))
    rig.answered(2)


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


def test_checkpoints_that_cannot_be_fail_configure_and_not_the_node(rig, checkpoint, tmp_path):
    rig.depth_node()
    files = SimpleNamespace(folder=tmp_path, checkpoint=str(checkpoint))
    for case, make in UNUSABLE.items():
        assert rig.set_parameters(checkpoint=make(files))[0].successful, case
        assert not rig.transition(Transition.TRANSITION_CONFIGURE), case
    assert len(wait_for(lambda: rig.warnings('cannot configure'))) == len(UNUSABLE)


def test_an_impossible_transition_is_refused_and_the_node_lives(rig):
    node = rig.depth_node()
    assert not rig.transition(Transition.TRANSITION_ACTIVATE)
    assert node.state_label == 'unconfigured'
    answer = rig.call(Trigger, '/depth_node/reset', Trigger.Request())
    assert not answer.success and 'unconfigured' in answer.message
