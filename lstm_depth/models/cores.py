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
Recurrent cores: the only part of a model that is sequential in time.

A core maps features (B, C, H, W) and a state to features of the same shape and
the next state. A state is a tuple of tensors, empty for cores that keep none;
``()`` or None is the zero state.
"""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from lstm_depth.models.aligned import AlignedLSTM
from lstm_depth.models.config import ModelConfig
from lstm_depth.models.state import check_state, State
import torch
from torch import nn, Tensor


class NoCore(nn.Module):
    """The core of a single-image model: passes features on, keeps no state."""

    recurrent = False

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return *x* unchanged and the empty state."""
        return x, ()

    def sequence(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the clip *x* (B, T, C, H, W) unchanged and the empty state."""
        return x, ()


class ConvLSTM(nn.Module):
    """
    Convolutional LSTM over video frames (Shi et al. 2015, without peepholes).

    i, f, o = s(Wx * x + Wh * h + b), g = tanh(...), c' = f c + i g, h' = o tanh(c').
    With ``kernel=1`` it is one ordinary LSTM cell of C units applied at every pixel
    with shared weights: paper 000's three units, one a channel (``pixel_lstm``).
    *residual* adds the input to h', so that an untrained core passes features on.
    """

    recurrent = True

    def __init__(self, channels: int, kernel: int, residual: bool) -> None:
        """Build; the forget gate's bias starts at 1 (Jozefowicz et al. 2015)."""
        super().__init__()
        self.input_gates = nn.Conv2d(channels, 4 * channels, kernel, padding=kernel // 2)
        self.hidden_gates = nn.Conv2d(channels, 4 * channels, kernel, padding=kernel // 2,
                                      bias=False)
        self.residual = residual
        with torch.no_grad():
            self.input_gates.bias[channels:2 * channels] = 1.0

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Advance one frame: (B, C, H, W) and (h, c) to the same."""
        state = self._step(self.input_gates(x), state)
        return (x + state[0] if self.residual else state[0]), state

    def sequence(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """
        Advance a clip (B, T, C, H, W).

        The input's share of the gates is computed over all frames at once; only
        the hidden state's share waits for the frame before.
        """
        gates = self.input_gates(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        outputs = []
        for step in gates.unbind(1):
            state = self._step(step, state)
            outputs.append(state[0])
        hidden = torch.stack(outputs, dim=1)
        return (x + hidden if self.residual else hidden), state

    def _step(self, gates: Tensor, state: State | None) -> State:
        """Return (h, c) after one step, given the input's share of the gates."""
        if state:
            h, c = state
            check_state(state, gates.shape[0], gates.shape[-2:])
            gates = gates + self.hidden_gates(h)
        else:
            c = gates.new_zeros(gates.shape[0], gates.shape[1] // 4, *gates.shape[2:])
        i, f, g, o = gates.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class RasterLSTM(nn.Module):
    """
    The literal reading of paper 000's "reshaped into an LSTM input format".

    One image's pixels, row after row, are one sequence of H x W steps; nothing is
    carried from frame to frame. An ablation: its cost is H x W sequential steps.
    """

    recurrent = False

    def __init__(self, channels: int, residual: bool) -> None:
        """Build one LSTM layer of *channels* units."""
        super().__init__()
        self.lstm = nn.LSTM(channels, channels, batch_first=True)
        self.residual = residual

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return (B, C, H, W) features and the empty state."""
        y, _ = self.lstm(x.flatten(2).transpose(1, 2))              # (B, H W, C)
        y = y.transpose(1, 2).unflatten(2, x.shape[-2:])
        return (x + y if self.residual else y), ()

    def sequence(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the frames of the clip (B, T, C, H, W), each on its own."""
        y, _ = self(x.flatten(0, 1))
        return y.unflatten(0, x.shape[:2]), ()


class NarrowCore(nn.Module):
    """
    A core on fewer channels than the features: 1x1 down, the core, 1x1 up.

    A bottleneck of 2048 channels would give a conv_lstm 300 million parameters and
    a state of that width; what changes from frame to frame needs far less.
    """

    def __init__(self, core: nn.Module, channels: int, width: int, residual: bool) -> None:
        """Build round *core*, which works on *width* channels."""
        super().__init__()
        self.down = nn.Conv2d(channels, width, 1)
        self.core = core
        self.up = nn.Conv2d(width, channels, 1)
        self.residual = residual

    @property
    def recurrent(self) -> bool:
        """Whether the core within carries a state from frame to frame."""
        return self.core.recurrent

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Advance one frame: (B, C, H, W) and the inner core's state to the same."""
        y, state = self.core(self.down(x), state)
        return (x + self.up(y) if self.residual else self.up(y)), state

    def sequence(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Advance a clip (B, T, C, H, W)."""
        shape, x = x.shape[:2], x.flatten(0, 1)
        y, state = self.core.sequence(self.down(x).unflatten(0, shape), state)
        y = self.up(y.flatten(0, 1))
        return (x + y if self.residual else y).unflatten(0, shape), state


def make_core(config: ModelConfig, channels: int) -> nn.Module:
    """Return the core that *config* names, for features of *channels* channels."""
    if config.temporal == 'none':
        return NoCore()
    width = config.temporal_channels or channels
    if width == channels:
        return _plain_core(config, channels, config.temporal_residual)
    return NarrowCore(_plain_core(config, width, False), channels, width,
                      config.temporal_residual)


def _plain_core(config: ModelConfig, channels: int, residual: bool) -> nn.Module:
    """Return the core that works on all *channels* channels."""
    if config.temporal == 'raster_lstm':
        return RasterLSTM(channels, residual)
    if config.temporal == 'aligned_lstm':
        if residual:
            raise ConfigError('aligned_lstm passes features on itself; leave temporal_residual '
                              'off')
        return AlignedLSTM(channels, config.temporal_kernel, keys=config.temporal_keys,
                           separable=config.temporal_separable)
    return ConvLSTM(channels, config.temporal_kernel if config.temporal == 'conv_lstm' else 1,
                    residual)
