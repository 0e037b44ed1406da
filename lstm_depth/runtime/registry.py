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
"""The libraries that can run a network, by name: one module and one line each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import importlib
import importlib.util
from typing import TYPE_CHECKING

from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.extras import import_extra

if TYPE_CHECKING:
    from lstm_depth.runtime.engine import Engine
    from lstm_depth.runtime.source import Source


@dataclass(frozen=True)
class Backend:
    """
    One library that runs networks.

    *module*: ours that makes its engines, imported on first use: a function
    ``open_engine(source, device, precision) -> Engine`` with a `Source`. *needs*: the package
    it imports. *graphs*: the endings of the graph files that it reads.
    """

    module: str
    needs: str
    graphs: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Return whether the library is there, without importing it."""
        try:
            return importlib.util.find_spec(self.needs) is not None
        except (ImportError, ValueError):
            return False

    @property
    def open_engine(self) -> Callable[[Source, str, str], Engine]:
        """Return the function that makes an engine; MissingPackage without the library."""
        if not self.installed:
            import_extra(self.needs)
        return importlib.import_module(self.module).open_engine


BACKENDS = {
    'onnxruntime': Backend('lstm_depth.runtime.onnx_engine', 'onnxruntime', ('.onnx',)),
    'openvino': Backend('lstm_depth.runtime.openvino_engine', 'openvino', ('.onnx', '.xml')),
    'torch': Backend('lstm_depth.runtime.torch_engine', 'torch'),
}


def find_backend(name: str) -> Backend:
    """Return the backend called *name*; ConfigError, naming the nearest, if there is none."""
    if name not in BACKENDS:
        raise ConfigError(f'there is no backend {name!r}'
                          + did_you_mean(name, ('auto', *BACKENDS)))
    return BACKENDS[name]
