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
What a newcomer's machine has and lacks: one check a line, each with what to do.

A check never raises: what goes wrong is its finding. Here is what needs no ROS; the rest is
in ``lstm_depth.ros.doctor``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
import os
from pathlib import Path
import platform
import shutil
import statistics
import time
from typing import Any

from lstm_depth import __version__
from lstm_depth.errors import LstmDepthError
from lstm_depth.runtime.registry import BACKENDS
import numpy as np

# What makes OpenMP's threads spin while they wait, which slows everything on a busy machine.
_SPINNING = {'OMP_WAIT_POLICY': ('active',), 'KMP_BLOCKTIME': ('infinite',),
             'GOMP_SPINCOUNT': ('infinity', 'infinite')}
_WARM_UP, _STEPS = 3, 9
# A 30 Hz camera, with something left for the rest of the work on a frame.
_CAMERA_MS = 33.0


@dataclass(frozen=True)
class Check:
    """
    One finding.

    *ok*: None for what is neither, such as a library that is not installed and not needed.
    *advice*: what to do where it is not ok. *facts*: numbers for programs.
    """

    name: str
    ok: bool | None
    text: str
    advice: str = ''
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return it as one line, the advice on a second."""
        mark = {True: 'ok', False: 'NOT OK', None: '-'}[self.ok]
        return f'{mark:<7} {self.name:<13} {self.text}' + (
            f'\n{"":<21} -> {self.advice}' if self.advice else '')


def machine_checks() -> Iterator[Check]:
    """Yield the findings about this machine and the libraries on it, without ROS."""
    yield Check('lstm_depth', True, f'{__version__}, Python {platform.python_version()}, '
                f'{platform.system()} {platform.machine()}')
    yield check_load(os.getloadavg()[0], len(os.sched_getaffinity(0)))
    yield check_threads(os.environ)
    engines = [check_engine(name) for name in BACKENDS]
    yield from engines
    if not any(check.ok for check in engines):
        yield Check('network', False, 'no library here can run the network',
                    "pip install 'lstm_depth[ros]'")
    yield check_gpu([check.facts.get('device', '') for check in engines])


def check_load(load: float, cores: int) -> Check:
    """Return whether the machine has time left; *load*: processes that want to run."""
    text = f'{cores} processor{"s" * (cores > 1)}, load {load:.1f}'
    busy = load > 2 * cores
    return Check('machine', not busy, text, 'other programs take the time of the nodes, and the '
                 'times below are those of a busy machine; stop some ("top" shows which)'
                 if busy else '', {'cores': cores, 'load': load})


def check_threads(environment: Mapping[str, str]) -> Check:
    """Return whether threads will spin while they wait."""
    spins = [f'{name}={environment[name]}' for name, values in _SPINNING.items()
             if environment.get(name, '').lower() in values]
    count = environment.get('OMP_NUM_THREADS', 'as many as help')
    if spins:
        return Check('threads', False, f'{", ".join(spins)}: threads spin while they wait',
                     f'unset {", ".join(spin.partition("=")[0] for spin in spins)}; beside two '
                     'busy programs a step of the network takes up to 70 times as long')
    return Check('threads', True, f'sleep while they wait; OMP_NUM_THREADS: {count}')


def check_engine(name: str) -> Check:
    """Return how fast the shipped network runs by backend *name*, or why it does not."""
    title = f'{name}'
    if not BACKENDS[name].installed:
        return Check(title, None, 'not installed')
    from lstm_depth import load_model
    try:
        engine = load_model(backend=name)
        milliseconds = _step_ms(engine)
    except LstmDepthError as error:
        return Check(title, False, str(error).splitlines()[0], 'install it anew, or leave it out '
                     'with "backend" of the nodes')
    except Exception as error:  # A library that is broken may raise anything.
        return Check(title, False, f'{type(error).__name__}: {error}'.splitlines()[0],
                     f'install {BACKENDS[name].needs} anew')
    rate = (f'enough for {1000 / milliseconds:.0f} images a second'
            if milliseconds < _CAMERA_MS else
            f'{1000 / milliseconds:.0f} images a second at most')
    return Check(title, True, f'{milliseconds:.1f} ms a frame on {engine.device}, {rate}',
                 facts={'ms': milliseconds, 'device': engine.device, 'model': engine.name})


def check_gpu(devices: list[str]) -> Check:
    """Return whether a GPU is used where there is one; *devices*: those of the engines."""
    used = [device for device in devices if device and not device.startswith('cpu')]
    if used:
        return Check('GPU', True, f'used as {used[0]}')
    if Path('/dev/nvidia0').exists() or shutil.which('nvidia-smi'):
        return Check('GPU', False, 'there is one, but no library here can use it',
                     "install a build with CUDA of PyTorch or onnxruntime-gpu, and the GPU's "
                     'driver ("nvidia-smi" should list it)')
    return Check('GPU', None, 'none; the network runs on the CPU')


def safely(name: str, check: Callable[[], Check]) -> Check:
    """Return the finding of *check*, or that it failed."""
    try:
        return check()
    except Exception as error:
        return Check(name, False, f'cannot be checked: {type(error).__name__}: {error}')


def _step_ms(engine: Any) -> float:
    """Return the median time of one step of *engine* in milliseconds."""
    image = np.random.default_rng(0).integers(0, 256, (*engine.input_size, 3), dtype=np.uint8)
    state = engine.init()
    times = []
    for _ in range(_WARM_UP + _STEPS):
        start = time.perf_counter()
        _, state = engine.step(image, state)
        times.append(time.perf_counter() - start)
    return statistics.median(times[_WARM_UP:]) * 1e3
