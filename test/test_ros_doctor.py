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
"""What ``lstm_depth doctor`` says about ROS 2, on healthy and on broken setups."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

import _have_ros  # noqa: F401
from _ros import domain_id, process_environment
from lstm_depth.cli import main
from lstm_depth.health import Check
from lstm_depth.ros import doctor, transport
from lstm_depth.ros.doctor import (
    check_domain,
    check_installed,
    check_loopback,
    check_shared_memory,
    images_check,
    stale_segments,
)
from lstm_depth.ros.transport import PROFILES, VARIABLES
import pytest


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """Be in a domain of our own, with nothing chosen, away from profiles."""
    for name, value in process_environment(domain_id(__name__)).items():
        monkeypatch.setenv(name, value)
    for name in (*VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS', 'RMW_IMPLEMENTATION'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    # How long images take is this machine's affair, not the test's.
    monkeypatch.setattr(doctor, '_LATENCY_MS', float('inf'))


def findings(checks) -> dict[str, Check]:
    """Return checks by name."""
    return {check.name: check for check in checks}


def test_a_healthy_setup_is_all_well(monkeypatch, tmp_path):
    monkeypatch.setattr('lstm_depth.health.machine_checks', lambda: iter(()))
    monkeypatch.setattr(doctor, 'stale_segments', lambda folder: [])
    assert main(['doctor', '--seconds', '1', '--json', str(tmp_path / 'findings.json')]) == 0
    found = {check['name']: check
             for check in json.loads((tmp_path / 'findings.json').read_text())['checks']}
    assert {'domain', 'log files', 'shared memory', 'transport', 'ROS 2', 'images',
            'loop-back'} == set(found)
    assert found['loop-back']['facts']['sent'] == found['loop-back']['facts']['received'] == 30
    assert found['ROS 2']['facts']['rmw'] == 'rmw_fastrtps_cpp'
    assert 'cv_bridge' in found['images']['text']


def test_a_profile_with_a_tiny_segment_loses_images_and_is_told(monkeypatch, tmp_path):
    tiny = tmp_path / 'tiny.xml'
    text = PROFILES[0][0].read_text()
    tiny.write_text(text.replace(str(32 << 20), str(256 << 10)))
    assert tiny.read_text() != text
    monkeypatch.setenv(VARIABLES[0], str(tiny))
    found = findings(check_loopback(1.0))['loop-back']
    assert found.ok is False, found
    assert found.facts['received'] < found.facts['sent'] == 30
    # A segment that no image fits into at all lets none through.
    assert found.facts['received'] == 0 or f'export {VARIABLES[0]}=' in found.advice


def test_a_middleware_that_does_not_exist_is_named(monkeypatch):
    monkeypatch.setenv('RMW_IMPLEMENTATION', 'rmw_nonsense_cpp')
    check, = check_loopback(1.0)
    assert check.ok is False and 'RMW_IMPLEMENTATION=rmw_nonsense_cpp' in check.text
    assert 'unset RMW_IMPLEMENTATION' in check.advice and 'ros-$ROS_DISTRO-rmw-nonsense-cpp' in (
        check.advice)


def test_a_ros_that_cannot_be_imported_is_told_in_its_own_words(monkeypatch, tmp_path):
    (tmp_path / 'rclpy.py').write_text("raise ImportError('librcl.so: cannot open')\n")
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=os.pathsep)
    check, = check_loopback(1.0)
    assert check.ok is False and 'librcl.so: cannot open' in check.text
    assert "pip install 'lstm_depth[ros]'" in check.advice


def test_a_sourced_ros_in_another_python_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    monkeypatch.setenv('ROS_DISTRO', 'jazzy')
    check = check_installed()
    assert check.ok is False and 'jazzy is sourced' in check.text
    assert '--system-site-packages' in check.advice


@pytest.mark.parametrize(('domain', 'ok'), [('', True), ('7', True), ('101', True),
                                            ('150', False), ('300', False), ('seven', False)])
def test_a_domain_that_cannot_work_is_told(domain, ok):
    check = check_domain({'ROS_DOMAIN_ID': domain})
    assert check.ok is ok and bool(check.advice) is not ok


def test_a_small_shared_memory_and_none_are_told(monkeypatch, tmp_path):
    sizes = os.statvfs_result((4096, 4096, 4096, 4096, 4096, 0, 0, 0, 0, 255))
    with monkeypatch.context() as patch:
        patch.setattr(transport, 'SHARED_MEMORY', tmp_path)
        patch.setattr(os, 'statvfs', lambda path: sizes)
        check = check_shared_memory()
    assert check.ok is False and '16 of 16 MB' in check.text and '--shm-size' in check.advice
    monkeypatch.setattr(transport, 'SHARED_MEMORY', tmp_path / 'none')
    assert check_shared_memory().ok is False


def test_segments_of_the_dead_are_told_from_those_of_the_living():
    before = set(stale_segments(Path('/dev/shm')))
    code = ('import rclpy, time; rclpy.init(); node = rclpy.create_node("n"); '
            'print("up", flush=True); time.sleep(60)')
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == 'up\n'
        own = {link.resolve() for link in Path(f'/proc/{process.pid}/fd').iterdir()}
        own = {path.with_name(path.name[:-3]) for path in own
               if path.parent == Path('/dev/shm') and path.name.endswith('_el')
               and 'port' not in path.name}
        assert own and not own & set(stale_segments(Path('/dev/shm')))
    finally:
        process.kill()
        process.communicate()
    # Whatever starts Fast DDS meanwhile, as another test does, removes segments of the dead.
    stale = set(stale_segments(Path('/dev/shm'))) - before
    assert {path for path in own if path.exists()} <= stale
    check = check_shared_memory()
    if any(path.exists() for path in own):
        assert check.ok is False and 'are of processes that are dead' in check.text
    for path in own:
        for file in path.parent.glob(f'{path.name}*'):
            file.unlink()


@pytest.mark.parametrize(('numbers', 'words'), [
    ((0, 0, None, None), 'do not find each other'),
    ((90, 0, None, None), 'none of 90 images got through'),
    ((90, 44, 3.0, 9.0), '44 of 90 images'),
])
def test_images_that_do_not_get_through_are_told(numbers, words):
    check = images_check(*numbers)
    assert check.ok is False and words in check.text and check.advice


def test_a_slow_way_is_told(monkeypatch):
    monkeypatch.setattr(doctor, '_LATENCY_MS', 33.0)
    assert images_check(90, 90, 5.0, 20.0).ok
    assert images_check(90, 90, 80.0, 120.0).ok is False


def test_ends_that_die_without_a_word_are_told(monkeypatch):
    monkeypatch.setattr(doctor.sys, 'executable', '/bin/false')
    check, = check_loopback(1.0)
    assert check.ok is False and 'status 1' in check.text
