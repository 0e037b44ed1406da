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
"""The contract of every depth model: encode, recur, decode."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from lstm_depth.errors import ConfigError
from lstm_depth.models.backbone import Backbone
from lstm_depth.models.config import ModelConfig
from lstm_depth.models.cores import make_core, State
import torch
from torch import nn, Tensor


class Features(NamedTuple):
    """
    What an encoder gives a decoder.

    *core*: (N, C, h, w), the features a recurrent core works on. *skips*: maps
    that go round the core, coarsest first. *size*: (H, W) of the input frames.
    """

    core: Tensor
    skips: tuple[Tensor, ...]
    size: tuple[int, int]


class DepthModel(nn.Module, ABC):
    """
    A network from RGB frames to metric depth, one frame or one clip at a time.

    Frames are (N, 3, H, W) RGB in [0, 1]; the model normalises them itself. Depth
    is (N, 1, H, W) metres along the optical axis. A subclass builds its layers,
    calls ``build_core(channels)`` and writes ``extract`` and ``decode``.
    """

    #: The checkpoint header the weights came with; None for a fresh model.
    header: dict[str, Any] | None = None

    def __init__(self, name: str, config: ModelConfig, *,
                 mean: tuple[float, ...] = (0.0, 0.0, 0.0),
                 std: tuple[float, ...] = (1.0, 1.0, 1.0)) -> None:
        """Keep the configuration and the normalisation ``(x - mean) / std``."""
        super().__init__()
        self.name = name
        self.config = config
        self.register_buffer('mean', torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def build_core(self, channels: int) -> None:
        """Put the configured recurrent core on features of *channels* channels."""
        self.core = make_core(self.config, channels)

    @property
    def recurrent(self) -> bool:
        """Whether a state is carried from frame to frame."""
        return self.core.recurrent

    def backbones(self) -> list[Backbone]:
        """Return the encoders within that may come with pretrained weights."""
        return [module for module in self.modules() if isinstance(module, Backbone)]

    def freeze(self, freeze: str = 'none', *, hold_batchnorm: bool = False) -> None:
        """
        Choose what training leaves alone; each call replaces the last one's choice.

        *freeze*: 'all_but_core' for everything but the recurrent core, else the layers of a
        pretrained encoder, see ``Backbone.freeze`` for this and *hold_batchnorm*. Raises
        ConfigError where it asks for something that the model does not have.
        """
        backbones = self.backbones()
        only_core = freeze == 'all_but_core'
        if only_core and not self.recurrent:
            raise ConfigError(f'{self.name} has no recurrent core to train; set temporal, or '
                              'freeze to none')
        if not backbones and not only_core and (freeze != 'none' or hold_batchnorm):
            raise ConfigError(f'{self.name} has no pretrained backbone to freeze; leave freeze '
                              'at none and hold_batchnorm off')
        self.requires_grad_(True)
        for backbone in backbones:
            backbone.freeze('all' if only_core else freeze, hold_batchnorm=hold_batchnorm)
        if only_core:
            self.requires_grad_(False)
            self.core.requires_grad_(True)

    def set_drop_path(self, rate: float) -> None:
        """
        Leave a pretrained encoder's blocks out at random, see ``Backbone.set_drop_path``.

        Raises ConfigError for a rate above 0 where the model has no backbone.
        """
        backbones = self.backbones()
        if rate and not backbones:
            raise ConfigError(f'{self.name} has no pretrained backbone; set drop_path to 0')
        for backbone in backbones:
            backbone.set_drop_path(rate)

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the mean and standard deviation that frames in [0, 1] are normalised with."""
        return tuple(self.mean.flatten().tolist()), tuple(self.std.flatten().tolist())

    @abstractmethod
    def extract(self, frames: Tensor) -> Features:
        """Return the features of normalised frames (N, 3, H, W)."""

    @abstractmethod
    def decode(self, features: Features) -> Tensor:
        """Return depth (N, 1, H, W) in metres, at the frames' size."""

    def encode(self, frames: Tensor) -> Features:
        """Return the features of frames (N, 3, H, W) in [0, 1]; N may be batch x time."""
        if frames.dim() != 4 or frames.shape[1] != 3:
            raise ConfigError(f'frames must be (N, 3, H, W), not {tuple(frames.shape)}')
        return self.extract((frames - self.mean) / self.std)

    def recur(self, features: Features, state: State | None = None) -> tuple[Features, State]:
        """Advance the core by one frame; the identity for a single-image model."""
        core, state = self.core(features.core, state)
        return features._replace(core=core), state

    def forward(self, frame: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return the depth of one frame (B, 3, H, W) and the state after it."""
        features, state = self.recur(self.encode(frame), state)
        return self.decode(features), state

    def forward_clip(self, clip: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """
        Return the depth (B, T, 1, H, W) of a clip (B, T, 3, H, W) and the last state.

        Equals ``forward`` frame by frame, but the convolutions run over all
        B x T frames at once and only the core walks through time.
        """
        shape = clip.shape[:2]
        features = self.encode(clip.flatten(0, 1))
        core, state = self.core.sequence(features.core.unflatten(0, shape), state)
        depth = self.decode(features._replace(core=core.flatten(0, 1)))
        return depth.unflatten(0, shape), state


def detach_state(state: State | None) -> State:
    """Return the state cut from its graph, for truncated back-propagation."""
    return tuple(tensor.detach() for tensor in state or ())
