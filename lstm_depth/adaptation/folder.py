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
"""Labelled frames as a folder in the layout of TUM RGB-D, a data set like any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
import numpy as np

_PER_METRE = 5000.0
_QUALITY = 95


def write_folder(folder: Path, frames: Sequence[CameraFrame],
                 labels: Sequence[np.ndarray]) -> None:
    """
    Write *frames* and their *labels*, (H, W) metres, NaN where unknown, into a new *folder*.

    Where the camera is known, it is written beside them. DataError where images of several
    sizes or cameras are mixed.
    """
    if len({frame.rgb.shape for frame in frames}) > 1:
        raise DataError('the images of the recording are of several sizes; adapt to one camera')
    for name in ('rgb', 'depth'):
        (folder / name).mkdir(parents=True)
    lists: dict[str, list[str]] = {'rgb': [], 'depth': []}
    for number, (frame, label) in enumerate(zip(frames, labels)):
        stored = np.rint(np.nan_to_num(label) * _PER_METRE).clip(0, 65535).astype(np.uint16)
        for kind, suffix, image in (('rgb', 'jpg', cv2.cvtColor(frame.rgb, cv2.COLOR_RGB2BGR)),
                                    ('depth', 'png', stored)):
            name = f'{kind}/{number:06d}.{suffix}'
            options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if suffix == 'jpg' else []
            if not cv2.imwrite(str(folder / name), image, options):
                raise OSError(28, 'cannot be written; is the disk full?', str(folder / name))
            # Half a millisecond, so that no list looks like one that counts frames.
            lists[kind].append(f'{frame.stamp_ns * 1e-9 + 0.0005:.6f} {name}')
    for kind, lines in lists.items():
        (folder / f'{kind}.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    camera = frames[0].camera
    if camera is not None and camera.calibrated:
        numbers = ' '.join(f'{value:.6f}' for value in (camera.fx, camera.fy, camera.cx,
                                                        camera.cy))
        (folder / 'intrinsics.txt').write_text(numbers + '\n', encoding='utf-8')
