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
Metric depth from a video stream.

``load_model()`` gives an engine, ``DepthStream(model)`` feeds it frame by frame.
The names are resolved on first use, so that importing the package (for its
version, its geometry or its command line) does not import PyTorch.
"""

from __future__ import annotations

from typing import Any

__version__ = '0.2.0'

_EXPORTS = {
    'create_model': 'lstm_depth.models',
    'list_models': 'lstm_depth.models',
    'load_model': 'lstm_depth.runtime.loading',
    'load_network': 'lstm_depth.checkpoint',
    'save_checkpoint': 'lstm_depth.checkpoint',
    'DepthFrame': 'lstm_depth.stream',
    'DepthStream': 'lstm_depth.stream',
}

__all__ = ['__version__', *_EXPORTS]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name in _EXPORTS:
        from lstm_depth.extras import import_extra

        return getattr(import_extra(_EXPORTS[name]), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
