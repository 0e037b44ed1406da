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
"""Exported graphs: what they compute, what they say of themselves, who runs them."""

from __future__ import annotations

import json
import subprocess
import sys

import cv2
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.cli import main
from lstm_depth.errors import CheckpointError, ConfigError, EngineError
from lstm_depth.header import shipped_checkpoint, shipped_graph
from lstm_depth.models import create_model, list_models
from lstm_depth.runtime import choice
from lstm_depth.runtime.cache import cache_folder, file_hash
from lstm_depth.runtime.engine import Engine
from lstm_depth.runtime.export import export_graph
from lstm_depth.runtime.graph import check_images, disagreement
from lstm_depth.runtime.loading import load_model
from lstm_depth.runtime.quantize import quantize_graph
from lstm_depth.runtime.registry import BACKENDS
from lstm_depth.runtime.torch_engine import TorchEngine
import numpy as np
import onnx
import pytest
import torch

SIZE = (80, 96)
CORES = ('none', 'pixel_lstm', 'conv_lstm', 'aligned_lstm')
# Every core, and every kind of encoder and decoder; the others differ from these in sizes.
SAMPLES = {('residual_lstm', core) for core in CORES} | {
    ('mobilenetv2_fastdepth', 'conv_lstm'), ('de_noskip', 'aligned_lstm'),
    ('resnete_decoder_v3', 'none'), ('densenet_unet', 'aligned_lstm'),
    ('resnet34_upsampling', 'pixel_lstm')}
MATRIX = [pytest.param(name, core, marks=() if (name, core) in SAMPLES else pytest.mark.long)
          for name in list_models() for core in CORES]


def small(name: str, core: str = 'aligned_lstm', size: tuple[int, int] = SIZE, **config):
    """Return a small network with fresh weights, whose memory does not amplify rounding."""
    torch.manual_seed(3)
    if name not in ('residual_lstm', 'double_hourglass'):
        config |= {'temporal_channels': 8, 'temporal_residual': core != 'aligned_lstm'}
    return create_model(name, temporal=core, input_height=size[0], input_width=size[1],
                        **config).eval()


def depths(engine: Engine, images: list[np.ndarray]) -> np.ndarray:
    """Return the depth of each of consecutive *images*."""
    return engine.clip(images)[0]


@pytest.fixture(scope='module')
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp('graphs') / 'tiny.safetensors'
    save_checkpoint(path, small('residual_lstm', size=(32, 48), filters=4, focal=(0.8, 1.1)),
                    metrics={'d1': 0.5})
    return path


@pytest.fixture(scope='module')
def graph(saved):
    path = saved.with_suffix('.onnx')
    export_graph(load_network(saved), path, checkpoint=file_hash(saved))
    return path


@pytest.mark.parametrize(('name', 'core'), MATRIX)
def test_every_model_with_every_core_agrees_with_pytorch_over_fifty_steps(name, core, tmp_path):
    network = small(name, core)
    export_graph(network, tmp_path / 'model.onnx')
    images = check_images(SIZE, 50)
    exact = depths(TorchEngine(network, 'cpu'), images)
    engine = load_model(tmp_path / 'model.onnx', backend='onnxruntime')
    found = depths(engine, images)
    assert np.abs(found / exact - 1).max() < 1e-3
    # Not because there is nothing to agree about.
    assert np.ptp(exact[-1]) > 20 * np.abs(found - exact).max()
    fresh, _ = engine.step(images[-1], engine.init())
    assert engine.recurrent == (core != 'none') == (not np.array_equal(fresh, found[-1]))


@pytest.mark.parametrize('ending', ['.onnx', '.xml'])
def test_openvino_agrees_too(saved, tmp_path, ending):
    pytest.importorskip('openvino', reason='needs the extra openvino')
    export_graph(load_network(saved), tmp_path / f'model{ending}')
    engine = load_model(tmp_path / f'model{ending}', backend='openvino')
    images = check_images(engine.input_size, 50)
    exact = depths(load_model(saved, backend='torch'), images)
    assert np.abs(depths(engine, images) / exact - 1).max() < 1e-3
    assert disagreement(engine, engine.graph.expected) < 1e-3


def test_a_graph_says_all_that_its_checkpoint_does(saved, graph):
    mine, theirs = load_model(graph), load_model(saved, backend='torch')
    assert mine.info == theirs.info
    assert mine.header['metrics'] == {'d1': 0.5}


def test_weights_that_half_holds_exactly_are_stored_so_and_change_nothing(saved, tmp_path):
    network = load_network(saved)
    export_graph(network, tmp_path / 'whole.onnx')
    export_graph(network, tmp_path / 'rounded.onnx', half=True)
    with torch.no_grad():
        for weight in network.state_dict().values():
            weight.copy_(weight.half())
    export_graph(network, tmp_path / 'exact.onnx')
    size = {path.stem: path.stat().st_size for path in tmp_path.glob('*.onnx')}
    assert size['exact'] < size['whole'] and size['rounded'] < size['whole']
    images = check_images((32, 48), 5)
    exact = depths(TorchEngine(network, 'cpu'), images)
    for name in ('exact', 'rounded'):
        engine = load_model(tmp_path / f'{name}.onnx', backend='onnxruntime')
        assert np.abs(depths(engine, images) / exact - 1).max() < 1e-5


def test_the_packaged_graph_belongs_to_the_packaged_checkpoint():
    engine = load_model(shipped_graph(), backend='onnxruntime')
    assert engine.graph.checkpoint == file_hash(shipped_checkpoint()), (
        'make the graph anew: lstm_depth export --shipped')
    assert disagreement(engine, engine.graph.expected) < 1e-3
    assert shipped_checkpoint().stat().st_size + shipped_graph().stat().st_size < 20e6


def test_a_lone_installed_backend_is_checked_and_taken(graph, monkeypatch):
    monkeypatch.setattr(choice, 'candidates', lambda *args: ['onnxruntime'])
    assert load_model(graph).backend == 'onnxruntime'
    monkeypatch.setattr(choice, 'disagreement', lambda *args: 0.01)
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(graph.parent / 'other'))
    with pytest.raises(EngineError, match='onnxruntime: depth differs .* by 1.0%'):
        load_model(graph)


def test_the_fastest_is_chosen_once_and_remembered(graph, monkeypatch, tmp_path):
    pytest.importorskip('openvino', reason='needs the extra openvino')
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(tmp_path))
    monkeypatch.setattr(choice, '_step_times', lambda engines: {
        engine.backend: {'openvino': 0.1, 'onnxruntime': 0.2}[engine.backend]
        for engine in engines})
    assert load_model(graph, device='cpu').backend == 'openvino'
    note, = (tmp_path / 'choices').iterdir()
    assert json.loads(note.read_text())['backend'] == 'openvino'
    monkeypatch.setattr(choice, '_step_times', None)
    assert load_model(graph, device='cpu').backend == 'openvino'
    note.write_text('{"backend": "onnxr')
    monkeypatch.setattr(choice, '_step_times', lambda engines: {
        engine.backend: 0.1 for engine in engines})
    assert load_model(graph, device='cpu').backend in ('openvino', 'onnxruntime')


def test_a_backend_that_is_wrong_is_passed_over(graph, monkeypatch, tmp_path):
    pytest.importorskip('openvino', reason='needs the extra openvino')
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(tmp_path))
    monkeypatch.setattr(choice, 'disagreement', lambda engine, expected: {
        'openvino': float('inf'), 'onnxruntime': 0.0}[engine.backend])
    assert load_model(graph, device='cpu').backend == 'onnxruntime'


def test_a_checkpoint_is_exported_once_and_again_when_it_changed(saved, monkeypatch, tmp_path):
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(tmp_path / 'cache'))
    checkpoint = tmp_path / 'mine.safetensors'
    checkpoint.write_bytes(saved.read_bytes())
    image = check_images((32, 48), 1)[0]
    before, _ = load_model(checkpoint, backend='onnxruntime').step(image, ())
    made, = (cache_folder() / 'graphs').glob('*.onnx')
    stamp = made.stat().st_mtime_ns
    load_model(checkpoint, backend='onnxruntime')
    assert made.stat().st_mtime_ns == stamp
    network = load_network(checkpoint)
    with torch.no_grad():
        network.decoder.head.conv.bias.add_(0.5)
    save_checkpoint(checkpoint, network)
    after, _ = load_model(checkpoint, backend='onnxruntime').step(image, ())
    assert not np.allclose(before, after)
    assert len(list((cache_folder() / 'graphs').glob('*.onnx'))) == 2


def test_a_cache_that_cannot_be_written_does_no_harm(saved, monkeypatch, tmp_path):
    (tmp_path / 'file').touch()
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(tmp_path / 'file' / 'below'))
    engine = load_model(saved, device='cpu')
    assert engine.backend != 'torch'
    assert np.isfinite(engine.step(check_images((32, 48), 1)[0], ())[0]).all()


def test_a_damaged_graph_in_the_cache_is_made_anew(saved, monkeypatch, tmp_path):
    monkeypatch.setenv('LSTM_DEPTH_CACHE', str(tmp_path))
    load_model(saved, device='cpu')
    made, = (tmp_path / 'graphs').glob('*.onnx')
    made.write_bytes(made.read_bytes()[:1000])
    assert load_model(saved, device='cpu').backend != 'torch'
    assert made.stat().st_size > 1000


@pytest.mark.parametrize('change', [
    lambda text: None, lambda text: text[:40],
    lambda text: text.replace('"format": 1', '"format": 9'),
    lambda text: text.replace('"network"', '"net"'), lambda text: '[]'])
def test_a_graph_with_other_metadata_says_so(graph, tmp_path, change):
    model = onnx.load(graph)
    text = change(model.metadata_props[0].value)
    del model.metadata_props[:]
    if text is not None:
        onnx.helper.set_model_props(model, {'lstm_depth': text})
    onnx.save(model, tmp_path / 'other.onnx')
    with pytest.raises(CheckpointError, match='other.onnx'):
        load_model(tmp_path / 'other.onnx', backend='onnxruntime')


@pytest.mark.parametrize('keep', [0, 0.5, 0.99])
def test_a_truncated_graph_is_refused(graph, tmp_path, keep):
    data = graph.read_bytes()
    (tmp_path / 'cut.onnx').write_bytes(data[:int(len(data) * keep)])
    for backend in ('onnxruntime', 'auto'):
        with pytest.raises((CheckpointError, EngineError), match='cut.onnx'):
            load_model(tmp_path / 'cut.onnx', backend=backend)


def test_pytorch_cannot_run_a_graph_and_says_so(graph):
    with pytest.raises(ConfigError, match='exported graph'):
        load_model(graph, backend='torch')


@pytest.mark.skipif(torch.cuda.is_available(), reason='needs a machine without CUDA')
@pytest.mark.parametrize('backend', ['onnxruntime', 'openvino'])
def test_an_absent_device_gives_the_cpu_and_a_note(graph, backend):
    pytest.importorskip(backend)
    engine = load_model(graph, backend=backend, device='cuda:1')
    assert engine.device == 'cpu' and 'using the CPU' in engine.device_note
    assert engine.to('cpu').device_note is None
    with pytest.raises(ConfigError, match='no device'):
        load_model(graph, backend=backend, device='abacus')


def test_export_writes_a_graph_that_the_stream_runs(saved, tmp_path, capsys):
    assert main(['export', str(saved), '--output', str(tmp_path / 'out.onnx')]) == 0
    assert 'out.onnx' in capsys.readouterr().out
    code = ("import sys\nfor name in ('torch', 'torchvision', 'timm'): sys.modules[name] = None\n"
            'import numpy as np, lstm_depth\n'
            'stream = lstm_depth.DepthStream(lstm_depth.load_model(sys.argv[1]))\n'
            'print(stream.push(np.zeros((60, 80, 3), np.uint8), 0.0).depth.shape)')
    result = subprocess.run([sys.executable, '-c', code, str(tmp_path / 'out.onnx')],
                            capture_output=True, text=True)
    assert result.stdout == '(60, 80)\n', result.stderr


def test_export_refuses_what_it_cannot_write(saved, tmp_path, capsys):
    assert main(['export', str(saved), '--output', str(tmp_path / 'out.pth')]) == 2
    assert '.onnx' in capsys.readouterr().err
    assert main(['export', str(tmp_path / 'none.safetensors')]) == 2


@pytest.fixture(scope='module')
def int8(graph):
    path = graph.with_name('tiny_int8.onnx')
    assert main(['export', str(graph.with_suffix('.safetensors')), '--precision', 'int8',
                 '--output', str(path)]) == 0
    return path


def test_int8_is_near_and_says_that_it_is_int8(graph, int8):
    images = check_images((32, 48), 10)
    exact = depths(load_model(graph, backend='onnxruntime'), images)
    engine = load_model(int8)
    assert engine.precision == 'int8'
    found = depths(engine, images)
    assert 1e-5 < np.abs(found / exact - 1).mean() < 0.05
    operations = {node.op_type for node in onnx.load(int8).graph.node}
    assert {'QuantizeLinear', 'DequantizeLinear'} <= operations


def test_int8_of_a_checkpoint_is_made_at_its_first_use(saved, int8):
    # One library for both: they round 8 bits each in its own way, and 'auto' takes the faster.
    engine = load_model(saved, precision='int8', device='cpu', backend='onnxruntime')
    other = load_model(int8, backend='onnxruntime')
    images = check_images((32, 48), 3)
    assert engine.precision == 'int8'
    assert np.allclose(depths(engine, images), depths(other, images), rtol=0.02)


def test_int8_is_calibrated_on_the_images_it_is_given(graph, int8, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / 'frames').mkdir()
    for index in range(3):
        picture = rng.integers(100, 120, (32, 48, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / 'frames' / f'{index}.png'), picture)
    assert main(['export', str(graph.with_suffix('.safetensors')), '--precision', 'int8',
                 '--output', str(tmp_path / 'mine.onnx'), '--calibration',
                 str(tmp_path / 'frames')]) == 0
    image = check_images((32, 48), 1)[0]
    rooms, mine = (load_model(path).step(image, ())[0] for path in (int8, tmp_path / 'mine.onnx'))
    assert not np.array_equal(rooms, mine)
    with pytest.raises(ConfigError, match='no image to calibrate on'):
        quantize_graph(graph, tmp_path / 'none.onnx', [[]])
    with pytest.raises(ConfigError, match='int8 arithmetic already'):
        quantize_graph(int8, tmp_path / 'twice.onnx')


def test_compare_states_what_int8_loses(saved, int8, tmp_path):
    assert main(['compare', 'rooms:1,seed=3,frames=3,size=64x48', '--json',
                 str(tmp_path / 'found.json'), '--checkpoints', f'{saved}@torch',
                 f'{saved}@onnxruntime', f'{saved}@onnxruntime+int8']) == 0
    found = json.loads((tmp_path / 'found.json').read_text())
    torch_entry, onnx_entry, int8_entry = found['entries']
    assert [entry['contender']['label'] for entry in found['entries']] == [
        'tiny torch', 'tiny onnxruntime', 'tiny onnxruntime int8']
    assert abs(onnx_entry['differences']['abs_rel']['mean']) < 1e-4
    assert abs(int8_entry['differences']['abs_rel']['mean']) > 1e-6


def test_benchmark_engine_measures_steps_beside_a_load_and_starts(graph, tmp_path, monkeypatch):
    for name in set(BACKENDS) - {'onnxruntime'}:
        monkeypatch.delitem(BACKENDS, name)
    assert main(['benchmark', 'engine', '--checkpoint', str(graph), '--repeats', '2',
                 '--load', '1', '--starts', '1', '--no-peers',
                 '--json', str(tmp_path / 'found.json')]) == 0
    found = json.loads((tmp_path / 'found.json').read_text())
    step, = found['steps']
    assert step['name'] == 'onnxruntime' and step['ms'] > 0 and step['loaded_ms'] > 0
    assert step['differs'] < 1e-3
    start, = found['starts']
    assert 0 < start['seconds'] < 60 and 30 < start['memory_mb'] < 1000
