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
"""What holds for every model, whatever its paper."""

from __future__ import annotations

from collections.abc import Iterator
import copy

from _models import small_model
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.errors import ConfigError
from lstm_depth.models import create_model, DepthModel, detach_state, list_models
from lstm_depth.models.blocks import DepthHead
from lstm_depth.models.registry import model_entry, PAPERS
from lstm_depth.stream import DepthStream
import numpy as np
import pytest
import torch
from torch import nn, Tensor

NAMES = list_models()
# Where a property does not hang on the size; Inception-ResNet-v2 needs 75 pixels.
SMALL = (80, 96)
ODD = (237, 318)


def frames(count: int, size: tuple[int, int] = SMALL, seed: int = 0) -> Tensor:
    """Return (count, 3, *size) frames in [0, 1] that differ and are not only noise."""
    rng = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 6, 8, generator=rng)
    smooth = nn.functional.interpolate(coarse, size=size, mode='bilinear')
    return (0.8 * smooth + 0.2 * torch.rand(count, 3, *size, generator=rng)).clamp(0, 1)


def settled(model: DepthModel) -> DepthModel:
    """
    Return *model* as after some training, in evaluation mode: with BatchNorm statistics.

    Without them the deep random networks answer in evaluation mode with the end of
    the range everywhere, and anything would equal anything; residual branches that
    start at zero would get no gradient.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        if not norm.weight.any():
            nn.init.constant_(norm.weight, 0.2)
    with torch.inference_mode():
        model.train()(frames(2, seed=99))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return model.eval()


@pytest.fixture(scope='module', params=NAMES)
def model(request: pytest.FixtureRequest) -> Iterator[DepthModel]:
    """Give each model with an LSTM cell at every pixel, and another depth range."""
    torch.manual_seed(1)
    yield settled(small_model(request.param, temporal='pixel_lstm', depth_min=0.5,
                              depth_max=6.0))


@pytest.fixture(scope='module')
def exact(model: DepthModel) -> DepthModel:
    """
    Return a copy of the model that computes in float64.

    A random network blows up the rounding of float32, which differs from processor to
    processor, memory layout and batch size, beyond what a comparison could allow.
    """
    return copy.deepcopy(model).double()


def check_depth(model: DepthModel, depth: Tensor, size: tuple[int, int]) -> None:
    """Assert (N, 1, *size) finite metres within the model's range, not all the same."""
    config = model.config
    assert depth.shape[1:] == (1, *size)
    assert depth.dtype == torch.float32
    assert torch.isfinite(depth).all()
    assert depth.min() >= config.depth_min - 1e-4
    assert depth.max() <= config.depth_max + 1e-4
    assert depth.std() > 1e-5, 'the map is flat'


def test_every_paper_has_its_models():
    assert {model_entry(name).paper for name in NAMES} - {None} == set(PAPERS)


def test_an_unknown_name_or_setting_is_told_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'resnet152'"):
        create_model('resnet512')
    with pytest.raises(ConfigError, match="did you mean 'encoder'"):
        create_model('vgg19', encodr='vgg19')
    with pytest.raises(ConfigError, match='encoder must be one of'):
        create_model('vgg19', encoder='resnet18')


@pytest.mark.parametrize('name', NAMES)
def test_depth_has_the_size_of_the_papers_frames(name: str):
    model = settled(small_model(name))
    size = (model.config.input_height, model.config.input_width)
    with torch.inference_mode():
        depth, _ = model(frames(1, size))
    check_depth(model, depth, size)


def test_depth_has_the_size_of_odd_frames(model: DepthModel):
    with torch.inference_mode():
        depth, _ = model(frames(1, ODD))
    check_depth(model, depth, ODD)


def test_every_parameter_gets_a_finite_gradient(model: DepthModel):
    model = copy.deepcopy(model).train()
    clip = frames(4).unflatten(0, (2, 2))
    depth, _ = model.forward_clip(clip)
    (depth - 1.5 * clip.mean(2, keepdim=True)).square().mean().backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert [name for name, grad in gradients.items() if grad is None] == []
    assert [name for name, grad in gradients.items() if not torch.isfinite(grad).all()] == []
    assert [name for name, grad in gradients.items() if not grad.any()] == []


def test_frames_of_a_batch_do_not_touch_each_other(exact: DepthModel):
    batch = frames(2).double()
    with torch.inference_mode():
        together, _ = exact(batch)
        alone = torch.cat([exact(frame.unsqueeze(0))[0] for frame in batch])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(together[0], together[1], rtol=1e-4, atol=1e-4)


def test_evaluation_gives_the_same_depth_twice(model: DepthModel):
    with torch.inference_mode():
        first, second = model(frames(1))[0], model(frames(1))[0]
    assert torch.equal(first, second)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
def test_depth_stays_float32_metres_under_autocast(model: DepthModel, dtype: torch.dtype):
    with torch.inference_mode(), torch.autocast('cpu', dtype):
        depth, state = model(frames(1))
    check_depth(model, depth, SMALL)
    assert all(torch.isfinite(tensor).all() for tensor in state)
    inside = depth[(depth > model.config.depth_min) & (depth < model.config.depth_max)]
    assert not torch.equal(inside, inside.to(dtype).float()), 'metres in steps of centimetres'


def test_the_shipped_model_sees_the_same_under_autocast():
    model = load_network().eval()
    frame = frames(1, (model.config.input_height, model.config.input_width))
    with torch.inference_mode():
        exact, _ = model(frame)
        with torch.autocast('cpu', torch.bfloat16):
            depth, _ = model(frame)
    assert (depth / exact - 1).abs().mean() < 0.05


def test_channels_last_gives_the_same_depth(exact: DepthModel):
    frame = frames(1).double()
    with torch.no_grad():
        expected, _ = exact(frame)
        exact.to(memory_format=torch.channels_last)
        depth, _ = exact(frame.to(memory_format=torch.channels_last))
        exact.to(memory_format=torch.contiguous_format)
    torch.testing.assert_close(depth, expected, rtol=1e-5, atol=1e-5)


def test_torch_export_gives_the_same_depth(exact: DepthModel):
    frame = frames(1).double()
    with torch.no_grad():
        _, state = exact(frame)
        expected, expected_state = exact(frame, state)
        program = torch.export.export(exact, (frame, state))
        depth, new_state = program.module()(frame, state)
    torch.testing.assert_close(depth, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(tuple(new_state), expected_state, rtol=1e-5, atol=1e-5)


def test_a_checkpoint_gives_the_model_back(model: DepthModel, tmp_path):
    path = tmp_path / 'model.safetensors'
    save_checkpoint(path, model)
    loaded = load_network(path)
    path.unlink()                           # a third of a gigabyte for the largest
    assert (loaded.name, loaded.config) == (model.name, model.config)
    assert loaded.normalisation == model.normalisation
    weights = loaded.state_dict()
    assert all(torch.equal(weights.pop(name), tensor)
               for name, tensor in model.state_dict().items())
    assert not weights and not loaded.training


def test_a_stream_equals_a_clip(exact: DepthModel):
    clip = frames(3).double()
    with torch.no_grad():
        expected, last = exact.forward_clip(clip.unsqueeze(0))
        state, depths = None, []
        for frame in clip:
            depth, state = exact(frame.unsqueeze(0), state)
            depths.append(depth)
        fresh, _ = exact(clip[-1:])
    torch.testing.assert_close(torch.stack(depths, dim=1), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(state, last, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(fresh, depths[-1], rtol=1e-6, atol=1e-6), 'the state does nothing'


def test_a_detached_state_stops_gradients(model: DepthModel):
    first, second = frames(1).requires_grad_(), frames(1, seed=1).requires_grad_()
    _, state = model(first)
    detached = detach_state(state)
    assert state and all(tensor.requires_grad for tensor in state)
    assert not any(tensor.requires_grad for tensor in detached)
    model(second, detached)[0].sum().backward()
    model.zero_grad()
    assert first.grad is None
    assert second.grad is not None


def test_depth_never_leaves_the_range(model: DepthModel):
    head = next(module for module in model.modules() if isinstance(module, DepthHead))
    weight = head.conv.weight.detach().clone()
    with torch.no_grad():
        head.conv.weight.mul_(1e3)
        depth, _ = model(frames(1))
        head.conv.weight.copy_(weight)
    assert torch.isfinite(depth).all()
    assert model.config.depth_min - 1e-4 <= depth.min()
    assert depth.max() <= model.config.depth_max + 1e-4


def test_the_depth_range_is_a_setting(model: DepthModel):
    with torch.inference_mode():
        depth, _ = model(frames(2))
    heads = [module for module in model.modules() if isinstance(module, DepthHead)]
    assert [(head.low, head.high) for head in heads] == [(0.5, 6.0)]
    check_depth(model, depth, SMALL)


def test_a_depth_stream_takes_it(model: DepthModel):
    stream = DepthStream(model, device='cpu')
    rgb = (255 * frames(1, (48, 64))[0].permute(1, 2, 0)).numpy().astype(np.uint8)
    answer = stream.push(rgb, 0.0)
    assert answer.depth.shape == (48, 64)
    assert answer.depth.dtype == np.float32
    assert np.isfinite(answer.depth).all()
    assert stream.state


@pytest.mark.parametrize('output', ['sigmoid', 'log', 'linear'])
def test_an_untrained_head_starts_at_the_initial_depth(output: str):
    config = model_entry('vgg19').config_class(output=output, initial_depth=2.0)
    depth = DepthHead(4, config)(torch.zeros(1, 4, 3, 3), (3, 3))
    torch.testing.assert_close(depth, torch.full((1, 1, 3, 3), 2.0))


def test_a_linear_head_learns_its_way_back_into_the_range():
    config = model_entry('vgg19').config_class(output='linear', depth_max=10.0)
    head = DepthHead(1, config)
    x = torch.full((1, 1, 1, 1), 100.0)
    nn.init.constant_(head.conv.weight, 1.0)
    depth = head(x, (1, 1))
    assert depth.item() == pytest.approx(10.0)
    (depth - 4.0).abs().sum().backward()
    assert head.conv.bias.grad.item() > 0
