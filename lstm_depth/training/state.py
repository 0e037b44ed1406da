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
Where a run goes on: everything it needs, in one file that is whole or absent.

``last.pt`` holds tensors and plain values only and is read with ``weights_only=True``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
import pickle
from typing import Any

from lightning_fabric import Fabric
from lstm_depth.errors import CheckpointError
from lstm_depth.files import atomic_path
import torch

FILE = 'last.pt'
MOST_NOTES = 50


@dataclass
class Progress:
    """
    How far a run is.

    *step*: optimizer steps done, skipped ones included. *phase*, *epoch*: which go on, the
    epoch within its phase. *epoch_step*: steps of the epoch behind it. *skipped*: steps left
    out for a loss that was not finite; *bad*: how many of these in a row. *damaged*: clips
    that could not be read. *best*: the best value of the validation metric so far, *waited*:
    validations of this phase since then. *notes*: what the summary has to say. *seconds*: of
    training.
    """

    step: int = 0
    phase: int = 0
    epoch: int = 0
    epoch_step: int = 0
    skipped: int = 0
    bad: int = 0
    damaged: int = 0
    best: float | None = None
    waited: int = 0
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, text: str) -> bool:
        """Add a note; return whether it is a new one. Not thousands: a disk can go bad."""
        new = text not in self.notes and len(self.notes) < MOST_NOTES
        if new:
            self.notes.append(text)
        return new


def random_state() -> dict[str, torch.Tensor]:
    """Return PyTorch's random numbers' state on this process."""
    state = {'cpu': torch.get_rng_state()}
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_random_state(state: dict[str, torch.Tensor]) -> None:
    """Go on with the random numbers of `random_state`."""
    torch.set_rng_state(state['cpu'])
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'])


def save(folder: Path, fabric: Fabric, progress: Progress, shared: dict[str, Any],
         own: dict[str, Any]) -> None:
    """
    Write ``last.pt``; all processes call it.

    *shared*: what all processes have alike; *own*: what each has for itself.
    """
    owns = [own]
    if fabric.world_size > 1:
        owns = [None] * fabric.world_size
        torch.distributed.all_gather_object(owns, own)
    if fabric.is_global_zero:
        with atomic_path(folder / FILE) as partial:
            torch.save({'progress': asdict(progress), 'shared': shared, 'own': owns}, partial)
    fabric.barrier()


def load(folder: Path, fabric: Fabric) -> tuple[Progress, dict[str, Any], dict[str, Any]]:
    """Return what `save` wrote, for this process; CheckpointError where it cannot be used."""
    path = folder / FILE
    if not path.exists():
        raise CheckpointError(f'{folder} holds no run to resume (no {FILE}); start without '
                              '--resume')
    try:
        saved = torch.load(path, map_location='cpu', weights_only=True)
        progress, owns = Progress(**saved['progress']), saved['own']
    except (RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise CheckpointError(f'{path} is damaged ({error}); start anew in another folder, from '
                              'the best checkpoint if there is one') from error
    if len(owns) != fabric.world_size:
        raise CheckpointError(f'{path} was written by {len(owns)} processes and cannot go on '
                              f'with {fabric.world_size}')
    return progress, saved['shared'], owns[fabric.global_rank]
