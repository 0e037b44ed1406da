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
"""Tests of what confidence says, and of how it is checked."""

from lstm_depth.anchor.confidence import confidence_of
from lstm_depth.scoring.reliability import Reliability
import numpy as np
import pytest

FLAT = np.full((48, 64), 2.0, np.float32)


def test_without_an_anchor_the_scale_is_doubted():
    """The network alone is right to 25 % in about half of new places."""
    assert 0.35 < confidence_of(FLAT).mean() < 0.6


def test_evidence_makes_sure_and_corrections_do_not():
    """What had to be changed much is less sure than what the points agreed with."""
    evidence, correction = np.ones((6, 8)), np.zeros((6, 8))
    correction[:, 4:] = 0.3
    found = confidence_of(FLAT, 0.1, evidence, correction)

    assert found[:, :20].min() > 0.85 > 0.7 > found[:, 44:].max()


def test_depth_that_agrees_with_itself_only_may_have_any_scale():
    """Without odometry the local evidence says nothing of metres."""
    evidence = np.ones((6, 8))

    assert confidence_of(FLAT, 0.35, evidence, metric=False).max() < 0.6


def test_edges_and_what_is_far_off_are_doubted_and_nothing_is_said_of_nan():
    """Each against a flat wall near by."""
    depth = np.array(FLAT)
    depth[:, 32:] = 4.0
    depth[0, 0] = np.nan
    found = confidence_of(depth, 0.05)

    assert found[0, 0] == 0
    assert found[10, 32] < 0.5 < found[10, 5]
    assert confidence_of(FLAT * 4, 0.05).mean() < found[10, 5]


def test_reliability_is_the_share_that_is_right_where_so_much_was_said():
    """A tenth of the pixels said to be 90 % are wrong, all those said to be 20 %."""
    truth, said = np.full((10, 20), 2.0), np.full((10, 20), 0.9, np.float32)
    depth = np.array(truth)
    depth[0, :10] = 3.0
    said[:, 10:], depth[:, 10:] = 0.2, 1.0
    truth[5:, 10:] = np.nan
    reliability = Reliability()
    reliability.add(said, depth, truth)

    assert reliability.rows() == [pytest.approx((0.0, 0.25, 0.0, 1 / 3)),
                                  pytest.approx((0.85, 0.95, 0.9, 2 / 3))]
    assert '0.85 to 0.95: 0.90 (67% of the pixels)' in reliability.sentence()
    assert Reliability().sentence() == ''
