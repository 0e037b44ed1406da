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
The seam between what streams frames and what computes depth.

An engine holds one network, ready to run by one library on one device. A stream keeps the
frames and the state; it knows nothing of tensors, devices or graphs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.header import check_bounds
import numpy as np

# What an engine carries from frame to frame. Empty: there was no frame, or the network
# carries nothing; the rest is the engine's own.
State = tuple[Any, ...]

PRECISIONS = ('float32', 'float16', 'bfloat16', 'int8')


@dataclass(frozen=True)
class NetworkInfo:
    """
    What is known of a network, whoever runs it.

    *name*: of the model. *input_size*: (height, width) in pixels of the images it works on.
    *depth_range*: (nearest, farthest) metres it can tell. *focal*: ``(fx / width, fy /
    height)`` of the camera that its metric scale was learned with, None when unknown.
    *recurrent*: whether a state is carried from frame to frame. *parameters*: how many
    trainable weights. *header*: of the checkpoint, None for fresh weights.
    """

    name: str
    input_size: tuple[int, int]
    depth_range: tuple[float, float]
    focal: tuple[float, float] | None
    recurrent: bool
    parameters: int
    header: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for what no network is."""
        check_bounds(self.input_size, self.depth_range, self.focal)
        if not isinstance(self.name, str) or not isinstance(self.recurrent, bool):
            raise ConfigError('the name must be a text, and recurrent true or false')
        if not isinstance(self.parameters, int) or self.parameters < 0:
            raise ConfigError('the number of parameters must be 0 or more')
        if not isinstance(self.header, (dict, type(None))):
            raise ConfigError('the header of the checkpoint must be a table')


class Engine(ABC):
    """
    A network that runs: uint8 images in, metric depth out, a state in between.

    An engine itself remembers nothing, so several streams may share one, in turn.
    """

    #: The library that runs it, as `load_model` takes it.
    backend: str
    #: 'cpu', 'cuda:0'...; why it is not the one that was asked for, else None.
    device: str
    device_note: str | None = None
    #: One of `PRECISIONS`.
    precision: str = 'float32'

    def __init__(self, info: NetworkInfo) -> None:
        """Keep what is known of the network."""
        self.info = info

    @property
    def name(self) -> str:
        """Return the name of the model."""
        return self.info.name

    @property
    def input_size(self) -> tuple[int, int]:
        """Return (height, width) of the images that `step` and `clip` take."""
        return self.info.input_size

    @property
    def focal(self) -> tuple[float, float] | None:
        """Return ``(fx / width, fy / height)`` of the camera that the scale belongs to."""
        return self.info.focal

    @property
    def depth_range(self) -> tuple[float, float]:
        """Return the nearest and the farthest depth it can tell, in metres."""
        return self.info.depth_range

    @property
    def recurrent(self) -> bool:
        """Return whether a state is carried from frame to frame."""
        return self.info.recurrent

    @property
    def header(self) -> dict[str, Any] | None:
        """Return the header of the checkpoint, None for fresh weights."""
        return self.info.header

    def init(self) -> State:
        """Return the state before the first frame."""
        return ()

    @abstractmethod
    def step(self, image: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """
        Return the depth of one image and the state after it.

        *image*: (h, w, 3) uint8 RGB at ``input_size``. Depth is (h, w) float32 metres along
        the optical axis and belongs to the caller. Raises EngineError where the device fails,
        OutOfMemory where it has no memory left.
        """

    def clip(self, images: Sequence[np.ndarray], state: State = ()) -> tuple[np.ndarray, State]:
        """
        Return the depth (T, h, w) of T consecutive images, at least one, and the last state.

        Equals `step` image by image; an engine that can run many images at once does so.
        """
        depths = []
        for image in images:
            depth, state = self.step(image, state)
            depths.append(depth)
        return np.stack(depths), state

    @abstractmethod
    def is_finite(self, state: State) -> bool:
        """Return whether *state* holds neither NaN nor infinity."""

    @abstractmethod
    def to(self, device: str) -> Engine:
        """Return the same network on *device*, see `load_model`; possibly this engine."""
