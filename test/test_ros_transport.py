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
"""Which DDS profile a process takes, and that it is one Fast DDS accepts."""

from __future__ import annotations

import os
from pathlib import Path
import subprocess
import sys
from xml.etree import ElementTree

from lstm_depth.ros import transport
from lstm_depth.ros.transport import choose_profile, PROFILES, use_profile, VARIABLES
import pytest

CONFIG = Path(__file__).resolve().parents[1] / 'config'
PLENTY = 1 << 30
SCHEMA = '{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}'


def values(path: Path) -> list[tuple[str, str]]:
    """Return every element of a profile with its text."""
    return [(item.tag, (item.text or '').strip()) for item in ElementTree.parse(path).iter()]


def test_both_names_of_the_variable_are_set_to_the_shipped_profile(tmp_path):
    choice = choose_profile({}, tmp_path, PLENTY)
    assert choice.ours and choice.segment == 32 << 20 and '32 MB' in choice.reason
    assert set(choice.variables) == set(VARIABLES)
    assert set(choice.variables.values()) == {str(PROFILES[0][0])}


@pytest.mark.parametrize('environment', [
    {'FASTRTPS_DEFAULT_PROFILES_FILE': '/etc/mine.xml'},
    {'FASTDDS_DEFAULT_PROFILES_FILE': '/etc/mine.xml'},
    {'FASTDDS_BUILTIN_TRANSPORTS': 'UDPv4'},
    {'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'},
    {'RMW_IMPLEMENTATION': 'rmw_zenoh_cpp'},
])
def test_a_choice_of_the_users_is_left_alone(tmp_path, environment):
    choice = choose_profile(environment, tmp_path, PLENTY)
    assert not choice.variables and choice.ours
    assert next(iter(environment.values())) in choice.reason


@pytest.mark.parametrize('name', ['DEFAULT_FASTRTPS_PROFILES.xml', 'DEFAULT_FASTDDS_PROFILES.xml'])
def test_a_profile_in_the_working_directory_is_left_alone(tmp_path, name):
    (tmp_path / name).write_text('<dds/>')
    choice = choose_profile({}, tmp_path, PLENTY)
    assert not choice.variables and str(tmp_path / name) in choice.reason


def test_humble_bound_to_localhost_is_not_opened_to_the_network(tmp_path):
    bound = {'ROS_DISTRO': 'humble', 'ROS_LOCALHOST_ONLY': '1'}
    assert not choose_profile(bound, tmp_path, PLENTY).variables
    assert choose_profile({**bound, 'ROS_DISTRO': 'jazzy'}, tmp_path, PLENTY).variables


def test_a_small_shared_memory_gets_a_smaller_segment_or_a_warning(tmp_path):
    docker = choose_profile({}, tmp_path, 64 << 20)
    assert docker.ours and docker.segment == 8 << 20
    tiny = choose_profile({}, tmp_path, 16 << 20)
    assert not tiny.ours and not tiny.variables
    assert 'only 16 MB' in tiny.reason and '--shm-size' in tiny.reason


def test_a_profile_of_ours_that_no_longer_fits_is_taken_back(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in (*VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS', 'RMW_IMPLEMENTATION'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(VARIABLES[0], str(PROFILES[0][0]))
    monkeypatch.setattr(transport, 'free_shared_memory', lambda: 0)
    assert not use_profile().ours
    assert not set(VARIABLES) & set(os.environ)


def test_the_profiles_differ_in_the_segment_only_and_hold_what_the_table_says():
    large, small = (values(path) for path, _ in PROFILES)
    assert len(large) == len(small)
    assert [a[0] for a, b in zip(large, small) if a != b] == [f'{SCHEMA}segment_size']
    for path, segment in PROFILES:
        assert dict(values(path))[f'{SCHEMA}segment_size'] == str(segment)
        assert (CONFIG / path.name).read_bytes() == path.read_bytes()


def test_the_profile_is_chosen_without_importing_ros():
    code = ('import sys, lstm_depth.ros.transport, lstm_depth.ros.start, lstm_depth.ros.logfile; '
            'sys.exit(any(name in sys.modules for name in ("rclpy", "numpy", "torch")))')
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
