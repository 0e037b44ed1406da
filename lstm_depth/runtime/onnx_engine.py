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
"""ONNX Runtime as an engine: CPUs, and NVIDIA's GPUs by CUDA or TensorRT."""

from __future__ import annotations

from pathlib import Path

from lstm_depth.errors import CheckpointError, ConfigError, EngineError, OutOfMemory
from lstm_depth.runtime.device import split_device
from lstm_depth.runtime.engine import Engine, State
from lstm_depth.runtime.graph import GraphInfo, KEY
from lstm_depth.runtime.source import Source
from lstm_depth.runtime.threads import thread_count
import numpy as np
import onnxruntime

_PROVIDERS = {'cpu': 'CPUExecutionProvider', 'cuda': 'CUDAExecutionProvider',
              'tensorrt': 'TensorrtExecutionProvider'}


class OnnxEngine(Engine):
    """A graph in a session of ONNX Runtime."""

    backend = 'onnxruntime'

    def __init__(self, path: Path, device: str = 'auto', precision: str = 'float32') -> None:
        """
        Load the graph at *path*.

        *device*: 'auto' (CUDA where ONNX Runtime has it), 'cpu', 'cuda', 'cuda:1', 'tensorrt'.
        Raises CheckpointError for a file that is no graph of ours, ConfigError for a device
        or a precision that ONNX Runtime does not have.
        """
        kind, index = split_device(device)
        kind, self.device_note = _usable(kind)
        if precision == 'bfloat16' or precision == 'float16' and kind != 'tensorrt':
            raise ConfigError(f'ONNX Runtime has no {precision} on {kind}; take backend torch or '
                              'openvino, or device tensorrt for float16')
        self._path, self._wanted = path, (device, precision)
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), _options(), providers=_providers(kind, index, precision))
        except Exception as error:  # the library's own kinds, which share no base
            raise CheckpointError(f'ONNX Runtime cannot load {path}: {error}') from error
        text = self._session.get_modelmeta().custom_metadata_map.get(KEY)
        self.graph = GraphInfo.from_json(text, path)
        super().__init__(self.graph.network)
        self.precision = precision if precision != 'float32' else self.graph.precision
        if kind != 'cpu' and self._session.get_providers()[0] == _PROVIDERS['cpu']:
            kind, self.device_note = 'cpu', _no_provider(kind, 'its libraries do not load')
        self.device = kind if kind == 'cpu' else f'{kind}:{index}'
        inputs = self._session.get_inputs()
        self._names = [item.name for item in inputs]
        self._zeros = tuple(np.zeros(item.shape, np.float32) for item in inputs[1:])

    def step(self, image: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return the depth of one image and the state after it."""
        try:
            depth, *after = self._session.run(None, self.inputs(image, state))
        except Exception as error:  # the library's own kinds, which share no base
            text = str(error).splitlines()[0]
            if 'memory' in text.lower():
                raise OutOfMemory(f'out of memory: {text}; free the device, or choose a smaller '
                                  'model or device:=cpu') from error
            raise EngineError(f'ONNX Runtime failed: {text}') from error
        return depth, tuple(after)

    def inputs(self, image: np.ndarray, state: State) -> dict[str, np.ndarray]:
        """Return what the graph takes for *image* after *state*, by name."""
        return dict(zip(self._names, (np.ascontiguousarray(image), *(state or self._zeros))))

    def is_finite(self, state: State) -> bool:
        """Return whether every array of *state* is finite."""
        return all(np.isfinite(array).all() for array in state)

    def to(self, device: str) -> OnnxEngine:
        """Return the same graph on *device*."""
        wanted, precision = self._wanted
        return self if device == wanted else OnnxEngine(self._path, device, precision)


def open_engine(source: Source, device: str, precision: str) -> OnnxEngine:
    """Return the engine of a graph or of a checkpoint, which is exported first."""
    return OnnxEngine(source.exported(precision), device, precision)


def _usable(kind: str) -> tuple[str, str | None]:
    """Return the kind of device to use in place of *kind*, and why it is another."""
    available = onnxruntime.get_available_providers()
    if kind == 'auto':
        return ('cuda' if _PROVIDERS['cuda'] in available else 'cpu'), None
    if kind in _PROVIDERS and _PROVIDERS[kind] in available:
        return kind, None
    return 'cpu', _no_provider(kind, 'this build of ONNX Runtime has only '
                               + ', '.join(available))


def _no_provider(kind: str, why: str) -> str:
    """Return the sentence for the log."""
    return f'device {kind!r} was asked for but is not usable ({why}): using the CPU'


def _options() -> onnxruntime.SessionOptions:
    """Return options with which no thread spins."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = thread_count()
    options.inter_op_num_threads = 1
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    options.add_session_config_entry('session.inter_op.allow_spinning', '0')
    options.log_severity_level = 3
    return options


def _providers(kind: str, index: int, precision: str) -> list:
    """Return the providers of a session, the preferred first."""
    chosen: list = [_PROVIDERS['cpu']]
    if kind in ('cuda', 'tensorrt'):
        chosen.insert(0, (_PROVIDERS['cuda'], {'device_id': index}))
    if kind == 'tensorrt':
        chosen.insert(0, (_PROVIDERS['tensorrt'], {
            'device_id': index, 'trt_fp16_enable': precision == 'float16'}))
    return chosen
