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
"""What is said and counted of a run's steps: progress bar, history, warnings, what went bad."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from lstm_depth.data.clip import ClipBatch
from lstm_depth.errors import DataError, TrainingError
from lstm_depth.training.collapse import CollapseWatch
from lstm_depth.training.monitor import Monitor
from lstm_depth.training.recipe import TrainConfig
from lstm_depth.training.run_summary import peak_memory_mb
from lstm_depth.training.state import Progress
from lstm_depth.training.step import DISTILL, StepResult
from tqdm import tqdm

BAD_STEPS = 3


class StepLog:
    """
    Follows the steps of a run; the first process writes, all of them count.

    *monitor*: the tables and TensorBoard files, on the first process only.
    """

    def __init__(self, config: TrainConfig, fabric: Fabric, progress: Progress,
                 output: Path) -> None:
        """Go on after the steps of *progress*."""
        self._config, self._fabric, self._progress = config, fabric, progress
        self.monitor = Monitor(output, progress.step) if fabric.is_global_zero else None
        self._unread = 0

    @contextmanager
    def phase(self, number: int, steps: int) -> Iterator[None]:
        """Show the progress of phase *number*, of which *steps* are left."""
        progress, phases = self._progress, self._config.phases
        title = f'phase {number + 1}/{len(phases)}'
        self._watch = CollapseWatch(phases[number].name or f'phase {number + 1}')
        with tqdm(total=progress.step + steps, initial=progress.step, unit='step', mininterval=2,
                  desc=title, disable=not self._fabric.is_global_zero) as self._bar:
            yield

    def step(self, group: Sequence[ClipBatch], result: StepResult, rate: float, seconds: float,
             waited: float) -> None:
        """
        Count and show the step that progress just counted.

        *rate*: its learning rate. *seconds*: it took, *waited* of them for the loader. Raises
        TrainingError and DataError where going on makes no sense.
        """
        progress = self._progress
        if result.finite:
            progress.bad = 0
            self._warn(self._watch.see(result.spread))
        else:
            self._count_bad(group)
        frames = sum(batch.frames.shape[0] * batch.frames.shape[1] for batch in group)
        speed = frames * self._fabric.world_size / seconds
        self._bar.update()
        self._bar.set_postfix(epoch=progress.epoch + 1, loss=f'{result.loss:.4g}',
                              lr=f'{rate:.2g}', frames_per_s=f'{speed:.0f}', refresh=False)
        self._count_damaged(group)
        if self.monitor and progress.step % self._config.train.log_every == 0:
            self.monitor.log(self._row(result, rate, speed, waited / seconds))

    def say(self, text: str) -> None:
        """Put *text* on the terminal and into the summary, once."""
        if self._progress.note(text):
            tqdm.write(f'warning: {text}')

    def close(self) -> None:
        """Finish the files."""
        if self.monitor:
            self.monitor.close()

    def _warn(self, text: str | None) -> None:
        """Say a warning, if there is one, on the first process."""
        if text and self._fabric.is_global_zero:
            self.say(text)

    def _row(self, result: StepResult, rate: float, speed: float,
             wait_share: float) -> dict[str, Any]:
        """Return a row of the history."""
        progress = self._progress
        return {'step': progress.step, 'phase': progress.phase + 1, 'epoch': progress.epoch + 1,
                'loss': result.loss, 'lr': rate, 'gradient': result.gradient,
                'spread': result.spread, 'frames_per_s': speed, 'wait_share': wait_share,
                'memory_mb': peak_memory_mb(self._fabric.device), 'skipped': progress.skipped,
                **{f'loss_{name}': result.terms.get(name, float('nan'))
                   for phase in self._config.phases
                   for name in (*phase.loss, *([DISTILL] if phase.distill.teachers else []))}}

    def _count_bad(self, group: Sequence[ClipBatch]) -> None:
        """Count a step that was skipped; TrainingError at the third in a row."""
        progress = self._progress
        progress.skipped += 1
        progress.bad += 1
        names = ', '.join(sorted({name for batch in group for name in batch.names}))
        tqdm.write(f'step {progress.step}: the loss is not finite; skipped. Clips of: {names}')
        if progress.bad >= BAD_STEPS:
            raise TrainingError(
                f'the loss was not finite {BAD_STEPS} times in a row, last at step '
                f'{progress.step} with clips of {names}; look at these files, lower '
                f'phases.{progress.phase}.learning_rate or set clip_gradient, and resume from '
                f'the last good state with --resume')

    def _count_damaged(self, group: Sequence[ClipBatch]) -> None:
        """Count clips that could not be read; DataError where nothing else comes any more."""
        damage = [text for batch in group for text in batch.damage]
        self._progress.damaged += len(damage)
        for text in damage:
            self.say(f'a clip was left out: {text}')
        nothing = len(damage) == sum(len(batch.frames) for batch in group)
        self._unread = self._unread + 1 if nothing else 0
        if self._unread >= BAD_STEPS:
            raise DataError(f'no clip of {BAD_STEPS} steps in a row could be read; the last: '
                            f'{damage[-1]}')
