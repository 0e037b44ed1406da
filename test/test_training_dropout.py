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
"""Dropout with cheap random numbers drops as much, and as independently, as PyTorch's."""

from __future__ import annotations

from lstm_depth.training.dropout import FastDropout
import torch
from torch import nn


def dropped(p: float, shape: tuple[int, ...], **layout) -> torch.Tensor:
    torch.manual_seed(0)
    x = torch.ones(shape).to(**layout)
    with FastDropout():
        return nn.Dropout(p)(x)


def test_the_share_and_the_scale_are_those_asked_for():
    for p in (0.2, 0.5, 0.9):
        y = dropped(p, (8, 3, 65, 63), memory_format=torch.channels_last)
        kept = y[y > 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)), rtol=1e-4, atol=0)
        # Four standard deviations of so many coins.
        assert abs(len(kept) / y.numel() - (1 - p)) < 4 * (p * (1 - p) / y.numel()) ** 0.5


def test_neighbours_are_dropped_independently():
    gone = dropped(0.2, (4, 3, 128, 128)) == 0
    for shift in (1, 2, 3, 4, 128):
        both = (gone.flatten()[shift:] & gone.flatten()[:-shift]).float().mean()
        assert abs(both - 0.04) < 0.003


def test_the_gradient_goes_where_the_values_went():
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    with FastDropout():
        y = nn.Dropout(0.3)(x)
    y.sum().backward()
    torch.testing.assert_close(x.grad * x.detach(), y.detach())


def test_the_same_seed_drops_the_same_and_evaluation_nothing():
    assert torch.equal(dropped(0.2, (2, 3, 8, 8)), dropped(0.2, (2, 3, 8, 8)))
    x = torch.rand(2, 3, 8, 8)
    with FastDropout():
        assert torch.equal(nn.Dropout(0.2).eval()(x), x)
        assert not nn.Dropout(1.0)(x).any()
