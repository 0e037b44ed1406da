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
"""What a model is made of: parameters, multiply-adds, output range, its layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from lstm_depth.models.base import DepthModel
from lstm_depth.models.registry import create_model, model_entry, PAPERS
import torch
from torch import nn, Tensor
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class ModelSummary:
    """
    One line of ``lstm_depth models``.

    *parameters*: all trainable weights. *counted*: the number that stands beside
    *paper_parameters*, of the same part (*counted_part*), with BatchNorm's running
    mean and variance, as Keras counts. *macs*: multiply-adds of one frame of
    *input_size* (height, width). *streaming*: whether the model as its paper has
    it carries a state from frame to frame.
    """

    name: str
    paper: str | None
    paper_title: str | None
    input_size: tuple[int, int]
    parameters: int
    counted: int
    counted_part: str
    paper_parameters: int | None
    macs: int
    encoder: str
    output_range_m: tuple[float, float]
    output: str
    streaming: bool

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class LayerRow:
    """One line of a layer table; *shape*: of the output, for one frame."""

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int


def count_parameters(module: nn.Module, *, statistics: bool = False) -> int:
    """Return the number of weights, with BatchNorm's running mean and variance if asked."""
    count = sum(parameter.numel() for parameter in module.parameters())
    if statistics:
        count += sum(value.numel() for name, value in module.named_buffers()
                     if name.endswith(('running_mean', 'running_var')))
    return count


@cache
def summarise_model(name: str) -> ModelSummary:
    """Return the summary of model *name* as its paper has it, without running it."""
    entry = model_entry(name)
    with torch.device('meta'):
        model = create_model(name)
    part = entry.reported.part if entry.reported else 'model'
    config = model.config
    return ModelSummary(
        name=name, paper=entry.paper, paper_title=PAPERS.get(entry.paper),
        input_size=(config.input_height, config.input_width),
        parameters=count_parameters(model),
        counted=count_parameters(model.encoder if part == 'encoder' else model,
                                 statistics=True),
        counted_part=part,
        paper_parameters=entry.reported.parameters if entry.reported else None,
        macs=sum(row.macs for row in layer_table(model)),
        encoder=getattr(config, 'encoder', '-'),
        output_range_m=(config.depth_min, config.depth_max), output=config.output,
        streaming=model.recurrent)


def layer_table(model: DepthModel, depth: int = 1) -> list[LayerRow]:
    """
    Return one row for each part of *model*, *depth* names deep, in the order they run.

    Measured on the second frame of a stream, so that a recurrent core has its
    state. Parts without weights are left out. *model* may lie on the meta device:
    nothing needs to be computed for it.
    """
    config = model.config
    device = next(model.parameters()).device
    frame = torch.zeros(1, 3, config.input_height, config.input_width, device=device)
    meter = _Meter(model)
    training = model.training
    with torch.no_grad():
        _, state = model.eval()(frame)
        try:
            with meter:
                model(frame, state)
        finally:
            model.train(training)
    return meter.rows(depth)


class _Meter:
    """Note shape and multiply-adds of every layer with weights, while it is entered."""

    def __init__(self, model: DepthModel) -> None:
        """Choose the layers of *model*."""
        self.model = model
        self.layers = {name: module for name, module in model.named_modules()
                       if next(module.parameters(recurse=False), None) is not None}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.macs: dict[str, int] = {}
        self._counter = FlopCounterMode(display=False)
        # (Count at its start, count of layers within) of each layer that runs, outermost first.
        self._running: list[tuple[int, int]] = []
        self._hooks: list[Any] = []

    def __enter__(self) -> _Meter:
        """Start to count."""
        for name, module in self.layers.items():
            self._hooks.append(module.register_forward_pre_hook(self._before(name)))
            self._hooks.append(module.register_forward_hook(self._after(name)))
        self._counter.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Stop, and take the hooks off the model."""
        self._counter.__exit__(*error)
        for hook in self._hooks:
            hook.remove()

    def _before(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any) -> None:
            self._running.append((self._counter.get_total_flops(), 0))
        return hook

    def _after(self, name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor | tuple[Tensor, ...]) -> None:
            start, within = self._running.pop()
            flops = self._counter.get_total_flops() - start
            if self._running:
                outer_start, outer_within = self._running[-1]
                self._running[-1] = outer_start, outer_within + flops
            # Two floating-point operations are one multiply-add.
            self.macs[name] = self.macs.get(name, 0) + (flops - within) // 2
            first = output[0] if isinstance(output, tuple) else output
            self.shapes[name] = tuple(first.shape[1:])
        return hook

    def rows(self, depth: int) -> list[LayerRow]:
        """Return what was noted, gathered by the first *depth* parts of the names."""
        groups: dict[str, list[str]] = {}
        for name in self.shapes:
            groups.setdefault('.'.join(name.split('.')[:depth]), []).append(name)
        return [LayerRow(
            head, type(self.model.get_submodule(head)).__name__, self.shapes[names[-1]],
            sum(p.numel() for name in names
                for p in self.layers[name].parameters(recurse=False)),
            sum(self.macs[name] for name in names)) for head, names in groups.items()]
