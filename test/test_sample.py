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
"""The sample command: what is rendered is what the bag holds."""

from __future__ import annotations

import json

from lstm_depth.cli import main
from lstm_depth.errors import ConfigError
from lstm_depth.media.bag import BagReader
from lstm_depth.render import RoomConfig, sample_frames
from lstm_depth.render.sample import (
    DEPTH_TOPIC,
    IMAGE_TOPIC,
    INFO_TOPICS,
    POSE_TOPIC,
    write_sample,
)
import numpy as np
import pytest

FRAMES = 3
ARGUMENTS = ['--frames', str(FRAMES), '--seed', '6', '--width', '64', '--height', '48',
             '--rate', '15']


@pytest.fixture(scope='module')
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp('sample')
    path = folder / 'a bag'
    assert main(['sample', str(path), *ARGUMENTS, '--json', str(folder / 'report.json')]) == 0
    return path


@pytest.fixture(scope='module')
def frames():
    return list(sample_frames(FRAMES, 6, 64, 48, 15.0))


def test_bag_holds_every_frame_exactly(sample, frames):
    with BagReader(sample) as bag:
        read = list(bag.frames())
    assert len(read) == FRAMES
    for got, expected in zip(read, frames):
        assert got.stamp_ns == expected.stamp_ns
        assert got.frame_id == expected.frame_id
        np.testing.assert_array_equal(got.rgb, expected.rgb)
        np.testing.assert_array_equal(got.depth, expected.depth)
        assert got.camera == expected.camera


def test_bag_has_one_message_a_frame_on_every_topic(sample):
    with BagReader(sample) as bag:
        for topic in (IMAGE_TOPIC, DEPTH_TOPIC, *INFO_TOPICS, POSE_TOPIC, '/tf'):
            assert bag.frame_count(topic) == FRAMES


def test_pose_and_transform_place_the_camera_in_the_map(sample, frames):
    with BagReader(sample) as bag:
        poses = [message for _, _, message in bag.messages(POSE_TOPIC)]
        transforms = [message.transforms[0] for _, _, message in bag.messages('/tf')]
    for pose, transform, frame in zip(poses, transforms, frames):
        assert pose.header.frame_id == transform.header.frame_id == 'map'
        assert transform.child_frame_id == frame.frame_id
        for place, turn in ((pose.pose.position, pose.pose.orientation),
                            (transform.transform.translation, transform.transform.rotation)):
            assert (place.x, place.y, place.z) == pytest.approx(tuple(frame.pose[:3, 3]))
            # The third column of a quaternion's matrix is where the camera looks.
            forward = (2 * (turn.x * turn.z + turn.w * turn.y),
                       2 * (turn.y * turn.z - turn.w * turn.x),
                       1 - 2 * (turn.x ** 2 + turn.y ** 2))
            assert forward == pytest.approx(tuple(frame.pose[:3, 2]), abs=1e-9)


def test_same_arguments_write_the_same_bytes(sample, tmp_path):
    again = tmp_path / sample.name
    assert main(['sample', str(again), *ARGUMENTS]) == 0
    for file in sorted(sample.iterdir()):
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_report_and_last_line_say_what_was_written(sample, tmp_path, capsys):
    report = json.loads((sample.parent / 'report.json').read_text())
    assert (report['frames'], report['width'], report['height']) == (FRAMES, 64, 48)
    assert main(['sample', str(tmp_path / 'b c'), *ARGUMENTS, '--frames', '1']) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert 'wrote 1 frames of 64x48' in last
    assert f"lstm_depth replay '{tmp_path / 'b c'}'" in last


def test_existing_bag_is_kept_unless_told_otherwise(sample, capsys):
    before = {file.name: file.read_bytes() for file in sample.iterdir()}
    assert main(['sample', str(sample), *ARGUMENTS, '--seed', '7']) == 2
    assert 'exists' in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in sample.iterdir()} == before


def test_millimetres_are_the_rounded_metres(tmp_path, frames):
    write_sample(tmp_path / 'mm', 1, 6, width=64, height=48, rate_hz=15.0,
                 depth_encoding='16UC1')
    with BagReader(tmp_path / 'mm') as bag:
        frame, = bag.frames()
    assert np.abs(frame.depth - frames[0].depth).max() <= 0.00051


def test_older_bag_is_replaced_when_overwriting(tmp_path):
    for count in (2, 1):
        write_sample(tmp_path / 'bag', count, 0, width=32, height=24,
                     room_config=RoomConfig(shadow_size=0))
    with BagReader(tmp_path / 'bag') as bag:
        assert bag.frame_count(IMAGE_TOPIC) == 1


def test_sample_without_frames_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(ConfigError, match='at least one frame'):
        write_sample(tmp_path / 'bag', 0, 0)
    assert not list(tmp_path.iterdir())
