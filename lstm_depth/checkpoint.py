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
"""Checkpoints: the weights of a network as safetensors, with a header (`lstm_depth.header`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lstm_depth import __version__
from lstm_depth.errors import CheckpointError, MissingPackage
from lstm_depth.files import atomic_path
from lstm_depth.header import diagnose, FORMAT, KEY, read_header, shipped_checkpoint
from lstm_depth.models import create_model, DepthModel, list_models
from safetensors import SafetensorError
from safetensors.torch import load, save
import torch


def save_checkpoint(path: str | Path, model: DepthModel, *,
                    training: dict[str, Any] | None = None,
                    metrics: dict[str, Any] | None = None,
                    dtype: torch.dtype = torch.float32) -> None:
    """
    Write *model* to *path* (.safetensors) atomically.

    *training*: what it was trained on and how; *metrics*: its held-out numbers;
    both go into the header as they are and must be plain JSON values. *dtype*:
    how floating-point weights are stored; they load as float32.
    """
    mean, std = model.normalisation
    config = model.config
    header = {
        'format': FORMAT,
        'version': __version__,
        'model': model.name,
        'config': config.to_dict(),
        'input': {'height': config.input_height, 'width': config.input_width,
                  'mean': mean, 'std': std},
        'depth_range_m': [config.depth_min, config.depth_max],
        'training': training or {},
        'metrics': metrics or {},
    }
    weights = {name: _stored(tensor, dtype) for name, tensor in model.state_dict().items()}
    # Not save_file(), which makes files that only their owner can read.
    with atomic_path(path) as partial:
        partial.write_bytes(save(weights, metadata={KEY: json.dumps(header)}))


def load_network(source: str | Path | None = None) -> DepthModel:
    """
    Return a PyTorch model in evaluation mode, on the CPU, to train or to export.

    *source*: None for the checkpoint that ships with the package, the path of a
    checkpoint, or a model name for fresh random weights. Raises CheckpointError
    saying what is wrong with which file and what to do.
    """
    if source in list_models():
        return create_model(str(source)).eval()
    path = shipped_checkpoint() if source in (None, '') else Path(source).expanduser()
    header = read_header(path)
    weights = _read_weights(path)
    settings = header['config'] | {'pretrained': False}
    try:
        # First without memory: what the header describes may be larger than any machine.
        with torch.device('meta'):
            _check_shapes(path, create_model(header['model'], **settings), weights)
        model = create_model(header['model'], **settings)
    except (CheckpointError, MissingPackage):
        raise
    # A file may describe what the layers refuse in ways of their own.
    except Exception as error:
        raise CheckpointError(
            f'{path} was written by lstm_depth {str(header.get("version"))[:20]} and describes a '
            f'model that this version ({__version__}) cannot build: {error}') from error
    _check_finite(path, weights)
    model.load_state_dict(weights)
    model.header = header
    return model.eval()


def _stored(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Return a contiguous copy of *tensor* for the file, floats as *dtype*."""
    tensor = tensor.detach().cpu()
    return tensor.to(dtype if tensor.is_floating_point() else tensor.dtype).contiguous().clone()


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a checkpoint, floats as float32."""
    try:
        # Read, then parsed: mapped weights would end the process where the file is overwritten.
        weights = load(path.read_bytes())
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(f'{path} is not readable: {diagnose(path)} ({error})') from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor
            for name, tensor in weights.items()}


def _check_shapes(path: Path, model: DepthModel, weights: dict[str, torch.Tensor]) -> None:
    """Raise CheckpointError unless *weights* are exactly those of *model*."""
    wanted = model.state_dict()
    missing = sorted(set(wanted) - set(weights))
    extra = sorted(set(weights) - set(wanted))
    if missing or extra:
        raise CheckpointError(
            f'{path} does not fit its own header ({model.name}): weights missing '
            f'{missing[:3]}, unexpected {extra[:3]}; it was edited or written by another version')
    for name, tensor in weights.items():
        if tensor.shape != wanted[name].shape:
            raise CheckpointError(
                f'{path}: weight {name} is {tuple(tensor.shape)} but the header describes '
                f'{tuple(wanted[name].shape)}; it was edited or written by another version')


def _check_finite(path: Path, weights: dict[str, torch.Tensor]) -> None:
    """Raise CheckpointError for *weights* that are no numbers."""
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f'{path}: weight {name} holds NaN or infinity: the training '
                                  'that wrote it had diverged; use an earlier checkpoint')
