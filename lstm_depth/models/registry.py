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
"""Models by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.models.base import DepthModel
from lstm_depth.models.config import build_config, did_you_mean, ModelConfig
from lstm_depth.models.residual_lstm import (
    DoubleHourglassConfig,
    ResidualLSTM,
    ResidualLSTMConfig,
)


@dataclass(frozen=True)
class ModelEntry:
    """
    One named system: its configuration, its class and where it comes from.

    *build* takes ``(name, config, pretrained)``.
    """

    config_class: type[ModelConfig]
    build: Callable[[str, Any, bool | str], DepthModel]
    paper: str


_PAPER_000 = 'Mitchell, Vidal, Sohal: Residual Connection LSTM Single-Image Depth Estimation'

_MODELS: dict[str, ModelEntry] = {
    'double_hourglass': ModelEntry(DoubleHourglassConfig, ResidualLSTM, _PAPER_000),
    'residual_lstm': ModelEntry(ResidualLSTMConfig, ResidualLSTM, _PAPER_000),
}


def list_models() -> list[str]:
    """Return the names that ``create_model`` takes, sorted."""
    return sorted(_MODELS)


def create_model(name: str, *, pretrained: bool | str = False, **config: Any) -> DepthModel:
    """
    Return a new model.

    *config* overrides the paper's sizes (fields of the model's configuration
    class). *pretrained*: ImageNet weights for the encoder; True (from the
    library's hub), or the path of a local file. Raises ConfigError for an
    unknown model or setting, naming the nearest.
    """
    if name not in _MODELS:
        raise ConfigError(f'there is no model {name!r}' + did_you_mean(name, list_models()))
    entry = _MODELS[name]
    return entry.build(name, build_config(entry.config_class, config), pretrained)
