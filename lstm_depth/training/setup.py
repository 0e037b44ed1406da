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
"""What a run is set up with: device and processes, and the model it starts from."""

from __future__ import annotations

from itertools import islice
import os
from pathlib import Path

from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from lstm_depth.checkpoint import load_network
from lstm_depth.data.clip import ClipBatch
from lstm_depth.errors import ConfigError, TrainingError
from lstm_depth.losses import DepthLoss
from lstm_depth.models import create_model, DepthModel
from lstm_depth.runtime.device import select_device
from lstm_depth.training.batches import phase_loader, TrainingData
from lstm_depth.training.recipe import (
    ModelSection,
    PerceptualSection,
    PhaseSection,
    TrainConfig,
    TrainSection,
)
from lstm_depth.training.separate import fit_separable
import torch
from torch.nn.modules.batchnorm import _BatchNorm


def make_fabric(section: TrainSection) -> Fabric:
    """Return Fabric on the configured device, one of several processes under torchrun."""
    device = train_device(section)
    if device.type == 'cuda':
        choose_kernels(section.deterministic)
    world = int(os.environ.get('WORLD_SIZE', '1'))
    accelerator = device.type if device.type in ('cpu', 'cuda', 'mps') else 'auto'
    if world == 1:
        devices: int | list[int] = [device.index or 0] if device.type == 'cuda' else 1
        fabric = Fabric(accelerator=accelerator, devices=devices, precision=section.precision)
    else:
        local = int(os.environ.get('LOCAL_WORLD_SIZE', world))
        # The hidden state's convolution has no part in clips of one frame.
        strategy = DDPStrategy(find_unused_parameters=True)
        fabric = Fabric(accelerator=accelerator, devices=local, num_nodes=world // local,
                        strategy=strategy, precision=section.precision)
    fabric.launch()
    return fabric


def train_device(section: TrainSection) -> torch.device:
    """
    Return the configured device.

    ConfigError for one that is not there: a run of days is not to start on the CPU because of
    a typing mistake.
    """
    device, problem = select_device(section.device)
    if problem:
        raise ConfigError(f'{problem}; choose train.device=cpu to do so')
    return device


def choose_kernels(deterministic: bool) -> None:
    """Take CUDA's kernels that give the same numbers each time, or the fastest."""
    if deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    # It warns where CUDA has no such kernel.
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    torch.backends.cudnn.benchmark = not deterministic


def build_model(section: ModelSection) -> DepthModel:
    """Return the model to train, with the weights that *section* names."""
    if section.checkpoint is None:
        return create_model(section.name, pretrained=_weights(section.pretrained),
                            **section.settings)
    start = load_network(section.checkpoint)
    if start.name != section.name:
        raise ConfigError(f'{section.checkpoint} holds a {start.name}, the recipe trains a '
                          f'{section.name}; set model.name={start.name}')
    model = create_model(section.name, **(start.config.to_dict() | section.settings))
    fresh = model.state_dict()
    kept = {name: weight for name, weight in start.state_dict().items()
            if name in fresh and fresh[name].shape == weight.shape}
    model.load_state_dict(fresh | kept)
    return model


def fit_to_checkpoint(model: DepthModel, config: TrainConfig, data: TrainingData) -> None:
    """Fit the separable *model* to the recipe's checkpoint on clips of its last phase."""
    phase = config.phases[-1]
    loader, _ = phase_loader(data, config.data, phase, model, config.train.seed)
    batches = islice(loader, -(-config.model.fit_clips // phase.batch))
    clips = torch.cat([batch.frames for batch in batches]).to(next(model.parameters()).device)
    whole = load_network(config.model.checkpoint).to(clips.device)
    fit_separable(model, whole, clips.float() / 255)


def _weights(pretrained: bool | str) -> bool | str:
    """Return *pretrained* with ~ as the home folder."""
    return str(Path(pretrained).expanduser()) if isinstance(pretrained, str) else pretrained


def ready_model(model: DepthModel, phase: PhaseSection) -> None:
    """Put *model* into training mode as *phase* wants it; ConfigError where it cannot be."""
    model.freeze(phase.freeze, hold_batchnorm=phase.hold_batchnorm)
    model.set_drop_path(phase.drop_path)
    model.train()
    # The statistics are of what is frozen, too.
    if phase.hold_statistics or phase.freeze == 'all_but_core':
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.training = False


def make_loss(section: PerceptualSection, phase: PhaseSection, model: DepthModel) -> DepthLoss:
    """Return the loss of *phase* for depth in the range of *model*."""
    return DepthLoss(phase.loss, unit=phase.unit, depth_max=model.config.depth_max,
                     perceptual_network=section.network, perceptual_weights=section.weights)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether a device or the machine had no memory left."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(
        words in str(error) for words in ("can't allocate memory", 'MPS backend out of memory'))


def out_of_memory(config: TrainConfig, number: int, batch: ClipBatch) -> TrainingError:
    """Return the one error that says what to lower."""
    clips, frames, _, height, width = batch.frames.shape
    memory = ''
    if batch.frames.is_cuda:
        memory = f' ({torch.cuda.get_device_properties(batch.frames.device).name})'
    return TrainingError(
        f'the device{memory} has no memory for {clips} clips of {frames} frames at '
        f'{width}x{height}; lower phases.{number}.batch (and raise accumulate as much to keep '
        f'the step), phases.{number}.sampling.length or the input size, or set '
        f'train.precision=bf16-mixed (now {config.train.precision}); then --resume if steps '
        'were saved')
