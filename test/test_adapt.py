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
"""A network is adapted to a recording: it learns, survives being stopped, or is not kept."""

from __future__ import annotations

import json
import os
from pathlib import Path
import signal

from _anchoring import fake_network, short_walk
import lstm_depth
from lstm_depth.adaptation import adapt as adaptation, labels
from lstm_depth.adaptation.config import AdaptConfig, RecordingConfig
from lstm_depth.adaptation.recording import read_recording
from lstm_depth.checkpoint import save_checkpoint
from lstm_depth.cli import main
from lstm_depth.data.readers import open_dataset
from lstm_depth.data.rooms import room_sequences
from lstm_depth.header import read_header
from lstm_depth.media.bag import BagWriter
from lstm_depth.models import create_model
from lstm_depth.training.step import Stepper
import pytest
from safetensors.torch import load_file
import torch

FAST = ('phases.0.epochs=1', 'phases.0.steps=8', 'phases.0.learning_rate=0.05', 'data.rooms=0',
        'train.precision=32-true', 'train.device=cpu', 'data.read_width=64')
SHORT = (*FAST, 'phases.0.steps=3')
IDLE = (*FAST, 'phases.0.steps=1', 'phases.0.learning_rate=0')


@pytest.fixture(scope='module')
def recorded(tmp_path_factory) -> Path:
    """Return a folder: bags of a walk with poses and with depth, and a network that is wrong."""
    folder = tmp_path_factory.mktemp('recorded')
    for name in ('poses', 'depth', 'bare'):
        with BagWriter(folder / name) as bag:
            for frame in short_walk():
                place = frame.stamp_ns, frame.frame_id
                bag.write_image('/camera/image_raw', frame.rgb, 'rgb8', *place)
                bag.write_camera_info('/camera/camera_info', frame.camera, *place)
                if name == 'depth':
                    bag.write_image('/camera/depth', frame.depth, '32FC1', *place)
                elif name == 'poses':
                    bag.write_transform('/tf', frame.pose, frame.stamp_ns, 'odom', frame.frame_id)
    torch.manual_seed(0)
    network = create_model('residual_lstm', input_height=32, input_width=32, filters=2,
                           hourglasses=1, hourglass_depth=1, hourglass_blocks=1, dropout=0.0,
                           temporal='conv_lstm', focal=(0.8, 1.1))
    with torch.no_grad():
        # Everything is too far.
        network.decoder.head.conv.bias += 2.5
    save_checkpoint(folder / 'tiny.safetensors', network)
    return folder


@pytest.fixture(autouse=True)
def one_small_room(monkeypatch):
    """Judge elsewhere on two small frames, and two mixtures."""
    monkeypatch.setattr(adaptation, 'room_sequences', lambda *_, **__: room_sequences(
        1, frames=2, width=64, height=48))
    monkeypatch.setattr(adaptation, 'SHARES', (0.5, 1.0))


def command(recorded: Path, output: Path, *more: str, bag: str = 'depth',
            settings: tuple[str, ...] = FAST) -> list[str]:
    return ['adapt', str(recorded / bag), '--checkpoint', str(recorded / 'tiny.safetensors'),
            '--output', str(output), *more, '--set', *settings]


def test_it_learns_a_place_and_writes_what_the_node_takes(recorded, tmp_path, capsys):
    assert main(command(recorded, tmp_path / 'out')) == 0
    shown = capsys.readouterr().out
    assert 'held-out part of the recording' in shown and 'elsewhere: rendered rooms' in shown
    found = json.loads((tmp_path / 'out' / 'result.json').read_text())
    before, after = found['tried'][0], found['kept']
    assert after['here']['abs_rel'] < 0.9 * before['here']['abs_rel']
    path = tmp_path / 'out' / 'adapted.safetensors'
    header = read_header(path)
    assert header['training']['labels']['by'] == 'depth'
    assert header['training']['share'] == after['share']
    for name in ('adapted.safetensors', 'adapted.onnx'):
        engine = lstm_depth.load_model(tmp_path / 'out' / name)
        assert engine.input_size == (32, 32) and engine.focal == (0.8, 1.1)
    held, = open_dataset(tmp_path / 'out' / 'labels' / 'held_out').sequences
    train, = open_dataset(tmp_path / 'out' / 'labels' / 'train').sequences
    # The last quarter in time is held out.
    assert (len(train), len(held)) == (18, 6)
    assert train.frame(17).stamp_ns < held.frame(0).stamp_ns


def test_poses_alone_label_what_the_camera_moves_past(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(labels, 'network_depths', lambda *_: (
        fake_network(frame, index) for index, frame in enumerate(short_walk())))
    recording = RecordingConfig(source=str(recorded / 'poses'))
    found = labels.label_recording(read_recording(recording), AdaptConfig(
        recording=recording, output=tmp_path, checkpoint=str(recorded / 'tiny.safetensors')))
    assert found.by == 'odometry' and 'held-out ones are labelled' in found.notes[-1]
    assert (len(found.train), len(found.held_out)) == (18, 6)


def test_what_is_no_better_is_not_kept(recorded, tmp_path, capsys):
    assert main(command(recorded, tmp_path / 'out', settings=IDLE)) == 1
    found = capsys.readouterr()
    assert 'no better on the held-out part' in found.err and 'nothing was written' in found.err
    assert 'not kept' in found.out
    assert not list((tmp_path / 'out').glob('adapted.*'))


def test_interrupted_it_goes_on_to_the_same_weights(recorded, tmp_path, capsys, monkeypatch):
    main(command(recorded, tmp_path / 'whole', settings=SHORT))
    whole_step, count = Stepper.step, 0

    def step(self, batches):
        nonlocal count
        count += 1
        if count == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return whole_step(self, batches)

    monkeypatch.setattr(Stepper, 'step', step)
    assert main(command(recorded, tmp_path / 'cut', settings=SHORT)) == 0
    assert '--resume' in capsys.readouterr().out
    assert not (tmp_path / 'cut' / 'result.json').exists()
    main(command(recorded, tmp_path / 'cut', '--resume', settings=SHORT))
    whole, cut = (load_file(tmp_path / name / 'run' / 'model.safetensors')
                  for name in ('whole', 'cut'))
    assert count == 3 and all(torch.equal(whole[name], cut[name]) for name in whole)
    assert (tmp_path / 'cut' / 'result.json').exists()


def test_a_folder_that_is_used_is_left_alone(recorded, tmp_path, capsys):
    (tmp_path / 'out' / 'labels').mkdir(parents=True)
    (tmp_path / 'out' / 'adapt.json').write_text('{"checkpoint": "another"}')
    assert main(command(recorded, tmp_path / 'out')) == 2
    assert 'go on with --resume' in capsys.readouterr().err
    assert main(command(recorded, tmp_path / 'out', '--resume')) == 2
    assert 'begun with other settings (recording' in capsys.readouterr().err


@pytest.mark.parametrize('more, bag, said', [
    ((), 'bare', 'has no depth, and no poses of a calibrated camera'),
    (('--labels', 'odometry'), 'depth', 'poses of a calibrated camera: take --labels depth'),
    (('--labels', 'depth'), 'poses', 'has no depth topic'),
    (('--part', '0.5', '0.1'), 'depth', 'part is a first and a last share'),
    (('--part', '0', '0.1'), 'depth', 'it takes some seconds of video'),
    (('--teacher', 'nothing.onnx'), 'depth', 'nothing.onnx is no teacher'),
    (('--labels', 'depth', '--teacher', 'x'), 'depth', 'not from both'),
    (('--elsewhere', 'nowhere'), 'depth', 'nowhere does not exist'),
    (('--checkpoint', 'nothing.safetensors'), 'depth', 'no checkpoint nothing.safetensors'),
])
def test_what_cannot_be_adapted_to_is_said(recorded, tmp_path, capsys, more, bag, said):
    assert main(command(recorded, tmp_path / 'out', *more, bag=bag)) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'out' / 'run').exists()
    # Nothing was begun, so that the corrected command needs no other folder.
    assert main(command(recorded, tmp_path / 'out', bag='none')) == 2
    assert 'does not exist' in capsys.readouterr().err


@pytest.mark.parametrize('setting, said', [
    ('phases.0.epoks=1', "did you mean 'phases.0.epochs'"),
    ('train.device=cuda:99', "device 'cuda:99' was asked for")])
def test_what_is_wrong_with_the_recipe_is_said_before_labelling(recorded, tmp_path, capsys,
                                                                setting, said):
    assert main(command(recorded, tmp_path / 'out', settings=(*FAST, setting))) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'out' / 'labels').exists()
