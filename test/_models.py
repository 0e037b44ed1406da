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
"""Every model, thinner than its paper has it and otherwise the same."""

from __future__ import annotations

from typing import Any

from lstm_depth.models import create_model, DepthModel
from lstm_depth.models.registry import model_entry

# Most of the weights are in decoders; the encoders are what they are.
THIN = {
    '000': {},
    '001': {'separable': True},
    '002': {'bridge': 32, 'decoder_filters': (32, 32, 16, 16)},
    '003': {'decoder_filters': (32, 32, 16, 16)},
    '004': {},
}


def small_model(name: str, **settings: Any) -> DepthModel:
    """Return the model *name* with a thin decoder and, where it has one, a narrow core."""
    entry = model_entry(name)
    thin = dict(THIN.get(entry.paper, {}))
    if entry.config_class().temporal_channels:
        thin['temporal_channels'] = 8
    return create_model(name, **thin | settings)
