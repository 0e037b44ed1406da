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
"""Load a checkpoint on a thread of its own, so that services answer meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
import re
from typing import TYPE_CHECKING

from lstm_depth.errors import CheckpointError, LstmDepthError
from lstm_depth.header import read_header
from lstm_depth.ros.worker import Worker
from rclpy.impl.rcutils_logger import RcutilsLogger

if TYPE_CHECKING:
    from lstm_depth.runtime.engine import Engine

Swap = Callable[['Engine'], None]


class ModelLoader:
    """
    Bring another checkpoint into a running node; of several asked for, the newest.

    *swap* gets the loaded model, through *call*, on the thread that uses it. ``in_use`` is
    the checkpoint of the model that makes the depth, and changes when the model does.
    ``problem`` is a sentence about the newest request, empty when it went well.
    """

    def __init__(self, checkpoint: str, swap: Swap, call: Callable[[Callable[[], None]], None],
                 logger: RcutilsLogger) -> None:
        """Start with the model of *checkpoint* in use."""
        self.in_use = checkpoint
        self.problem = ''
        self._requested = checkpoint
        self._swap = swap
        self._call = call
        self._logger = logger
        self._worker: Worker[str] = Worker('loading', self._load, self._failed)

    def request(self, checkpoint: str) -> None:
        """
        Load *checkpoint* soon, unless it is what was asked for last.

        Raises CheckpointError at once for what a look at the file tells.
        """
        if checkpoint == self._requested:
            return
        check_checkpoint(checkpoint)
        self._requested = checkpoint
        self._worker.put(checkpoint)

    def stop(self) -> bool:
        """End the thread after what it loads; return whether it has ended."""
        return self._worker.stop()

    def _load(self, checkpoint: str) -> None:
        """Load and hand over (the loading thread)."""
        model = load(checkpoint)
        self._call(partial(self._use, checkpoint, model))

    def _use(self, checkpoint: str, model: Engine) -> None:
        """Go on with *model* (the network's thread)."""
        try:
            self._swap(model)
        except Exception as error:
            self._failed(error)
            return
        self.in_use, self.problem = checkpoint, ''
        self._logger.info(f'checkpoint in use: {checkpoint_name(checkpoint)}')

    def _failed(self, error: Exception) -> None:
        """Say why the newest request came to nothing; the same may be asked for again."""
        what = str(error) if isinstance(error, LstmDepthError) else repr(error)
        self.problem = (f'checkpoint not changed: {what}; still in use: '
                        f'{checkpoint_name(self.in_use)}')
        self._requested = self.in_use
        self._logger.error(self.problem)


def load(checkpoint: str) -> Engine:
    """Return the model of a checkpoint; CheckpointError saying what to do, whatever is wrong."""
    # Imported here, so that a node that is only started answers at once.
    from lstm_depth.runtime.loading import load_model
    return _explained(checkpoint, lambda: load_model(checkpoint or None))


def check_checkpoint(checkpoint: str) -> None:
    """Raise CheckpointError where a first look tells that *checkpoint* cannot be used."""
    def look() -> None:
        path = Path(checkpoint).expanduser()
        # The name of a model is known only to what takes long to import.
        if path.suffix == '.safetensors' or not (
                path.exists() or re.fullmatch(r'(\w{1,60})?', checkpoint)):
            read_header(path)

    _explained(checkpoint, look)


def checkpoint_name(checkpoint: str) -> str:
    """Return a checkpoint in words."""
    return checkpoint or 'shipped with the package'


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
