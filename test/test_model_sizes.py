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
"""Sizes that the papers fix: weights, channels, maps, parameters, and the list that shows them."""

from __future__ import annotations

from functools import cache
import json
from pathlib import Path
import re
from typing import Any

from lstm_depth.cli import main
from lstm_depth.models import create_model, DepthModel, list_models
from lstm_depth.models.blocks import ResidualBlock
from lstm_depth.models.dense_decoder import CUTS
from lstm_depth.models.encoders import TimmEncoder
from lstm_depth.models.fastdepth import TAPS
from lstm_depth.models.hourglass import Hourglass
from lstm_depth.models.layer_table import count_parameters, layer_table, summarise_model
from lstm_depth.models.registry import model_entry
from lstm_depth.training.parse import load_config
import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
README = ROOT / 'lstm_depth' / 'models' / 'README.md'


@cache
def on_meta(name: str, **config) -> DepthModel:
    """Return a model of shapes without values."""
    with torch.device('meta'):
        return create_model(name, **config)


def shapes_of(model: nn.Module, kind: type[nn.Module], given: Any) -> list[tuple[int, ...]]:
    """Return (channels, height, width) of every output of a layer of *kind*, in order."""
    shapes = []
    for module in model.modules():
        if isinstance(module, kind):
            module.register_forward_hook(
                lambda module, inputs, output: shapes.append(tuple(output.shape[1:])))
    model(given)
    return shapes


def norm_channels(module: nn.Module) -> int:
    """Return how many channels the BatchNorm layers of *module* have together."""
    return sum(norm.num_features for norm in module.modules()
               if isinstance(norm, nn.BatchNorm2d))


def test_mobilenetv2_has_the_papers_parameters_and_map():
    # Keras, with which the paper counted, takes BatchNorm's running mean and variance
    # for (not trainable) parameters; PyTorch keeps them as buffers.
    encoder = on_meta('mobilenetv2_fastdepth').encoder
    assert count_parameters(encoder) == 2_223_872
    assert 2 * norm_channels(encoder) == 34_112
    assert count_parameters(encoder, statistics=True) == 2_257_984
    maps = encoder(torch.empty(1, 3, 224, 224, device='meta'))
    assert maps[-1].shape == (1, 1280, 7, 7)
    assert encoder.channels == [16, 24, 32, 96, 1280]
    assert encoder.strides == [2, 4, 8, 16, 32]


def test_torchvisions_mobilenetv2_has_the_same_trainable_parameters():
    torchvision = pytest.importorskip('torchvision')
    with torch.device('meta'):
        features = torchvision.models.mobilenet_v2().features
    assert count_parameters(features) == 2_223_872
    assert count_parameters(features, statistics=True) == 2_257_984


def test_the_fastdepth_decoder_halves_channels_in_five_stages():
    model = on_meta('mobilenetv2_fastdepth')
    convs = [stage[0] for stage in model.decoder.stages]
    assert [conv.out_channels for conv in convs] == [640, 320, 160, 80, 40]
    assert {conv.kernel_size for conv in convs} == {(5, 5)}
    assert model.decoder.head.conv.kernel_size == (1, 1)
    frame = torch.empty(1, 3, 224, 224, device='meta')
    maps = shapes_of(model.decoder, nn.LeakyReLU, model.encode(frame))
    assert maps == [(640, 7, 7), (320, 14, 14), (160, 28, 28), (80, 56, 56), (40, 112, 112)]
    assert model(frame)[0].shape == (1, 1, 224, 224)


def test_the_resnet34_decoder_has_the_papers_sizes_and_channels():
    model = on_meta('resnet34_upsampling')
    frame = torch.empty(1, 3, 224, 224, device='meta')
    core = model.encode(frame).core
    steps = [tuple(core.shape[1:]), *shapes_of(model, nn.ConvTranspose2d, frame)]
    assert steps == [(512, 7, 7), (256, 14, 14), (128, 28, 28), (64, 56, 56), (32, 112, 112),
                     (1, 224, 224)]
    layers = [layer for layer in model.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert {(layer.kernel_size, layer.stride, layer.padding) for layer in layers} == {
        ((4, 4), (2, 2), (1, 1))}


def test_hourglass_blocks_work_at_the_papers_sizes():
    hourglass = Hourglass(3).to('meta')
    shapes = shapes_of(hourglass, ResidualBlock, torch.empty(1, 3, 256, 256, device='meta'))
    expected = [256, 128, 64, 32, 32, 32, 64, 128, 256]
    assert shapes == [(3, size, size) for size in expected]


def test_every_weight_of_the_paper_sized_residual_lstm_has_its_shape():
    shapes = {name: tuple(value.shape) for name, value in on_meta('residual_lstm').state_dict()
              .items()}
    conv = {'weight': (3, 3, 3, 3), 'bias': (3,)}
    expected = {}
    for part, layers in (('encoder', 7), ('decoder', 5)):       # Conv1..7, Conv8..12
        for layer in range(layers):
            expected |= {f'{part}.convs.blocks.{layer}.0.{key}': shape
                         for key, shape in conv.items()}
    for hourglass in range(2):
        for half in ('down', 'bottom', 'up'):                   # R1..3, R4..6, R7..9
            for block in range(3):
                path = f'hourglasses.{hourglass}.{half}.{block}'
                for key, shape in conv.items():
                    expected[f'{path}.conv1.0.{key}'] = shape
                    expected[f'{path}.conv2.{key}'] = shape
    expected |= {'decoder.head.conv.weight': (1, 3, 3, 3), 'decoder.head.conv.bias': (1,)}
    expected |= {'core.input_gates.weight': (12, 3, 1, 1), 'core.input_gates.bias': (12,),
                 'core.hidden_gates.weight': (12, 3, 1, 1)}     # three units, four gates
    assert shapes == expected


@pytest.mark.parametrize(('name', 'keras', 'difference'), [
    # Keras's Inception-ResNet-v2 has BatchNorm without scales, timm's with.
    ('inception_resnet_v2', 31_159_265, lambda encoder: -norm_channels(encoder)),
    ('densenet201', 17_233_249, lambda encoder: 0),
    # Keras's ResNet has biases before each BatchNorm, where they have no effect.
    ('resnet152', 15_549_601, norm_channels),
    ('vgg19', 22_370_305, lambda encoder: 0),
])
def test_truncated_encoders_have_the_parameters_that_paper_003_prints(name, keras, difference):
    model = on_meta(name)
    assert count_parameters(model, statistics=True) + difference(model.encoder) == keras
    # The paper cuts its numbers off after two digits of a million.
    assert keras // 10_000 * 10_000 == model_entry(name).reported.parameters


@pytest.mark.parametrize('name', list_models())
def test_parameters_are_within_five_percent_of_the_papers(name):
    summary = summarise_model(name)
    if summary.paper_parameters is not None:
        assert summary.counted == pytest.approx(summary.paper_parameters, rel=0.05)


@pytest.mark.parametrize(('name', 'channels'), [
    ('inception_resnet_v2', [3, 32, 80, 256, 288]),
    ('densenet201', [3, 64, 256, 512, 1792]),
    ('resnet152', [3, 64, 256, 512, 1024]),
    ('vgg19', [64, 128, 256, 512, 512]),
])
def test_the_cuts_of_paper_003_end_at_stride_16(name, channels):
    cut = CUTS[name]
    with torch.device('meta'):
        encoder = TimmEncoder(name, taps=cut.taps, with_input=cut.with_input)
    assert encoder.channels == channels
    assert encoder.strides == [1, 2, 4, 8, 16]


def test_skips_of_the_study_meet_equal_channels():
    channels = {name: on_meta(name).encoder.channels
                for name in ('de_noskip', 'resnete_decoder_v1', 'densenet_unet', 'resnet_unet')}
    assert channels == {'de_noskip': [64, 256, 512, 1024],
                        'resnete_decoder_v1': [64, 64, 128, 256, 512],
                        'densenet_unet': [64, 256, 512, 1024, 1024],
                        'resnet_unet': [64, 256, 512, 1024, 2048]}
    v1, v2 = on_meta('resnete_decoder_v1').decoder, on_meta('resnete_decoder_v2').decoder
    assert [block.skip_norm is not None for block in v1.blocks] == [True] * 4 + [False]
    assert [block.link is not None for block in v1.blocks] == [False] * 2 + [True] * 3
    assert [block.link is not None for block in v2.blocks] == [False] * 5
    assert v2.head.conv.in_channels == 32 + 32 + 3              # output, last link, image
    noskip = on_meta('de_noskip').decoder
    assert [block.link is not None for block in noskip.blocks] == [False] + [True] * 3


def test_fastdepths_skips_and_separable_decoder_are_options():
    plain = on_meta('mobilenetv2_fastdepth')
    skips = on_meta('mobilenetv2_fastdepth', skips=True)
    small = on_meta('mobilenetv2_fastdepth', separable=True)
    assert [(conv.in_channels, conv.out_channels) for conv in skips.decoder.skips.values()] == [
        (32, 320), (24, 160), (16, 80)]
    assert count_parameters(small.decoder) < count_parameters(plain.decoder) / 20
    for model in (skips, small):
        depth, _ = model(torch.empty(1, 3, 101, 75, device='meta'))
        assert depth.shape == (1, 1, 101, 75)


@pytest.mark.parametrize(('temporal', 'parameters'), [
    ('pixel_lstm', 2 * 4 * 128 * 128 + 4 * 128),
    ('conv_lstm', 9 * 2 * 4 * 128 * 128 + 4 * 128),
    ('raster_lstm', 2 * 4 * 128 * 128 + 2 * 4 * 128),
])
def test_a_temporal_core_sits_narrow_at_the_bottleneck(temporal, parameters):
    model = on_meta('resnet50_fastdepth', temporal=temporal)
    assert count_parameters(model.core.core) == parameters
    assert model.core.down.in_channels == model.core.up.out_channels == 2048
    wide = on_meta('resnet34_upsampling', temporal=temporal, temporal_channels=0)
    assert not hasattr(wide.core, 'core')


def test_layer_tables_add_up_at_any_depth():
    model = on_meta('residual_lstm')
    tables = [layer_table(model, depth) for depth in (1, 2, 9)]
    assert [sum(row.parameters for row in table) for table in tables] == [4144] * 3
    assert len({sum(row.macs for row in table) for table in tables}) == 1
    conv1 = next(row for row in tables[2] if row.name == 'encoder.convs.blocks.0.0')
    assert (conv1.kind, conv1.shape, conv1.parameters) == ('Conv2d', (3, 256, 256), 84)
    assert conv1.macs == 256 * 256 * 3 * 3 * 9


@pytest.mark.parametrize(('recipe', 'giga'), [('flagship', 1.24), ('flagship_lean', 0.49)])
def test_a_frame_of_the_flagship_costs_so_many_multiply_adds(recipe, giga):
    config = load_config(ROOT / 'config' / 'train' / f'{recipe}.yaml').model
    with torch.device('meta'):
        model = create_model(config.name, **config.settings)
    assert sum(row.macs for row in layer_table(model)) == pytest.approx(giga * 1e9, rel=0.02)


def test_a_layer_counts_for_itself_alone():
    # The memory has weights of its own beside those of the gates within it.
    model = on_meta('residual_lstm', encoder='tf_efficientnet_lite0', filters=16, norm=True,
                    temporal='aligned_lstm', input_height=64, input_width=96)
    rows = layer_table(model)
    core = next(row for row in rows if row.name == 'core')
    assert core.macs == 8 * 12 * 9 * 16 * (32 + 64)
    assert [sum(row.macs for row in layer_table(model, depth)) for depth in (1, 2)] \
        == [sum(row.macs for row in rows)] * 2


def test_the_command_lists_every_model(tmp_path, capsys):
    path = tmp_path / 'models.json'
    assert main(['models', '--json', str(path)]) == 0
    listed = json.loads(path.read_text())
    assert [entry['name'] for entry in listed] == list_models()
    mobile = next(entry for entry in listed if entry['name'] == 'mobilenetv2_fastdepth')
    assert (mobile['counted'], mobile['counted_part']) == (2_257_984, 'encoder')
    assert mobile['paper_parameters'] == 2_257_984
    assert mobile['input_size'] == [224, 224]
    assert [entry['name'] for entry in listed if entry['streaming']] == ['residual_lstm']
    assert all(entry['macs'] > 1e7 for entry in listed)
    table = capsys.readouterr().out
    assert all(f'\n{name} ' in table for name in list_models())


def test_the_command_shows_the_layers_of_a_model(capsys):
    assert main(['models', 'resnet34_upsampling']) == 0
    table = capsys.readouterr().out
    assert re.search(r'decoder\.stages\s+ModuleList\s+32x112x112', table)
    assert re.search(r'total\s+24,158,945', table)


def test_the_command_fails_on_an_unknown_model(capsys):
    assert main(['models', 'vgg91']) == 2
    assert "did you mean 'vgg19'" in capsys.readouterr().err


def test_the_readme_states_the_numbers_that_the_command_prints():
    text = README.read_text(encoding='utf-8')
    for name in filter(lambda name: model_entry(name).paper, list_models()):
        row = re.search(rf'^\| `{name}` \|.*$', text, re.MULTILINE)
        assert row, f'{README.name} has no row for {name}'
        assert f'{summarise_model(name).parameters:,}' in row[0]


def test_every_fastdepth_encoder_ends_at_stride_32():
    for name, taps in TAPS.items():
        with torch.device('meta'):
            assert TimmEncoder(name, taps=taps).strides == [2, 4, 8, 16, 32]
