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
"""What CONTRIBUTING.md shows is true: its diffs apply, and what they add works."""

from __future__ import annotations

import os
from pathlib import Path
import re
import shutil
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[1]
DIFFS = re.findall(r'^```diff\n(.*?)^```$', (ROOT / 'CONTRIBUTING.md').read_text('utf-8'),
                   re.MULTILINE | re.DOTALL)
USED = """\
from pathlib import Path
import sys

import lstm_depth
from lstm_depth.data.readers import open_dataset, ReaderOptions
from lstm_depth.losses import DepthLoss
import numpy as np
import torch

folder = Path(sys.argv[1])
assert folder in Path(lstm_depth.__file__).parents

model = lstm_depth.create_model('plain_net', filters=4, input_height=48, input_width=64)
clip = torch.rand(2, 3, 3, 48, 64)
depth, state = model.forward_clip(clip)
assert depth.shape == (2, 3, 1, 48, 64) and model.recurrent and len(state) == 2
total, _ = DepthLoss({'huber': 1.0})(depth, torch.ones_like(depth), torch.ones_like(depth) > 0)
total.backward()
assert all(weight.grad.any() for weight in model.parameters())
image = np.zeros((60, 80, 3), np.uint8)
assert lstm_depth.DepthStream(model.eval()).push(image, 0.0).depth.shape == (60, 80)

wall = lstm_depth.load_model(backend='wall')
assert (lstm_depth.DepthStream(wall).push(image, 0.0).depth == 2.0).all()

(folder / 'video').mkdir()
for number in (10, 9):
    np.savez(folder / 'video' / f'{number}.npz', rgb=image + number, depth=np.eye(60, 80))
data = open_dataset(folder / 'video', ReaderOptions(npz_rate_hz=2.0))
second = data.sequences[0].frame(1)
assert data.layout == 'NumPy archives' and second.stamp_ns == 500_000_000
assert second.rgb[0, 0, 0] == 10 and np.isfinite(second.depth).sum() == 60
"""
USED_BY_ROS = """\
from types import SimpleNamespace

from lstm_depth.ros.messages import ImageBuffer
from lstm_depth.ros.outputs import InverseMaker, TOPICS

depth = ImageBuffer(2, 3, '32FC1')
depth.pixels[:] = 4.0
maker = TOPICS['depth/inverse'][1]()
assert isinstance(maker, InverseMaker)
message = maker.make(SimpleNamespace(depth=depth))
assert message.encoding == '32FC1'
import numpy as np
assert (np.frombuffer(message.data, np.float32) == 0.25).all()
"""


@pytest.fixture(scope='module')
def changed(tmp_path_factory) -> Path:
    """Return a copy of the package with every diff of the document applied."""
    folder = tmp_path_factory.mktemp('contributed')
    shutil.copytree(ROOT / 'lstm_depth', folder / 'lstm_depth',
                    ignore=shutil.ignore_patterns('__pycache__'))
    for diff in DIFFS:
        done = subprocess.run(['git', 'apply', '-'], cwd=folder, input=diff, text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, f'{done.stderr} in\n{diff}'
    return folder


def run(folder: Path, code: str) -> None:
    """Run *code* with the package of *folder*."""
    done = subprocess.run([sys.executable, '-c', code, str(folder)], cwd=folder, text=True,
                          env={**os.environ, 'PYTHONPATH': str(folder)}, capture_output=True,
                          check=False)
    assert done.returncode == 0, done.stderr


def test_a_model_a_loss_a_reader_and_an_engine_are_added_as_shown(changed):
    assert len(DIFFS) == 5
    run(changed, USED)


def test_a_topic_is_added_as_shown(changed):
    pytest.importorskip('rclpy', reason='needs ROS 2 (rclpy and the message packages)')
    run(changed, USED_BY_ROS)
