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
"""The pictures of a report: frames beside their ground truth, small enough to put into a page."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
import math

import cv2
from lstm_depth.evaluation.results import FramePicture
from lstm_depth.visualize import colorize_depth, colorize_error
import numpy as np

# The longer side of a picture in pixels, and its JPEG quality.
THUMBNAIL, QUALITY = 320, 85
# The relative error at which the error colours saturate.
MAX_ERROR = 0.5
_BAR_STEPS = 256


@dataclass(frozen=True)
class Picture:
    """An image as a ``data:`` address, its *width* and *height*, and what it shows."""

    title: str
    alt: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class ColorBar:
    """A bar of colours as a ``data:`` address, its title, and labels spread evenly below it."""

    title: str
    alt: str
    source: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class DepthScale:
    """The metres that the ends of the depth colours stand for, in all pictures alike."""

    min_m: float
    max_m: float

    @classmethod
    def of(cls, pictures: Sequence[FramePicture]) -> DepthScale:
        """
        Return a scale of whole half metres over the true depths of *pictures*.

        Estimates give the scale where there is no ground truth.
        """
        low, high = math.inf, -math.inf
        for picture in pictures:
            for depth in (picture.truth, picture.depth):
                finite = depth[np.isfinite(depth)]
                if finite.size:
                    # A stray pixel must not spend the colours of everything else.
                    ends = np.percentile(finite, (1, 99))
                    low, high = min(low, float(ends[0])), max(high, float(ends[1]))
                    break
        if not low <= high:
            low, high = 0.0, 10.0
        low = math.floor(2 * low) / 2
        return cls(low, max(math.ceil(2 * high) / 2, low + 0.5))

    def bar(self) -> ColorBar:
        """Return the bar that explains the depth colours."""
        ramp = np.linspace(self.min_m, self.max_m, _BAR_STEPS)[None]
        labels = tuple(f'{value:g} m' for value in np.linspace(self.min_m, self.max_m, 3))
        return ColorBar('Depth', f'near, {labels[0]}, is bright and far, {labels[-1]}, dark',
                        _data_uri('.png', colorize_depth(ramp, self.min_m, self.max_m)), labels)

    def panels(self, picture: FramePicture) -> list[Picture]:
        """Return the image and the estimate, and the truth and the error where there is truth."""
        name = f'frame {picture.result.name}'
        panels = [
            _picture('Image', f'camera image of {name}', picture.rgb),
            _picture('Estimate', f'estimated depth of {name}', self._colors(picture.depth))]
        if np.isfinite(picture.truth).any():
            error = colorize_error(picture.depth, picture.truth, MAX_ERROR)
            panels += [
                _picture('Ground truth', f'true depth of {name}', self._colors(picture.truth)),
                _picture('Error', f'relative error of {name}', error)]
        return panels

    def _colors(self, depth: np.ndarray) -> np.ndarray:
        return colorize_depth(depth, self.min_m, self.max_m)


def error_bar() -> ColorBar:
    """Return the bar that explains the colours of the relative error."""
    ramp = np.linspace(1 - MAX_ERROR, 1 + MAX_ERROR, _BAR_STEPS)[None]
    full = f'{100 * MAX_ERROR:g}\u00a0%'
    return ColorBar('Error', 'blue is too near, white exact, red too far',
                    _data_uri('.png', colorize_error(ramp, np.ones_like(ramp), MAX_ERROR)),
                    (f'≥ {full} too near', 'exact', f'≥ {full} too far'))


def _picture(title: str, alt: str, rgb: np.ndarray) -> Picture:
    """Return (H, W, 3) uint8 *rgb* as a JPEG, reduced to a thumbnail where it is larger."""
    scale = THUMBNAIL / max(rgb.shape[:2])
    if scale < 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    source = _data_uri('.jpg', rgb, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))
    return Picture(title, alt, source, rgb.shape[1], rgb.shape[0])


def _data_uri(kind: str, rgb: np.ndarray, options: tuple[int, ...] = ()) -> str:
    """Return (H, W, 3) uint8 *rgb* as a ``data:`` address of *kind* '.jpg' or '.png'."""
    _, encoded = cv2.imencode(kind, np.ascontiguousarray(rgb[..., ::-1]), options)
    mime = 'jpeg' if kind == '.jpg' else 'png'
    return f'data:image/{mime};base64,' + base64.b64encode(encoded.tobytes()).decode('ascii')
