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
"""Tests of lstm_depth.msgs.matching."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.msgs.matching import StampMatcher
import numpy as np


@given(st.data())
def test_matching_gives_every_image_its_nearest_depth(data):
    # Irregular images; depth for some, off by less than half the shorter interval, and
    # recorded earlier or later by the same time.
    delay = data.draw(st.integers(-60, 60))
    gaps = data.draw(st.lists(st.integers(20, 60), min_size=2, max_size=30))
    images = np.cumsum(gaps).tolist()
    events = [(stamp, 'image', stamp) for stamp in images]
    expected = {}
    for stamp in images:
        if data.draw(st.booleans()):
            depth = stamp + data.draw(st.integers(-9, 9))
            events.append((depth + delay, 'depth', depth))
            expected[stamp] = depth
    matcher, pairs = StampMatcher(), []
    for _, kind, stamp in sorted(events):
        getattr(matcher, f'add_{kind}')(stamp, stamp)
        pairs += matcher.matched()
    pairs += matcher.matched(end=True)
    assert [image for image, _ in pairs] == images
    assert {image: depth for image, depth in pairs if depth is not None} == expected


def test_matching_holds_few_images_where_depth_is_missing():
    matcher = StampMatcher()
    waiting = 0
    for stamp in range(0, 10_000, 10):
        matcher.add_image(stamp, stamp)
        waiting += 1 - len(list(matcher.matched()))
        assert waiting <= 8
