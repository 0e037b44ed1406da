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
"""Scoring while messages come: pairs by stamp, the numbers of the replay, nothing unbounded."""

from __future__ import annotations

from types import SimpleNamespace

from _messages import image_message, info_message
from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.evaluation.live import LiveEvaluation, LivePairs
from lstm_depth.scoring.protocol import whole_image
import numpy as np
import pytest

MS = 10**6


def events(pairs, sequence):
    """Feed ('d' or 't', stamp) events; return the pairs of stamps in their order."""
    found = []
    for kind, stamp in sequence:
        add = pairs.add_depth if kind == 'd' else pairs.add_truth
        found += add(stamp, stamp)
    return found


@settings(deadline=None)
@given(st.data())
def test_every_depth_gets_the_truth_of_its_stamp_in_whatever_order_they_come(data):
    stamps = np.cumsum(data.draw(st.lists(st.integers(5, 60), min_size=1, max_size=20))) * MS
    lag = data.draw(st.integers(-5, 5))
    sequence = sorted([(index + lag, 'd', int(stamp)) for index, stamp in enumerate(stamps)]
                      + [(index, 't', int(stamp)) for index, stamp in enumerate(stamps)])
    pairs = LivePairs(4 * MS, 12)
    found = events(pairs, [event[1:] for event in sequence])
    assert found + list(pairs.flush()) == [(stamp, stamp) for stamp in stamps.tolist()]
    assert pairs.unmatched == 0


@pytest.mark.parametrize(('sequence', 'expected', 'unmatched'), [
    # The nearest within the tolerance, once a later one shows that none nearer comes.
    ([('t', 0), ('d', 20), ('t', 33)], [(20, 33)], 0),
    ([('t', 0), ('t', 33), ('d', 10)], [(10, 0)], 0),
    ([('t', 0), ('t', 40), ('d', 20)], [], 1),
    # No decision before.
    ([('t', 0), ('d', 10)], [], 0),
    # One truth may be the nearest of two.
    ([('d', 0), ('d', 10), ('t', 5), ('t', 30)], [(0, 5), (10, 5)], 0),
])
def test_other_stamps_are_matched_within_the_tolerance(sequence, expected, unmatched):
    pairs = LivePairs(15 * MS, 10)
    found = events(pairs, [(kind, stamp * MS) for kind, stamp in sequence])
    assert found == [(depth * MS, truth * MS) for depth, truth in expected]
    assert pairs.unmatched == unmatched


def test_a_recording_that_starts_over_is_matched_again():
    pairs = LivePairs(15 * MS, 10)
    one_pass = [event for stamp in range(0, 5000 * MS, 100 * MS)
                for event in (('t', stamp), ('d', stamp))]
    assert len(events(pairs, one_pass * 2)) == 100
    # Also where depth is late and its truth is not there yet.
    late = [('d', stamp) for stamp in (4000 * MS, 0)] + [('t', 4000 * MS), ('t', 0)]
    assert events(LivePairs(15 * MS, 10), late) == [(4000 * MS, 4000 * MS), (0, 0)]


def test_what_waits_is_bounded_and_what_falls_out_is_counted():
    pairs = LivePairs(0, 5)
    assert events(pairs, [('d', stamp) for stamp in range(0, 100)]) == []
    assert pairs.unmatched == 95
    assert events(pairs, [('t', stamp + 10**10) for stamp in range(100)]) == []
    assert len(pairs._truths) == 5
    assert list(pairs.flush()) == [] and pairs.unmatched == 100


def depth_message(pixels, stamp_ms, frame_id='cam', encoding='32FC1'):
    """Return an Image with a header."""
    msg = image_message(pixels, encoding)
    sec, nanosec = divmod(stamp_ms * MS, 10**9)
    msg.header = SimpleNamespace(stamp=SimpleNamespace(sec=sec, nanosec=nanosec),
                                 frame_id=frame_id)
    return msg


def plane(height=24, width=32, low=1.0):
    return np.linspace(low, 6, height * width, dtype=np.float32).reshape(height, width)


def live(**changes):
    return LiveEvaluation(**{'min_depth': 0.3, 'max_depth': 8.0, 'tolerance_s': 0.01,
                             'queue_size': 10, **changes})


def calibration(size, focal, centre):
    """Return a camera_info of (width, height)."""
    k = [focal, 0, centre[0], 0, focal, centre[1], 0, 0, 1]
    return info_message(*size, k, [*k[:3], 0, *k[3:6], 0, *k[6:], 0])


def test_the_running_mean_is_that_of_the_frames_so_far():
    evaluation, truth = live(), plane()
    truth[0] = np.nan
    expected = []
    for index, factor in enumerate((1.0, 1.3, 0.7)):
        assert not evaluation.add_truth(depth_message(truth, 100 * index))
        assert evaluation.add_depth(depth_message(truth * np.float32(factor), 100 * index))
        score = whole_image(0.3, 8.0).score(truth * np.float32(factor), truth)
        expected.append(score['abs_rel'])
        assert evaluation.mean.mean()['abs_rel'] == pytest.approx(np.mean(expected), abs=1e-12)
    assert (evaluation.first_ns, evaluation.last_ns) == (0, 200 * MS)
    evaluation.restart()
    assert evaluation.mean.images == 0 and evaluation.first_ns is None


def test_millimetres_and_metres_are_both_understood():
    evaluation, truth = live(max_depth=20.0), plane()
    evaluation.add_depth(depth_message(np.rint(truth * 2000).astype(np.uint16), 0,
                                       encoding='16UC1'))
    assert evaluation.add_truth(depth_message(truth, 0))
    assert evaluation.mean.mean()['abs_rel'] == pytest.approx(1.0, abs=1e-3)


def test_smaller_depth_is_resized_to_the_ground_truth():
    evaluation, truth = live(), np.full((48, 64), 2.0, np.float32)
    truth[10:20, 10:20] = 4.0
    evaluation.depth.info = calibration((32, 24), 30, (16, 12))
    evaluation.truth.info = calibration((64, 48), 60, (32, 24))
    evaluation.add_truth(depth_message(truth, 0))
    assert evaluation.add_depth(depth_message(np.full((24, 32), 2.0, np.float32), 0))
    assert evaluation.mean.mean()['abs_rel'] == pytest.approx(0.5 * 100 / (48 * 64))


def test_ground_truth_of_another_camera_is_registered():
    evaluation = live()
    evaluation.depth.info = calibration((32, 24), 30, (15.5, 11.5))
    evaluation.truth.info = calibration((64, 48), 40, (31.5, 23.5))
    evaluation.add_truth(depth_message(np.full((48, 64), 2.0, np.float32), 0, 'other'))
    assert evaluation.add_depth(depth_message(np.full((24, 32), 3.0, np.float32), 0))
    assert evaluation.mean.mean()['abs_rel'] == pytest.approx(0.5)
    note, = evaluation.notes
    assert 'from other to cam' in note
    turn = SimpleNamespace(x=0, y=0, z=0, w=1)
    evaluation.transforms.add(SimpleNamespace(transforms=[SimpleNamespace(
        header=SimpleNamespace(frame_id='cam'), child_frame_id='other',
        transform=SimpleNamespace(rotation=turn,
                                  translation=SimpleNamespace(x=0, y=0, z=1.0)))]))
    evaluation.restart()
    evaluation.add_truth(depth_message(np.full((48, 64), 2.0, np.float32), 10, 'other'))
    assert evaluation.add_depth(depth_message(np.full((24, 32), 3.0, np.float32), 10))
    # A metre farther away from the camera of the depth.
    assert evaluation.mean.mean()['abs_rel'] == pytest.approx(0.0)
    assert evaluation.notes == []


@pytest.mark.parametrize(('change', 'cause', 'words'), [
    ({'data': b'short'}, 'short_data', 'depth: the image has 5 bytes'),
    ({'encoding': 'rgb8'}, 'bad_encoding', "depth: 'rgb8' is not a depth encoding"),
    ({'height': 0}, 'zero_size', 'depth: the image is empty'),
    ({'height': 12}, 'does_not_fit', 'ground truth is 32x24 and the depth 32x12'),
])
def test_a_bad_message_is_counted_and_the_next_is_scored(change, cause, words):
    evaluation, truth = live(), plane()
    evaluation.add_truth(depth_message(truth, 0))
    bad = depth_message(truth, 0)
    for name, value in change.items():
        setattr(bad, name, value)
    assert not evaluation.add_depth(bad)
    assert evaluation.problems == {cause: 1} and words in evaluation.problem
    evaluation.add_truth(depth_message(truth, 50))
    assert evaluation.add_depth(depth_message(truth, 50))
    assert evaluation.problem == ''


def test_ground_truth_without_a_pixel_in_range_is_counted_apart():
    evaluation, truth = live(min_depth=7.0), plane()
    evaluation.add_truth(depth_message(truth, 0))
    assert not evaluation.add_depth(depth_message(truth, 0))
    assert (evaluation.mean.images, evaluation.mean.empty) == (0, 1)
    assert evaluation.problems == {}
