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
"""What a pretrained encoder offers to training, whatever library it comes from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import nn, Tensor


class Backbone(nn.Module, ABC):
    """
    An encoder as a pyramid: normalised frames (N, 3, H, W) to maps at rising strides.

    *channels* and *strides* list its levels, finest first; *mean* and *std* are what its
    pretrained weights expect of frames in [0, 1].
    """

    channels: list[int]
    strides: list[int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @abstractmethod
    def forward(self, frames: Tensor) -> list[Tensor]:
        """Return the maps of normalised frames, finest first."""

    @abstractmethod
    def freeze(self, freeze: str = 'none', *, hold_batchnorm: bool = False) -> None:
        """
        Choose what training leaves alone; each call replaces the last one's choice.

        *freeze*: 'none', 'all', or 'first_N': everything up to and including the N-th level,
        finest first ('first_1' is the stem). Frozen layers get no gradient and stay in
        inference mode, BatchNorm and dropout alike. *hold_batchnorm* keeps the BatchNorm of
        the whole encoder in inference mode, as paper 001 fine-tunes: its statistics stay
        ImageNet's while its weights train. Raises ConfigError for anything else.
        """

    @abstractmethod
    def set_drop_path(self, rate: float) -> None:
        """
        Leave residual blocks out at random while training (stochastic depth).

        *rate*: of the last block, rising linearly from 0 at the first (Huang et al. 2016).
        Nothing of it is in a checkpoint. Raises ConfigError where the encoder's blocks have
        no such path.
        """
