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
"""One raw frame, read, undistorted and projected."""

from __future__ import annotations

from lstm_depth.data.nyu.kinect import RGB_LENS
from lstm_depth.data.nyu.pnm import decode_pgm, decode_ppm, FrameError
from lstm_depth.data.nyu.projection import project_depth, undistorter
from lstm_depth.data.nyu.raw_scene import RawScene
from lstm_depth.data.nyu.sync import SyncedFrame
from lstm_depth.frames import CameraFrame
import numpy as np


def project_raw(scene: RawScene, frame: SyncedFrame) -> tuple[np.ndarray, np.ndarray]:
    """
    Return the undistorted image and the depth seen in it.

    The image is (480, 640, 3) uint8, depth (480, 640) float64 metres, 0 where there is
    none. FrameError where one of the files is damaged.
    """
    raw = decode_pgm(scene.read(frame.depth_name), frame.depth_name)
    rgb = decode_ppm(scene.read(frame.rgb_name), frame.rgb_name)
    return undistorter(RGB_LENS, rgb.shape[1], rgb.shape[0]).rgb(rgb), project_depth(raw)


def project_frame(scene: RawScene, frame: SyncedFrame) -> CameraFrame | None:
    """Return one raw frame as build-nyu would build it, None where it is damaged."""
    try:
        rgb, depth = project_raw(scene, frame)
    except FrameError:
        return None
    depth = np.where(depth > 0, depth, np.nan).astype(np.float32)
    return CameraFrame(np.ascontiguousarray(rgb), round(float(frame.depth_stamp) * 1e9),
                       camera=RGB_LENS.camera(), depth=depth)
