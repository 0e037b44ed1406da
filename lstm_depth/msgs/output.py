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
"""What is done to a predicted depth image before somebody else uses it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cv2
from lstm_depth.msgs.camera_info import described_as, scaled_info_fields
import numpy as np

# Below this ratio of standard deviation to mean, a depth image shows a wall seen
# head-on at best, and in practice a network that has collapsed to its mean.
FLAT_RATIO = 0.02


def limit_depth(depth: np.ndarray, min_depth: float, max_depth: float) -> None:
    """
    Set everything of *depth* outside [min_depth, max_depth] to NaN, in place.

    *depth*: (H, W) float32 metres. What is not above 0 is outside whatever *min_depth*.
    """
    low = max(min_depth, float(np.finfo(np.float32).tiny))
    # In most images nothing is outside, which two passes without a mask tell; NaN says no.
    if not (depth.min() >= low and depth.max() <= max_depth):
        depth[~((depth >= low) & (depth <= max_depth))] = np.nan


def scaled_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """Return (width, height) times *scale*, rounded, at least one pixel each."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def resize_depth(depth: np.ndarray, width: int, height: int,
                 out: np.ndarray | None = None) -> np.ndarray:
    """
    Return (height, width) depth by nearest neighbour, written into *out* where given.

    Interpolating would invent points in the air between foreground and
    background, and would let one NaN eat its neighbours. The neighbour is that of the
    pixel's middle, as an averaged image's is: plain INTER_NEAREST takes that of its corner.
    """
    if depth.shape != (height, width):
        return cv2.resize(depth, (width, height), dst=out,
                          interpolation=cv2.INTER_NEAREST_EXACT)
    if out is None:
        return depth
    np.copyto(out, depth)
    return out


def resize_rgb(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the (height, width, 3) uint8 image, averaging areas when it shrinks."""
    if rgb.shape[:2] == (height, width):
        return rgb
    return cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)


def output_info_fields(info: Any, image_size: tuple[int, int], output_size: tuple[int, int],
                       rectified: bool) -> dict[str, Any]:
    """
    Return the CameraInfo fields of an output resized from the image of *info*.

    *info*: a CameraInfo. Sizes are (width, height); an image that is the region of
    interest of *info* stays one, of a full frame that is resized as it is. *rectified*:
    whether the image is, see shows_rectified(): whoever reads P of the result is right.
    Raises MessageError for values that no camera has.
    """
    fields = described_as(scaled_info_fields(info, *image_size), rectified)
    if image_size == output_size:
        return fields
    sx, sy = (new / old for new, old in zip(output_size, image_size))
    roi = fields['roi']
    scaled_roi = {'x_offset': round(roi['x_offset'] * sx), 'y_offset': round(roi['y_offset'] * sy),
                  'width': round(roi['width'] * sx), 'height': round(roi['height'] * sy),
                  'do_rectify': roi['do_rectify']}
    # Without its region, which might by chance be of the new size and taken for the image.
    full_frame = SimpleNamespace(**{**fields, 'roi': SimpleNamespace(**dict.fromkeys(roi, 0))})
    full_size = round(fields['width'] * sx), round(fields['height'] * sy)
    return {**scaled_info_fields(full_frame, *full_size), 'roi': scaled_roi,
            'binning_x': fields['binning_x'], 'binning_y': fields['binning_y']}


def is_flat(depth: np.ndarray, ratio: float = FLAT_RATIO) -> bool:
    """
    Tell whether a depth image says nothing: all but one value for the whole scene.

    *depth*: (H, W) metres. Every eighth pixel each way is looked at. An image
    without a finite pixel is not flat, it is invalid.
    """
    sample = depth[::8, ::8]
    sample = sample[np.isfinite(sample)]
    return bool(sample.size) and float(sample.std()) < ratio * abs(float(sample.mean()))
