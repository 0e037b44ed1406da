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
What a training run is: typed, validated, and the same on the command line and in YAML.

A recipe has four sections: ``model``, ``data``, ``phases`` (a list) and ``train``. Values
that depend on the machine (paths, device, workers) are in ``data`` and ``train``; what a
paper prescribes is in ``model`` and ``phases``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
import math
from typing import Any

from lstm_depth.data.augment import AugmentConfig
from lstm_depth.data.motion import MotionConfig
from lstm_depth.data.readers import ReaderOptions
from lstm_depth.data.sampling import SamplingConfig
from lstm_depth.errors import ConfigError
from lstm_depth.scoring.metrics import METRIC_NAMES

OPTIMIZERS = ('adam', 'adamw', 'sgd')
SCHEDULES = ('constant', 'one_cycle', 'cosine', 'step', 'cyclic')
PRECISIONS = ('32-true', 'bf16-mixed', '16-mixed')
KINDS = ('stills', 'videos', 'rooms')


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise ConfigError unless *value* is one of *choices*."""
    if value not in choices:
        raise ConfigError(f'{what} must be one of {", ".join(choices)}, not {value!r}')


def _check_at_least(low: float, **values: float) -> None:
    """Raise ConfigError, naming it, for a value below *low* or not finite."""
    for name, value in values.items():
        if not (math.isfinite(value) and value >= low):
            raise ConfigError(f'{name} must be at least {low:g}, not {value}')


@dataclass(frozen=True, kw_only=True)
class ModelSection:
    """
    What is trained.

    *name*: of a model, see ``lstm_depth models``. *settings*: fields of its configuration.
    *pretrained*: ImageNet weights of the encoder, true from the library's hub, or the path
    of a file. *checkpoint*: a checkpoint to start from; its configuration holds where
    *settings* is silent, and layers that it lacks start fresh. *fit_clips*: fit separable
    convolutions to the ordinary ones of *checkpoint* on so many clips of the last phase, see
    ``lstm_depth.training.separate``; 0 for not.
    """

    name: str = 'residual_lstm'
    settings: dict[str, Any] = field(default_factory=dict)
    pretrained: bool | str = False
    checkpoint: str | None = None
    fit_clips: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError where there is nothing to fit to."""
        _check_at_least(0, **{'model.fit_clips': self.fit_clips})
        if self.fit_clips and self.checkpoint is None:
            raise ConfigError('model.fit_clips needs model.checkpoint, whose layers are fitted')


@dataclass(frozen=True, kw_only=True)
class DataSection:
    """
    What it is trained and validated on.

    *path*: data sets, see ``lstm_depth dataset inspect``; ``data=PATH`` on the command line
    is short for it. *rooms*: rendered rooms beside them, of *room_frames* frames each, kept
    in *room_folder* where one is named. *validation*: data sets to validate on; where there
    are none, every *hold_out_every*-th scene of *path* is held out, and the second half of
    a recording that is one scene. *train_only*: further data sets, of which nothing is held
    out. *share*: how much of all that is trained on, the first part of every video and
    evenly spread stills. *options*: what readers need to be told. *read_width*:
    frames are shrunk to this width when read. *cache*: keep shrunk frames in memory.
    """

    path: str | list[str] = ''
    rooms: int = 0
    room_frames: int = 24
    room_folder: str | None = None
    train_only: str | list[str] = ''
    validation: str | list[str] = ''
    hold_out_every: int = 6
    share: float = 1.0
    options: ReaderOptions = ReaderOptions()
    read_width: int | None = None
    cache: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for numbers that make no data."""
        _check_at_least(0, rooms=self.rooms)
        _check_at_least(1, room_frames=self.room_frames)
        _check_at_least(2, hold_out_every=self.hold_out_every)
        if not 0 < self.share <= 1:
            raise ConfigError(f'data.share must be above 0 and at most 1, not {self.share}')

    @property
    def paths(self) -> list[str]:
        """Return the data sets to train on."""
        return _listed(self.path)

    @property
    def train_only_paths(self) -> list[str]:
        """Return the data sets that are trained on as a whole."""
        return _listed(self.train_only)

    @property
    def validation_paths(self) -> list[str]:
        """Return the data sets to validate on, none where scenes are held out."""
        return _listed(self.validation)


def _listed(paths: str | list[str]) -> list[str]:
    """Return one path or several as a list without empty ones."""
    return [path for path in ([paths] if isinstance(paths, str) else paths) if path]


@dataclass(frozen=True, kw_only=True)
class OptimizerSection:
    """
    The optimizer, one of ``OPTIMIZERS``.

    *encoder_rate*: what the learning rate of a pretrained backbone is multiplied with,
    *core_rate*: that of the recurrent core.
    *momentum*: of sgd; *amsgrad*, *betas*: of adam and adamw.
    """

    name: str = 'adam'
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    amsgrad: bool = False
    momentum: float = 0.9
    encoder_rate: float = 1.0
    core_rate: float = 1.0

    def __post_init__(self) -> None:
        """Raise ConfigError for what no optimizer takes."""
        _check_choice('optimizer.name', self.name, OPTIMIZERS)
        _check_at_least(0, weight_decay=self.weight_decay, encoder_rate=self.encoder_rate,
                        core_rate=self.core_rate)


@dataclass(frozen=True, kw_only=True)
class ScheduleSection:
    """
    How the learning rate changes within a phase, one of ``SCHEDULES``.

    *one_cycle*: up during the share *warmup*, then down along a cosine; *cosine*: the same
    with a linear start; *step*: times *factor* every *every* epochs; *cyclic*: PyTorch's
    CyclicLR of *mode* between the phase's rate and *peak*, *up* and *down* steps long.
    """

    name: str = 'constant'
    warmup: float = 0.15
    factor: float = 0.1
    every: int = 10
    peak: float = 0.005
    up: int = 1000
    down: int = 2000
    mode: str = 'triangular2'

    def __post_init__(self) -> None:
        """Raise ConfigError for what makes no schedule."""
        _check_choice('schedule.name', self.name, SCHEDULES)
        _check_choice('schedule.mode', self.mode, ('triangular', 'triangular2'))
        _check_at_least(1, every=self.every, up=self.up, down=self.down)
        if not 0 <= self.warmup < 1:
            raise ConfigError(f'schedule.warmup must be within 0 to 1, not {self.warmup}')


@dataclass(frozen=True, kw_only=True)
class DistillSection:
    """
    Knowledge distillation, see ``lstm_depth.training.distill``.

    *teachers*: checkpoints whose mean depth is a second label; none for no distillation.
    *weight*: its share of the loss, the rest is that of the truth. *flip*: teachers are asked
    about the mirrored image, too.
    """

    teachers: list[str] = field(default_factory=list)
    weight: float = 0.5
    flip: bool = True

    def __post_init__(self) -> None:
        """Raise ConfigError for a weight that is no share."""
        if not 0 < self.weight <= 1:
            raise ConfigError(f'distill.weight must be above 0 and at most 1, not {self.weight}')


@dataclass(frozen=True, kw_only=True)
class PhaseSection:
    """
    One part of a schedule, with an optimizer of its own.

    *steps*: optimizer steps an epoch, 0 for once through the data. *batch*: clips a step on
    each process, *accumulate* times before the optimizer moves. *loss*: terms and weights,
    see ``lstm_depth.losses``; *unit*: metres that count as 1. *freeze*, *hold_batchnorm*,
    *drop_path*: see ``DepthModel.freeze`` and ``set_drop_path``. *hold_statistics*:
    keep every BatchNorm of the model in inference mode, for batches of few scenes, whose
    statistics are not those of the data. *clip_gradient*: largest norm, 0 for any. *ema*:
    decay of the averaged weights that are validated and saved, and that the next phase
    starts from; 0 for none.
    *carry_state*: hand the recurrent state from clip to clip of a sequence (truncated
    back-propagation). *mix*: shares of stills, videos and rooms in an epoch; empty takes
    every clip once. *patience*: stop the phase after so many validations without a better
    one, 0 for never. *augmentation*: its size is the model's input where none is named,
    and its focal length always the model's. *motion*: how the camera moves through stills
    when clips have more than one frame. *distill*: teachers whose depth counts as labels, too.
    """

    name: str = ''
    epochs: int = 10
    steps: int = 0
    batch: int = 8
    accumulate: int = 1
    learning_rate: float = 1e-3
    optimizer: OptimizerSection = OptimizerSection()
    schedule: ScheduleSection = ScheduleSection()
    loss: dict[str, float] = field(default_factory=lambda: {'mse': 1.0})
    unit: float = 1.0
    freeze: str = 'none'
    hold_batchnorm: bool = False
    hold_statistics: bool = False
    drop_path: float = 0.0
    ema: float = 0.0
    clip_gradient: float = 0.0
    carry_state: bool = False
    mix: dict[str, float] = field(default_factory=dict)
    patience: int = 0
    sampling: SamplingConfig = SamplingConfig()
    augmentation: AugmentConfig = AugmentConfig()
    motion: MotionConfig = MotionConfig()
    distill: DistillSection = DistillSection()

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        _check_at_least(1, epochs=self.epochs, batch=self.batch, accumulate=self.accumulate)
        if not 0 <= self.drop_path < 1:
            raise ConfigError(f'drop_path must be in [0, 1), not {self.drop_path}')
        if not 0 <= self.ema < 1:
            raise ConfigError(f'ema must be in [0, 1), not {self.ema}')
        _check_at_least(0, steps=self.steps, clip_gradient=self.clip_gradient,
                        patience=self.patience, learning_rate=self.learning_rate)
        for kind, share in self.mix.items():
            _check_choice('a key of mix', kind, KINDS)
            _check_at_least(0, **{f'mix.{kind}': share})
        if self.mix and not sum(self.mix.values()):
            raise ConfigError('mix needs a share above 0')


@dataclass(frozen=True, kw_only=True)
class PerceptualSection:
    """The network of the perceptual loss: vgg16 or squeezenet1_1; *weights*: a file."""

    network: str = 'vgg16'
    weights: str | None = None


@dataclass(frozen=True, kw_only=True)
class ValidationSection:
    """
    How the held-out frames are scored.

    *every*: epochs between two validations. *frames*: at most so many, spread evenly, 0 for
    all. *metric*: which decides what is best. Scored as ``lstm_depth evaluate`` does by
    default.
    """

    every: int = 1
    frames: int = 0
    metric: str = 'abs_rel'

    def __post_init__(self) -> None:
        """Raise ConfigError for a metric that there is not."""
        _check_at_least(1, every=self.every)
        _check_at_least(0, frames=self.frames)
        _check_choice('validation.metric', self.metric, METRIC_NAMES)


@dataclass(frozen=True, kw_only=True)
class TrainSection:
    """
    How and where it runs.

    *output*: the folder to write to. *max_steps*: stop after so many optimizer steps in
    all, 0 for the whole recipe. *device*: auto, cpu, cuda or mps. *workers*: processes that
    make clips. *save_every*, *log_every*: steps. *pictures*: held-out frames in TensorBoard's
    grid and in the strip. *half*: store the finished weights as float16. *deterministic*: on
    CUDA, the same seed makes the same weights where there are kernels for it; a step takes two
    to three times as long. On the CPU it always does.
    """

    output: str = 'runs/train'
    seed: int = 0
    device: str = 'auto'
    precision: str = '32-true'
    max_steps: int = 0
    workers: int = 0
    save_every: int = 200
    log_every: int = 10
    compile: bool = False  # noqa: A003
    pictures: int = 4
    half: bool = False
    deterministic: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot work."""
        _check_choice('train.precision', self.precision, PRECISIONS)
        _check_at_least(0, seed=self.seed, max_steps=self.max_steps, workers=self.workers)
        _check_at_least(1, save_every=self.save_every, log_every=self.log_every,
                        pictures=self.pictures)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A whole recipe."""

    model: ModelSection = ModelSection()
    data: DataSection = DataSection()
    phases: list[PhaseSection] = field(default_factory=lambda: [PhaseSection()])
    perceptual: PerceptualSection = PerceptualSection()
    validation: ValidationSection = ValidationSection()
    train: TrainSection = TrainSection()

    def __post_init__(self) -> None:
        """Raise ConfigError for a recipe without phases."""
        if not self.phases:
            raise ConfigError('a recipe needs at least one phase')
