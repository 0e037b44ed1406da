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
"""Load an engine on a thread of its own, so that services answer meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from lstm_depth.errors import CheckpointError, LstmDepthError
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.worker import Worker
from lstm_depth.runtime.memory import give_back_memory
from rclpy.impl.rcutils_logger import RcutilsLogger

if TYPE_CHECKING:
    from lstm_depth.runtime.engine import Engine

Swap = Callable[['Engine'], None]


@dataclass(frozen=True)
class EngineChoice:
    """Which network, run by what: the arguments of ``load_model``."""

    checkpoint: str
    backend: str
    device: str
    precision: str

    @classmethod
    def of(cls, settings: DepthSettings) -> EngineChoice:
        """Return the choice that parameters make."""
        return cls(settings.checkpoint, settings.backend, settings.device, settings.precision)

    def __str__(self) -> str:
        """Return the choice in words."""
        return (f'{self.checkpoint or "the checkpoint that ships"} (backend {self.backend}, '
                f'device {self.device}, {self.precision})')


class ModelLoader:
    """
    Bring another engine into a running node; of several asked for, the newest.

    *swap* gets the loaded engine, through *call*, on the thread that uses it. ``in_use`` is
    the choice whose engine makes the depth, and changes when the engine does. ``problem`` is
    a sentence about the newest request, empty when it went well.
    """

    def __init__(self, choice: EngineChoice, swap: Swap,
                 call: Callable[[Callable[[], None]], None], logger: RcutilsLogger) -> None:
        """Start with the engine of *choice* in use."""
        self.in_use = choice
        self.problem = ''
        self._requested = choice
        self._swap = swap
        self._call = call
        self._logger = logger
        self._lock = Lock()
        self._worker: Worker[EngineChoice] = Worker(
            'loading', self._load, lambda error: logger.error(f'internal error: {error!r}'))

    def request(self, choice: EngineChoice) -> None:
        """
        Load *choice* soon, unless it is what was asked for last.

        Raises CheckpointError at once for what a look at the file tells.
        """
        if choice == self._requested:
            return
        check_checkpoint(choice.checkpoint)
        with self._lock:
            self._requested = choice
        self._worker.put(choice)

    def stop(self) -> bool:
        """End the thread after what it loads; return whether it has ended."""
        return self._worker.stop()

    def _load(self, choice: EngineChoice) -> None:
        """Load and hand over (the loading thread)."""
        try:
            engine = load(choice)
        except Exception as error:
            self._failed(choice, error)
        else:
            self._call(partial(self._use, choice, engine))
        finally:
            # What loading took beside the engine itself.
            give_back_memory()

    def _use(self, choice: EngineChoice, engine: Engine) -> None:
        """Go on with *engine* (the network's thread)."""
        try:
            self._swap(engine)
        except Exception as error:
            self._failed(choice, error)
            return
        give_back_memory()
        self.in_use, self.problem = choice, ''
        self._logger.info(f'in use: {choice}')

    def _failed(self, choice: EngineChoice, error: Exception) -> None:
        """Say why *choice* came to nothing; the same may be asked for again."""
        what = str(error) if isinstance(error, LstmDepthError) else repr(error)
        self.problem = f'checkpoint not changed: {what}; still in use: {self.in_use}'
        with self._lock:
            # Another may have been asked for meanwhile, and is loaded next.
            if self._requested == choice:
                self._requested = self.in_use
        self._logger.error(self.problem)


def load(choice: EngineChoice) -> Engine:
    """Return the engine of *choice*; LstmDepthError saying what to do, whatever is wrong."""
    # Imported here, so that a node that is only started answers at once.
    from lstm_depth.runtime.loading import load_model
    return _explained(choice.checkpoint, lambda: load_model(
        choice.checkpoint or None, backend=choice.backend, device=choice.device,
        precision=choice.precision))


def check_checkpoint(checkpoint: str) -> None:
    """Raise LstmDepthError where a first look tells that *checkpoint* cannot be used."""
    from lstm_depth.runtime.loading import check_source
    _explained(checkpoint, lambda: check_source(checkpoint or None))


def _explained(checkpoint: str, read: Callable[[], object]) -> object:
    """Return what *read* gives, with whatever it raises as a CheckpointError."""
    try:
        return read()
    except LstmDepthError:
        raise
    except Exception as error:
        # A file may be broken in more ways than the reader knows; a path, too: no such user,
        # a name too long, a NUL.
        raise CheckpointError(
            f'checkpoint {checkpoint[:200]!r} cannot be read: {type(error).__name__}: '
            f'{str(error)[:200]}; give the path of a .safetensors file') from error
