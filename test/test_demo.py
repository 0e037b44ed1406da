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
"""The demo over real DDS, and what it does when a node fails."""

from __future__ import annotations

import json
import os
from pathlib import Path
import sys
import textwrap
import time

from _recordings import camera_frames, tiny_checkpoint, write_bag
import cv2
from lstm_depth.cli import main
from lstm_depth.media.bag import BagReader
from lstm_depth.ros.process import NodeProcess, ros_arguments
import pytest
import yaml


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp('model') / 'tiny.safetensors')


@pytest.fixture
def ros():
    pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy)')


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Keep three processes with small work from fighting for the cores."""
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    root = str(Path(__file__).resolve().parents[1])
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(
        filter(None, [root, os.environ.get('PYTHONPATH')])))


def test_demo_renders_plays_records_and_scores_a_sample(ros, checkpoint, tmp_path, capsys):
    out = tmp_path / 'demo'
    assert main(['demo', '--frames', '12', '--width', '64', '--height', '48', '--rate', '15',
                 '--output', str(out), '--checkpoint', str(checkpoint), '--device', 'cpu',
                 '--json', str(tmp_path / 'numbers.json')]) == 0
    report = json.loads((tmp_path / 'numbers.json').read_text())
    assert report == json.loads((out / 'report.json').read_text())
    assert report['frames_in'] == 12
    # A loaded machine may drop frames, but each is accounted for.
    assert report['frames_out'] + sum(report['dropped'].values()) == 12
    assert report['frames_scored'] == report['frames_out'] >= 1
    assert 0 < report['latency_ms']['p50'] <= report['latency_ms']['p95']
    assert report['model'] == 'residual_lstm'
    assert report['metrics']['abs_rel'] > 0
    assert 'frames in / out' in capsys.readouterr().out

    frames_out = report['frames_out']
    with BagReader(out / 'bag') as bag:
        counts = {name: topic.count for name, topic in bag.topics.items()}
    assert counts == {
        '/image': 12, '/depth_node/depth/image': frames_out,
        '/depth_node/depth/camera_info': frames_out, '/depth_node/depth/points': frames_out}
    assert cv2.imread(str(out / 'strip.png')).shape[1] == 8 + 4 * 328
    video = cv2.VideoCapture(str(out / 'video.mp4'))
    assert int(video.get(cv2.CAP_PROP_FRAME_COUNT)) == frames_out


def test_demo_plays_so_many_frames_of_a_bag_of_ones_own(ros, checkpoint, tmp_path):
    bag = write_bag(tmp_path / 'own bag', camera_frames(200, with_depth=False))
    out = tmp_path / 'demo'
    assert main(['demo', '--source', str(bag), '--frames', '5', '--rate', '10', '--output',
                 str(out), '--checkpoint', str(checkpoint), '--device', 'cpu']) == 0
    report = json.loads((out / 'report.json').read_text())
    assert 5 <= report['frames_in'] < 60
    assert report['metrics'] is None
    assert not (out / 'sample').exists()
    assert cv2.imread(str(out / 'strip.png')).shape[1] == 8 + 2 * 328


def test_demo_names_the_checkpoint_that_the_node_could_not_load(ros, tmp_path, capsys):
    bag = write_bag(tmp_path / 'bag', camera_frames(2))
    out = tmp_path / 'demo'
    assert main(['demo', '--source', str(bag), '--output', str(out), '--checkpoint',
                 str(tmp_path / 'none.safetensors')]) == 1
    error = capsys.readouterr().err
    assert 'depth_node could not be started' in error
    assert 'none.safetensors' in error
    assert not (out / 'bag').exists()


def test_demo_says_why_the_camera_ended(ros, checkpoint, tmp_path, capsys):
    assert main(['demo', '--source', str(tmp_path / 'nothing.mp4'), '--output',
                 str(tmp_path / 'demo'), '--checkpoint', str(checkpoint)]) == 1
    error = capsys.readouterr().err
    assert 'camera_node ended with status 2' in error
    assert 'nothing.mp4 does not exist' in error


def test_demo_without_ros_says_how_to_get_it(monkeypatch, tmp_path, capsys):
    for name in [name for name in sys.modules if name.split('.')[0] == 'rclpy'
                 or name.startswith('lstm_depth.ros.')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'rclpy', None)
    assert main(['demo', '--output', str(tmp_path / 'demo')]) == 2
    error = capsys.readouterr().err
    assert 'lstm_depth[ros]' in error
    assert 'setup.bash' in error
    assert not (tmp_path / 'demo').exists()


def test_demo_says_what_its_video_needs_before_it_plays(ros, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'av', None)
    assert main(['demo', '--output', str(tmp_path / 'demo')]) == 2
    assert "pip install 'lstm_depth[report]'" in capsys.readouterr().err
    assert not (tmp_path / 'demo').exists()


def test_demo_refuses_negative_numbers(ros, tmp_path, capsys):
    assert main(['demo', '--output', str(tmp_path), '--frames', '-1']) == 2
    assert '0 or more' in capsys.readouterr().err


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function that starts a small program as if it were a node."""
    def start(code, name='a_node'):
        # Started from a script's background job everything ignores Ctrl-C at first; our nodes
        # install their own handlers, and so does this one.
        listens = 'import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n'
        (tmp_path / f'{name}.py').write_text(listens + textwrap.dedent(code))
        monkeypatch.setenv('PYTHONPATH', str(tmp_path))
        return NodeProcess([name], {}, tmp_path / 'log' / f'{name}.log', os.environ)
    return start


def wait_for_line(process, line):
    end = time.monotonic() + 60
    while line not in process.tail():
        assert time.monotonic() < end, process.tail()
        time.sleep(0.01)


def test_a_process_is_interrupted_when_its_block_ends(program):
    with program("""
            import time
            print('up', flush=True)
            try:
                time.sleep(60)
            except KeyboardInterrupt:
                print('interrupted')
            """) as process:
        wait_for_line(process, 'up')
        assert process.status is None
    assert process.status == 0
    assert process.tail() == 'up\ninterrupted'


def test_a_process_that_ignores_the_interrupt_is_killed(program, monkeypatch):
    # Not by name: the test without ROS 2 has made Python import the package once more.
    monkeypatch.setitem(NodeProcess.stop.__globals__, '_STOP_S', 0.2)
    with program("""
            import signal, time
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            print('up', flush=True)
            time.sleep(60)
            """) as process:
        wait_for_line(process, 'up')
    assert process.status == -9


def test_a_process_is_ended_when_its_owner_fails(program):
    with pytest.raises(RuntimeError), program('import time; time.sleep(60)') as process:
        raise RuntimeError
    assert process.status is not None


def test_the_last_lines_of_a_process_and_its_status_are_kept(program):
    with program("""
            for number in range(50):
                print('line', number)
            raise SystemExit(3)
            """) as process:
        wait_for_line(process, 'line 49')
        while process.status is None:
            time.sleep(0.01)
    assert process.status == 3
    assert process.tail(2) == 'line 48\nline 49'


@pytest.mark.parametrize('value', [
    '0', "it's here", '/dev/video0', '', 'a: b', 'true', 1.5, 3, True, False])
def test_parameters_reach_ros_with_their_type(value):
    arguments = ros_arguments({'name': value})
    assert arguments[:2] == ['--ros-args', '-p']
    name, _, text = arguments[2].partition(':=')
    assert name == 'name'
    read = yaml.safe_load(text)
    assert (read, type(read)) == (value, type(value))
