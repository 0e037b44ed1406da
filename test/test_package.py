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
"""The package's metadata agrees with itself and every file that users need is installed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
import re
import runpy
import shutil
import subprocess
import sys
from typing import Any
from unittest import mock

from lstm_depth import __version__
import pytest
import setuptools

ROOT = Path(__file__).resolve().parents[1]
SHARE = 'share/lstm_depth'
# What other packages are called: the import, the pip requirement, the rosdep key. None: there
# is no key, or only an extra needs it.
THIRD_PARTIES = {
    'apsw': ('apsw', 'python3-rosbags-pip'),
    'av': ('av', None),
    'cv2': ('opencv-python-headless', 'python3-opencv'),
    'distributed': ('distributed', None),
    'h5py': ('h5py', None),
    'huggingface_hub': ('huggingface_hub', None),
    'jinja2': ('jinja2', 'python3-jinja2'),
    'jsonargparse': ('jsonargparse', None),
    'lightning_fabric': ('lightning-fabric', None),
    'markupsafe': ('jinja2', 'python3-jinja2'),
    'matplotlib': ('matplotlib', None),
    'onnx': ('onnx', None),
    'onnxruntime': ('onnxruntime', 'python3-onnxruntime-pip'),
    'openvino': ('openvino', None),
    'numpy': ('numpy', 'python3-numpy'),
    'rosbags': ('rosbags', 'python3-rosbags-pip'),
    'safetensors': ('safetensors', None),
    'scipy': ('scipy', None),
    'timm': ('timm', None),
    'torch': ('torch', None),
    'torchvision': ('torchvision', None),
    'transformers': ('transformers', None),
    'tqdm': ('tqdm', 'python3-tqdm'),
    'yaml': ('pyyaml', 'python3-yaml'),
}
# ROS packages that exist as apt packages only, so the code must do without them.
WITHOUT_WHEEL = {'ament_index_python', 'cv_bridge', 'launch', 'launch_ros', 'tf2_msgs'}


@pytest.fixture(scope='module')
def package_xml() -> Any:
    """Return package.xml as colcon and bloom read it; they reject an invalid one."""
    package_module = pytest.importorskip('catkin_pkg.package')
    warnings: list[str] = []
    package = package_module.parse_package(str(ROOT), warnings=warnings)
    assert warnings == []
    return package


@pytest.fixture(scope='module')
def setup_arguments() -> dict[str, Any]:
    """Return what setup.py hands to setuptools."""
    source = ROOT / 'setup.py'
    with pytest.MonkeyPatch.context() as patch, mock.patch.object(setuptools, 'setup') as setup:
        patch.chdir(ROOT)
        runpy.run_path(str(source))
    return setup.call_args.kwargs


def test_name_version_and_license_are_the_same_everywhere(package_xml, setup_arguments):
    assert package_xml.name == setup_arguments['name'] == 'lstm_depth'
    assert package_xml.version == setup_arguments['version'] == __version__
    assert package_xml.licenses == [setup_arguments['license']] == ['Apache-2.0']


def test_maintainer_is_the_same_everywhere(package_xml, setup_arguments):
    maintainer, = package_xml.maintainers
    assert maintainer.name == setup_arguments['maintainer']
    assert maintainer.email == setup_arguments['maintainer_email']


def test_package_xml_is_a_valid_ament_python_package_of_format_3(package_xml):
    package_xml.validate()
    assert package_xml.package_format == 3
    assert package_xml.get_build_type() == 'ament_python'


def test_changelog_names_the_version(package_xml):
    text = (ROOT / 'CHANGELOG.rst').read_text(encoding='utf-8')
    assert package_xml.name in text.splitlines()[1]
    assert package_xml.version in text


def test_data_files_land_where_ros_looks(setup_arguments):
    installed = {f'{folder}/{Path(name).name}'
                 for folder, names in setup_arguments['data_files'] for name in names}
    for folder, names in setup_arguments['data_files']:
        for name in names:
            assert (ROOT / name).is_file(), f'{folder} is to hold {name}, which does not exist'
    assert {'share/ament_index/resource_index/packages/lstm_depth',
            f'{SHARE}/package.xml'} <= installed
    for folder in ('launch', 'config', 'config/train'):
        here = {f'{SHARE}/{folder}/{path.name}' for path in (ROOT / folder).iterdir()
                if path.is_file()}
        assert here and here <= installed


def test_a_wheel_puts_the_nodes_where_ros2_looks_and_they_run_pips_own(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, 'argv', ['setup.py', 'bdist_wheel'])
    monkeypatch.chdir(ROOT)
    with mock.patch.object(setuptools, 'setup') as setup:
        runpy.run_path(str(ROOT / 'setup.py'))
    named = dict(setup.call_args.kwargs['data_files'])['lib/lstm_depth']
    scripts = dict(line.split(' = ') for line
                   in setup.call_args.kwargs['entry_points']['console_scripts'])
    assert {Path(name).name for name in named} == set(scripts) - {'lstm_depth'}
    (tmp_path / 'bin').mkdir()
    (tmp_path / 'lib' / 'lstm_depth').mkdir(parents=True)
    for path in (ROOT / name for name in named):
        by_pip = tmp_path / 'bin' / path.name
        by_pip.write_text(f'#!/bin/sh\necho {path.name} "$@"\n')
        by_pip.chmod(0o755)
        found = shutil.copy(path, tmp_path / 'lib' / 'lstm_depth')
        done = subprocess.run([found, '--ros-args', 'two words'], capture_output=True, text=True)
        assert done.stdout == f'{path.name} --ros-args two words\n', done.stderr


def test_every_folder_of_modules_is_packaged(setup_arguments):
    modules = {path.parent for path in (ROOT / 'lstm_depth').rglob('*.py')}
    packaged = {ROOT / name.replace('.', '/') for name in setup_arguments['packages']}
    assert packaged == modules


def test_weights_are_packaged_and_within_the_size_limit(setup_arguments):
    patterns = setup_arguments['package_data']['lstm_depth']
    packaged = {path for pattern in patterns for path in (ROOT / 'lstm_depth').glob(pattern)}
    present = {path for path in (ROOT / 'lstm_depth' / 'weights').iterdir() if path.is_file()}
    assert present and present <= packaged
    templates = set((ROOT / 'lstm_depth/evaluation/report/templates').iterdir())
    assert templates <= packaged
    profiles = set((ROOT / 'lstm_depth/ros').glob('*.xml'))
    assert profiles and profiles <= packaged
    pages = packaged - present - templates - profiles
    recipe = ROOT / 'lstm_depth/adaptation/adapt.yaml'
    assert recipe in pages and {path.suffix for path in pages - {recipe}} == {'.md'}
    assert sum(path.stat().st_size for path in packaged) <= 20e6


def test_executables_name_functions_that_exist(setup_arguments):
    scripts = setup_arguments['entry_points']['console_scripts']
    targets = dict(script.split(' = ') for script in scripts)
    assert set(targets) == {'lstm_depth', 'depth_node', 'camera_node', 'evaluation_node'}
    for target in targets.values():
        module, function = target.split(':')
        path = ROOT / module.replace('.', '/')
        source = path / '__init__.py' if path.is_dir() else path.with_suffix('.py')
        assert function in {node.name for node in ast.parse(source.read_text('utf-8')).body
                            if isinstance(node, ast.FunctionDef)}


def imports(*folders: str) -> Iterator[tuple[Path, str]]:
    """Yield every source file below *folders* with each package it imports."""
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob('*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name.split('.')[0]) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield path, node.module.split('.')[0]


def outside(name: str) -> bool:
    """Return whether a package is neither ours nor Python's."""
    return name != 'lstm_depth' and name not in sys.stdlib_module_names


def names(requirements: list[str]) -> set[str]:
    """Return the package names of pip requirements."""
    return {re.split('[^a-zA-Z0-9_-]', line)[0] for line in requirements}


def test_every_import_is_declared_for_pip_and_for_rosdep(package_xml, setup_arguments):
    extras = setup_arguments['extras_require']
    required = names(setup_arguments['install_requires']
                     + [line for name in set(extras) - {'dev'} for line in extras[name]])
    keys = {dependency.name for dependency in package_xml.exec_depends}
    for path, name in imports('lstm_depth', 'launch'):
        if name in THIRD_PARTIES:
            requirement, key = THIRD_PARTIES[name]
            assert requirement in required, path
            assert key is None or key in keys, path
        elif outside(name):
            assert name in keys, f'{path}: package.xml lacks {name}'
            assert (name in WITHOUT_WHEEL
                    or f'ros-jazzy-{name.replace("_", "-")}' in required), f'{path}: {name}'


def test_extras_that_messages_name_exist(setup_arguments):
    named = {extra for path in (ROOT / 'lstm_depth').rglob('*.py')
             for extra in re.findall(r'lstm_depth\[(\w+)\]', path.read_text(encoding='utf-8'))}
    assert named <= set(setup_arguments['extras_require'])


def test_only_the_ros_folder_imports_ros():
    ros = ROOT / 'lstm_depth' / 'ros'
    strays = {f'{path.relative_to(ROOT)}: {name}' for path, name in imports('lstm_depth')
              if outside(name) and name not in THIRD_PARTIES and ros not in path.parents}
    assert strays == set()
