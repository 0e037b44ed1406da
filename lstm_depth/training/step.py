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
"""One optimizer step: clips in, weights moved, or left alone where the loss is no number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
import math
import time

from lightning_fabric import Fabric
from lstm_depth.data.clip import ClipBatch
from lstm_depth.losses import DepthLoss
from lstm_depth.models import DepthModel
from lstm_depth.models.base import detach_state
from lstm_depth.models.cores import State
from lstm_depth.training.depthwise import FastDepthwise
from lstm_depth.training.distill import Distillation
from lstm_depth.training.dropout import FastDropout
import torch
from torch import nn, Tensor
from torch.optim import Optimizer

# What the distance to a teacher is called among the terms of a loss.
DISTILL = 'distill'


def step_batches(loader: Iterable[ClipBatch], accumulate: int,
                 device: torch.device) -> Iterator[tuple[list[ClipBatch], float]]:
    """Yield the batches of each optimizer step and the seconds they were waited for."""
    batches = iter(loader)
    while True:
        before = time.perf_counter()
        group = [batch.to(device) for batch in islice(batches, accumulate)]
        if len(group) < accumulate:
            return
        yield group, time.perf_counter() - before


class ClipRunner(nn.Module):
    """What is handed to Fabric: the model on clips as the data set gives them."""

    def __init__(self, model: DepthModel) -> None:
        """Wrap *model*."""
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Return depth (B, T, 1, H, W) of uint8 frames (B, T, 3, H, W), and the last state."""
        with ExitStack() as stack:
            if frames.device.type == 'cpu':
                stack.enter_context(FastDepthwise())
                stack.enter_context(FastDropout())
            return self.model.forward_clip(frames.float() / 255, state)


@dataclass(frozen=True)
class StepResult:
    """
    What a step did.

    *loss*, *terms*: means over its batches. *spread*: how much predicted depth varies within
    an image, relative to the truth. *gradient*: norm before clipping. *finite*: whether the
    weights were moved.
    """

    loss: float
    terms: dict[str, float]
    spread: float
    gradient: float
    finite: bool


class Stepper:
    """Takes optimizer steps, and carries the recurrent state from batch to batch if asked to."""

    def __init__(self, fabric: Fabric, runner: nn.Module, model: DepthModel,
                 optimizer: Optimizer, loss: DepthLoss, *, clip_gradient: float = 0.0,
                 carry_state: bool = False, distillation: Distillation | None = None) -> None:
        """Take what `Fabric.setup` returned, and the bare *model* within."""
        self._fabric, self._runner, self._model = fabric, runner, model
        self._optimizer, self._loss = optimizer, loss
        self._clip = clip_gradient or math.inf
        self._carry = carry_state
        self._distillation = distillation
        self._buffers = list(model.buffers())
        self.state: State = ()

    def step(self, batches: Sequence[ClipBatch]) -> StepResult:
        """
        Accumulate the gradients of *batches* and move the weights once.

        Where the loss or its gradient is not finite on any process, weights, BatchNorm
        statistics and the carried state stay as they were before.
        """
        before = [buffer.clone() for buffer in self._buffers], self.state
        losses, spreads, terms = [], [], {}
        for number, batch in enumerate(batches):
            more = number < len(batches) - 1
            with self._fabric.no_backward_sync(self._runner, enabled=more):
                loss, parts, spread = self._forward(batch)
                self._fabric.backward(loss / len(batches))
            losses.append(loss.detach())
            spreads.append(spread)
            for name, value in parts.items():
                terms[name] = terms.get(name, 0.0) + value / len(batches)
        norm = self._fabric.clip_gradients(self._runner, self._optimizer, max_norm=self._clip,
                                           error_if_nonfinite=False)
        mean = torch.stack(losses).mean()
        # A scaler's first gradients overflow by design, and it skips them itself.
        scaled = getattr(self._fabric.strategy.precision, 'scaler', None) is not None
        finite = self._all_finite(mean if scaled else mean + 0 * norm)
        if finite:
            self._optimizer.step()
        else:
            self._undo(*before)
        self._optimizer.zero_grad(set_to_none=True)
        return StepResult(mean.item(), {name: float(value) for name, value in terms.items()},
                          torch.stack(spreads).mean().item(), float(norm), finite)

    def averaged(self, result: StepResult) -> StepResult:
        """Return *result* as the mean over all processes, which all call this."""
        if self._fabric.world_size == 1:
            return result
        values = torch.tensor([result.loss, result.spread, *result.terms.values()],
                              dtype=torch.float64, device=self._fabric.device)
        loss, spread, *terms = self._fabric.all_reduce(values, reduce_op='mean').tolist()
        return replace(result, loss=loss, spread=spread, terms=dict(zip(result.terms, terms)))

    def _forward(self, batch: ClipBatch) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        """Return the loss of a batch, its terms, and the relative spread of its depth."""
        state = started_anew(self.state, batch.reset) if self._carry else None
        prediction, state = self._runner(batch.frames, state)
        if self._carry:
            self.state = detach_state(state)
        loss, terms = self._loss(prediction, batch.depth, batch.valid)
        if self._distillation:
            with self._fabric.autocast():
                distance = self._distillation(prediction, batch.frames)
            share = self._distillation.weight
            loss = (1 - share) * loss + share * distance
            terms = terms | {DISTILL: distance.detach()}
        return loss, terms, relative_spread(prediction.detach(), batch.depth, batch.valid)

    def _all_finite(self, value: Tensor) -> bool:
        """Return whether *value* is finite on all processes."""
        bad = (~torch.isfinite(value)).float()
        if self._fabric.world_size > 1:
            bad = self._fabric.all_reduce(bad, reduce_op='sum')
        return bad.item() == 0

    def _undo(self, buffers: list[Tensor], state: State) -> None:
        """Put back what the forward pass changed."""
        for buffer, old in zip(self._buffers, buffers):
            buffer.copy_(old)
        self.state = state


def started_anew(state: State, reset: Tensor) -> State | None:
    """Return *state* with zeros where the (B,) mask *reset* says so; None for no state."""
    if not state:
        return None
    keep = (~reset).view(-1, *(1,) * (state[0].dim() - 1))
    # Not a product: it would keep NaN.
    return tuple(torch.where(keep, tensor, 0.0) for tensor in state)


def relative_spread(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """
    Return the mean over images of the depth's standard deviation, relative to the truth's.

    *prediction*, *truth*, *valid*: (B, T, 1, H, W). Near 0 the network predicts one number.
    """
    def spread(depth: Tensor) -> Tensor:
        depth, mask = depth.float().flatten(2), valid.flatten(2)
        count = mask.sum(-1).clamp_min(1)
        mean = torch.where(mask, depth, 0.0).sum(-1, keepdim=True) / count[..., None]
        return (torch.where(mask, (depth - mean).square(), 0.0).sum(-1) / count).sqrt().mean()

    return spread(prediction) / spread(truth).clamp_min(1e-6)
