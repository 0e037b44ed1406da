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
"""How rooms, camera paths and images are made: validated settings."""

from __future__ import annotations

from dataclasses import dataclass
import math

from lstm_depth.errors import ConfigError


def _check(condition: bool, name: str, value: object, rule: str) -> None:
    """Raise ConfigError saying which setting breaks which rule."""
    if not condition:
        raise ConfigError(f'{name} must be {rule}, not {value}')


def _check_range(name: str, value: tuple[float, float], low: float, high: float) -> None:
    """Raise ConfigError unless *value* is an ordered pair within [low, high]."""
    _check(len(value) == 2 and low <= value[0] <= value[1] <= high, name, value,
           f'two numbers, the smaller first, within {low} to {high}')


@dataclass(frozen=True)
class RoomConfig:
    """
    What a random room may look like.

    Sizes are ranges in metres. *furniture_share* is the share of the floor that
    furniture may cover, *clutter* (0 to 1) how much stands on it. *lights* is the
    range of the number of lamps; windows shine as well. *shadow_size* is the
    resolution of a light's shadow map in texels per 90 degrees, 0 for no shadows.
    """

    width_m: tuple[float, float] = (3.0, 7.0)
    length_m: tuple[float, float] = (3.0, 8.0)
    height_m: tuple[float, float] = (2.4, 3.0)
    furniture_share: float = 0.42
    clutter: float = 0.7
    lights: tuple[int, int] = (1, 3)
    shadow_size: int = 192

    def __post_init__(self) -> None:
        """Raise ConfigError for values that give no usable room."""
        _check_range('width_m', self.width_m, 2.5, 30)
        _check_range('length_m', self.length_m, 2.5, 30)
        _check_range('height_m', self.height_m, 2.2, 10)
        _check_range('lights', self.lights, 1, 8)
        _check(0 <= self.furniture_share <= 0.6, 'furniture_share', self.furniture_share,
               'within 0 to 0.6')
        _check(0 <= self.clutter <= 1, 'clutter', self.clutter, 'within 0 to 1')
        _check(self.shadow_size == 0 or 16 <= self.shadow_size <= 1024, 'shadow_size',
               self.shadow_size, '0 or within 16 to 1024')


@dataclass(frozen=True)
class ImageConfig:
    """
    How the colour image is taken; depth does not depend on any of it.

    *supersample*: rays per axis for the colour of pixels that see an edge (1 to 4).
    *softness*: the share of a pixel's light that the lens spreads to its neighbours
    along each axis. *noise*: standard deviation of the sensor noise in grey values at
    mid-grey. *vignette*: darkening of the corners. *exposure*: multiplies the
    brightness. *auto_exposure*: 0 keeps the room's exposure, 1 brings every image
    to the same mean.
    """

    supersample: int = 2
    softness: float = 0.3
    noise: float = 1.5
    vignette: float = 0.12
    exposure: float = 1.0
    auto_exposure: float = 0.5

    def __post_init__(self) -> None:
        """Raise ConfigError for values that give no usable image."""
        _check(self.supersample in (1, 2, 3, 4), 'supersample', self.supersample, '1, 2, 3 or 4')
        for name, high in (('softness', 0.66), ('noise', 50), ('vignette', 1),
                           ('auto_exposure', 1)):
            value = getattr(self, name)
            _check(0 <= value <= high, name, value, f'within 0 to {high}')
        _check(0 < self.exposure <= 10, 'exposure', self.exposure, 'above 0 and at most 10')


@dataclass(frozen=True)
class PathConfig:
    """
    How the camera moves.

    *clearance_m*: the least distance to any surface. *height_m*, *speed_mps*:
    ranges. *turn_rate*: the most radians per second that the view turns on
    purpose. *tremor*: the hand's shake, 1 for about 2 mm and 0.2 degrees. The
    camera stands perfectly still for *still_for_s* seconds from *still_from_s* on
    and goes on afterwards; an infinite *still_for_s* stops it for good.
    """

    clearance_m: float = 0.3
    height_m: tuple[float, float] = (0.4, 1.7)
    speed_mps: tuple[float, float] = (0.1, 0.8)
    turn_rate: float = 0.5
    tremor: float = 1.0
    still_from_s: float = 0.0
    still_for_s: float = 0.0

    def __post_init__(self) -> None:
        """Raise ConfigError for values that give no usable path."""
        _check(0 < self.clearance_m <= 1, 'clearance_m', self.clearance_m,
               'above 0 and at most 1')
        _check_range('height_m', self.height_m, 0.1, 9.5)
        _check_range('speed_mps', self.speed_mps, 0, 5)
        _check(0 <= self.turn_rate <= 6, 'turn_rate', self.turn_rate, 'within 0 to 6')
        _check(0 <= self.tremor <= 10, 'tremor', self.tremor, 'within 0 to 10')
        _check(0 <= self.still_from_s < math.inf, 'still_from_s', self.still_from_s,
               'finite and not negative')
        _check(self.still_for_s >= 0, 'still_for_s', self.still_for_s, 'not negative')
