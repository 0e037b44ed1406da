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
"""Checkpoints: what is saved comes back, and every bad file gives one clear error."""

from __future__ import annotations

import json
import os

from lstm_depth.checkpoint import load_network, read_header, save_checkpoint, shipped_checkpoint
from lstm_depth.errors import CheckpointError, LstmDepthError
from lstm_depth.models import create_model
from lstm_depth.ros.usage import usage
import pytest
from safetensors.torch import load_file, save_file
import torch


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = create_model('residual_lstm', filters=4, input_height=32, input_width=48,
                         focal=(0.8, 1.1)).eval()
    path = tmp_path / 'model.safetensors'
    save_checkpoint(path, model, training={'data': 'noise'}, metrics={'d1': 0.5})
    return model, path


def edit(path, change):
    """Rewrite a checkpoint after *change(header, weights)*."""
    header, weights = read_header(path), load_file(path)
    change(header, weights)
    save_file(weights, path, metadata={'lstm_depth': json.dumps(header)})


def test_a_model_comes_back_as_it_was(saved):
    model, path = saved
    loaded = load_network(path)
    assert loaded.config == model.config
    assert not loaded.training
    frame = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        assert torch.equal(loaded(frame)[0], model(frame)[0])


def test_the_header_says_what_the_model_is(saved):
    _, path = saved
    header = read_header(path)
    assert header['model'] == 'residual_lstm'
    assert header['input'] == {'height': 32, 'width': 48, 'mean': [0, 0, 0], 'std': [1, 1, 1]}
    assert header['depth_range_m'] == [0.1, 10.0]
    assert header['training'] == {'data': 'noise'}
    assert header['metrics'] == {'d1': 0.5}
    assert load_network(path).header == header


def test_half_precision_storage_loads_as_float32(saved, tmp_path):
    model, path = saved
    half = tmp_path / 'half.safetensors'
    save_checkpoint(half, model, dtype=torch.float16)
    loaded = load_network(half)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    for mine, theirs in zip(loaded.state_dict().values(), model.state_dict().values()):
        assert torch.allclose(mine, theirs, atol=1e-3)
    assert half.stat().st_size < path.stat().st_size


def test_a_checkpoint_has_the_permissions_of_any_new_file(saved, tmp_path):
    _, path = saved
    (tmp_path / 'other').touch()
    assert path.stat().st_mode == (tmp_path / 'other').stat().st_mode


def test_a_name_gives_fresh_weights():
    assert load_network('double_hourglass').header is None


def test_the_shipped_checkpoint_is_the_flagship_and_small():
    model = load_network()
    assert model.name == 'residual_lstm'
    assert model.recurrent
    assert model.header['metrics']['held_out']['d1'] > 0.5
    assert shipped_checkpoint().stat().st_size < 20e6


def test_a_missing_file_names_the_alternatives(tmp_path):
    with pytest.raises(CheckpointError, match='residual_lstm'):
        load_network(tmp_path / 'none.safetensors')


@pytest.mark.parametrize('content,message', [
    (b'', 'empty'),
    (b'<!DOCTYPE html><html>404</html>', 'web page'),
    (b'PK\x03\x04' + bytes(100), 'pickle'),
    (b'\x80\x02}q\x00.' + bytes(100), 'pickle'),
    (b'version https://git-lfs.github.com/spec/v1\n', 'git lfs pull'),
    (bytes(range(200)), 'truncated or damaged'),
])
def test_a_file_that_is_no_checkpoint_says_what_it_is(tmp_path, content, message):
    path = tmp_path / 'bad.safetensors'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_network(path)
    assert str(path) in str(caught.value)


def test_a_torch_pickle_is_refused(tmp_path):
    path = tmp_path / 'model.pth'
    torch.save({'weight': torch.zeros(3)}, path)
    with pytest.raises(CheckpointError, match='pickle'):
        load_network(path)


@pytest.mark.parametrize('keep', [0.3, 0.9, 0.999])
def test_a_truncated_checkpoint_is_refused(saved, keep):
    _, path = saved
    data = path.read_bytes()
    path.write_bytes(data[:int(len(data) * keep)])
    with pytest.raises(CheckpointError, match='truncated or damaged'):
        load_network(path)


@pytest.mark.parametrize('change,message', [
    (lambda h, w: w.pop('core.input_gates.bias'), 'weights missing'),
    (lambda h, w: w.update(extra=torch.zeros(1)), 'unexpected'),
    (lambda h, w: w.update({'core.input_gates.bias': torch.zeros(3)}), r'is \(3,\)'),
    (lambda h, w: w['core.input_gates.bias'].fill_(float('nan')), 'NaN'),
    (lambda h, w: h.update(format=99), 'newer lstm_depth'),
    (lambda h, w: h['config'].update(sharpness=1), 'cannot build'),
    (lambda h, w: h.update(model='better_net'), 'cannot build'),
    (lambda h, w: h.pop('config'), 'damaged header'),
])
def test_a_checkpoint_that_does_not_fit_says_why(saved, change, message):
    _, path = saved
    edit(path, change)
    with pytest.raises(CheckpointError, match=message):
        load_network(path)


def absurd(name, value):
    """Return a change of one number of the configuration."""
    return lambda header, weights: header['config'].update({name: value})


@pytest.mark.parametrize('change', [
    absurd(name, value) for name, values in {
        'input_height': (10**9, 0, -1, 0.5, 'two', None, True), 'input_width': (20000, [32]),
        'depth_min': (float('nan'), -1.0, 'near', 0), 'depth_max': (float('inf'), 1e9, None),
        'initial_depth': (float('nan'),), 'focal': ([0.8], [0, 1], [float('nan'), 1], 'wide', 1e9),
        'filters': (10**9, 16000, 0, 1e30), 'hourglass_depth': (10**6, -1),
        'hourglasses': (10**9,), 'decoder_filters': ([10**9, 1], [-1, -1], ['a', 'b'], 5),
        'temporal_kernel': (10**9 + 1,), 'dropout': (float('nan'), 2), 'name': ('x',),
        'encoder': (5, 'hf-hub:someone/something'), 'temporal': ([],), 'norm': ('no',),
    }.items() for value in values])
def test_numbers_that_no_network_has_are_one_sentence_and_take_no_memory(saved, change):
    _, path = saved
    edit(path, change)
    before = usage(os.getpid()).peak_mb
    with pytest.raises(CheckpointError, match='model.safetensors') as caught:
        load_network(path)
    assert usage(os.getpid()).peak_mb - before < 100
    assert len(str(caught.value)) < 600 and '\n' not in str(caught.value)


def test_weights_of_something_else_are_refused(tmp_path):
    path = tmp_path / 'other.safetensors'
    save_file({'weight': torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match='without an lstm_depth header'):
        load_network(path)


def test_every_checkpoint_error_is_an_expected_failure():
    assert issubclass(CheckpointError, LstmDepthError)
