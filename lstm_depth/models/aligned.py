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
"""A convolutional LSTM whose memory moves with the image."""

from __future__ import annotations

import math

from lstm_depth.models.blocks import convolution
from lstm_depth.models.state import check_state, State
import torch
from torch import nn, Tensor
import torch.nn.functional as F  # noqa: N812

_CENTRE_BIAS = 2.0
_SHARPNESS = 20.0
_LEAST_NEW = 0.1


class AlignedLSTM(nn.Module):
    """
    A ConvLSTM for a moving camera, which starts as a running mean of the features.

    Before each step the old hidden state and cell are carried to where the image moved: every
    position takes a mixture of the states within *reach* of it, weighted by how alike their
    features are to what is seen there now (a soft form of the warped hidden state of
    DeepVideoMVS, Duzceker et al. 2021, which needs poses). Then

        s, o = sigmoid(W * [x, h, (x - h)^2] + b),   i = 0.1 + 0.9 s
        c' = (1 - i) c + i x,   h' = 2 o c'

    an LSTM with coupled input and forget gates (Greff et al. 2017) and no squashing, so that
    the memory holds features as they are. In the zero state i is 1: the first frame passes
    unchanged, and what a single-image network has learned stays true. As i is at least 0.1,
    what was seen a second ago is forgotten: on a frame that is shown again and again the state
    settles within some twenty steps instead of creeping for ever.

    With *keys*, likeness is measured on that many mixtures of the features, which are learned;
    at first they are random directions, which keep distances roughly as they are.

    The state is h, c (B, C, H, W) and whether there is one, (B, 1, 1, 1), 0 or 1.
    """

    recurrent = True

    def __init__(self, channels: int, kernel: int, reach: int = 2, *, keys: int = 0,
                 separable: bool = False) -> None:
        """
        Build for *channels*.

        *kernel*, *separable*: of the gates' convolutions. *reach*: of the memory in positions.
        *keys*: channels that likeness is measured on, 0 for the features themselves.
        """
        super().__init__()
        self.input_gates = convolution(channels, 2 * channels, kernel, separable=separable)
        self.hidden_gates = convolution(2 * channels, 2 * channels, kernel, bias=False,
                                        separable=separable)
        self.keys = nn.Conv2d(channels, keys, 1, bias=False) if keys else nn.Identity()
        self.reach = reach
        # How sharply likeness decides, and how far from where it was a feature goes.
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(_SHARPNESS)))
        places = (2 * reach + 1) ** 2
        self.shift_bias = nn.Parameter(torch.zeros(places))
        with torch.no_grad():
            self.shift_bias[places // 2] = _CENTRE_BIAS
            for gates in (self.input_gates, self.hidden_gates):
                # Near 0, so that the gates start half open everywhere.
                last = gates[-1] if separable else gates
                last.weight.mul_(0.1)
                if last.bias is not None:
                    last.bias.zero_()
            if keys:
                nn.init.normal_(self.keys.weight, std=keys ** -0.5)

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Advance one frame: (B, C, H, W) and the state to the same."""
        state = self._step(x, self.input_gates(x), state)
        return state[0], state

    def sequence(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Advance a clip (B, T, C, H, W)."""
        gates = self.input_gates(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        outputs = []
        for frame, gate in zip(x.unbind(1), gates.unbind(1)):
            state = self._step(frame, gate, state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state

    def _step(self, x: Tensor, gates: Tensor, state: State | None) -> State:
        """Return the state after a frame, given the input's share of the gates."""
        if not state:
            h, c = x, x
            known = x.new_zeros(x.shape[0], 1, 1, 1)
        else:
            check_state(state, x.shape[0], x.shape[-2:])
            h, c = self._moved(x, *state[:2])
            known = state[2].to(x.dtype)
        gates = gates + self.hidden_gates(torch.cat([h, (x - h).square()], dim=1))
        i, o = torch.sigmoid(gates).chunk(2, dim=1)
        # Without a state the input is all there is.
        i = 1 - known * (1 - _LEAST_NEW) * (1 - i)
        c = c + i * (x - c)
        o = 0.5 + known * (o - 0.5)
        return 2 * o * c, c, torch.ones_like(known)

    def _moved(self, x: Tensor, h: Tensor, c: Tensor) -> State:
        """Return *h* and *c* mixed from the positions that look like *x*."""
        height, width = x.shape[-2:]
        size = 2 * self.reach + 1

        def shifted(values: Tensor) -> list[Tensor]:
            around = F.pad(values, (self.reach,) * 4, mode='replicate')
            return [around[..., top:top + height, left:left + width]
                    for top in range(size) for left in range(size)]

        key = self.keys(x)
        unlike = torch.stack([(key - part).square().mean(1) for part in shifted(self.keys(h))],
                             dim=1)
        # In units of how much the features of this image differ at all.
        spread = key.var(dim=(2, 3), correction=0).mean(1).view(-1, 1, 1, 1)
        likeness = -self.log_sharpness.exp() * unlike.float() / (spread.float() + 1e-6)
        weights = torch.softmax(self.shift_bias.view(1, -1, 1, 1) + likeness, dim=1).to(x.dtype)
        mixed = sum(weights[:, place:place + 1] * part
                    for place, part in enumerate(shifted(torch.cat([h, c], dim=1))))
        h, c = mixed.chunk(2, dim=1)
        return h, c
