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
"""ImageNet backbones from timm as feature pyramids, with weights from a hub or a file."""

from __future__ import annotations

from collections.abc import Sequence
import math
from pathlib import Path
import pickle
import re

from lstm_depth.errors import CheckpointError, ConfigError
from lstm_depth.extras import import_extra
from lstm_depth.models.backbone import Backbone
from safetensors import SafetensorError
from safetensors.torch import load_file
import torch
from torch import fx, nn, Tensor

# What a classifier adds to its convolutions, in timm's and torchvision's names.
_HEAD_PREFIXES = ('classifier', 'classif', 'fc', 'head', 'last_linear', 'pre_logits')
_PROBE = 256
_HUB_TIMEOUT_S = 10
_HUB_FILES = ('model.safetensors', 'pytorch_model.bin')


class TimmEncoder(Backbone):
    """A timm network as a pyramid."""

    def __init__(self, name: str, pretrained: bool | str = False, *,
                 taps: Sequence[str] = (), with_input: bool = False) -> None:
        """
        Build the backbone *name*.

        *pretrained*: False for random weights, True for timm's own (from its
        hub), or the path of a .pth or .safetensors file in timm's or
        torchvision's layout. *taps*: names of the layers inside the backbone whose
        outputs are the levels, and behind the last of which it is cut off; timm's
        own pyramid when empty. *with_input* puts the frames themselves before the
        levels, at stride 1. Raises ConfigError for a name that timm does not
        have, CheckpointError for weights that cannot be had.
        """
        super().__init__()
        timm = import_extra('timm')
        if not timm.is_model(name):
            raise ConfigError(f'timm has no backbone {name!r}; see timm.list_models()')
        self.with_input = with_input
        self.net = _build(name, tuple(taps), pretrained is True)
        if taps:
            self.levels = tuple(taps)
            shapes = _probe(self.net)
        else:
            self.levels = tuple(self.net.feature_info.module_name())
            shapes = list(zip(self.net.feature_info.channels(),
                              self.net.feature_info.reduction()))
        if with_input:
            shapes = [(3, 1), *shapes]
        self.channels: list[int] = [channels for channels, _ in shapes]
        self.strides: list[int] = [stride for _, stride in shapes]
        weights = timm.get_pretrained_cfg(name)
        self.mean, self.std = tuple(weights.mean), tuple(weights.std)
        self._frozen_levels = 0
        self._hold_batchnorm = False
        if isinstance(pretrained, (str, Path)):
            load_encoder_weights(self.net, name, Path(pretrained))

    def forward(self, frames: Tensor) -> list[Tensor]:
        """Return the maps of normalised frames, finest first."""
        levels = self.net(frames)
        levels = list(levels.values()) if isinstance(levels, dict) else levels
        return [frames, *levels] if self.with_input else levels

    def freeze(self, freeze: str = 'none', *, hold_batchnorm: bool = False) -> None:
        """Choose what training leaves alone, see `Backbone.freeze`."""
        first = re.fullmatch(r'first_(\d+)', freeze)
        count = {'none': 0, 'all': len(self.levels)}.get(freeze, int(first[1]) if first else -1)
        if not 0 <= count <= len(self.levels) or freeze == 'first_0':
            raise ConfigError(f'freeze must be none, all, or first_1 to first_{len(self.levels)} '
                              f'for this encoder, not {freeze!r}')
        self._frozen_levels, self._hold_batchnorm = count, hold_batchnorm
        self.requires_grad_(True)
        for module in self._frozen_modules():
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)
        self.train(self.training)

    def set_drop_path(self, rate: float) -> None:
        """Leave residual blocks out at random while training, see `Backbone`."""
        blocks = [module for module in self.net.modules() if hasattr(module, 'drop_path')]
        if rate and not blocks:
            raise ConfigError('this encoder has no blocks to drop; set drop_path to 0')
        drop_path = import_extra('timm.layers').DropPath
        for index, block in enumerate(blocks, 1):
            # A single block is the last one.
            share = (index - 1) / (len(blocks) - 1) if len(blocks) > 1 else 1.0
            block.drop_path = drop_path(rate * share)

    def train(self, mode: bool = True) -> TimmEncoder:
        """Set training mode, except for what ``freeze`` holds in inference mode."""
        super().train(mode)
        for module in self._frozen_modules():
            module.training = False
        if self._hold_batchnorm:
            for module in self.modules():
                if isinstance(module, (nn.BatchNorm2d, nn.SyncBatchNorm)):
                    module.training = False
        return self

    def _frozen_modules(self) -> list[nn.Module]:
        """Return the modules up to the last frozen level, in the order they run."""
        if not self._frozen_levels:
            return []
        modules = list(self.net.named_modules())[1:]
        if self._frozen_levels == len(self.levels):
            return [module for _, module in modules]
        level = _plain(self.levels[self._frozen_levels - 1])
        last = max(index for index, (name, _) in enumerate(modules)
                   if f'{_plain(name)}_'.startswith(f'{level}_'))
        return [module for _, module in modules[:last + 1]]


def _build(name: str, taps: tuple[str, ...], pretrained: bool) -> nn.Module:
    """Return timm's pyramid of *name*, or the network cut at *taps*."""
    timm = import_extra('timm')
    if pretrained:
        _check_hub(name)
    try:
        if not taps:
            return timm.create_model(name, features_only=True, pretrained=pretrained)
        cut = timm.models.create_feature_extractor(
            timm.create_model(name, pretrained=pretrained), {tap: tap for tap in taps}).eval()
        # torchvision's module keeps a graph for training and one for evaluation, here the
        # same, and goes into training mode when it is copied; a plain one does not.
        return fx.GraphModule(cut, cut.graph).train()
    except RuntimeError as error:
        raise ConfigError(f'{name} gives no feature pyramid: {error}') from error
    except Exception as error:  # the hub's client raises its own kinds
        if not pretrained:
            raise
        raise _no_hub(name, error) from error


def _check_hub(name: str) -> None:
    """Raise CheckpointError at once where timm would retry for a minute."""
    hub = import_extra('huggingface_hub')
    repository = import_extra('timm').get_pretrained_cfg(name).hf_hub_id
    if not repository or any(isinstance(hub.try_to_load_from_cache(repository, file), str)
                             for file in _HUB_FILES):
        return
    try:
        hub.HfApi().model_info(repository, timeout=_HUB_TIMEOUT_S)
    except Exception as error:  # the client's own kinds, which change with its versions
        raise _no_hub(name, error) from error


def _no_hub(name: str, error: Exception) -> CheckpointError:
    """Return the one error for weights that no hub gives."""
    return CheckpointError(
        f'no pretrained weights for {name} from the model hub ({error}); give a local '
        'file instead: pretrained=/path/to/weights.pth or .safetensors')


def _probe(net: nn.Module) -> list[tuple[int, int]]:
    """Return the channels and stride of each output of *net*, without computing them."""
    meta = {key: value.to('meta') for key, value in net.state_dict().items()}
    frames = torch.empty(1, 3, _PROBE, _PROBE, device='meta')
    training = net.training
    levels = torch.func.functional_call(net.eval(), meta, (frames,))
    net.train(training)
    # Convolutions without padding lose some pixels, so to the nearest power of two.
    return [(level.shape[1], 2 ** round(math.log2(_PROBE / level.shape[-1])))
            for level in levels.values()]


def _plain(name: str) -> str:
    """Return a layer's name as it reads with or without timm's flattening of it."""
    return name.replace('.', '_')


def load_encoder_weights(net: nn.Module, name: str, path: Path) -> None:
    """
    Load an ImageNet weights file into *net*, every parameter of it.

    *net*: (part of) timm's backbone *name*. A file in timm's layout matches by
    name. torchvision names some networks otherwise but orders them alike, so a
    file that has few of the names is matched layer by layer, in order, against the
    whole backbone. Raises CheckpointError for a weight missing, one left over that
    is no classifier's, or a shape that differs.
    """
    weights = _body(read_weights(path))
    if path.suffix == '.safetensors':
        # This format sorts what it stores; numbers in the names give the order back.
        weights = dict(sorted(weights.items(), key=lambda item: _natural(item[0])))
    with torch.device('meta'):
        body = _body(import_extra('timm').create_model(name).state_dict())
    wanted = {key: _plain(key) for key in _body(net.state_dict())}
    needed = set(wanted.values())
    if len(needed & set(map(_plain, weights))) < len(needed) / 2:
        weights = _rename_in_order(weights, body)
    weights = {_plain(key): value for key, value in weights.items()}
    shapes = {_plain(key): value.shape for key, value in body.items()}
    missing = sorted(needed - set(weights))
    extra = sorted(set(weights) - set(shapes))
    wrong = sorted(key for key in set(weights) & set(shapes)
                   if weights[key].shape != shapes[key])
    if missing or extra or wrong:
        raise CheckpointError(
            f'{path} does not fit the encoder {name}: {len(missing)} weights missing '
            f'{missing[:3]}, {len(extra)} unexpected {extra[:3]}, {len(wrong)} of another '
            f'shape {wrong[:3]}; is it for another backbone?')
    net.load_state_dict({key: weights[plain] for key, plain in wanted.items()}, strict=False)


def _body(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return *weights* without a classifier's, and the step counters that old files lack."""
    return {key: value for key, value in weights.items()
            if not key.startswith(_HEAD_PREFIXES) and not key.endswith('num_batches_tracked')}


def _rename_in_order(weights: dict[str, Tensor], body: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return *weights* with the n-th layer called as the n-th of *body*, the rest as it was."""
    theirs = list(dict.fromkeys(key.rpartition('.')[0] for key in weights))
    ours = list(dict.fromkeys(key.rpartition('.')[0] for key in body))
    layers = dict(zip(theirs, ours))
    renamed = {}
    for key, value in weights.items():
        layer, _, kind = key.rpartition('.')
        renamed[f'{layers.get(layer, layer)}.{kind}'] = value
    return renamed


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a sorting key that puts layer 2 before layer 10."""
    return [(int(part), '') if part.isdigit() else (-1, part) for part in name.split('.')]


def read_weights(path: Path) -> dict[str, Tensor]:
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
