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
"""From a checkpoint, a graph, a name or a network at hand to an engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.errors import ConfigError
from lstm_depth.runtime.choice import fastest
from lstm_depth.runtime.engine import Engine, PRECISIONS
from lstm_depth.runtime.registry import find_backend
from lstm_depth.runtime.source import Source
from lstm_depth.runtime.threads import settle_threads

if TYPE_CHECKING:
    from lstm_depth.models.base import DepthModel


def load_model(source: str | Path | None = None, *, backend: str = 'auto',
               device: str = 'auto', precision: str = 'float32') -> Engine:
    """
    Return an engine that runs a model.

    *source*: None for the checkpoint that ships with the package, the path of a checkpoint or
    of an exported graph, or a model name for fresh random weights. *backend*: 'torch',
    'onnxruntime', 'openvino', or 'auto' for the fastest that is installed; all but torch run
    a graph, which is exported from a checkpoint at its first use. *device*: 'auto' (an
    accelerator where there is one), 'cpu', 'cuda', 'cuda:1', 'tensorrt', 'gpu'...; where it is
    absent the CPU serves, and ``device_note`` says so. *precision*: one of `PRECISIONS`.

    Raises CheckpointError saying what is wrong with which file and what to do, ConfigError
    for a name that does not exist, MissingPackage for what has to be installed.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f'precision must be one of {", ".join(PRECISIONS)}, not {precision!r}')
    if backend != 'auto':
        find_backend(backend)
    settle_threads()
    found = Source.of(source)
    if backend == 'auto':
        return fastest(found, device, precision)
    return find_backend(backend).open_engine(found, device, precision)


def check_source(source: str | Path | None) -> None:
    """Raise what `load_model` would for a file that is missing or damaged; read no weights."""
    Source.of(source)


def as_engine(model: Engine | DepthModel, device: str | None = None) -> Engine:
    """
    Return an engine of *model* on *device*.

    *model*: an engine, or a PyTorch network, which is then moved to the device. *device*:
    None leaves an engine where it is, and is 'auto' for a network.
    """
    if isinstance(model, Engine):
        return model if device is None else model.to(device)
    from lstm_depth.runtime.torch_engine import TorchEngine

    return TorchEngine(model, device or 'auto')
