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
"""Validated model configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.header import check_bounds, is_count, is_number, LARGEST_COUNT

TEMPORAL_CORES = ('none', 'pixel_lstm', 'conv_lstm', 'aligned_lstm', 'raster_lstm')
OUTPUTS = ('sigmoid', 'log', 'linear')

ConfigT = TypeVar('ConfigT', bound='ModelConfig')


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """
    What every depth model has.

    *input_height*, *input_width*: the size in pixels that the model works at; a
    stream resizes its frames to it. *depth_min*, *depth_max*: range of the
    output in metres. *output*: how the last layer x becomes metres, 'sigmoid'
    (linear between the two ends, which it nears but never reaches), 'log' (the same
    in log-depth, for relative error losses) or 'linear' (no squashing, cut off at
    the ends). *initial_depth*: what an untrained model answers, metres.
    *focal*: ``(fx / width, fy / height)`` of the camera the metric scale was
    learned with, None when unknown. *temporal*: the recurrent core;
    *temporal_kernel*: the size of conv_lstm's and aligned_lstm's kernels;
    *temporal_residual*: whether the core's input is added to its output;
    *temporal_channels*: how many channels the core works on, between a 1x1
    convolution down and one up again; 0 is all of the features', without them.
    Of aligned_lstm: *temporal_separable*, depthwise and pointwise convolutions in
    the gates; *temporal_keys*, into how many channels a 1x1 convolution gathers the
    features for their likeness, 0 for all features as they are.
    """

    input_height: int = 256
    input_width: int = 256
    depth_min: float = 0.1
    depth_max: float = 10.0
    output: str = 'sigmoid'
    initial_depth: float = 2.5
    focal: tuple[float, float] | None = None
    temporal: str = 'none'
    temporal_kernel: int = 3
    temporal_residual: bool = False
    temporal_channels: int = 0
    temporal_separable: bool = False
    temporal_keys: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        for item in fields(self):
            self._check_type(item.name, item.default)
        self.check_positive('input_height', 'input_width', 'temporal_kernel')
        self.check_choice('output', OUTPUTS)
        self.check_choice('temporal', TEMPORAL_CORES)
        if self.temporal_kernel % 2 == 0:
            raise ConfigError(f'temporal_kernel must be odd, not {self.temporal_kernel}')
        for name in ('temporal_channels', 'temporal_keys'):
            if getattr(self, name):
                self.check_positive(name)
        if self.temporal != 'aligned_lstm' and (self.temporal_separable or self.temporal_keys):
            raise ConfigError('temporal_separable and temporal_keys are for aligned_lstm, not '
                              f'{self.temporal}')
        check_bounds((self.input_height, self.input_width), (self.depth_min, self.depth_max),
                     self.focal)
        if not self.depth_min < self.initial_depth < self.depth_max:
            raise ConfigError(
                'the depth range needs 0 < depth_min < initial_depth < depth_max, not '
                f'{self.depth_min}, {self.initial_depth}, {self.depth_max}')
        if self.focal is not None:
            object.__setattr__(self, 'focal', tuple(float(value) for value in self.focal))

    def _check_type(self, name: str, default: object) -> None:
        """Raise ConfigError unless the named field is of the kind of its *default*, in bounds."""
        value = getattr(self, name)
        if isinstance(default, bool):
            right, kind = isinstance(value, bool), 'true or false'
        elif isinstance(default, int):
            right = value == 0 and not isinstance(value, bool) or is_count(value)
            kind = f'an integer, 0 to {LARGEST_COUNT}'
        elif isinstance(default, float):
            right, kind = is_number(value), 'a finite number'
        elif isinstance(default, str):
            right, kind = isinstance(value, str), 'a text'
        else:
            right = value is None or isinstance(value, tuple) and all(
                is_number(each) and abs(each) <= LARGEST_COUNT for each in value)
            kind = 'a list of numbers'
        if not right:
            raise ConfigError(f'{name} must be {kind}, not {str(value)[:60]!r}')

    def check_positive(self, *names: str) -> None:
        """Raise ConfigError unless each named field is an integer above zero."""
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ConfigError(f'{name} must be a positive integer, not {value!r}')

    def check_choice(self, name: str, choices: tuple[Any, ...]) -> None:
        """Raise ConfigError unless the named field is one of *choices*."""
        value = getattr(self, name)
        if value not in choices:
            raise ConfigError(f'{name} must be one of {", ".join(map(str, choices))}, '
                              f'not {value!r}')

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values, for JSON."""
        return asdict(self)


def build_config(config_class: type[ConfigT], values: dict[str, Any]) -> ConfigT:
    """Return *config_class* of *values*; an unknown name is a ConfigError with the nearest."""
    known = [field.name for field in fields(config_class)]
    for name in values:
        if name not in known:
            raise ConfigError(f'{config_class.__name__} has no setting {name!r}'
                              + did_you_mean(name, known))
    # JSON has no tuples, and a frozen configuration holds no lists.
    return config_class(**{name: tuple(value) if isinstance(value, list) else value
                           for name, value in values.items()})
