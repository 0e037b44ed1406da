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
"""Tests of anchored depth in the stream, and in the commands that score it."""

import json

from _anchoring import abs_rel, fake_network, walk
from _recordings import tiny_checkpoint
from lstm_depth.cli import main
from lstm_depth.errors import ConfigError
from lstm_depth.evaluation.anchoring import Anchoring
from lstm_depth.evaluation.compare import parse_contenders
from lstm_depth.evaluation.evaluate import EvaluateConfig
from lstm_depth.media.bag import BagWriter
from lstm_depth.runtime.engine import Engine, NetworkInfo
from lstm_depth.stream import DepthStream
import numpy as np
import pytest


class Scripted(Engine):
    """An engine that answers the frames of a walk as the fake network does."""

    backend, device = 'scripted', 'cpu'

    def __init__(self, frames):
        """Keep the answers."""
        super().__init__(NetworkInfo('scripted', frames[0].depth.shape, (0.1, 10.0), None, False,
                                     0))
        self._answers = [fake_network(frame, index) for index, frame in enumerate(frames)]
        self._next = 0

    def step(self, image, state):
        """Return the next answer."""
        self._next += 1
        return self._answers[self._next - 1], ()

    def is_finite(self, state):
        """Return that there is nothing."""
        return True

    def to(self, device):
        """Return this."""
        return self


def test_a_stream_with_poses_gives_anchored_depth_and_says_how_far_to_trust_it():
    """Scale, its deviation, the points and the confidence come with the frame."""
    frames = walk()
    stream = DepthStream(Scripted(frames), anchor='odometry')
    for frame in frames:
        answer = stream.push(frame.rgb, frame.stamp_s, camera=frame.camera, pose=frame.pose)

    alone = fake_network(frames[-1], len(frames) - 1)
    assert abs_rel(answer.depth, frame.depth) < 0.6 * abs_rel(alone, frame.depth)
    assert 0.6 < answer.scale < 0.95
    assert 0 < answer.scale_sigma < 0.2
    assert answer.anchors.shape[1] == 3 and len(answer.anchors) > 30
    assert answer.confidence.shape == frame.depth.shape
    assert 0 <= answer.confidence.min() < answer.confidence.max() <= 1


def test_a_stream_without_anchor_is_as_before():
    """A pose is not looked at, the scale is 1 and nothing is claimed."""
    frame = walk()[0]
    stream = DepthStream(Scripted([frame]), sharpen=False)
    answer = stream.push(frame.rgb, 0.0, camera=frame.camera, pose=frame.pose)

    np.testing.assert_array_equal(answer.depth, fake_network(frame, 0))
    assert answer.scale == 1 and np.isnan(answer.scale_sigma)
    assert answer.confidence.shape == frame.depth.shape
    assert 0 < answer.confidence.max() < 0.6
    assert len(answer.anchors) == 0


def test_a_reset_forgets_the_landmarks():
    """After a jump back in time, nothing of what was seen is used."""
    frames = walk()
    stream = DepthStream(Scripted(frames + frames[:1]), anchor='odometry')
    for frame in frames:
        stream.push(frame.rgb, frame.stamp_s, camera=frame.camera, pose=frame.pose)
    again = stream.push(frames[0].rgb, frames[0].stamp_s, camera=frames[0].camera,
                        pose=frames[0].pose)

    assert again.scale == 1 and len(again.anchors) == 0


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    """Return a bag of a walk with its transforms."""
    path = tmp_path_factory.mktemp('walk') / 'bag'
    with BagWriter(path) as bag:
        for frame in walk():
            header = (frame.stamp_ns, frame.frame_id)
            bag.write_image('/camera/image', frame.rgb, 'rgb8', *header)
            bag.write_camera_info('/camera/camera_info', frame.camera, *header)
            bag.write_image('/camera/depth', frame.depth, '32FC1', *header)
            bag.write_transform('/tf', frame.pose, frame.stamp_ns, 'odom', frame.frame_id)
    return path


def test_replay_says_what_anchored_depth(recording, tmp_path, capsys):
    """A network that answers 2.5 m everywhere comes nearer with poses."""
    checkpoint = str(tiny_checkpoint(tmp_path / 'tiny.safetensors'))
    main(['replay', str(recording), '--checkpoint', checkpoint, '--anchor', 'odometry',
          '--json', str(tmp_path / 'numbers.json')])

    text = capsys.readouterr().out
    assert 'odometry, poses of' in text and '/tf' in text
    assert 'odometry' in (tmp_path / 'numbers.json').read_text()


def test_compare_puts_anchored_depth_beside_depth_alone(recording, tmp_path, capsys):
    """One line each, and the difference with its verdict."""
    checkpoint = str(tiny_checkpoint(tmp_path / 'tiny.safetensors'))
    main(['compare', str(recording), '--checkpoints', checkpoint, '--anchor', 'none', 'odometry',
          '--protocol', 'raw', '--json', str(tmp_path / 'numbers.json')])

    text = capsys.readouterr().out
    assert 'tiny alone' in text and 'tiny odometry' in text
    entries = json.loads((tmp_path / 'numbers.json').read_text())['entries']
    alone, anchored = (entry['contender']['anchoring'] for entry in entries)
    assert alone == '' and anchored.startswith('odometry, poses of')


def test_evaluate_says_how_often_depth_is_as_right_as_it_says(recording, tmp_path, capsys):
    """By classes of confidence."""
    checkpoint = str(tiny_checkpoint(tmp_path / 'tiny.safetensors'))
    main(['evaluate', str(recording), '--checkpoint', checkpoint, '--anchor', 'odometry',
          '--protocol', 'raw', '--confidence', '--no-temporal', '--limit', '20',
          '--json', str(tmp_path / 'numbers.json')])

    assert 'odometry' in (tmp_path / 'numbers.json').read_text()
    assert 'the share that is right to 25 %: ' in capsys.readouterr().out


def test_contenders_are_named_by_their_anchor():
    """Where nothing is anchored, nothing is added."""
    found = parse_contenders(['shipped'], ['stateful'], [Anchoring(), Anchoring('odometry')])

    assert [item.label for item in found] == ['shipped alone', 'shipped odometry']
    assert [item.label for item in parse_contenders(['shipped'], ['stateful'])] == ['shipped']


@pytest.mark.parametrize('settings', [{'flip_average': True}, {'mode': 'single'}])
def test_an_anchor_needs_a_video(settings):
    """Mirrored images and single frames have no tracks."""
    with pytest.raises(ConfigError, match='anchor'):
        EvaluateConfig(anchoring=Anchoring('odometry'), **settings)
