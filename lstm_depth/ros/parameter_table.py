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
The table of parameters in the node reference, made from the nodes' own tables.

    python -m lstm_depth.ros.parameter_table lstm_depth/ros/README.md

writes it anew between the file's two marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
import sys
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.files import write_text
from lstm_depth.ros.parameters import (
    CameraSettings,
    DepthSettings,
    EvaluationSettings,
    Settings,
)

BEGIN = '<!-- parameters: made by "python -m lstm_depth.ros.parameter_table FILE" -->'
END = '<!-- end of parameters -->'
TABLES: dict[str, type[Settings]] = {
    'depth_node': DepthSettings, 'camera_node': CameraSettings,
    'evaluation_node': EvaluationSettings}


def parameter_tables() -> str:
    """Return the parameters of every node as Markdown, one table a node."""
    return '\n\n'.join(_table(name, table) for name, table in TABLES.items())


def with_tables(text: str) -> str:
    """Return *text* with fresh tables between its marks; ConfigError where it has none."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ConfigError(f'there is no place for the tables: the lines {BEGIN} and {END}')
    return f'{head}{BEGIN}\n\n{parameter_tables()}\n\n{END}{tail}'


def main(args: Sequence[str]) -> None:
    """Write the tables of the files named."""
    for path in map(Path, args):
        write_text(path, with_tables(path.read_text(encoding='utf-8')))


def _table(node: str, table: type[Settings]) -> str:
    """Return the table of one node."""
    rows = [f'### Parameters of {node}', '',
            '| parameter | default | range | |', '| --- | --- | --- | --- |']
    rows += [f'| `{item.name}`{" *" if item.metadata["read_only"] else ""} '
             f'| {_default(item.default)} | {_range(item.metadata)} '
             f'| {_cell(item.metadata["description"])} |' for item in fields(table)]
    return '\n'.join(rows)


def _default(value: Any) -> str:
    """Return a default as it is written in YAML."""
    if isinstance(value, tuple):
        return '`[' + ', '.join(repr(each) for each in value) + ']`'
    if isinstance(value, bool):
        return f'`{str(value).lower()}`'
    return f'`{value}`' if value != '' else "`''`"


def _range(meta: Any) -> str:
    """Return what a value may be, empty for anything."""
    if meta['choices']:
        return ', '.join(f'`{choice}`' for choice in meta['choices'])
    return '' if meta['low'] is None else f'{meta["low"]:g} to {meta["high"]:g}'


def _cell(text: str) -> str:
    """Return *text* so that Markdown shows every character of it."""
    return text.replace('|', '\\|').replace('<', '&lt;').replace('*', '\\*')


if __name__ == '__main__':
    main(sys.argv[1:])
