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
"""The residual-LSTM double hourglass and its base model."""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from lstm_depth.models import create_model
from lstm_depth.models.hourglass import Hourglass
import pytest
import torch
from torch import nn


def test_paper_defaults():
    config = create_model('residual_lstm').config
    assert (config.input_height, config.input_width, config.filters) == (256, 256, 3)
    assert (config.encoder, config.temporal, config.dropout) == ('paper', 'pixel_lstm', 0.2)
    assert (config.hourglasses, config.hourglass_depth, config.hourglass_blocks) == (2, 3, 3)
    assert create_model('double_hourglass').config.temporal == 'none'


def test_every_weight_of_the_paper_model_has_the_paper_shape():
    shapes = {name: tuple(value.shape)
              for name, value in create_model('residual_lstm').state_dict().items()}
    expected = {}

    def conv(name, out, inside, size=3, bias=True):
        expected[f'{name}.weight'] = (out, inside, size, size)
        if bias:
            expected[f'{name}.bias'] = (out,)

    for index in range(7):
        conv(f'encoder.convs.blocks.{index}.0', 3, 3)
    conv('core.input_gates', 12, 3, 1)
    conv('core.hidden_gates', 12, 3, 1, bias=False)
    for hourglass in range(2):
        for part in ('down', 'bottom', 'up'):
            for block in range(3):
                conv(f'hourglasses.{hourglass}.{part}.{block}.conv1.0', 3, 3)
                conv(f'hourglasses.{hourglass}.{part}.{block}.conv2', 3, 3)
    for index in range(5):
        conv(f'decoder.convs.blocks.{index}.0', 3, 3)
    conv('decoder.head.conv', 1, 3)
    assert shapes == expected


def test_hourglass_blocks_work_at_256_128_64_32_64_128_256():
    hourglass = Hourglass(3)
    sizes = []
    for blocks in (hourglass.down, hourglass.bottom, hourglass.up):
        for block in blocks:
            block.register_forward_hook(lambda _, __, out: sizes.append(out.shape[-1]))
    with torch.inference_mode():
        hourglass(torch.rand(1, 3, 256, 256))
    assert sizes == [256, 128, 64, 32, 32, 32, 64, 128, 256]


def test_the_lstm_output_is_added_to_the_hourglass_output():
    model = create_model('residual_lstm').eval()
    seen = {}
    model.core.register_forward_hook(lambda _, __, out: seen.update(core=out[0]))
    model.hourglasses.register_forward_hook(lambda _, __, out: seen.update(hourglass=out))
    model.decoder.register_forward_hook(lambda _, args, __: seen.update(decoder=args[0].core))
    with torch.inference_mode():
        model(torch.rand(1, 3, 32, 32))
    assert torch.equal(seen['decoder'], seen['hourglass'] + seen['core'])


def test_all_frames_of_a_clip_go_through_encoder_and_decoder_at_once(monkeypatch):
    # What makes recurrent training nearly free; `lstm_depth benchmark train` has the seconds.
    model, seen = create_model('residual_lstm', dropout=0.0), []
    encode, decode = model.encode, model.decode
    monkeypatch.setattr(model, 'encode', lambda frames: seen.append(len(frames)) or encode(frames))
    monkeypatch.setattr(model, 'decode',
                        lambda features: seen.append(len(features.core)) or decode(features))
    model.forward_clip(torch.rand(2, 4, 3, 32, 32))
    assert seen == [8, 8]


def test_residual_links_after_every_two_convolutions():
    convs = create_model('residual_lstm').eval().encoder.convs
    x = torch.rand(1, 3, 8, 8)
    with torch.inference_mode():
        b = convs.blocks
        y = b[1](b[0](x)) + x
        y = b[3](b[2](y)) + y
        y = b[5](b[4](y)) + y
        assert torch.equal(convs(x), b[6](y))


@pytest.mark.parametrize('stride,decoder', [(4, (16,)), (8, (16, 8))])
def test_a_backbone_feeds_core_and_hourglasses_at_the_configured_stride(stride, decoder):
    model = create_model('residual_lstm', encoder='mobilenetv2_100', filters=16, neck_filters=32,
                         core_stride=stride, decoder_filters=decoder, temporal='conv_lstm',
                         norm=True, dropout=0.0).eval()
    with torch.inference_mode():
        features = model.encode(torch.rand(1, 3, 64, 96))
        depth, state = model(torch.rand(1, 3, 64, 96))
    assert features.core.shape == (1, 16, 64 // stride, 96 // stride)
    assert [skip.shape[-1] for skip in features.skips] == [96 // s for s in (4, 2) if s < stride]
    assert depth.shape == (1, 1, 64, 96)
    assert state[0].shape == features.core.shape


def test_an_image_of_an_odd_size_gives_depth_of_its_size():
    model = create_model('residual_lstm', encoder='mobilenetv2_100', filters=8,
                         neck_filters=16, norm=True).eval()
    with torch.inference_mode():
        depth, _ = model(torch.rand(1, 3, 117, 83))
    assert depth.shape == (1, 1, 117, 83)


def test_a_separable_network_with_a_finer_head_gives_depth_of_the_frames_size():
    settings = {'encoder': 'mobilenetv2_100', 'filters': 8, 'neck_filters': 16, 'norm': True,
                'temporal': 'aligned_lstm'}
    model = create_model('residual_lstm', separable=True, subpixel=True,
                         temporal_separable=True, temporal_keys=4, **settings).eval()
    seen = {}
    model.decoder.head.conv.register_forward_hook(lambda _, __, out: seen.update(out=out))
    with torch.inference_mode():
        depth, state = model(torch.rand(1, 3, 64, 96))
        # A state of zeros that says it is none is no state: what an exported graph is given.
        zero = tuple(torch.zeros_like(tensor) for tensor in state)
        frame = torch.rand(1, 3, 64, 96)
        assert torch.equal(model(frame, zero)[0], model(frame)[0])
    assert seen['out'].shape == (1, 4, 32, 48) and depth.shape == (1, 1, 64, 96)
    outside = [module for name, module in model.named_modules()
               if isinstance(module, nn.Conv2d) and 'backbone' not in name
               and module.kernel_size == (3, 3) and module.groups == 1]
    assert outside == [model.decoder.head.conv]


def test_a_finer_head_starts_with_four_pixels_alike():
    model = create_model('residual_lstm', encoder='mobilenetv2_100', subpixel=True, norm=True)
    depth, _ = model.eval()(torch.rand(1, 3, 64, 96))
    blocks = depth.detach()[0, 0].unfold(0, 2, 2).unfold(1, 2, 2).flatten(2)
    assert torch.allclose(blocks.amin(-1), blocks.amax(-1), atol=1e-5)
    assert depth.std() > 0


@pytest.mark.parametrize('output', ['sigmoid', 'log'])
def test_depth_is_within_its_range_whatever_the_weights(output):
    model = create_model('residual_lstm', output=output, depth_min=0.3, depth_max=8.0).eval()
    with torch.inference_mode():
        for factor in (-1e3, 1e3):
            model.decoder.head.conv.weight.fill_(factor)
            depth, _ = model(torch.rand(1, 3, 16, 16))
            assert depth.min() >= 0.3 - 1e-5
            assert depth.max() <= 8.0 + 1e-4


@pytest.mark.parametrize('output', ['sigmoid', 'log'])
def test_an_untrained_head_answers_the_initial_depth(output):
    model = create_model('residual_lstm', output=output, initial_depth=3.0).eval()
    with torch.inference_mode():
        model.decoder.head.conv.weight.zero_()
        depth, _ = model(torch.rand(1, 3, 16, 16))
    assert torch.allclose(depth, torch.tensor(3.0), atol=1e-4)


@pytest.mark.parametrize('settings,message', [
    ({'filterz': 3}, "did you mean 'filters'"),
    ({'temporal': 'gru'}, 'temporal must be one of'),
    ({'depth_min': 5.0, 'depth_max': 2.0}, 'depth range'),
    ({'filters': 0}, 'filters must be a positive integer'),
    ({'dropout': 1.0}, 'dropout'),
    ({'temporal_kernel': 2}, 'odd'),
    ({'encoder': 'no_such_net'}, 'timm has no backbone'),
    ({'encoder': 'mobilenetv2_100', 'decoder_filters': (8,)}, 'needs 2 values'),
    ({'pretrained': True}, 'has no pretrained weights'),
    ({'separable': True}, 'separable and subpixel are for backbones'),
    ({'temporal_keys': 4}, 'are for aligned_lstm'),
])
def test_a_configuration_that_cannot_work_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        create_model('residual_lstm', **settings)


def test_an_unknown_model_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'residual_lstm'"):
        create_model('residual_lstn')
