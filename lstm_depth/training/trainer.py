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
The trainer: runs the phases of a recipe, survives being killed, and says what it sees.

``train(config)`` is all there is to call; under torchrun every process calls it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
import math
from pathlib import Path
import time
from typing import Any

from lightning_fabric import Fabric
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.data.clip import ClipBatch
from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.files import write_text
from lstm_depth.training import state as saved_state
from lstm_depth.training.batches import open_data, phase_loader
from lstm_depth.training.distill import make_distillation
from lstm_depth.training.interrupt import InterruptRequest
from lstm_depth.training.optim import (
    make_optimizer,
    make_schedule,
    restore_optimizer,
    WeightAverage,
)
from lstm_depth.training.parse import dump_config, plain
from lstm_depth.training.recipe import PhaseSection, TrainConfig
from lstm_depth.training.rehearsal import rehearse
from lstm_depth.training.run_summary import write_summary
from lstm_depth.training.setup import (
    build_model,
    fit_to_checkpoint,
    is_out_of_memory,
    make_fabric,
    make_loss,
    out_of_memory,
    ready_model,
)
from lstm_depth.training.step import ClipRunner, step_batches, Stepper
from lstm_depth.training.steplog import StepLog
from lstm_depth.training.validation import choose_frames, PROTOCOL, validate
from lstm_depth.visualize import strip
import torch
from torch.optim import Optimizer
from tqdm import tqdm

CONFIG = 'config.yaml'


def train(config: TrainConfig, resume: bool = False) -> dict[str, Any]:
    """
    Run a recipe; return what ``summary.json`` holds.

    *resume*: go on where ``last.pt`` in the output folder was written, with the same batches
    and random numbers. Raises ConfigError, DataError and CheckpointError for what cannot be
    started, TrainingError for what cannot go on.
    """
    output = Path(config.train.output)
    saved = (output / saved_state.FILE).exists()
    if saved and not resume:
        raise ConfigError(f'{output} already holds a run; go on with --resume, or choose another '
                          'folder: train.output=FOLDER')
    if resume and not saved and (output / CONFIG).exists():
        # Killed before it first saved: the same seed makes the same run from its start.
        resume = False
    fabric = make_fabric(config.train)
    return Trainer(config, fabric, output, resume).run()


class Trainer:
    """One run, on one process."""

    def __init__(self, config: TrainConfig, fabric: Fabric, output: Path, resume: bool) -> None:
        """Build model and data, and load what a resumed run needs."""
        self.config, self.fabric, self.output = config, fabric, output
        torch.manual_seed(config.train.seed)
        self.data = open_data(config.data)
        self.frames = choose_frames(self.data.held_out, config.validation.frames)
        self.model = build_model(config.model).to(fabric.device,
                                                  memory_format=torch.channels_last)
        self.average: WeightAverage | None = None
        self.progress = saved_state.Progress()
        self.last_metrics: dict[str, float] = {}
        self.pictures: list[Any] = []
        self.interrupted = False
        self._resumed: dict[str, Any] | None = None
        # Dropout on each process draws its own numbers; the weights above are the same.
        torch.manual_seed(config.train.seed * 1009 + fabric.global_rank)
        if resume:
            self._load()
        rehearse(config, self.data, self.model, self.progress.phase, self.progress.step)
        if config.model.fit_clips and not resume:
            fit_to_checkpoint(self.model, config, self.data)
        if fabric.is_global_zero:
            output.mkdir(parents=True, exist_ok=True)
            write_text(output / CONFIG, dump_config(config))
        self.log = StepLog(config, fabric, self.progress, output)
        if resume:
            self._compare_data()

    @property
    def shown(self) -> Any:
        """Return the model that is validated and saved: the averaged one if there is one."""
        return self.average.model if self.average else self.model

    def run(self) -> dict[str, Any]:
        """Train to the end, or until interrupted, and return the summary."""
        lead, progress = self.fabric.is_global_zero, self.progress
        if lead:
            tqdm.write(f'data: {self.data.describe()}')
            for text in self.data.notes:
                tqdm.write(f'data: {text}')
        self._started = time.monotonic() - progress.seconds
        with InterruptRequest() as self.interrupt, closing(self.log):
            for number in range(progress.phase, len(self.config.phases)):
                if not (self._finished() or self.interrupted):
                    self._run_phase(number)
        if not lead:
            return {'step': progress.step}
        if self.interrupted:
            return {'interrupted': True, 'step': progress.step, 'output': str(self.output)}
        self._write_checkpoint('model')
        return write_summary(self.output, self.config, progress, self.log.monitor,
                             self.last_metrics, self.pictures)

    def _finished(self) -> bool:
        """Return whether ``max_steps`` are done."""
        limit = self.config.train.max_steps
        return bool(limit) and self.progress.step >= limit

    def _run_phase(self, number: int) -> None:
        """Run a phase from where progress is to its end, or to where the run stops."""
        phase, progress = self.config.phases[number], self.progress
        loader, batches = phase_loader(
            self.data, self.config.data, phase, self.model, self.config.train.seed + number,
            workers=self.config.train.workers, rank=self.fabric.global_rank,
            world=self.fabric.world_size)
        epoch_steps = len(batches) // phase.accumulate
        done = progress.epoch * epoch_steps + min(progress.epoch_step, epoch_steps)
        ready_model(self.model, phase)
        self._start_phase(phase, make_optimizer(self.model, phase), epoch_steps, done)
        left = min(phase.epochs * epoch_steps - done,
                   (self.config.train.max_steps or math.inf) - progress.step)
        with self.log.phase(number, left):
            while progress.epoch < phase.epochs:
                batches.set_epoch(progress.epoch, progress.epoch_step * phase.accumulate)
                for group, waited in step_batches(loader, phase.accumulate, self.fabric.device):
                    self._step(group, waited)
                    if self._finished():
                        break
                    self.interrupted = self._asked_to_stop()
                    if self.interrupted:
                        self._save()
                        return
                    if progress.step % self.config.train.save_every == 0:
                        self._save()
                if self._finished() and progress.epoch_step < epoch_steps:
                    # Cut short by max_steps; resumed with more of them, it goes on here.
                    self._validate(progress.epoch + 1)
                    self._save()
                    return
                if self._end_epoch(phase):
                    break
                if self._finished() and progress.epoch < phase.epochs:
                    return
        self._end_phase(number)

    def _start_phase(self, phase: PhaseSection, optimizer: Optimizer, epoch_steps: int,
                     done: int) -> None:
        """Set up loss, schedule and what takes the steps, or put them back."""
        if phase.ema and not self.average:
            self.average = WeightAverage(self.model, phase.ema)
        resumed = self._resumed if self._resumed and self._resumed['optimizer'] else None
        if resumed:
            restore_optimizer(optimizer, resumed['optimizer'])
        runner: torch.nn.Module = ClipRunner(self.model)
        if self.config.train.compile:
            runner = torch.compile(runner)
        runner, self.optimizer = self.fabric.setup(runner, optimizer)
        self.schedule = make_schedule(optimizer, phase, epoch_steps, done)
        loss = make_loss(self.config.perceptual, phase, self.model).to(self.fabric.device)
        distillation = make_distillation(self.config, phase, self.model)
        self.stepper = Stepper(self.fabric, runner, self.model, self.optimizer, loss,
                               clip_gradient=phase.clip_gradient,
                               carry_state=phase.carry_state,
                               distillation=distillation and distillation.to(
                                   self.fabric.device))
        if resumed:
            self.stepper.state = tuple(tensor.to(self.fabric.device)
                                       for tensor in resumed['state'])
            saved_state.set_random_state(resumed['random'])
            self.fabric.strategy.precision.load_state_dict(resumed['precision'])
        self._resumed = None

    def _step(self, group: list[ClipBatch], waited: float) -> None:
        """Take one step and log how it went."""
        progress, before = self.progress, time.perf_counter()
        progress.seconds = time.monotonic() - self._started
        rate = self.schedule.get_last_lr()[0]
        try:
            result = self.stepper.step(group)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise out_of_memory(self.config, progress.phase, group[0]) from error
        self.schedule.step()
        progress.step += 1
        progress.epoch_step += 1
        if result.finite and self.average:
            self.average.update(self.model)
        seconds = waited + time.perf_counter() - before
        if progress.step % self.config.train.log_every == 0:
            result = self.stepper.averaged(result)
        self.log.step(group, result, rate, seconds, waited)

    def _asked_to_stop(self) -> bool:
        """Return whether any process was interrupted."""
        if self.fabric.world_size > 1:
            asked = torch.tensor(float(self.interrupt.asked), device=self.fabric.device)
            self.interrupt.asked = bool(self.fabric.all_reduce(asked, reduce_op='sum').item())
        return self.interrupt.asked

    def _end_epoch(self, phase: PhaseSection) -> bool:
        """Validate where it is due; return whether the phase ends early."""
        progress, section = self.progress, self.config.validation
        progress.epoch += 1
        progress.epoch_step = 0
        due = progress.epoch % section.every == 0 or progress.epoch == phase.epochs
        if due or self._finished():
            self._validate(progress.epoch)
            enough = bool(phase.patience) and progress.waited >= phase.patience
            # Only the first process knows how long it has waited.
            if self.fabric.broadcast(enough):
                progress.note(f'{phase.name or "the phase"} stopped after epoch '
                              f'{progress.epoch}: {phase.patience} validations without a better '
                              f'{section.metric}')
                return True
        if progress.epoch < phase.epochs:
            self._save()
        return False

    def _end_phase(self, number: int) -> None:
        """Go on to the next phase; keep what the one before it has made."""
        progress = self.progress
        if number + 1 < len(self.config.phases) and self.fabric.is_global_zero:
            self._write_checkpoint(f'phase_{number + 1}')
        if self.average:
            self.model.load_state_dict(self.average.model.state_dict())
            self.average = None
        progress.phase, progress.epoch, progress.epoch_step = number + 1, 0, 0
        progress.waited = 0
        self._save(phase_over=True)

    def _validate(self, epoch: int) -> None:
        """Score the held-out frames on the first process; keep the best checkpoint."""
        if self.frames and self.fabric.is_global_zero:
            progress, metric = self.progress, self.config.validation.metric
            found = validate(self.shown, self.frames, str(self.fabric.device),
                             self.config.train.pictures)
            self.last_metrics, self.pictures = found.metrics, found.pictures
            for text in found.damage:
                self.log.say(f'a held-out frame was left out: {text}')
            row = {'step': progress.step, 'phase': progress.phase + 1, 'epoch': epoch,
                   **found.metrics}
            self.log.monitor.validated(row, strip(found.pictures) if found.pictures else None)
            value = found.metrics[metric] * (-1 if metric in ('d1', 'd2', 'd3') else 1)
            progress.waited += 1
            if math.isfinite(value) and (progress.best is None or value < progress.best):
                progress.best, progress.waited = value, 0
                self._write_checkpoint('best')
            tqdm.write(f'step {progress.step}, epoch {epoch}: held out '
                       + ', '.join(f'{name} {found.metrics[name]:.4f}'
                                   for name in ('d1', 'abs_rel', 'rmse', 'log10')))
        self.fabric.barrier()

    def _write_checkpoint(self, name: str) -> None:
        """Write the model as it is shown to ``NAME.safetensors``."""
        training = {'recipe': plain(self.config), 'data': self.data.describe(),
                    'steps': self.progress.step, 'processes': self.fabric.world_size}
        save_checkpoint(self.output / f'{name}.safetensors', self.shown, training=training,
                        metrics={'protocol': PROTOCOL, 'held_out': self.last_metrics},
                        dtype=torch.float16 if self.config.train.half else torch.float32)

    def _save(self, phase_over: bool = False) -> None:
        """Write where the run goes on; the optimizer ends with its phase."""
        shared = {'model': self.model.state_dict(),
                  'average': self.average.model.state_dict() if self.average else None,
                  'updates': self.average.updates if self.average else 0,
                  'optimizer': None if phase_over else self.optimizer.state_dict(),
                  'metrics': self.last_metrics, 'data': self.data.describe(),
                  'frames': self.data.fingerprint(),
                  'precision': self.fabric.strategy.precision.state_dict()}
        own = {'random': saved_state.random_state(),
               'state': tuple(tensor.cpu() for tensor in self.stepper.state)}
        progress = replace(self.progress, bad=0)
        saved_state.save(self.output, self.fabric, progress, shared, own)

    def _load(self) -> None:
        """Load what `_save` wrote."""
        self.progress, shared, own = saved_state.load(self.output, self.fabric)
        try:
            self.model.load_state_dict(shared['model'])
        except RuntimeError as error:
            raise CheckpointError(
                f'{self.output} holds a run of another model than the recipe says; resume with '
                'the recipe it was started with (config.yaml there)') from error
        if shared['average']:
            self.average = WeightAverage(self.model, self.config.phases[self.progress.phase].ema)
            self.average.model.load_state_dict(shared['average'])
            self.average.updates = shared['updates']
        self.last_metrics = shared['metrics']
        self._resumed = shared | own
        saved_state.set_random_state(own['random'])

    def _compare_data(self) -> None:
        """Say so where a resumed run has other data than before."""
        if self._resumed['frames'] != self.data.fingerprint():
            self.log.say(f'resumed at step {self.progress.step} with other data; before: '
                         f'{self._resumed["data"]}')
