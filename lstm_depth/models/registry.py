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
"""Models by name, each with where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.models.base import DepthModel
from lstm_depth.models.config import build_config, ModelConfig
from lstm_depth.models.dense_decoder import dense_decoder, DenseDecoderConfig
from lstm_depth.models.fastdepth import fastdepth, FastDepthConfig
from lstm_depth.models.residual_lstm import (
    DoubleHourglassConfig,
    ResidualLSTM,
    ResidualLSTMConfig,
)
from lstm_depth.models.resnet34_upsampling import resnet34_upsampling, ResNet34UpsamplingConfig
from lstm_depth.models.skip_study import (
    de_noskip,
    resnete_decoder_v1,
    resnete_decoder_v2,
    resnete_decoder_v3,
    SkipStudyConfig,
    unet,
)


@dataclass(frozen=True)
class Reported:
    """
    A number of parameters as the paper prints it.

    *part*: what it counts, 'model' or 'encoder'.
    """

    parameters: int
    part: str = 'model'


@dataclass(frozen=True)
class ModelEntry:
    """
    One named system: its configuration, its builder and where it comes from.

    *build* takes ``(name, config, pretrained)``. *paper* is its number in
    ``PAPERS``, None for a model of no paper there. *defaults*: what the name fixes of a
    configuration class that several systems share.
    """

    config_class: type[ModelConfig]
    build: Callable[[str, Any, bool | str], DepthModel]
    paper: str | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    reported: Reported | None = None


PAPERS = {
    '000': 'Mitchell, Vidal, Sohal: Residual Connection LSTM Single-Image Depth Estimation',
    '001': 'Kumisbek, Aidakhmetov, Zhumayeva: Monocular Depth Estimation trained on a given '
           'data sets',
    '002': 'Calderoni, De Muri, Degara, Zanini: Monocular Depth Estimation (Group 7)',
    '003': 'Das, Das, Sadaf: Depth Estimation From Monocular Images With Enhanced '
           'Encoder-Decoder Architecture',
    '004': 'Lopopolo: Monocular Depth Estimation with ResNet-34 and a Custom Upsampling Decoder',
}


def _dense(encoder: str, reported: int) -> ModelEntry:
    """Return the entry of paper 003's network on *encoder*."""
    return ModelEntry(DenseDecoderConfig, dense_decoder, '003', {'encoder': encoder},
                      Reported(reported))


def _study(build: Callable[..., DepthModel], encoder: str) -> ModelEntry:
    """Return the entry of one of paper 002's networks on *encoder*."""
    return ModelEntry(SkipStudyConfig, build, '002', {'encoder': encoder})


_MODELS: dict[str, ModelEntry] = {
    'double_hourglass': ModelEntry(DoubleHourglassConfig, ResidualLSTM, '000'),
    'residual_lstm': ModelEntry(ResidualLSTMConfig, ResidualLSTM, '000'),
    'mobilenetv2_fastdepth': ModelEntry(
        FastDepthConfig, fastdepth, '001', {'encoder': 'mobilenetv2_100'},
        Reported(2_257_984, part='encoder')),
    'resnet50_fastdepth': ModelEntry(FastDepthConfig, fastdepth, '001', {'encoder': 'resnet50'}),
    'de_noskip': _study(de_noskip, 'resnet50'),
    'resnete_decoder_v1': _study(resnete_decoder_v1, 'resnet34'),
    'resnete_decoder_v2': _study(resnete_decoder_v2, 'resnet34'),
    'resnete_decoder_v3': _study(resnete_decoder_v3, 'resnet34'),
    'densenet_unet': _study(unet, 'densenet121'),
    'resnet_unet': _study(unet, 'resnet50'),
    'inception_resnet_v2': _dense('inception_resnet_v2', 31_150_000),
    'densenet201': _dense('densenet201', 17_230_000),
    'resnet152': _dense('resnet152', 15_540_000),
    'vgg19': _dense('vgg19', 22_370_000),
    'resnet34_upsampling': ModelEntry(ResNet34UpsamplingConfig, resnet34_upsampling, '004'),
}


def list_models() -> list[str]:
    """Return the names that ``create_model`` takes, sorted."""
    return sorted(_MODELS)


def model_entry(name: str) -> ModelEntry:
    """Return what is known of model *name*; ConfigError, naming the nearest, if nothing is."""
    if name not in _MODELS:
        raise ConfigError(f'there is no model {name!r}' + did_you_mean(name, list_models()))
    return _MODELS[name]


def create_model(name: str, *, pretrained: bool | str = False, **config: Any) -> DepthModel:
    """
    Return a new model.

    *config* overrides the paper's sizes (fields of the model's configuration
    class). *pretrained*: ImageNet weights for the encoder; True (from the
    library's hub), or the path of a local file. Raises ConfigError for an
    unknown model or setting, naming the nearest.
    """
    entry = model_entry(name)
    return entry.build(name, build_config(entry.config_class, entry.defaults | config),
                       pretrained)
