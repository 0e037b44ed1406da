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
"""Imports run one way: no cycles; what a robot runs needs neither ROS, commands nor training."""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / 'lstm_depth'
# From the bottom to the top: each may import what stands before it, in functions too.
LAYERS = (
    'errors', 'extras', 'safe_yaml', 'files', 'lens', 'geometry', 'frames', 'header', 'telemetry',
    'msgs', 'media', 'render', 'models', 'checkpoint', 'runtime', 'health', 'anchor', 'sharpen',
    'stream', 'scoring', 'visualize', 'losses', 'data', 'evaluation',
    'training', 'adaptation', 'ros', 'cli', '__main__',
)
CORE = LAYERS[:LAYERS.index('training')]


def module_name(path: Path) -> str:
    """Return the dotted name of a source file below the package, '' for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


SOURCES = {module_name(path): path for path in sorted(PACKAGE.rglob('*.py'))}


def imported(tree: ast.AST) -> set[str]:
    """Return our modules, named below the package, that *tree* imports anywhere."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            whole = [f'{node.module}.{alias.name}' for alias in node.names]
            names.update(name if name.partition('.')[2] in SOURCES else node.module
                         for name in whole)
    return {name.partition('.')[2] for name in names if name.split('.')[0] == 'lstm_depth'}


def graph() -> dict[str, set[str]]:
    """Return what each module imports of ours."""
    return {name: imported(ast.parse(path.read_text(encoding='utf-8')))
            for name, path in SOURCES.items()}


def part(module: str) -> str:
    """Return the folder or file directly in the package that *module* is part of."""
    return module.partition('.')[0]


def test_every_part_of_the_package_has_its_layer():
    assert {part(name) for name in SOURCES} - {''} == set(LAYERS)


def test_imports_point_down():
    wrong = [f'{name or "lstm_depth"} imports {other}'
             for name, others in graph().items() for other in others
             if name and other and part(name) != part(other)
             and LAYERS.index(part(other)) > LAYERS.index(part(name))]
    assert wrong == []


def test_no_module_imports_itself_by_way_of_others():
    modules = graph()
    # The package itself imports by name, when asked; what asks it is no cycle.
    modules.pop('')
    try:
        TopologicalSorter({name: others - {''} for name, others in modules.items()}).prepare()
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))


def test_the_core_reaches_neither_ros_nor_commands_nor_training():
    parts = defaultdict(set)
    for name, others in graph().items():
        parts[part(name)] |= {part(other) for other in others}
    reached, todo = set(), list(CORE)
    while todo:
        for other in parts[todo.pop()] - reached:
            reached.add(other)
            todo.append(other)
    assert not reached & {'training', 'ros', 'cli'}


def test_a_way_up_is_noticed():
    source = 'def f():\n    from lstm_depth.ros import qos\n    import lstm_depth.cli.train\n'
    assert imported(ast.parse(source)) == {'ros.qos', 'cli.train'}
