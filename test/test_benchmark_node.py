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
"""`lstm_depth benchmark` node, cloud, stream and all: what they measure is what happened."""

from __future__ import annotations

import json

from lstm_depth.cli import main
from lstm_depth.cli.benchmark import node
from lstm_depth.cli.benchmark._common import interleaved_ms, machine_line, medians
from lstm_depth.errors import ConfigError
import pytest


@pytest.fixture(name='checkpoint')
def checkpoint_fixture(tmp_path):
    """Return the path of a very small checkpoint."""
    from lstm_depth.checkpoint import save_checkpoint
    from lstm_depth.models import create_model
    path = tmp_path / 'tiny.safetensors'
    save_checkpoint(path, create_model(
        'residual_lstm', input_height=32, input_width=40, hourglass_depth=1))
    return str(path)


def test_candidates_take_turns_and_warm_up_does_not_count():
    calls = []
    times = interleaved_ms({name: lambda name=name: calls.append(name) for name in 'ab'}, 3)
    assert calls == ['a', 'b'] * 5
    assert {name: len(values) for name, values in times.items()} == {'a': 3, 'b': 3}
    assert medians({'a': [3.0, 1.0, 2.0]}) == {'a': 2.0}
    assert 'cores' in machine_line()
    with pytest.raises(ConfigError, match='repeats'):
        interleaved_ms({}, 0)


@pytest.mark.parametrize('text', ['640', '640x', '0x480', 'axb', '1x2x3'])
def test_a_size_that_is_none_is_refused(text):
    with pytest.raises(ConfigError, match='WIDTHxHEIGHT'):
        node.parse_size(text)


def test_the_cloud_is_compared_with_others(tmp_path, capsys):
    assert main(['benchmark', 'cloud', '--size', '32x24', '--repeats', '2', '--json',
                 str(tmp_path / 'a.json')]) == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert {'ours', 'numpy', 'memcpy'} <= set(report['ms'])
    assert report['ratio']['ours'] == 1.0
    assert 'times ours' in capsys.readouterr().out


def test_a_stream_is_measured_by_its_length(tmp_path, capsys, checkpoint):
    assert main(['benchmark', 'stream', '--frames', '3', '1', '--size', '40x32', '--checkpoint',
                 checkpoint, '--json', str(tmp_path / 'a.json')]) == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert [item['frames'] for item in report['lengths']] == [1, 3]
    assert report['ratio'] == report['lengths'][1]['ms'] / report['lengths'][0]['ms']
    assert 'kB a frame' in capsys.readouterr().out


def test_all_is_one_table_and_says_what_it_leaves_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(node, 'measure', lambda args: (_ for _ in ()).throw(
        ConfigError('no ROS here')))
    assert main(['benchmark', 'all', '--quick', '--targets', 'cloud', 'node', '--json',
                 str(tmp_path / 'a.json')]) == 0
    report = json.loads((tmp_path / 'a.json').read_text())
    assert set(report['results']) == {'cloud'} and report['left_out'] == {'node': 'no ROS here'}
    printed = capsys.readouterr().out
    assert '| what | measured |' in printed and '| node | left out: no ROS here |' in printed


def test_what_arrived_is_told_by_stamp():
    seen = {'arrivals': [['depth/image', stamp, stamp + 20_000_000] for stamp in (100, 300, 900)]
            + [['depth/points', 100, 200]],
            'diagnostics': {'inference p50 [ms]': '10.0', 'latency p50 [ms]': '12.5'}}
    run = node._summary([100, 200, 300, 400, 900], seen, ('depth/image', 'depth/points'),
                        (100, 500), started_ns=0, cpu_s=0.5, memory_mb=100.0)
    assert run.delivered == {'depth/image': 0.5, 'depth/points': 0.25}
    assert (run.p50_ms, run.p95_ms, run.stream_ms, run.node_ms) == (20.0, 20.0, 10.0, 2.5)
    assert run.cpu_s_per_frame == 0.25


def test_three_processes_are_measured(tmp_path, capsys, checkpoint):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    assert main(['benchmark', 'node', '--fps', '10', '--size', '64x48', '--seconds', '1.5',
                 '--outputs', 'all', '--checkpoint', checkpoint, '--json',
                 str(tmp_path / 'a.json')]) == 0
    run = json.loads((tmp_path / 'a.json').read_text())['medians']['all']
    assert set(run['delivered']) == set(node.OUTPUTS['all'])
    assert 0 < min(run['delivered'].values()) <= 1
    assert run['p95_ms'] >= run['p50_ms'] > 0 and run['memory_mb'] > 10
    assert 'stamp to arrival' in capsys.readouterr().out


def test_a_node_that_does_not_start_is_one_clear_error(tmp_path, capsys):
    pytest.importorskip('rclpy', reason='needs ROS 2')
    assert main(['benchmark', 'node', '--seconds', '1', '--size', '64x48', '--outputs', 'depth',
                 '--checkpoint', str(tmp_path / 'none.safetensors')]) == 2
    assert 'none.safetensors' in capsys.readouterr().err
