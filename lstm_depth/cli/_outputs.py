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
What commands write: types of arguments, checked before a command begins.

A command that takes an hour should not find at its end that its report has no place.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from lstm_depth.errors import DataError


class OutputFile(type(Path())):
    """The path of a file that a command writes, replacing an older one."""


class OutputFolder(type(Path())):
    """The path of a folder that a command writes into."""


def check_outputs(args: argparse.Namespace) -> None:
    """Raise DataError for the first output that cannot be written."""
    for value in vars(args).values():
        if isinstance(value, OutputFile):
            if value.is_dir():
                raise DataError(f'{value} is a folder; give the name of a file to write')
            _check_parent(value.parent)
        elif isinstance(value, OutputFolder):
            if value.exists() and not value.is_dir():
                raise DataError(f'{value} is a file; give the name of a folder to write into')
            _check_parent(value)


def _check_parent(folder: Path) -> None:
    """Raise DataError where *folder*, or the nearest above that is there, cannot be written."""
    found = next((each for each in (folder, *folder.parents) if each.exists()), Path())
    if not found.is_dir():
        raise DataError(f'{found} is a file, so {folder} cannot be made; give another place')
    if not os.access(found, os.W_OK | os.X_OK):
        raise DataError(f'{found} cannot be written to; give another place, or mend its '
                        'permissions')
