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
"""OpenVINO as an engine: Intel's and ARM's CPUs, Intel's GPUs."""

from __future__ import annotations

from pathlib import Path

from lstm_depth.errors import CheckpointError, ConfigError, EngineError
from lstm_depth.runtime.cache import cache_folder, writable
from lstm_depth.runtime.device import split_device
from lstm_depth.runtime.engine import Engine, State
from lstm_depth.runtime.graph import GraphInfo, KEY
from lstm_depth.runtime.source import Source
from lstm_depth.runtime.threads import thread_count
import numpy as np
import openvino

_HINTS = {'float32': 'f32', 'int8': 'f32', 'float16': 'f16', 'bfloat16': 'bf16'}
_CAPABILITIES = {'float16': 'FP16', 'bfloat16': 'BF16'}


class OpenVinoEngine(Engine):
    """A graph compiled by OpenVINO."""

    backend = 'openvino'

    def __init__(self, path: Path, device: str = 'auto', precision: str = 'float32') -> None:
        """
        Load the graph at *path* (.onnx, or .xml with its .bin).

        *device*: 'auto' and 'cpu' are the CPU, 'gpu' an Intel GPU. Raises CheckpointError for
        a file that is no graph of ours, ConfigError for a precision the device does not have.
        """
        core = openvino.Core()
        kind, self.device_note = _usable(core, split_device(device)[0])
        _check_precision(core, kind, precision)
        self._path, self._wanted = path, (device, precision)
        try:
            model = core.read_model(path)
            self.graph = GraphInfo.from_json(_metadata(model), path)
            self._request = core.compile_model(
                model, kind.upper(), _settings(kind, precision)).create_infer_request()
        except RuntimeError as error:
            raise CheckpointError(f'OpenVINO cannot load {path}: {error}') from error
        super().__init__(self.graph.network)
        self.precision = precision if precision != 'float32' else self.graph.precision
        self.device = kind
        self._zeros = tuple(np.zeros(tuple(item.shape), np.float32) for item in model.inputs[1:])

    def step(self, image: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return the depth of one image and the state after it."""
        try:
            found = self._request.infer([image, *(state or self._zeros)], share_inputs=True)
        except RuntimeError as error:
            raise EngineError(f'OpenVINO failed: {error}') from error
        # Copies: the request uses its memory again.
        depth, *after = (found[index].copy() for index in range(1 + len(self._zeros)))
        return depth, tuple(after)

    def is_finite(self, state: State) -> bool:
        """Return whether every array of *state* is finite."""
        return all(np.isfinite(array).all() for array in state)

    def to(self, device: str) -> OpenVinoEngine:
        """Return the same graph on *device*."""
        wanted, precision = self._wanted
        return self if device == wanted else OpenVinoEngine(self._path, device, precision)


def open_engine(source: Source, device: str, precision: str) -> OpenVinoEngine:
    """Return the engine of a graph or of a checkpoint, which is exported first."""
    return OpenVinoEngine(source.exported(precision), device, precision)


def _usable(core: openvino.Core, kind: str) -> tuple[str, str | None]:
    """Return the kind of device to use in place of *kind*, and why it is another."""
    if kind in ('auto', 'cpu'):
        return 'cpu', None
    available = core.available_devices
    if kind == 'gpu' and any(name.startswith('GPU') for name in available):
        return 'gpu', None
    return 'cpu', (f'device {kind!r} was asked for but is not usable (OpenVINO has only '
                   f'{", ".join(available)}): using the CPU')


def _check_precision(core: openvino.Core, kind: str, precision: str) -> None:
    """Raise ConfigError for a precision that the device has no instructions for."""
    wanted = _CAPABILITIES.get(precision)
    has = core.get_property(kind.upper(), 'OPTIMIZATION_CAPABILITIES')
    if wanted and wanted not in has:
        raise ConfigError(f'this {kind.upper()} has no {precision} ({", ".join(has)}); take '
                          'float32')


def _settings(kind: str, precision: str) -> dict[str, str | int]:
    """Return the compiler's settings: one frame after another, as exact as asked for."""
    settings: dict[str, str | int] = {
        'PERFORMANCE_HINT': 'LATENCY', 'INFERENCE_PRECISION_HINT': _HINTS[precision]}
    if kind == 'cpu':
        settings['INFERENCE_NUM_THREADS'] = thread_count()
    compiled = cache_folder() / 'openvino'
    if writable(compiled):
        # Halves the time to load from the second time on.
        settings['CACHE_DIR'] = str(compiled)
    return settings


def _metadata(model: openvino.Model) -> str | None:
    """Return our metadata in a model that was read from OpenVINO's form or from ONNX."""
    for place in ([KEY], ['framework', KEY]):
        if model.has_rt_info(place):
            return str(model.get_rt_info(place).value)
    return None
