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
"""What is common to all sequences of frames."""

from __future__ import annotations

from lstm_depth.data.sequence import shrunk
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import NYU_CAMERA
import numpy as np
import pytest


def test_a_smaller_frame_keeps_its_proportions_camera_and_readings():
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 9, (24, 32)).astype(np.float32)
    depth[:4] = np.nan
    rgb = np.zeros((24, 32, 3), np.uint8)
    rgb[:, ::2] = 200
    pose = np.eye(4)
    found = shrunk(CameraFrame(rgb, 7, 'eye', camera=NYU_CAMERA.resized(32, 24), depth=depth,
                               pose=pose), 16)
    assert found.rgb.shape == (12, 16, 3) and found.depth.shape == (12, 16)
    assert (found.rgb == 100).all(), 'colour is averaged'
    assert np.isin(found.depth[2:], depth).all() and np.isnan(found.depth[:2]).all()
    assert found.camera.fx == pytest.approx(NYU_CAMERA.fx / 40)
    assert (found.stamp_ns, found.frame_id) == (7, 'eye') and found.pose is pose


@pytest.mark.parametrize('factor', [2, 3, 4, 5])
def test_depth_is_picked_from_the_middle_of_the_pixels_that_colour_is_averaged_over(factor):
    ramp = np.arange(60, dtype=np.float32)[None].repeat(60, axis=0) + 1
    rgb = np.repeat((ramp[..., None] * 4).astype(np.uint8), 3, axis=-1)
    found = shrunk(CameraFrame(rgb, 0, depth=ramp), 60 // factor)
    apart = found.depth - found.rgb[..., 0] / np.float32(4)
    assert np.abs(apart).max() <= 0.5 + 1 / 4, 'in pixels of the source'
