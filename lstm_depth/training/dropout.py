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
Dropout whose random numbers are cheap on a CPU.

PyTorch draws one number after the other for every value, which is a quarter of a training step
of paper 000's network, whose convolutions have three filters. Here one draw of 64 bits decides
over four values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

_LEVELS = 1 << 16


class FastDropout(TorchFunctionMode):
    """Within this context, dropout on the CPU draws its masks fast."""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        """Replace dropout, and leave everything else as it is."""
        kwargs = kwargs or {}
        if function is F.dropout:
            return _dropout(*args, **kwargs)
        return function(*args, **kwargs)


def _dropout(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return *x* with zeros for a share *p* of it, in steps of 1/65536, and the rest scaled."""
    dropped = round(p * _LEVELS)
    if not training or x.device.type != 'cpu' or not 0 < dropped < _LEVELS:
        return F.dropout(x, p, training, inplace)
    # In the order of memory, so that the product is of two arrays that lie alike.
    mask = torch.empty_like(x, dtype=torch.int16)
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-2**63, 2**63 - 1)
    torch.as_strided(mask, (x.numel(),), (1,)).copy_(draws.view(torch.int16)[:x.numel()])
    kept = mask >= dropped - _LEVELS // 2
    return x * (kept.to(x.dtype) * (_LEVELS / (_LEVELS - dropped)))
