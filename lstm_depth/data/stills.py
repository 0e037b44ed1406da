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
"""A folder of still RGB-D frames: ``rgb/NAME.jpg`` beside ``depth/NAME.png``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
from lstm_depth.data.folders import numbered_runs
from lstm_depth.data.sequence import FileSequence, FrameFiles
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import NYU_CAMERA


def list_stills(root: str | Path) -> list[str]:
    """Return the names that have both an image and a depth map; DataError when none has."""
    root = Path(root)
    rgb = {path.stem for path in (root / 'rgb').glob('*.jpg')}
    names = sorted(rgb & {path.stem for path in (root / 'depth').glob('*.png')})
    if not names:
        raise DataError(f'{root} has no pairs rgb/NAME.jpg and depth/NAME.png')
    return names


def read_still(root: str | Path, name: str, *, border: int = 0,
               width: int | None = None) -> CameraFrame:
    """
    Read one frame; depth PNGs are uint16 millimetres, 0 invalid.

    *border*: pixels to cut off each side (NYU's white frame). *width*: shrink to
    this width, keeping the aspect ratio. DataError for a file that cannot be read.
    """
    root = Path(root)
    files = FrameFiles(root / 'rgb' / f'{name}.jpg', root / 'depth' / f'{name}.png')
    frame = FileSequence(name, name, (files,), 'millimetres', NYU_CAMERA, border=border).frame(0)
    return shrunk(frame, width) if width else frame


def shrunk(frame: CameraFrame, width: int) -> CameraFrame:
    """Return a frame with depth at a smaller *width*, with the same aspect ratio."""
    size = (width, round(frame.rgb.shape[0] * width / frame.rgb.shape[1]))
    return CameraFrame(
        cv2.resize(frame.rgb, size, interpolation=cv2.INTER_AREA), frame.stamp_ns,
        frame.frame_id, camera=frame.camera and frame.camera.resized(*size), pose=frame.pose,
        # Depth is picked, never averaged: a mean over an edge is a point in the air.
        depth=cv2.resize(frame.depth, size, interpolation=cv2.INTER_NEAREST))


def split_by_scene(names: Sequence[str], hold_out_every: int = 6) -> tuple[list[str], list[str]]:
    """
    Split numbered frames into (training, held out) without a scene on both sides.

    NYU's labelled frames are numbered scene by scene, and its training frames
    keep their numbers, so a gap in the numbers is another scene. Runs without a
    gap stay together; every *hold_out_every*-th run is held out.
    """
    runs = numbered_runs(names)
    held_out = [name for run in runs[hold_out_every - 1::hold_out_every] for name in run]
    held = set(held_out)
    return [name for name in names if name not in held], held_out
