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
A network of separable convolutions that starts as what a trained one with whole ones computes.

Each convolution becomes the depthwise and pointwise pair that is nearest to it: by the first
singular vectors of its kernels (Jaderberg et al. 2014, one channel at a time), and then, layer
by layer on real frames, by the pointwise weights that give the old outputs with least squares
error, of the inputs that the layers before it give now (He et al. 2017). Training goes on from
there in a tenth of the steps that a fresh decoder takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.models import DepthModel
from lstm_depth.models.aligned import AlignedLSTM
from lstm_depth.models.blocks import ConvBlock, DepthHead
import torch
from torch import nn, Tensor

# How strongly the pointwise weights are held at where they are, relative to the data.
_HOLD = 1e-4


@dataclass(frozen=True)
class _Pair:
    """A convolution and the two that stand for it, with the BatchNorm behind them if any."""

    whole: nn.Conv2d
    depthwise: nn.Conv2d
    pointwise: nn.Conv2d
    norm: nn.BatchNorm2d | None


def fit_separable(model: DepthModel, whole: DepthModel, clips: Tensor) -> None:
    """
    Start *model* as *whole*, the same network with ordinary convolutions, in place.

    *clips*: (B, T, 3, H, W) in [0, 1], what both are alike on. Weights of equal name and shape
    are taken as they are. Raises ConfigError where no convolution has a separable pair.
    """
    fresh = model.state_dict()
    kept = {name: weight for name, weight in whole.state_dict().items()
            if name in fresh and fresh[name].shape == weight.shape}
    model.load_state_dict(fresh | kept)
    pairs = list(_pairs(model, whole))
    if not pairs:
        raise ConfigError('no layer of the model is a separable form of one of the checkpoint; '
                          'set separable and leave the widths as they are')
    training = model.training
    model.eval(), whole.eval()
    with torch.no_grad():
        for pair in pairs:
            _nearest(pair)
        for head, old in _twins(model, whole, DepthHead):
            head.conv.weight.copy_(old.conv.weight.expand_as(head.conv.weight))
            head.conv.bias.copy_(old.conv.bias.expand_as(head.conv.bias))
        # Without a BatchNorm stand the gates of a core, whose inputs come from the past, too.
        gates = [pair for pair in pairs if pair.norm is None]
        seen = _watched([pair.whole for pair in pairs], lambda: whole.forward_clip(clips))
        for core, old in _twins(model, whole, AlignedLSTM):
            _fit_keys(core, seen[id(old.input_gates)][0][0])
        for pair in gates:
            inputs, outputs = (torch.cat(part) for part in zip(*seen[id(pair.whole)]))
            _fit(pair, pair.depthwise(inputs), outputs)
        hooks = [pair.pointwise.register_forward_pre_hook(_fitter(pair, seen))
                 for pair in pairs if pair.norm is not None]
        try:
            model.forward_clip(clips)
        finally:
            for hook in hooks:
                hook.remove()
    model.train(training)


def _twins(model: DepthModel, whole: DepthModel, kind: type) -> Iterator[tuple[Any, Any]]:
    """Yield the modules of *kind* that stand at the same place in both."""
    others = dict(whole.named_modules())
    for name, module in model.named_modules():
        if isinstance(module, kind) and isinstance(others.get(name), kind):
            yield module, others[name]


def _pairs(model: DepthModel, whole: DepthModel) -> Iterator[_Pair]:
    """Yield the separable convolutions of *model* that *whole* has an ordinary one for."""
    own, others = dict(model.named_modules()), dict(whole.named_modules())
    for name, module in own.items():
        other = others.get(name)
        if isinstance(module, ConvBlock) and isinstance(other, ConvBlock):
            if len(module) == len(other) + 1:
                norm = module[2] if isinstance(module[2], nn.BatchNorm2d) else None
                pair = _checked(name, _Pair(other[0], module[0], module[1], norm))
                for layer, old in zip(list(module)[2:], list(other)[1:]):
                    layer.load_state_dict(old.state_dict())
                yield pair
        elif isinstance(module, nn.Sequential) and isinstance(other, nn.Conv2d):
            # In a residual block, or the gates of a core, which have no BatchNorm.
            norm = own.get(f'{name.rpartition(".")[0]}.norm2')
            yield _checked(name, _Pair(other, module[0], module[1],
                                       norm if isinstance(norm, nn.BatchNorm2d) else None))


def _checked(name: str, pair: _Pair) -> _Pair:
    """Return *pair*; ConfigError where the two are of different sizes."""
    sizes = (pair.depthwise.in_channels, pair.pointwise.out_channels, pair.depthwise.kernel_size)
    wanted = (pair.whole.in_channels, pair.whole.out_channels, pair.whole.kernel_size)
    if sizes != wanted:
        raise ConfigError(f'{name} has channels and kernel {sizes}, the checkpoint {wanted}; a '
                          'separable network starts from one of its own widths')
    return pair


def _nearest(pair: _Pair) -> None:
    """Set the pair to the nearest kernel of rank 1 for each input channel."""
    weight = pair.whole.weight
    left, strength, right = torch.linalg.svd(weight.flatten(2).transpose(0, 1),
                                             full_matrices=False)
    root = strength[:, 0].sqrt()[:, None]                                   # (I, 1)
    pair.depthwise.weight.copy_((right[:, 0] * root).view_as(pair.depthwise.weight))
    pair.pointwise.weight.copy_((left[..., 0] * root).t().view_as(pair.pointwise.weight))
    if pair.pointwise.bias is not None:
        pair.pointwise.bias.copy_(pair.whole.bias)


def _watched(layers: list[nn.Conv2d], run: Callable[[], Any]) \
        -> dict[int, list[tuple[Tensor, Tensor]]]:
    """Return by ``id`` the (input, output) of every call of *layers* during *run*."""
    seen: dict[int, list[tuple[Tensor, Tensor]]] = {id(layer): [] for layer in layers}
    hooks = [layer.register_forward_hook(
        lambda module, inputs, output: seen[id(module)].append((inputs[0], output)))
        for layer in layers]
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _fitter(pair: _Pair, seen: dict[int, list[tuple[Tensor, Tensor]]]) -> Callable[..., None]:
    """Return the hook that fits a pointwise convolution to its old outputs before it runs."""
    def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        _fit(pair, inputs[0], seen[id(pair.whole)][0][1])
    return hook


def _fit(pair: _Pair, inputs: Tensor, outputs: Tensor) -> None:
    """Set the pointwise weights so that (N, I, h, w) *inputs* give (N, O, h, w) *outputs*."""
    a, b = (values.transpose(0, 1).flatten(1).double() for values in (inputs, outputs))
    mean_a, mean_b = a.mean(1), b.mean(1)
    a, b = a - mean_a[:, None], b - mean_b[:, None]
    old = pair.pointwise.weight[..., 0, 0].double()                         # (O, I)
    square = a @ a.T
    hold = _HOLD * square.diagonal().mean()
    square += hold * torch.eye(len(square), dtype=square.dtype)
    weight = torch.linalg.solve(square, a @ b.T + hold * old.T).T
    pair.pointwise.weight.copy_(weight[..., None, None])
    shift = mean_b - weight @ mean_a
    if pair.norm is not None:
        pair.norm.running_mean.sub_(shift.float())
    elif pair.pointwise.bias is not None:
        pair.pointwise.bias.copy_(shift)


def _fit_keys(core: AlignedLSTM, features: Tensor) -> None:
    """Set the keys to the directions in which (N, C, h, w) *features* differ most."""
    if isinstance(core.keys, nn.Identity):
        return
    values = features.transpose(0, 1).flatten(1)
    directions = torch.linalg.eigh(torch.cov(values.double())).eigenvectors
    count = core.keys.out_channels
    core.keys.weight.copy_(directions[:, -count:].T[..., None, None])
