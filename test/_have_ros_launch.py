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
"""Imported first by tests of launch files: skips their module where they cannot be read."""

from __future__ import annotations

import os
from pathlib import Path
import shutil

import _have_ros  # noqa: F401
from ament_index_python.packages import get_package_share_directory, PackageNotFoundError
import pytest

pytest.importorskip('launch_ros', reason='needs launch and launch_ros, which come with a ROS 2 '
                    'installation but have no wheel')


@pytest.fixture(name='installed')
def installed_fixture() -> None:
    """Skip where ``ros2 launch lstm_depth`` cannot work."""
    if shutil.which('ros2') is None:
        pytest.skip('needs the ros2 command with ros2launch')
    try:
        get_package_share_directory('lstm_depth')
    except PackageNotFoundError:
        pytest.skip('needs the package built with colcon and its setup file sourced')


@pytest.fixture(name='on_the_path')
def on_the_path_fixture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put executables of our names on the PATH, as a pip install does; return their folder."""
    folder = tmp_path / 'on_the_path'
    folder.mkdir()
    for name in ('depth_node', 'camera_node', 'evaluation_node'):
        (folder / name).touch(0o755)
    monkeypatch.setenv('PATH', str(folder), prepend=os.pathsep)
    return folder
