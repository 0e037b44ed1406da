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
"""``lstm_depth doctor`` without ROS: what it says about the machine and the libraries."""

from __future__ import annotations

import json
import subprocess
import sys

from lstm_depth import health
from lstm_depth.cli import main
from lstm_depth.errors import ConfigError
from lstm_depth.health import Check, check_engine, check_gpu, check_load, check_threads
from lstm_depth.runtime.registry import BACKENDS
import pytest


def test_a_line_tells_what_was_found_and_what_to_do():
    assert str(Check('threads', True, 'sleep')).split() == ['ok', 'threads', 'sleep']
    first, second = str(Check('GPU', False, 'unusable', 'install it')).splitlines()
    assert first.startswith('NOT OK') and second.strip() == '-> install it'


@pytest.mark.parametrize(('load', 'ok'), [(0.3, True), (3.9, True), (9.0, False)])
def test_a_busy_machine_is_told(load, ok):
    check = check_load(load, 2)
    assert check.ok is ok and f'load {load}' in check.text and bool(check.advice) is not ok


@pytest.mark.parametrize('name', ['OMP_WAIT_POLICY', 'KMP_BLOCKTIME', 'GOMP_SPINCOUNT'])
def test_threads_that_spin_are_told(name):
    value = {'OMP_WAIT_POLICY': 'ACTIVE'}.get(name, 'infinite')
    check = check_threads({name: value})
    assert check.ok is False and f'unset {name}' in check.advice
    assert check_threads({'OMP_WAIT_POLICY': 'PASSIVE'}).ok


def first_installed() -> str:
    """Return a backend that is here."""
    return next(name for name, backend in BACKENDS.items() if backend.installed)


def test_an_engine_is_measured_on_the_shipped_network():
    check = check_engine(first_installed())
    assert check.ok and check.facts['ms'] > 0 and 'ms a frame on cpu' in check.text
    assert check.facts['model'] == 'residual_lstm'


@pytest.mark.parametrize('error', [ConfigError('no such thing'), OSError('libfoo.so: no')])
def test_an_engine_that_is_broken_is_a_finding(monkeypatch, error):
    def fail(**_):
        raise error
    monkeypatch.setattr('lstm_depth.load_model', fail, raising=False)
    check = check_engine(first_installed())
    assert check.ok is False and str(error) in check.text and check.advice


def test_a_gpu_is_asked_for_only_where_there_is_one(monkeypatch, tmp_path):
    monkeypatch.setattr(health.shutil, 'which', lambda name: None)
    monkeypatch.setattr(health, 'Path', lambda name: tmp_path / 'no' / name.lstrip('/'))
    assert check_gpu(['cpu', '']).ok is None
    assert check_gpu(['cpu', 'cuda:0']).ok
    monkeypatch.setattr(health.shutil, 'which', lambda name: f'/usr/bin/{name}')
    assert check_gpu(['cpu']).ok is False


@pytest.fixture
def quiet(monkeypatch):
    """Make the machine idle."""
    monkeypatch.setattr(health.os, 'getloadavg', lambda: (0.1, 0.1, 0.1))
    for name in ('OMP_WAIT_POLICY', 'KMP_BLOCKTIME', 'GOMP_SPINCOUNT'):
        monkeypatch.delenv(name, raising=False)


def test_a_healthy_machine_gives_status_0_and_all_numbers_as_json(quiet, tmp_path, capsys):
    assert main(['doctor', '--no-ros', '--json', str(tmp_path / 'findings.json')]) == 0
    assert capsys.readouterr().out.endswith('all is well\n')
    found = json.loads((tmp_path / 'findings.json').read_text())
    assert found['ok'] and {'machine', 'threads', *BACKENDS} <= {
        check['name'] for check in found['checks']}


def test_what_is_not_ok_gives_status_1_and_is_named_at_the_end(quiet, monkeypatch, capsys):
    monkeypatch.setenv('OMP_WAIT_POLICY', 'ACTIVE')
    monkeypatch.setattr(health, 'BACKENDS', {})
    assert main(['doctor', '--no-ros']) == 1
    assert capsys.readouterr().out.endswith('not ok: threads, network\n')


def test_seconds_that_cannot_be_are_one_sentence_and_status_2(capsys):
    assert main(['doctor', '--seconds', '0']) == 2
    assert capsys.readouterr().err == (
        'lstm_depth doctor: --seconds must be from 0.5 to 600, not 0\n')


def test_it_answers_without_ros_and_without_pytorch():
    code = ('import sys\n'
            'for name in ("rclpy", "torch", "onnxruntime", "openvino"): sys.modules[name] = None\n'
            'from lstm_depth.cli import main\n'
            'sys.exit(main(["doctor"]))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 1 and not done.stderr, done.stderr
    assert 'rclpy cannot be found' in done.stdout and "'lstm_depth[ros]'" in done.stdout
    assert 'no library here can run the network' in done.stdout
    assert '-       torch         not installed' in done.stdout
