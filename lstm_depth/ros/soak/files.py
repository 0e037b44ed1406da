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
"""Checkpoints that cannot be used, and some that can, for a depth node to try."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any, TYPE_CHECKING

from lstm_depth.header import KEY, read_header, shipped_checkpoint
import numpy as np
from safetensors.numpy import load, save

if TYPE_CHECKING:
    from lstm_depth.ros.soak.hands import Hands


def _good(hands: Hands) -> Path:
    """Return the checkpoint that the node uses."""
    return Path(hands.checkpoint) if hands.checkpoint else shipped_checkpoint()


def _written(hands: Hands, name: str, content: bytes) -> str:
    """Return the path of a new file."""
    path = hands.folder / name
    path.write_bytes(content)
    return str(path)


def _headed(hands: Hands, text: str = '', **changes: Any) -> str:
    """Return a checkpoint without weights whose header is *text*, or has *changes*."""
    text = text or json.dumps({**read_header(_good(hands)), **changes})
    return _written(hands, 'headed.safetensors', save(
        {'weight': np.zeros(1, np.float32)}, metadata={KEY: text}))


def _configured(hands: Hands, **changes: Any) -> str:
    """Return a checkpoint without weights whose network has *changes*."""
    return _headed(hands, config={**read_header(_good(hands))['config'], **changes})


def _weighed(hands: Hands, name: str, change: Callable[[np.ndarray], np.ndarray]) -> str:
    """Return a copy of the good checkpoint with its weights changed."""
    good = _good(hands)
    # NumPy makes a number of an array without dimensions, which is no weight any more.
    weights = {key: np.asarray(change(value.astype(np.float32)), np.float32)
               if value.dtype.kind == 'f' else value
               for key, value in load(good.read_bytes()).items()}
    return _written(hands, name, save(
        weights, metadata={KEY: json.dumps(read_header(good))}))


def copy(hands: Hands) -> str:
    """Return a copy of the good checkpoint."""
    return _written(hands, f'copy{_good(hands).suffix}', _good(hands).read_bytes())


def overflowing(hands: Hands) -> str:
    """Return a checkpoint whose weights are numbers and whose depth is none."""
    return _weighed(hands, 'overflowing.safetensors', lambda weight: weight * 1e30)


# Name: makes the file and returns what to set ``checkpoint`` to.
UNUSABLE: dict[str, Callable[[Hands], str]] = {
    'not there': lambda hands: str(hands.folder / 'nothing.safetensors'),
    'of no user': lambda hands: '~nouser/x',
    'with a long name': lambda hands: 'x' * 300,
    'with a long path': lambda hands: '/' + 'x' * 100_000,
    'brackets': lambda hands: '[' * 200_000,
    'with a NUL': lambda hands: '/tmp/a\x00b.safetensors',
    'a folder': lambda hands: str(hands.folder),
    'a web page': lambda hands: _written(hands, 'page.safetensors', b'<!DOCTYPE html><html>'),
    'cut off': lambda hands: _written(
        hands, 'cut.safetensors', _good(hands).read_bytes()[:-1000]),
    'a model that is a list': lambda hands: _headed(hands, model=[]),
    'a word for a number': lambda hands: _configured(hands, input_height='two'),
    'a network of 10^9 pixels': lambda hands: _configured(
        hands, input_height=10**9, input_width=10**9),
    'brackets in its header': lambda hands: _headed(hands, text='[' * 200_000),
    'a header of another type': lambda hands: _headed(hands, text='5'),
    'a configuration that is a word': lambda hands: _headed(hands, config='none'),
    'weights that are no numbers': lambda hands: _weighed(
        hands, 'torn.safetensors', lambda weight: weight * np.float32(np.nan)),
}
