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
What ``lstm_depth benchmark TARGET`` can measure, one module a target.

A module holds a one-line ``HELP``, ``add_arguments(parser)`` and ``measure(args)``, which
returns a dataclass whose ``str`` is for people, and imports nothing heavy at its top.
"""

from __future__ import annotations

from collections.abc import Iterator
import importlib
import pkgutil
from types import ModuleType


def target_modules() -> Iterator[tuple[str, ModuleType]]:
    """Yield (name, module) of every target, sorted by name."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)
                       if not module.name.startswith('_')):
        yield name.replace('_', '-'), importlib.import_module(f'{__name__}.{name}')
