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
"""Tests of what is said of anchors: time offset, mount of the camera, depth against tracks."""

from functools import lru_cache
import json

from _anchoring import LASER_TO_CAMERA, walk, write_walk
from _recordings import tiny_checkpoint
from lstm_depth.anchor.alignment import MotionPairs
from lstm_depth.anchor.motion import motion
from lstm_depth.cli import main
from lstm_depth.evaluation.anchor_doctor import motion_checks
from lstm_depth.msgs.transforms import Transforms
import numpy as np
import pytest


@lru_cache(maxsize=1)
def seen() -> MotionPairs:
    """Return what a walk through a rendered room shows of its motion."""
    pairs = MotionPairs()
    for frame in walk():
        pairs.add(frame.rgb, frame.camera, frame.stamp_ns)
    return pairs


def told(late_s: float = 0.0, mount: np.ndarray | None = None, moving: bool = True):
    """Return where to look poses up that are stamped too late, of a camera turned by *mount*."""
    transforms = Transforms()
    for frame in walk():
        pose = frame.pose if moving else walk()[0].pose
        transforms.put('camera', 'odom', frame.stamp_ns + round(late_s * 1e9),
                       pose if mount is None else pose @ mount)
    return lambda stamp_ns: transforms.between('camera', 'odom', stamp_ns)


def checks(*arguments, **named) -> dict:
    """Return the findings about such poses, by name."""
    return {check.name: check for check in motion_checks(seen(), told(*arguments, **named))}


@pytest.mark.parametrize('late_s', [0.0, 0.03, -0.055])
def test_the_time_offset_of_a_rendered_walk_is_found_within_ten_milliseconds(late_s):
    """And what to set is said, where something has to be."""
    check = checks(late_s)['time offset']

    assert check.facts['offset_s'] == pytest.approx(late_s, abs=0.01)
    assert check.facts['told']
    assert check.ok is (late_s == 0)
    assert ('odom_time_offset_s' in check.advice) is (late_s != 0)


def test_an_offset_that_is_set_already_is_counted_in():
    """What is said is what to set, not what to add."""
    check = next(motion_checks(seen(), told(0.03), set_s=0.02))

    assert check.facts['offset_s'] == pytest.approx(0.05, abs=0.01)


def test_poses_that_tell_no_motion_tell_no_offset():
    """A robot that stands, or poses that do not move."""
    check = checks(moving=False)['time offset']

    assert check.ok is None and not check.facts['told'] and check.facts['offset_s'] == 0


@pytest.mark.parametrize('mount, words', [
    (None, 'no turn of the camera'), (motion(np.array([0.09, 0, 0.05, 0, 0, 0])), 'is turned by'),
    (LASER_TO_CAMERA, 'x ahead')])
def test_a_camera_that_is_mounted_otherwise_is_found(mount, words):
    """By five degrees, or by axes that are those of a body."""
    check = checks(mount=mount)['extrinsics']

    assert words in check.text
    assert check.ok is (mount is None)


def test_a_recording_is_checked_and_a_late_one_says_what_to_set(tmp_path, capsys, monkeypatch):
    """Ten of forty milliseconds are set already."""
    bag = write_walk(tmp_path / 'bag', walk()[:30], late_s=0.04)
    checkpoint = tiny_checkpoint(tmp_path / 'tiny.safetensors')
    monkeypatch.setattr('lstm_depth.stream.load_model', lambda: _tiny(checkpoint))
    assert main(['doctor', str(bag), '--odom-time-offset', '0.01', '--json',
                 str(tmp_path / 'j')]) == 1
    found = {check['name']: check for check in json.loads((tmp_path / 'j').read_text())['checks']}

    assert found['time offset']['facts']['offset_s'] == pytest.approx(0.04, abs=0.01)
    assert found['extrinsics']['ok'] and found['poses']['ok']
    assert 'set odom_time_offset_s to 0.0' in capsys.readouterr().out


def _tiny(checkpoint):
    """Return the engine of a small network."""
    from lstm_depth import load_model
    return load_model(str(checkpoint), backend='torch')
