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
The header of a checkpoint: what its network is and how good, without reading its weights.

It lies as JSON in the metadata of the safetensors file under ``lstm_depth`` and says
everything needed to rebuild the model and to judge it: name, full configuration, input
size and normalisation, depth range, training data, metrics, version.
"""

from __future__ import annotations

from importlib.resources import files
import json
import math
from pathlib import Path
from typing import Any

from lstm_depth import __version__
from lstm_depth.errors import CheckpointError, ConfigError

FORMAT = 1
KEY = 'lstm_depth'
# In bytes; those of this package have some ten thousand.
_LONGEST_HEADER = 8 * 2**20
_SHIPPED = 'residual_lstm'
# No network for robots comes near; beyond them a file's numbers would take all memory.
MOST_PIXELS = 2**22
LARGEST_COUNT = 2**14
_FARTHEST_M = 1e5
_LARGEST_FOCAL = 1e4


def shipped_checkpoint() -> Path:
    """Return the path of the checkpoint that comes with the package."""
    return Path(str(files('lstm_depth') / 'weights' / f'{_SHIPPED}.safetensors'))


def shipped_graph() -> Path:
    """Return the path of the same network as a graph, which runs without PyTorch."""
    return shipped_checkpoint().with_suffix('.onnx')


def read_header(path: str | Path) -> dict[str, Any]:
    """Return the JSON header of a checkpoint; CheckpointError when there is none."""
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f'no checkpoint {path}; give the path of a .safetensors file, the name of a model '
            '(residual_lstm, ...; "lstm_depth models" lists them), or nothing for the '
            'checkpoint that ships')
    try:
        # Not by a mapping of the file, which ends the process where the file is overwritten.
        with path.open('rb') as file:
            length = int.from_bytes(file.read(8), 'little')
            if not 0 < length <= _LONGEST_HEADER:
                raise ValueError('no safetensors header')
            content = json.loads(file.read(length))
        metadata = content.get('__metadata__') or {}
        if not isinstance(metadata, dict):
            raise ValueError('its metadata is no table')
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise CheckpointError(
            f'{path} is not a checkpoint: {diagnose(path)} ({error})') from error
    if KEY not in metadata:
        raise CheckpointError(
            f'{path} is a safetensors file without an lstm_depth header: it holds weights of '
            'something else; checkpoints are written by lstm_depth')
    return parse_header(metadata[KEY], path)


def parse_header(text: str, path: Path) -> dict[str, Any]:
    """Return the header that *text*, found in *path*, holds; CheckpointError if it does not."""
    try:
        header = json.loads(text)
        known = header['format'] == FORMAT
        if not (isinstance(header['config'], dict) and isinstance(header['model'], str)):
            raise TypeError('its model or its configuration is of another type')
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f'{path} has a damaged header ({error}); copy it again') from error
    if not known:
        raise CheckpointError(
            f'{path} has checkpoint format {header["format"]}, this version ({__version__}) '
            f'reads {FORMAT}; use a newer lstm_depth')
    return header


def check_bounds(input_size: tuple[int, int], depth_range: tuple[float, float],
                 focal: tuple[float, float] | None) -> None:
    """
    Raise ConfigError for what no network has, so that a file cannot ask for all memory.

    *input_size*: (height, width) in pixels. *depth_range*: metres. *focal*: as shares of width
    and height, or None.
    """
    height, width = input_size
    if not all(is_count(side) for side in input_size) or height * width > MOST_PIXELS:
        raise ConfigError(f'the input size must be 1 to {LARGEST_COUNT} pixels each way and '
                          f'{MOST_PIXELS} in all, not {_short(height)} x {_short(width)}')
    nearest, farthest = depth_range
    if not (all(map(is_number, depth_range)) and 0 < nearest < farthest <= _FARTHEST_M):
        raise ConfigError(f'the depth range must rise from above 0 to at most {_FARTHEST_M:g} m, '
                          f'not from {_short(nearest)} to {_short(farthest)}')
    if focal is not None and not (
            len(focal) == 2 and all(is_number(each) and 0 < each <= _LARGEST_FOCAL
                                    for each in focal)):
        raise ConfigError(f'focal must be two positive numbers of at most {_LARGEST_FOCAL:g}, '
                          f'not {_short(focal)}')


def is_count(value: object) -> bool:
    """Tell whether *value* is an integer that a network may have so many of, from 1."""
    return (isinstance(value, int) and not isinstance(value, bool)
            and 1 <= value <= LARGEST_COUNT)


def is_number(value: object) -> bool:
    """Tell whether *value* is a finite number."""
    # An integer of a thousand digits is no float.
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and abs(value) < 1e300 and math.isfinite(value))


def _short(value: object) -> str:
    """Return a value for a sentence; files may hold any."""
    try:
        text = repr(value)
    except ValueError:
        return 'a number of thousands of digits'
    return text if len(text) <= 60 else text[:60] + '...'


def diagnose(path: Path) -> str:
    """Say what a file that is no safetensors file seems to be, and what to do."""
    with path.open('rb') as file:
        start = file.read(64)
    if not start:
        return 'the file is empty; copy it again'
    if start.lstrip()[:1] == b'<':
        return 'it is a web page, so the download did not reach the file itself; download it again'
    if start[:2] in (b'PK', b'\x80\x02', b'\x80\x04', b'\x80\x05'):
        return ('it is a Python pickle (.pth), which could run any code when loaded; '
                'lstm_depth reads only .safetensors checkpoints')
    if start.startswith(b'version https://git-lfs'):
        return 'it is a Git LFS pointer; run "git lfs pull"'
    return 'it is truncated or damaged; copy it again'
