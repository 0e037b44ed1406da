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
from dataclasses import dataclass
from pathlib import Path

import cv2
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera, NYU_CAMERA
import numpy as np


@dataclass(frozen=True, eq=False)
class Still:
    """
    One frame with ground truth.

    *rgb*: (H, W, 3) uint8; *depth*: (H, W) float32 metres, 0 where invalid.
    """

    name: str
    rgb: np.ndarray
    depth: np.ndarray
    camera: Camera


def list_stills(root: str | Path) -> list[str]:
    """Return the names that have both an image and a depth map; DataError when none has."""
    root = Path(root)
    rgb = {path.stem for path in (root / 'rgb').glob('*.jpg')}
    names = sorted(rgb & {path.stem for path in (root / 'depth').glob('*.png')})
    if not names:
        raise DataError(f'{root} has no pairs rgb/NAME.jpg and depth/NAME.png')
    return names


def read_still(root: str | Path, name: str, *, border: int = 0,
               width: int | None = None) -> Still:
    """
    Read one frame; depth PNGs are uint16 millimetres, 0 invalid.

    *border*: pixels to cut off each side (NYU's white frame). *width*: shrink to
    this width, keeping the aspect ratio. DataError for a file that cannot be read.
    """
    root = Path(root)
    rgb = cv2.imread(str(root / 'rgb' / f'{name}.jpg'), cv2.IMREAD_COLOR)
    depth = cv2.imread(str(root / 'depth' / f'{name}.png'), cv2.IMREAD_UNCHANGED)
    if rgb is None or depth is None or depth.dtype != np.uint16 or rgb.shape[:2] != depth.shape:
        raise DataError(f'{root}: frame {name} is not an image with a uint16 depth map of its '
                        'size; copy it again or remove it')
    camera = NYU_CAMERA.resized(rgb.shape[1], rgb.shape[0])
    if border:
        rgb, depth = (array[border:-border, border:-border] for array in (rgb, depth))
        camera = Camera(rgb.shape[1], rgb.shape[0], camera.fx, camera.fy,
                        camera.cx - border, camera.cy - border)
    if width:
        size = (width, round(rgb.shape[0] * width / rgb.shape[1]))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        depth = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
        camera = camera.resized(*size)
    return Still(name, cv2.cvtColor(rgb, cv2.COLOR_BGR2RGB),
                 depth.astype(np.float32) / 1000, camera)


def split_by_scene(names: Sequence[str], hold_out_every: int = 6) -> tuple[list[str], list[str]]:
    """
    Split numbered frames into (training, held out) without a scene on both sides.

    NYU's labelled frames are numbered scene by scene, and its training frames
    keep their numbers, so a gap in the numbers is another scene. Runs without a
    gap stay together; every *hold_out_every*-th run is held out.
    """
    runs: list[list[str]] = []
    for name in names:
        if runs and int(name) == int(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    held_out = [name for run in runs[hold_out_every - 1::hold_out_every] for name in run]
    held = set(held_out)
    return [name for name in names if name not in held], held_out
