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
"""Short runs of the commands that write: what they are given and where their output goes."""

from __future__ import annotations

from pathlib import Path

from _nyu_files import write_scene
from _recordings import camera_frames, write_bag
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.models import create_model

# OUT is the folder to write in; the other capitals are what `given` returns.
COMMANDS = {
    'sample': ['sample', 'OUT/room', '--frames', '3', '--seed', '3', '--json', 'OUT/a.json'],
    'replay': ['replay', 'BAG', '--output', 'OUT/replay', '--json', 'OUT/replay.json'],
    'evaluate': ['evaluate', 'BAG', '--json', 'OUT/scores.json', '--csv', 'OUT/scores.csv',
                 '--report', 'OUT/report'],
    'compare': ['compare', 'BAG', '--checkpoints', 'CHECKPOINT@torch', '--output', 'OUT/compared',
                '--json', 'OUT/compared.json'],
    'dataset': ['dataset', 'inspect', 'BAG', '--png', 'OUT/set.png', '--json', 'OUT/set.json'],
    'models': ['models', 'residual_lstm', '--json', 'OUT/models.json'],
    'average': ['average', 'CHECKPOINT', 'CHECKPOINT', '--output', 'OUT/mean.safetensors'],
    'export': ['export', 'CHECKPOINT', '--output', 'OUT/model.onnx'],
    'build-nyu': ['build-nyu', 'RAW', 'OUT/nyu', '--width', '160', '--workers', '1', '--json',
                  'OUT/nyu.json'],
}


def given(folder: Path) -> dict[str, str]:
    """Return what the commands are given, made in *folder*."""
    checkpoint = folder / 'tiny.safetensors'
    save_checkpoint(checkpoint, create_model(
        'residual_lstm', input_height=32, input_width=40, hourglass_depth=1))
    return {'BAG': str(write_bag(folder / 'bag', camera_frames(3))),
            'CHECKPOINT': str(checkpoint),
            'RAW': str(write_scene(folder / 'raw' / 'office_0001', 3).parent)}


def filled(name: str, out: Path, given: dict[str, str]) -> list[str]:
    """Return the arguments of the command called *name*, which writes into *out*."""
    words = COMMANDS[name]
    for key, value in given.items():
        words = [word.replace(key, value) for word in words]
    return [word.replace('OUT', str(out)) for word in words]
