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
"""A separable network that starts as what a network of whole convolutions computes."""

from __future__ import annotations

from _training import draw_stills, RECIPE
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.errors import ConfigError
from lstm_depth.models import create_model, DepthModel
from lstm_depth.models.blocks import ConvBlock
from lstm_depth.training import separate, setup
from lstm_depth.training.parse import config_from
from lstm_depth.training.recipe import ModelSection
from lstm_depth.training.separate import fit_separable
from lstm_depth.training.trainer import Trainer
import pytest
import torch
from torch import nn
import yaml

SETTINGS = {'encoder': 'mobilenetv2_035', 'filters': 8, 'neck_filters': 12, 'norm': True,
            'dropout': 0.0, 'hourglass_depth': 1, 'hourglass_blocks': 1, 'hourglasses': 1,
            'decoder_filters': (8, 6), 'temporal': 'aligned_lstm'}
SEPARABLE = {'separable': True, 'temporal_separable': True}


def network(seed: int, **changes) -> DepthModel:
    """Return a network of random weights, whose BatchNorm does something everywhere."""
    torch.manual_seed(seed)
    model = create_model('residual_lstm', **(SETTINGS | changes)).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.0)
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
    return model


def clips() -> torch.Tensor:
    torch.manual_seed(1)
    return torch.rand(2, 3, 3, 64, 96)


def depth_of(model: DepthModel) -> torch.Tensor:
    with torch.inference_mode():
        return model.forward_clip(clips())[0]


def multiply_out(model: DepthModel, whole: DepthModel) -> None:
    """Give *whole* the kernels that the separable convolutions of *model* amount to."""
    fresh = whole.state_dict()
    whole.load_state_dict(fresh | {name: value for name, value in model.state_dict().items()
                                   if name in fresh and fresh[name].shape == value.shape})
    others = dict(whole.named_modules())
    with torch.no_grad():
        for name, module in model.named_modules():
            other = others.get(name)
            if isinstance(module, ConvBlock) and len(module) > len(other):
                for layer, old in zip(list(module)[2:], list(other)[1:]):
                    old.load_state_dict(layer.state_dict())
                other = other[0]
            elif not (isinstance(other, nn.Conv2d) and isinstance(module, nn.Sequential)):
                continue
            other.weight.copy_(module[1].weight * module[0].weight.transpose(0, 1))
            if other.bias is not None:
                other.bias.copy_(module[1].bias)


def test_what_is_separable_is_taken_apart_exactly():
    model, whole = network(0, **SEPARABLE), network(2)
    multiply_out(model, whole)
    expected = depth_of(whole)
    assert torch.allclose(expected, depth_of(model), atol=1e-4)
    again = network(3, **SEPARABLE)
    assert not torch.allclose(depth_of(again), expected, atol=0.01)
    fit_separable(again, whole, clips())
    assert torch.allclose(depth_of(again), expected, atol=2e-3)


def test_fitting_to_frames_comes_nearer_than_the_kernels_alone(monkeypatch):
    whole, fitted, kernels = network(2), network(3, **SEPARABLE), network(3, **SEPARABLE)
    fit_separable(fitted, whole, clips())
    monkeypatch.setattr(separate, '_fit', lambda *_: None)
    fit_separable(kernels, whole, clips())
    error, alone = ((depth_of(model) - depth_of(whole)).abs().mean()
                    for model in (fitted, kernels))
    assert error < 0.7 * alone


def test_keys_are_where_features_differ_and_the_head_starts_alike():
    whole = network(2)
    model = network(3, subpixel=True, temporal_keys=3, **SEPARABLE)
    model.train()
    fit_separable(model, whole, clips())
    assert model.training
    keys = model.core.keys.weight[..., 0, 0]
    assert torch.allclose(keys @ keys.T, torch.eye(3), atol=1e-5)
    head, old = model.decoder.head.conv, whole.decoder.head.conv
    assert all(torch.equal(part, old.weight[0]) for part in head.weight)
    assert torch.equal(head.bias, old.bias.expand(4))


def test_a_recipe_names_what_a_separable_network_starts_from(tmp_path, monkeypatch):
    save_checkpoint(tmp_path / 'whole.safetensors', network(2))
    values = yaml.safe_load(RECIPE)
    values['model'] = {'checkpoint': str(tmp_path / 'whole.safetensors'), 'fit_clips': 3,
                       'settings': SEPARABLE | {'input_height': 64, 'input_width': 96}}
    values['data'] |= {'path': str(draw_stills(tmp_path / 'stills'))}
    values['train']['output'] = str(tmp_path / 'run')
    fitted = []
    monkeypatch.setattr('lstm_depth.training.setup.fit_separable',
                        lambda model, whole, clips: fitted.append((model, whole, clips)))
    config = config_from(values, 'a test')
    trainer = Trainer(config, setup.make_fabric(config.train), tmp_path / 'run', False)
    (model, whole, clips), = fitted
    assert model is trainer.model and not whole.config.separable
    # As many batches of the last phase as it takes.
    assert clips.shape == (4, 2, 3, 64, 96) and 0 <= clips.min() < clips.max() <= 1


def test_networks_that_are_not_alike_are_refused():
    with pytest.raises(ConfigError, match='no layer of the model is a separable form'):
        fit_separable(network(0), network(1), clips())
    with pytest.raises(ConfigError, match='a separable network starts from one of its own'):
        fit_separable(network(0, **SEPARABLE | {'filters': 6}), network(1), clips())
    with pytest.raises(ConfigError, match='fit_clips needs model.checkpoint'):
        ModelSection(fit_clips=4)
