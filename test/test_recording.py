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
"""Scoring what a live node predicted, from the bag that was recorded beside it."""

from __future__ import annotations

import math

from _recordings import camera_frames
from lstm_depth.evaluation.recording import scored_recording
from lstm_depth.media.bag import BagWriter
import numpy as np
import pytest


def record(path, predicted, scale=1.0, count=6):
    """Write *count* images and the depth of those *predicted*, *scale* times the truth."""
    with BagWriter(path) as bag:
        for index, frame in enumerate(camera_frames(count)):
            header = (frame.stamp_ns, frame.frame_id)
            bag.write_image('/image', frame.rgb, 'rgb8', *header)
            if index in predicted:
                bag.write_image('/depth', frame.depth * np.float32(scale), '32FC1', *header)
    return path


def test_only_predicted_images_are_scored_each_against_the_truth_of_its_stamp(tmp_path):
    bag = record(tmp_path / 'bag', {0, 2, 5}, scale=1.5)
    frames = list(camera_frames(6))
    items = list(scored_recording(bag, '/image', '/depth', truth=frames,
                                  latencies={frames[2].stamp_ns: 0.25}))
    assert [item.frame.stamp_ns for item in items] == [frames[i].stamp_ns for i in (0, 2, 5)]
    for item, index in zip(items, (0, 2, 5)):
        assert (item.frame.rgb == frames[index].rgb).all()
        assert item.metrics['abs_rel'] == pytest.approx(0.5, abs=1e-6)
    assert math.isnan(items[0].latency_s)
    assert items[1].latency_s == 0.25


def test_a_stamp_that_was_not_played_has_no_truth(tmp_path):
    bag = record(tmp_path / 'bag', {0, 1})
    later = list(camera_frames(6))[3:]
    items = list(scored_recording(bag, '/image', '/depth', truth=later))
    assert [item.metrics for item in items] == [None, None]


def test_without_truth_the_predictions_are_still_there(tmp_path):
    items = list(scored_recording(record(tmp_path / 'bag', {1}), '/image', '/depth'))
    assert len(items) == 1
    assert items[0].metrics is None
    assert np.nanmax(items[0].depth) == pytest.approx(5.0)


def test_truth_outside_the_range_does_not_count(tmp_path):
    bag = record(tmp_path / 'bag', {0})
    item, = scored_recording(bag, '/image', '/depth', truth=camera_frames(6),
                             min_depth=3.0, max_depth=4.0)
    assert item.metrics['valid'] == pytest.approx(0.25, abs=0.02)
