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
"""Depthwise convolutions have PyTorch's gradients, by another way."""

from __future__ import annotations

from lstm_depth.training import depthwise
from lstm_depth.training.depthwise import FastDepthwise
import pytest
import torch
import torch.nn.functional as F  # noqa: N812


def gradients(fast, *, kernel, stride, padding, size=(9, 12), dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.randn(2, 6, *size, dtype=dtype, requires_grad=True)
    weight = torch.randn(6, 1, kernel, kernel, dtype=dtype, requires_grad=True)

    def run():
        y = torch.conv2d(x, weight, stride=stride, padding=padding, groups=6)
        (y * torch.linspace(-1, 1, y.numel(), dtype=dtype).view_as(y)).sum().backward()
        return y.detach()

    if fast:
        with FastDepthwise():
            y = run()
    else:
        y = run()
    return y, x.grad, weight.grad


@pytest.mark.parametrize('kernel', [3, 5])
@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('padding', [0, 1, 2])
@pytest.mark.parametrize('size', [(9, 12), (8, 7), (5, 5)])
def test_gradients_are_those_of_pytorch(kernel, stride, padding, size):
    shape = {'kernel': kernel, 'stride': stride, 'padding': padding, 'size': size}
    for mine, theirs in zip(gradients(True, **shape), gradients(False, **shape)):
        torch.testing.assert_close(mine, theirs)


def test_it_takes_the_convolutions_it_can_and_leaves_the_others(monkeypatch):
    taken = []
    apply = depthwise._Depthwise.apply
    monkeypatch.setattr(depthwise._Depthwise, 'apply',
                        lambda *arguments: taken.append(arguments) or apply(*arguments))
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    whole, single = torch.randn(4, 4, 3, 3), torch.randn(4, 1, 3, 3)
    with FastDepthwise():
        F.conv2d(x, whole)
        F.conv2d(x, single, torch.zeros(4), groups=4)
        F.conv2d(x, single, dilation=2, groups=4)
        F.conv2d(x, single, padding='same', groups=4)
        F.conv2d(x, torch.randn(4, 1, 7, 7), groups=4)
        assert not taken
        with torch.no_grad():
            F.conv2d(x, single, groups=4)
        assert not taken
        F.conv2d(x, single, groups=4)
        assert len(taken) == 1


def test_it_differentiates_in_half_precision_under_autocast():
    x = torch.randn(2, 4, 8, 8, requires_grad=True)
    weight = torch.randn(4, 1, 5, 5, requires_grad=True)
    with torch.autocast('cpu', torch.bfloat16), FastDepthwise():
        y = F.conv2d(x, weight, stride=2, padding=2, groups=4)
    assert y.dtype == torch.bfloat16
    y.float().sum().backward()
    mine = x.grad.clone(), weight.grad.clone()
    x.grad = weight.grad = None
    F.conv2d(x, weight, stride=2, padding=2, groups=4).sum().backward()
    for one, other in zip(mine, (x.grad, weight.grad)):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0.05, atol=0.1)
