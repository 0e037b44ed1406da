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
"""Engines: the seam between a stream and the library that runs the network."""

from __future__ import annotations

import subprocess
import sys

import cv2
import lstm_depth
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.errors import ConfigError, MissingPackage, OutOfMemory
from lstm_depth.models import create_model
from lstm_depth.runtime.loading import as_engine, load_model
from lstm_depth.runtime.registry import Backend, BACKENDS
from lstm_depth.runtime.torch_engine import TorchEngine
from lstm_depth.stream import DepthStream
import numpy as np
import pytest
import torch


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = create_model('residual_lstm', filters=4, input_height=24, input_width=32,
                         focal=(0.8, 1.1), depth_max=8.0)
    save_checkpoint(tmp_path / 'tiny.safetensors', model)
    return tmp_path / 'tiny.safetensors'


@pytest.fixture
def video():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (5, 24, 32, 3), dtype=np.uint8)


def test_importing_the_stream_imports_no_framework():
    code = ('import sys, lstm_depth.stream; '
            'print(sorted({"torch", "torchvision", "timm", "onnxruntime"} & set(sys.modules)))')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.stdout == '[]\n', result.stderr


def test_importing_the_models_imports_no_encoder_library():
    code = ('import sys, lstm_depth.models; '
            'print(sorted({"torchvision", "timm", "huggingface_hub"} & set(sys.modules)))')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert result.stdout == '[]\n', result.stderr


def test_an_engine_knows_its_network(checkpoint):
    engine = load_model(checkpoint, backend='torch', device='cpu')
    assert (engine.name, engine.backend, engine.device) == ('residual_lstm', 'torch', 'cpu')
    assert engine.device_note is None
    assert (engine.input_size, engine.focal, engine.depth_range) == (
        (24, 32), (0.8, 1.1), (0.1, 8.0))
    assert engine.recurrent
    assert engine.header['model'] == 'residual_lstm'
    assert engine.info.parameters == sum(
        weight.numel() for weight in load_network(checkpoint).parameters())


def test_steps_equal_the_clip_and_leave_the_engine_as_it_was(checkpoint, video):
    engine = load_model(checkpoint, backend='torch')
    state, depths = engine.init(), []
    for image in video:
        depth, state = engine.step(image, state)
        depths.append(depth)
    whole, last = engine.clip(list(video))
    assert whole.shape == (5, 24, 32) and whole.dtype == np.float32
    assert np.allclose(depths, whole, atol=1e-5)
    again, _ = engine.step(video[0], engine.init())
    assert np.array_equal(again, depths[0])
    rest, _ = engine.clip(list(video[2:]), engine.clip(list(video[:2]))[1])
    assert np.allclose(rest, whole[2:], atol=1e-5)


def test_a_long_clip_goes_through_the_network_in_parts_of_bounded_size(checkpoint, monkeypatch):
    engine = load_model(checkpoint, backend='torch')
    height, width = engine.input_size
    clip = np.random.default_rng(0).integers(0, 256, (19, height, width, 3), np.uint8)
    sizes, forward = [], engine.network.forward_clip
    monkeypatch.setattr(engine.network, 'forward_clip', lambda frames, state: (
        sizes.append(frames.shape[1]), forward(frames, state))[1])
    depth, state = engine.clip(list(clip))
    assert sizes == [8, 8, 3] and depth.shape == (19, height, width)
    expected, last = forward(engine._frames(list(clip)).unsqueeze(0), ())
    np.testing.assert_allclose(depth, expected[0, :, 0].detach(), atol=1e-4)
    np.testing.assert_allclose(state[0].detach(), last[0].detach(), atol=1e-4)


def test_a_state_that_is_not_finite_is_told(checkpoint, video):
    engine = load_model(checkpoint, backend='torch')
    _, state = engine.step(video[0], engine.init())
    assert engine.is_finite(state) and engine.is_finite(engine.init())
    assert not engine.is_finite((state[0], state[1] * float('inf')))


def test_the_shipped_network_answers_as_it_did_before_there_were_engines():
    """What the stream did with tensors itself, written out."""
    rng = np.random.default_rng(1)
    video = cv2.GaussianBlur(rng.integers(0, 256, (240, 320 * 3, 3), np.uint8), (9, 9), 4)
    video = [video[:, 20 * i:20 * i + 320] for i in range(4)]
    stream = DepthStream(load_model(backend='torch', device='cpu'), sharpen=False)
    network = load_network().to(memory_format=torch.channels_last)
    config, state = network.config, ()
    for index, rgb in enumerate(video):
        depth = stream.push(rgb, index / 30).depth
        small = cv2.resize(rgb, (config.input_width, config.input_height),
                           interpolation=cv2.INTER_AREA)
        frame = torch.from_numpy(small).permute(2, 0, 1).unsqueeze(0).float().div_(255)
        with torch.inference_mode():
            expected, state = network(frame, state)
        expected = cv2.resize(expected[0, 0].numpy(), (320, 240), interpolation=cv2.INTER_LINEAR)
        assert np.abs(depth / expected - 1).max() < 1e-6


def test_a_network_becomes_an_engine_and_an_engine_stays_one(checkpoint):
    engine = as_engine(load_network(checkpoint))
    assert isinstance(engine, TorchEngine)
    assert as_engine(engine) is engine
    assert DepthStream(engine).model is engine


def test_two_streams_share_an_engine(checkpoint, video):
    engine = load_model(checkpoint)
    one, other, alone = DepthStream(engine), DepthStream(engine), DepthStream(engine)
    for index, image in enumerate(video):
        expected = alone.push(image, index / 10).depth
        other.push(255 - image, index / 10)
        assert np.allclose(one.push(image, index / 10).depth, expected, atol=1e-6)


def test_depth_stays_what_it_was_when_the_caller_writes_into_it(checkpoint, video):
    engine = load_model(checkpoint)
    stream, untouched = DepthStream(engine), DepthStream(engine)
    for index, image in enumerate(video):
        mine = image.copy()
        depth = stream.push(mine, index / 10).depth
        assert np.allclose(depth, untouched.push(image, index / 10).depth, atol=1e-6)
        depth.fill(np.nan)
        mine.fill(0)


@pytest.mark.parametrize(('settings', 'message'), [
    ({'backend': 'torhc'}, "did you mean 'torch'"),
    ({'device': 'abacus'}, 'there is no device'),
    ({'precision': 'float8'}, 'precision must be one of'),
])
def test_names_that_do_not_exist_are_refused(checkpoint, settings, message):
    with pytest.raises(ConfigError, match=message):
        load_model(checkpoint, **settings)


def test_lower_precision_is_near(checkpoint, video):
    exact, _ = load_model(checkpoint, backend='torch').step(video[0], ())
    near, _ = load_model(checkpoint, backend='torch', precision='bfloat16').step(video[0], ())
    assert near.dtype == np.float32
    assert 0 < np.abs(near / exact - 1).max() < 0.1


def test_a_library_that_is_not_installed_names_its_extra(checkpoint, monkeypatch):
    monkeypatch.setitem(sys.modules, 'torch', None)
    monkeypatch.setitem(BACKENDS, 'torch', Backend('lstm_depth.runtime.torch_engine', 'torch'))
    with pytest.raises(MissingPackage, match=r"pip install 'lstm_depth\[train\]'"):
        load_model(checkpoint, backend='torch')


def test_what_needs_torch_says_so_without_it():
    code = ("import sys; sys.modules['torch'] = None\n"
            'from lstm_depth.cli import main; import lstm_depth\n'
            "print(main(['models']))\n"
            'try:\n    lstm_depth.load_network()\n'
            'except lstm_depth.errors.MissingPackage as error:\n    print(error)')
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    code, message = result.stdout.splitlines()
    assert code == '2'
    assert message in result.stderr and "pip install 'lstm_depth[train]'" in message
    assert 'Traceback' not in result.stderr


def test_a_full_device_is_one_error_that_says_what_to_do(checkpoint, video, monkeypatch):
    engine = load_model(checkpoint, backend='torch')

    def run_out(*args):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')

    monkeypatch.setattr(engine.network, 'forward', run_out)
    with pytest.raises(OutOfMemory, match='out of GPU memory: .*2 GiB; free the GPU'):
        engine.step(video[0], ())


def test_a_stream_without_a_model_takes_the_shipped_one():
    assert DepthStream().model.header['metrics'] == lstm_depth.load_model().header['metrics']
