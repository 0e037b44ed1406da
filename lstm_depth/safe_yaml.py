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
"""YAML from outside: small, flat, without references that multiply."""

from __future__ import annotations

from typing import Any

from lstm_depth.errors import DataError
import yaml

MAX_YAML_BYTES = 4 * 2**20
_MOST_ALIASES = 20
_DEEPEST = 50


class _Loader(yaml.SafeLoader):
    """A SafeLoader that knows OpenCV's matrices, which ROS's calibrations are full of."""


_Loader.add_constructor('tag:yaml.org,2002:opencv-matrix',
                        lambda loader, node: loader.construct_mapping(node, deep=True))


def load_yaml(data: bytes | str) -> Any:
    """
    Return what a YAML text holds, of plain values only.

    DataError for what is no YAML, is larger than MAX_YAML_BYTES, or of aliases or levels
    enough to fill the memory or overflow the stack.
    """
    if len(data) > MAX_YAML_BYTES:
        raise DataError(f'the YAML is larger than {MAX_YAML_BYTES // 2**20} MB')
    try:
        text = data.decode('utf-8-sig') if isinstance(data, bytes) else data
        # OpenCV writes a directive that YAML does not know.
        if text.startswith('%YAML:'):
            text = text.partition('\n')[2]
        _check(text)
        return yaml.load(text, _Loader)  # noqa: S506 (a SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f'it is no readable YAML ({" ".join(str(error).split())})') from error


def _check(text: str) -> None:
    """Raise DataError for aliases or levels that no file of ours has."""
    level = aliases = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            level += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            level -= 1
        aliases += isinstance(event, yaml.AliasEvent)
        if level > _DEEPEST or aliases > _MOST_ALIASES:
            raise DataError(f'the YAML has more than {_DEEPEST} levels or {_MOST_ALIASES} aliases')
