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
"""Nodes without a place for their log file."""

from __future__ import annotations

from lstm_depth.ros.logfile import log_folder, logging_arguments
import pytest


def test_the_log_folder_is_the_one_of_rcl_logging(tmp_path):
    home = {'HOME': str(tmp_path)}
    assert log_folder(home) == tmp_path / '.ros' / 'log'
    assert log_folder({**home, 'ROS_HOME': '~/robot'}) == tmp_path / 'robot' / 'log'
    assert str(log_folder({**home, 'ROS_HOME': '/r', 'ROS_LOG_DIR': '/var/log/r'})) == '/var/log/r'
    assert log_folder({}) is None


def test_a_folder_that_can_be_written_needs_nothing(tmp_path):
    assert logging_arguments({'HOME': str(tmp_path)}) == ([], '')


@pytest.mark.parametrize(('environment', 'words'), [
    ({}, 'HOME is not set'),
    ({'HOME': '/dev/null'}, '/dev/null/.ros/log cannot be made (Not a directory)'),
    ({'ROS_LOG_DIR': '/dev/null'}, '/dev/null cannot be made (File exists)'),
])
def test_where_none_can_be_written_there_is_no_log_file_and_it_says_why(environment, words):
    arguments, note = logging_arguments(environment)
    assert '--disable-external-lib-logs' in arguments
    assert words in note and 'ROS_LOG_DIR' in note
