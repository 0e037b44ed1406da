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
"""ImageNet backbones from timm, and their weights from a hub or a local file."""

from __future__ import annotations

from pathlib import Path
import pickle

from lstm_depth.errors import CheckpointError, ConfigError
from safetensors import SafetensorError
from safetensors.torch import load_file
import timm
import torch
from torch import nn, Tensor

# Layers that a classifier has beyond its feature pyramid: not needed, so ignored.
_HEAD_PREFIXES = ('classifier', 'fc', 'head', 'conv_head', 'bn2', 'last_linear')


class TimmEncoder(nn.Module):
    """
    A timm backbone as a pyramid: frames (N, 3, H, W) to maps at rising strides.

    *channels* and *strides* list its levels, finest first; *mean* and *std* are
    what its ImageNet weights expect of frames in [0, 1].
    """

    def __init__(self, name: str, pretrained: bool | str = False) -> None:
        """
        Build the backbone *name*.

        *pretrained*: False for random weights, True for timm's own (from its
        hub), or the path of a .pth or .safetensors file in timm's or
        torchvision's layout. Raises ConfigError for a name that timm does not
        have, CheckpointError for weights that cannot be had.
        """
        super().__init__()
        if not timm.is_model(name):
            raise ConfigError(f'timm has no backbone {name!r}; see timm.list_models()')
        try:
            self.net = timm.create_model(name, features_only=True, pretrained=pretrained is True)
        except RuntimeError as error:
            raise ConfigError(f'{name} gives no feature pyramid: {error}') from error
        except Exception as error:  # the hub's client raises its own kinds
            if pretrained is not True:
                raise
            raise CheckpointError(
                f'no pretrained weights for {name} from the model hub ({error}); give a local '
                'file instead: pretrained=/path/to/weights.pth or .safetensors') from error
        self.channels: list[int] = self.net.feature_info.channels()
        self.strides: list[int] = self.net.feature_info.reduction()
        weights = timm.get_pretrained_cfg(name)
        self.mean, self.std = tuple(weights.mean), tuple(weights.std)
        if isinstance(pretrained, (str, Path)):
            load_encoder_weights(self.net, Path(pretrained))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """Return the maps of normalised frames, finest first."""
        return self.net(frames)


def load_encoder_weights(encoder: nn.Module, path: Path) -> None:
    """
    Load an ImageNet weights file into *encoder*, every parameter of it.

    A file in timm's layout matches by name. torchvision names the same layers
    otherwise but in the same order, so a file none of whose names fit is matched
    in order, shape by shape. Raises CheckpointError when anything is left over.
    """
    weights = _read_weights(path)
    wanted = encoder.state_dict()
    if not set(wanted) & set(weights):
        weights = _rename_in_order(weights, wanted, path)
    missing = sorted(set(wanted) - set(weights))
    extra = sorted(key for key in set(weights) - set(wanted)
                   if not key.startswith(_HEAD_PREFIXES))
    if missing or extra:
        raise CheckpointError(
            f'{path} does not fit the encoder: {len(missing)} weights missing '
            f'{missing[:3]}, {len(extra)} unexpected {extra[:3]}; is it for another backbone?')
    try:
        encoder.load_state_dict({key: weights[key] for key in wanted})
    except RuntimeError as error:
        raise CheckpointError(f'{path} does not fit the encoder: {error}') from error


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a .safetensors or a weights-only .pth file."""
    if not path.is_file():
        raise CheckpointError(f'no weights file {path}; give the path of a .pth or '
                              '.safetensors file')
    try:
        if path.suffix == '.safetensors':
            return load_file(path)
        weights = torch.load(path, map_location='cpu', weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise CheckpointError(f'{path} is not a file of weights: {error}') from error
    weights = weights.get('state_dict', weights)
    return {key: value for key, value in weights.items() if isinstance(value, Tensor)}


def _rename_in_order(weights: dict[str, Tensor], wanted: dict[str, Tensor],
                     path: Path) -> dict[str, Tensor]:
    """Return the first ``len(wanted)`` weights under the wanted names, if the shapes agree."""
    names = list(wanted)
    if len(weights) < len(names):
        raise CheckpointError(f'{path} holds {len(weights)} weights but the encoder has '
                              f'{len(names)}; is it for another backbone?')
    renamed = dict(zip(names, weights.values()))
    for name, value in renamed.items():
        if value.shape != wanted[name].shape:
            raise CheckpointError(
                f'{path} does not fit the encoder: {name} is {tuple(wanted[name].shape)} but '
                f'the file has {tuple(value.shape)} in its place; is it for another backbone?')
    return renamed
