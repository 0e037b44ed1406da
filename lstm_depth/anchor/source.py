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
"""What a source of metric depth is given, what it gives, and the list of sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.geometry import Camera
import numpy as np


@dataclass(frozen=True, eq=False)
class View:
    """
    One frame as sources see it.

    *gray*: (h, w) uint8, the tracked image, half the image or less. *depth*: (H, W) metres
    of the network. *camera*: of the tracked image. *pose*: (4, 4) camera to odometry frame,
    None where unknown. *points*: (N, 3) metric points in the camera's frame, None where
    there are none; a fourth number, where there is one, is half the angle in radians of the
    beam that measured it, 0 for none. *stamp_s*: seconds.
    """

    gray: np.ndarray
    depth: np.ndarray
    camera: Camera
    stamp_s: float
    pose: np.ndarray | None = None
    points: np.ndarray | None = None

    def network_depth(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N,) network depth at (N, 2) pixels of the tracked image, NaN outside."""
        zoom = np.array([self.depth.shape[1] / self.camera.width,
                         self.depth.shape[0] / self.camera.height])
        place = np.rint((pixels + 0.5) * zoom - 0.5)
        with np.errstate(invalid='ignore'):
            inside = ((place >= 0) & (place < self.depth.shape[::-1])).all(axis=1)
        column, row = np.where(inside[:, None], place, 0).astype(np.intp).T
        return np.where(inside, self.depth[row, column], np.nan)


@dataclass(frozen=True, eq=False)
class Anchors:
    """
    Pixels whose depth a source knows.

    *pixels*: (N, 2) of the tracked image. *depth*: (N,) metres along z. *sigma*: (N,) the
    standard deviation of its logarithm. *note*: why there is nothing, or less, for people.
    *motion*: (4, 4) from the camera's frame now to that of the last frame, None where unknown.
    """

    pixels: np.ndarray = field(default_factory=lambda: np.empty((0, 2)))
    depth: np.ndarray = field(default_factory=lambda: np.empty(0))
    sigma: np.ndarray = field(default_factory=lambda: np.empty(0))
    note: str = ''
    motion: np.ndarray | None = None


class AnchorSource(ABC):
    """
    Something that knows how far some of what the camera sees is.

    *needs_pose*, *needs_points*: what of a view it cannot do without. *relative*: whether
    its depth has the network's scale, so that it tells nothing of that. *min_points*: how
    many it takes to tell a scale. *doubt*: the standard deviation of what all its points may
    have in common, in log depth, and the rest of the image not. *offset_s*: seconds by which
    the poses were found to be later than the images, None where nobody looks for it.
    """

    needs_pose = False
    needs_points = False
    relative = False
    min_points = 8
    doubt = 0.0
    offset_s: float | None = None

    def __init__(self, config: AnchorConfig) -> None:
        """Start without memory."""
        self.config = config

    @abstractmethod
    def observe(self, view: View, scale: float) -> Anchors:
        """Return what is known in *view*; *scale*: the factor of the network's depth so far."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what came before."""


_SOURCES: dict[str, Callable[[AnchorConfig], AnchorSource]] = {}


def register(name: str) -> Callable[[type[AnchorSource]], type[AnchorSource]]:
    """Return a class decorator that makes a source known as *name*."""
    def add(kind: type[AnchorSource]) -> type[AnchorSource]:
        _SOURCES[name] = kind
        return kind
    return add


def source_names() -> list[str]:
    """Return the names of the sources, sorted."""
    return sorted(_SOURCES)


def create_source(name: str, config: AnchorConfig) -> AnchorSource:
    """Return the source called *name*; ConfigError for one that is not known."""
    if name not in _SOURCES:
        raise ConfigError(f'there is no anchor source {name!r}' + did_you_mean(
            name, source_names()))
    return _SOURCES[name](config)
