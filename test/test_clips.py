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
"""The starter's clips: a drift over a still, depth true to one focal length."""

from __future__ import annotations

from lstm_depth.data.clips import clip_from_frames, clip_from_still, ClipConfig
from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
import numpy as np
import pytest
import torch

CAMERA = Camera(80, 60, 60.0, 60.0, 39.5, 29.5)
FOCAL = (60 / 80, 60 / 60)


def still(distance: float = 2.0, camera: Camera = CAMERA) -> CameraFrame:
    rng = np.random.default_rng(0)
    depth = np.full((60, 80), distance, np.float32)
    depth[0] = np.nan
    return CameraFrame(rng.integers(0, 256, (60, 80, 3)).astype(np.uint8), 0, camera=camera,
                       depth=depth)


def config(**options) -> ClipConfig:
    return ClipConfig(**({'width': 80, 'height': 60, 'focal': FOCAL} | options))


def test_a_clip_has_the_size_and_types_of_all_clips():
    clip = clip_from_still(still(), 5, config(width=40, height=32), np.random.default_rng(0))
    assert clip.frames.shape == (5, 3, 32, 40) and clip.frames.dtype == torch.uint8
    assert clip.depth.shape == (5, 1, 32, 40) and clip.depth.dtype == torch.float32
    assert torch.equal(clip.valid, clip.depth > 0)


def test_the_same_seed_gives_the_same_clip():
    clips = [clip_from_still(still(), 3, config(), np.random.default_rng(7)) for _ in range(2)]
    assert torch.equal(clips[0].frames, clips[1].frames)


def test_a_zoom_is_a_step_forward():
    clip = clip_from_still(still(), 8, config(max_zoom=2, motion=1, colour=0),
                           np.random.default_rng(3))
    depths = clip.depth[clip.valid]
    assert 1 - 1e-5 <= depths.min() < depths.max() <= 2 + 1e-5
    # All of a frame is one wall, so one distance.
    for frame, valid in zip(clip.depth, clip.valid):
        assert frame[valid].std() < 1e-5


def test_nothing_moves_without_motion_zoom_roll_and_shift():
    clip = clip_from_still(still(), 3, config(max_zoom=1, max_rotation_deg=0, shift=0, colour=0),
                           np.random.default_rng(1))
    original = torch.from_numpy(still().rgb).permute(2, 0, 1)
    assert any(torch.equal(clip.frames[0], image) for image in (original, original.flip(-1)))
    assert torch.equal(clip.frames[0], clip.frames[2])


def test_depth_is_scaled_to_the_one_focal_length():
    longer = Camera(80, 60, 120.0, 120.0, 39.5, 29.5)
    clip = clip_from_still(still(camera=longer), 1, config(max_zoom=1, shift=0, motion=0),
                           np.random.default_rng(0))
    torch.testing.assert_close(clip.depth[clip.valid].unique(), torch.tensor([1.0]))


def test_frames_keep_their_order_and_flip_together():
    frames = [CameraFrame(np.full((60, 80, 3), 20 * number, np.uint8), 0, camera=CAMERA,
                          depth=np.full((60, 80), 1.0 + number, np.float32))
              for number in range(4)]
    clip = clip_from_frames(frames, config(colour=0), np.random.default_rng(0))
    assert clip.frames[:, 0, 30, 40].tolist() == [0, 20, 40, 60]
    assert clip.depth[:, 0, 30, 40].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize('values', [{'width': 0}, {'max_zoom': 0.5}])
def test_impossible_clips_are_refused(values):
    with pytest.raises(ConfigError):
        config(**values)
