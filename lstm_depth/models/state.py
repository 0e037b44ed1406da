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
"""What a recurrent core carries from frame to frame."""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from torch import Tensor

State = tuple[Tensor, ...]


def check_state(state: State, batch: int, size: tuple[int, int]) -> None:
    """Raise ConfigError unless the maps (B, C, h, w) of *state* fit features of that size."""
    if state[0].shape[0] != batch or tuple(state[0].shape[-2:]) != tuple(size):
        raise ConfigError(
            f'the recurrent state is for {tuple(state[0].shape)} but the features are for a '
            f'batch of {batch} at {size[0]}x{size[1]}: reset the state when the input size '
            'changes')
