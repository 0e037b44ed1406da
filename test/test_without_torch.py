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
"""A robot has neither PyTorch nor torchvision nor timm, and needs none of them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
import re
import subprocess
import sys

import cv2
from lstm_depth.header import shipped_checkpoint
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKED = ('torch', 'torchvision', 'timm', 'onnx', 'lightning_fabric')
PRELUDE = f'import sys\nfor name in {BLOCKED}:\n    sys.modules[name] = None\n'


def run(code: str, cwd: Path, *arguments: str) -> str:
    """Return what *code* prints in a process that cannot import PyTorch."""
    result = subprocess.run([sys.executable, '-c', PRELUDE + code, *arguments], cwd=cwd,
                            capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def command(cwd: Path, *arguments: str) -> str:
    """Return what a command prints."""
    return run('from lstm_depth.cli import main\nsys.exit(main(sys.argv[1:]))\n', cwd, *arguments)


def test_the_stream_gives_depth(tmp_path):
    code = ('import numpy as np, lstm_depth\n'
            'stream = lstm_depth.DepthStream()\n'
            'image = np.full((48, 64, 3), 99, np.uint8)\n'
            'for index in range(3):\n    frame = stream.push(image, index / 30)\n'
            'print(stream.model.backend, frame.depth.shape, 0.1 < frame.depth.mean() < 10)')
    assert run(code, tmp_path).split(' ', 1)[1] == '(48, 64) True\n'


def test_replay_and_evaluate_give_numbers(tmp_path):
    command(tmp_path, 'sample', 'room', '--frames', '4', '--width', '80', '--height', '60')
    command(tmp_path, 'replay', 'room', '--json', 'replay.json', '--output', 'out')
    replay = json.loads((tmp_path / 'replay.json').read_text())
    assert replay['frames_out'] == 4 and replay['metrics']['abs_rel'] < 2
    command(tmp_path, 'evaluate', 'rooms:1,seed=3,frames=3,size=80x60', '--json', 'scores.json')
    assert json.loads((tmp_path / 'scores.json').read_text())['metrics']['abs_rel']


def test_the_example_of_the_readme_runs(tmp_path):
    example = re.search(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.DOTALL)[1]
    rng = np.random.default_rng(0)
    writer = cv2.VideoWriter(str(tmp_path / 'video.mp4'), cv2.VideoWriter_fourcc(*'mp4v'), 10,
                             (64, 48))
    for _ in range(3):
        writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    assert run(example, tmp_path).count('(48, 64)') >= 2


@pytest.mark.skipif(importlib.util.find_spec('rclpy') is None, reason='needs ROS 2')
def test_the_node_and_the_demo_load_their_network(tmp_path):
    code = ('import rclpy, lstm_depth.ros.demo\n'
            'from lstm_depth.ros.depth_node import DepthNode\n'
            'rclpy.init()\nnode = DepthNode()\n'
            'print(node.trigger_configure())\n'
            'node.close()\nnode.destroy_node()\nrclpy.shutdown()')
    assert 'SUCCESS' in run(code, tmp_path)


def test_a_checkpoint_that_is_not_exported_says_what_to_do(tmp_path):
    (tmp_path / 'mine.safetensors').write_bytes(shipped_checkpoint().read_bytes())
    code = ('import lstm_depth\ntry:\n    lstm_depth.load_model("mine.safetensors")\n'
            'except lstm_depth.errors.MissingPackage as error:\n    print(error)')
    message = run(code, tmp_path)
    assert 'mine.safetensors' in message and '"lstm_depth export"' in message
    assert "pip install 'lstm_depth[export]'" in message


def test_training_says_what_to_install(tmp_path):
    code = 'from lstm_depth.cli import main\nprint(main(["train"]))\n'
    result = subprocess.run([sys.executable, '-c', PRELUDE + code], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.stdout == '2\n' and "pip install 'lstm_depth[train]'" in result.stderr
    assert 'Traceback' not in result.stderr
