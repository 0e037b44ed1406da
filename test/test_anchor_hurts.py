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
"""Anchors must never hurt: whatever lies, anchored depth is as good as the network's own."""

import _anchor_hurts
from _anchor_hurts import HURTS
from _anchoring import errors, fake_network, walk
from lstm_depth.anchor import AnchorStage
import numpy as np
import pytest

# What the network's scale is off by, so that anchors have little to win.
SCALE = 1.15
RECOVERED_S = 2.0


def run(source, hurt):
    """Return the errors of every frame alone and anchored, the frames and when all is well."""
    frames, well = HURTS[hurt]()
    stage = AnchorStage(source)
    alone = [fake_network(frame, index, SCALE) for index, frame in enumerate(frames)]
    anchored = [stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s, frame.pose).depth
                for depth, frame in zip(alone, frames)]
    return errors(alone, frames), errors(anchored, frames), frames, well


@pytest.mark.parametrize('hurt', HURTS)
def test_odometry_never_hurts(hurt):
    """At most 2 % above the network alone, and better again two seconds after."""
    alone, anchored, frames, well = run('odometry', hurt)

    assert anchored.mean() <= 1.02 * alone.mean()
    if well is not None:
        since = np.array([frame.stamp_s - frames[well].stamp_s for frame in frames])
        after = since >= min(RECOVERED_S, since[-1] - 0.3)
        assert anchored[after].mean() <= 1.02 * alone[after].mean()


@pytest.mark.parametrize('hurt', ['moving_people', 'pure_rotation', 'rolling_shutter',
                                  'repeated_texture', 'reflections', 'standing_still'])
def test_visual_never_hurts(hurt):
    """Motion from the images alone meets the same images."""
    alone, anchored, *_ = run('visual', hurt)

    assert anchored.mean() <= 1.02 * alone.mean()


@pytest.mark.parametrize(('hurt', 'room'), [('moving_people', 31), ('repeated_texture', 77)])
def test_odometry_hurts_in_no_other_room(hurt, room, monkeypatch):
    """Bodies that fill much of the view, tiles that corners slip along."""
    monkeypatch.setattr(_anchor_hurts, 'walk', lambda: walk(room))
    alone, anchored, *_ = run('odometry', hurt)

    assert anchored.mean() <= 1.02 * alone.mean()


def test_without_anything_wrong_anchors_help():
    """Else nothing above would mean much."""
    alone, anchored, *_ = run('odometry', 'nothing_wrong')

    assert anchored.mean() < 0.7 * alone.mean()
