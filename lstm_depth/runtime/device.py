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
"""Where a network runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lstm_depth.errors import ConfigError

if TYPE_CHECKING:
    import torch

KINDS = ('auto', 'cpu', 'cuda', 'tensorrt', 'gpu', 'mps', 'xpu')


def split_device(name: str) -> tuple[str, int]:
    """Return the kind and the number of device *name*, ('cuda', 1) of 'cuda:1'; ConfigError."""
    match = re.fullmatch(r'([a-z]+)(?::(\d+))?', name)
    if match is None or match[1] not in KINDS:
        raise ConfigError(f'there is no device {name!r}; use auto, cpu, cuda or cuda:N')
    return match[1], int(match[2] or 0)


def select_device(name: str = 'auto') -> tuple[torch.device, str | None]:
    """
    Return the device called *name* and, when another had to serve, why.

    *name*: 'auto' (an accelerator where there is one), 'cpu', 'cuda', 'cuda:1',
    'mps'... A device that is asked for but absent gives the CPU and a sentence
    for the log, because a robot that sees slowly is better than one that does
    not see. Raises ConfigError for a name that no device has.
    """
    import torch

    if name == 'auto':
        return torch.device('cuda' if torch.cuda.is_available() else 'cpu'), None
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f'there is no device {name!r}; use auto, cpu, cuda or cuda:N') from error
    if device.type == 'cpu':
        return device, None
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        return torch.device('cpu'), (f'device {name!r} was asked for but is not usable '
                                     f'({reason}): using the CPU')
    return device, None
