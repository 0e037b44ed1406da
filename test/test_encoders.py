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
"""Backbones: their weights from files and hubs, freezing, cutting."""

from __future__ import annotations

import copy
from pathlib import Path

from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.models import create_model
from lstm_depth.models.dense_decoder import CUTS
from lstm_depth.models.encoders import load_encoder_weights, TimmEncoder
from lstm_depth.models.fastdepth import TAPS
import numpy as np
import pytest
from safetensors.torch import save_file
import timm
import torch
from torch import nn, Tensor

torchvision = pytest.importorskip('torchvision')

# Every backbone of the papers, cut as they cut it. torchvision has no Inception-ResNet-v2.
BACKBONES = {
    'mobilenetv2_100': ('mobilenet_v2', TAPS['mobilenetv2_100']),
    'resnet34': ('resnet34', ()),
    'resnet50': ('resnet50', TAPS['resnet50']),
    'resnet152': ('resnet152', CUTS['resnet152'].taps),
    'densenet121': ('densenet121', ()),
    'densenet201': ('densenet201', CUTS['densenet201'].taps),
    'vgg19': ('vgg19', CUTS['vgg19'].taps),
    'inception_resnet_v2': (None, CUTS['inception_resnet_v2'].taps),
}


def numbered(shapes: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors of the same names and shapes, the n-th full of n, in one number's space."""
    return {name: torch.tensor(float(index)).expand(tensor.shape)
            for index, (name, tensor) in enumerate(shapes.items())}


@pytest.fixture(scope='module')
def nets() -> dict[str, nn.Module]:
    """Return backbones that were built already."""
    return {}


def layouts() -> list[tuple[str, str]]:
    """Return every (backbone, library) whose naming of it has to be read."""
    return [(name, library) for name, (other, _) in BACKBONES.items()
            for library in ('timm', 'torchvision') if library == 'timm' or other]


@pytest.mark.parametrize(('name', 'library'), layouts())
def test_a_file_in_either_layout_fills_every_layer(name, library, nets, tmp_path):
    other, taps = BACKBONES[name]
    if name not in nets:
        with torch.device('meta'):
            nets[name] = TimmEncoder(name, taps=taps).net
        nets[name].to_empty(device='cpu')
    with torch.device('meta'):
        source = (timm.create_model(name) if library == 'timm'
                  else torchvision.models.get_model(other)).state_dict()
    file = tmp_path / 'weights.pth'
    weights = numbered(source)
    torch.save(weights, file)
    load_encoder_weights(nets[name], name, file)
    state = {key.replace('.', '_'): value for key, value in nets[name].state_dict().items()
             if not key.endswith('num_batches_tracked')}
    plain = {key.replace('.', '_'): value for key, value in weights.items()}
    numbers = [int(value.flatten()[0]) for value in state.values()]
    assert all((value == number).all() for value, number in zip(state.values(), numbers))
    if set(state) <= set(plain):
        assert numbers == [int(plain[key].flatten()[0]) for key in state]
    else:
        # Other names: the same layers in the same order, none left out and none twice.
        counted = [index for index, key in enumerate(weights)
                   if not key.endswith('num_batches_tracked')]
        assert numbers == counted[:len(numbers)]


def test_torchvisions_mobilenetv2_computes_the_same_from_its_file(tmp_path):
    torch.manual_seed(0)
    theirs = torchvision.models.mobilenet_v2().eval()
    save_file(theirs.state_dict(), tmp_path / 'weights.safetensors')
    ours = TimmEncoder('mobilenetv2_100', str(tmp_path / 'weights.safetensors'),
                       taps=TAPS['mobilenetv2_100']).eval().double()
    frames = torch.rand(1, 3, 64, 96).double()
    with torch.inference_mode():
        torch.testing.assert_close(ours(frames)[-1], theirs.double().features(frames))


def test_an_old_file_without_step_counters_and_with_dotted_norms_loads(tmp_path):
    # torchvision's DenseNet files of 2017 say norm.1 where the network says norm1.
    with torch.device('meta'):
        shapes = torchvision.models.densenet121().state_dict()
    old = {}
    for key, value in numbered(shapes).items():
        if not key.endswith('num_batches_tracked'):
            for number in '12':
                key = key.replace(f'norm{number}.', f'norm.{number}.') \
                    if 'denselayer' in key else key
                key = key.replace(f'conv{number}.', f'conv.{number}.') \
                    if 'denselayer' in key else key
            old[key] = value
    torch.save({'state_dict': old}, tmp_path / 'old.pth')
    encoder = TimmEncoder('densenet121', str(tmp_path / 'old.pth'))
    layer = encoder.net.state_dict()['features_denseblock3.denselayer5.norm2.weight']
    assert layer[0] == old['features.denseblock3.denselayer5.norm.2.weight'].flatten()[0]


def test_the_real_mobilenetv2_fills_the_papers_encoder(shared: Path):
    file = shared / 'weights' / 'mobilenet_v2_features.pth'
    model = create_model('mobilenetv2_fastdepth', pretrained=str(file), normalise='weights')
    theirs = torchvision.models.mobilenet_v2().eval()
    found = theirs.load_state_dict(torch.load(file, weights_only=True), strict=False)
    assert not found.unexpected_keys
    model, theirs = model.eval().double(), theirs.double()
    frames = torch.rand(1, 3, 96, 96).double()
    with torch.inference_mode():
        expected = theirs.features((frames - model.mean) / model.std)
        torch.testing.assert_close(model.encode(frames).core, expected)


def test_the_real_efficientnet_lite_fills_a_pyramid(shared: Path):
    file = shared / 'weights' / 'tf_efficientnet_lite0.pth'
    model = create_model('residual_lstm', encoder='tf_efficientnet_lite0', norm=True,
                         pretrained=str(file))
    weights = torch.load(file, weights_only=True)
    state = model.encoder.backbone.net.state_dict()
    assert set(state) <= set(weights)
    assert all(torch.equal(state[key], weights[key]) for key in state)
    assert model.normalisation == ((0.5,) * 3, (0.5,) * 3)


def test_weights_of_another_backbone_are_refused(shared: Path):
    file = shared / 'weights' / 'squeezenet1_1.pth'
    with pytest.raises(CheckpointError, match='does not fit the encoder resnet34.*missing'):
        TimmEncoder('resnet34', str(file))


@pytest.mark.parametrize(('change', 'message'), [
    (lambda weights: weights.pop('layer1.0.conv1.weight'), r'1 weights missing'),
    (lambda weights: weights.update({'layer9.conv.weight': torch.zeros(1)}), r'1 unexpected'),
    (lambda weights: weights.update({'conv1.weight': torch.zeros(3)}), r'1 of another shape'),
])
def test_a_file_that_does_not_fit_is_refused_by_what_is_wrong(change, message, tmp_path):
    with torch.device('meta'):
        weights = numbered(timm.create_model('resnet18').state_dict())
    change(weights)
    torch.save(weights, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match=message):
        TimmEncoder('resnet18', str(tmp_path / 'weights.pth'))


def test_a_file_that_holds_code_is_not_run(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / 'module.pth')
    with pytest.raises(CheckpointError, match='is not a file of weights'):
        TimmEncoder('resnet18', str(tmp_path / 'module.pth'))


def test_a_missing_file_is_named():
    with pytest.raises(CheckpointError, match='no weights file /nowhere/weights.pth'):
        TimmEncoder('resnet18', '/nowhere/weights.pth')


@pytest.mark.parametrize('name', ['resnet34_upsampling', 'mobilenetv2_fastdepth'])
def test_no_hub_is_one_error_at_once_that_names_the_local_file(name, monkeypatch):
    asked = []

    class NoHub:

        def model_info(self, repository, timeout):
            asked.append(timeout)
            raise ConnectionError('name or service not known')

    monkeypatch.setattr('huggingface_hub.HfApi', NoHub)
    monkeypatch.setattr('huggingface_hub.try_to_load_from_cache', lambda *args: None)
    with pytest.raises(CheckpointError, match='not known.*pretrained=/path/to/weights.pth'):
        create_model(name, pretrained=True)
    # Once, and not for long.
    assert len(asked) == 1 and asked[0] <= 10


def test_a_backbone_that_timm_lacks_is_refused():
    with pytest.raises(ConfigError, match='timm has no backbone'):
        TimmEncoder('resnet35')


def training_norms(module: nn.Module) -> list[bool]:
    """Return the mode of every BatchNorm layer, in order."""
    return [norm.training for norm in module.modules() if isinstance(norm, nn.BatchNorm2d)]


@pytest.fixture(scope='module', params=['resnet34_upsampling', 'mobilenetv2_fastdepth',
                                        'densenet_unet'])
def model(request):
    """Give models with timm's pyramid, a cut one, and one whose names timm flattens."""
    return create_model(request.param)


def test_a_frozen_encoder_keeps_weights_and_statistics_in_training(model):
    model.freeze('all')
    model.train()
    before = copy.deepcopy(model.encoder.state_dict())
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    depth, _ = model(torch.rand(2, 3, 64, 64))
    depth.square().mean().backward()
    optimizer.step()
    assert all(torch.equal(value, before[key])
               for key, value in model.encoder.state_dict().items())
    assert all(training_norms(model.decoder))
    model.zero_grad()


def test_first_n_freezes_up_to_the_nth_map(model):
    model.freeze('first_2')
    model.train()
    model(torch.rand(2, 3, 64, 64))[0].sum().backward()
    frozen = [parameter.grad is None for parameter in model.encoder.parameters()]
    assert frozen == sorted(frozen, reverse=True), 'frozen layers come first'
    assert 0 < sum(frozen) < len(frozen)
    modes = training_norms(model.encoder)
    assert modes == sorted(modes)
    assert not modes[0] and modes[-1]
    # What is frozen is what the second map is made of, and nothing else.
    model.zero_grad()
    model.freeze('none')
    model.encoder(torch.rand(2, 3, 64, 64))[1].sum().backward()
    used = [parameter.grad is not None for parameter in model.encoder.parameters()]
    assert used == frozen
    model.zero_grad()


def test_held_batchnorm_stays_in_inference_mode_while_its_weights_train(model):
    model.freeze('none', hold_batchnorm=True)
    model.train()
    assert not any(training_norms(model.encoder))
    assert all(training_norms(model.decoder))
    assert all(parameter.requires_grad for parameter in model.parameters())
    model.freeze('none')
    assert all(training_norms(model))


def test_a_copied_model_keeps_mode_and_freezing(model):
    model.freeze('first_1')
    copied = copy.deepcopy(model.eval())
    assert not any(training_norms(copied))
    copied.train()
    assert not training_norms(copied.encoder)[0]
    assert all(training_norms(copied.encoder)[-2:])
    model.freeze('none')


@pytest.mark.parametrize('freeze', ['first_0', 'first_6', 'some', 'first_', ''])
def test_a_freeze_that_means_nothing_is_refused(freeze, model):
    with pytest.raises(ConfigError, match='first_1 to first_5'):
        model.freeze(freeze)


def test_the_papers_own_encoder_has_nothing_to_freeze():
    model = create_model('double_hourglass')
    model.freeze('none')
    with pytest.raises(ConfigError, match='no pretrained backbone'):
        model.freeze('all')


def test_all_but_the_core_can_be_frozen():
    model = create_model('residual_lstm', temporal='conv_lstm')
    model.freeze('all_but_core')
    assert {name for name, weight in model.named_parameters() if weight.requires_grad} \
        == {f'core.{name}' for name, _ in model.core.named_parameters()}
    model.freeze('none')
    assert all(weight.requires_grad for weight in model.parameters())
    with pytest.raises(ConfigError, match='no recurrent core'):
        create_model('double_hourglass').freeze('all_but_core')


@pytest.mark.parametrize('rate', [0.0, 0.2])
def test_stochastic_depth_leaves_blocks_out_while_training(rate):
    encoder = TimmEncoder('mobilenetv2_035')
    encoder.set_drop_path(rate)
    encoder.train()
    frames = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        deep = [encoder(frames)[-1] for _ in range(6)]
        assert all(torch.equal(deep[0], other) for other in deep[1:]) == (rate == 0)
        encoder.eval()
        assert torch.equal(encoder(frames)[-1], encoder(frames)[-1])


def test_stochastic_depth_rises_from_none_at_the_first_block_to_the_rate_at_the_last():
    encoder = TimmEncoder('tf_efficientnet_lite0')
    encoder.set_drop_path(0.2)
    rates = [module.drop_path.drop_prob for module in encoder.net.modules()
             if hasattr(module, 'drop_path')]
    assert rates[0] == 0 and rates[-1] == 0.2
    assert np.diff(rates) == pytest.approx([0.2 / (len(rates) - 1)] * (len(rates) - 1))


def test_stochastic_depth_needs_blocks_that_can_be_left_out():
    with pytest.raises(ConfigError, match='no blocks to drop'), torch.device('meta'):
        TimmEncoder('vgg11').set_drop_path(0.1)
    with pytest.raises(ConfigError, match='no pretrained backbone'):
        create_model('double_hourglass').set_drop_path(0.1)


def test_a_cut_encoder_is_the_start_of_the_whole_one():
    torch.manual_seed(0)
    whole = timm.create_model('resnet50').eval().double()
    cut = TimmEncoder('resnet50', taps=('layer1', 'layer2.1'), with_input=True).eval().double()
    cut.net.load_state_dict(whole.state_dict(), strict=False)
    assert not [key for key in cut.net.state_dict() if key.startswith(('layer2.2', 'layer3'))]
    assert (cut.channels, cut.strides) == ([3, 256, 512], [1, 4, 8])
    frames = torch.rand(1, 3, 64, 64).double()
    with torch.inference_mode():
        maps = cut(frames)
        x = whole.layer1(whole.maxpool(whole.act1(whole.bn1(whole.conv1(frames)))))
        torch.testing.assert_close(maps[1], x)
        torch.testing.assert_close(maps[2], whole.layer2[:2](x))
    assert maps[0] is frames
