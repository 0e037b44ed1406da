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
"""Which of the installed libraries runs a model fastest, and rightly."""

from __future__ import annotations

from pathlib import Path
import time

from lstm_depth.errors import EngineError, LstmDepthError
from lstm_depth.runtime.cache import file_hash, key_of, read_note, write_note
from lstm_depth.runtime.device import split_device
from lstm_depth.runtime.engine import Engine
from lstm_depth.runtime.graph import check_images, disagreement, TOLERANCES
from lstm_depth.runtime.registry import BACKENDS, find_backend
from lstm_depth.runtime.source import Source
from lstm_depth.runtime.threads import thread_count

_ROUNDS = 7


def fastest(source: Source, device: str, precision: str) -> Engine:
    """
    Return the fastest engine that gives the right depth on *device*.

    What was chosen is kept in the cache, so that only the first start measures. An engine on
    the device that was asked for goes before any on another. PyTorch is tried where there
    is a GPU for it, and where nothing else can run the model.
    """
    names = candidates(source, device)
    if names == ['torch']:
        return find_backend('torch').open_engine(source, device, precision)
    try:
        note = _note_name(source.exported(precision), device, precision, names)
    except LstmDepthError:
        if 'torch' not in BACKENDS or not BACKENDS['torch'].installed or source.path is None:
            raise
        return find_backend('torch').open_engine(source, device, precision)
    chosen = read_note(note).get('backend')
    if chosen in names:
        try:
            return find_backend(chosen).open_engine(source, device, precision)
        except LstmDepthError:
            pass
    engines, problems = _passed(names, source, device, precision)
    if not engines:
        raise EngineError('no backend runs this model: ' + '; '.join(problems))
    times = _step_times(engines) if len(engines) > 1 else {}
    best = min(engines, key=lambda engine: (engine.device_note is not None,
                                            times.get(engine.backend, 0.0)))
    write_note(note, {'backend': best.backend, 'precision': precision, 'device': best.device,
                      'ms': {name: 1e3 * seconds for name, seconds in times.items()}})
    return best


def candidates(source: Source, device: str) -> list[str]:
    """Return the names of the installed backends to try for *source*."""
    has_torch = BACKENDS['torch'].installed and (source.path or source.name) is not None
    if source.path is None and source.graph is None:
        return ['torch']
    names = [name for name, backend in BACKENDS.items() if name != 'torch' and backend.installed
             and (source.graph is None or source.graph.suffix in backend.graphs)]
    if has_torch and (not names or split_device(device)[0] != 'cpu' and _has_nvidia()):
        names.append('torch')
    return names or ['torch']


def _passed(names: list[str], source: Source, device: str,
            precision: str) -> tuple[list[Engine], list[str]]:
    """Return the engines that load and pass the self-check, and what is wrong with others."""
    engines, problems = [], []
    expected = None
    for name in names:
        try:
            engine = find_backend(name).open_engine(source, device, precision)
            graph = getattr(engine, 'graph', None)
            expected = graph.expected if graph is not None else expected
            error = disagreement(engine, expected) if expected is not None else 0.0
        except LstmDepthError as failure:
            problems.append(f'{name}: {failure}')
            continue
        if error <= TOLERANCES[engine.precision]:
            engines.append(engine)
        else:
            problems.append(f'{name}: depth differs from what the graph was exported with by '
                            f'{error:.1%}')
    return engines, problems


def _step_times(engines: list[Engine]) -> dict[str, float]:
    """Return the least seconds of a step of each engine, measured in turn."""
    image = check_images(engines[0].input_size, 1)[0]
    states = {engine.backend: engine.init() for engine in engines}
    times: dict[str, list[float]] = {engine.backend: [] for engine in engines}
    for _ in range(_ROUNDS):
        for engine in engines:
            started = time.perf_counter()
            _, states[engine.backend] = engine.step(image, states[engine.backend])
            times[engine.backend].append(time.perf_counter() - started)
    return {name: min(values) for name, values in times.items()}


def _note_name(graph: Path, device: str, precision: str, names: list[str]) -> str:
    """Return the name of the note of a choice: whatever it depends on is in it."""
    packages = tuple(BACKENDS[name].needs for name in names)
    key = key_of(file_hash(graph), device, precision, names, thread_count(), packages=packages)
    return f'choices/{key}.json'


def _has_nvidia() -> bool:
    """Return whether this machine has an NVIDIA GPU with a driver, Jetson's included."""
    return any(Path(name).exists() for name in (
        '/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/nvmap', '/dev/nvhost-gpu'))
