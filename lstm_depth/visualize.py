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
"""
Pictures of depth: colour maps, labelled panels for stills and video, PNG files.

Colours stand for a fixed range of metres, never the range of one frame, so that
a video does not flicker and two pictures compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
import math
from pathlib import Path

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import atomic_path
from lstm_depth.geometry import resize_bilinear
import numpy as np

COLORMAPS = ('inferno_r', 'turbo')
INVALID_RGB = (128, 128, 128)
BACKGROUND_RGB = (255, 255, 255)
TEXT_RGB = (40, 40, 40)

# Blue: estimated too near, white: exact, red: too far.
_ERROR_ANCHORS = np.array([[33, 76, 186], [255, 255, 255], [190, 24, 40]], np.float64)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GAP = 8
_BAR_HEIGHT = 12


@dataclass(frozen=True)
class PictureStyle:
    """
    How depth is drawn.

    *min_m*, *max_m*: metres at the ends of the colour map. *colormap*: one of
    `COLORMAPS`. *max_error*: the relative error at which the error colours
    saturate. *panel_width*: pixels of one panel, whatever the camera's size.
    """

    min_m: float = 0.3
    max_m: float = 8.0
    colormap: str = 'inferno_r'
    max_error: float = 0.5
    panel_width: int = 320

    def __post_init__(self) -> None:
        """Raise ConfigError for ranges and names that cannot be drawn."""
        _check_range(self.min_m, self.max_m)
        _depth_colors(self.colormap)
        if not 0 < self.max_error < math.inf:
            raise ConfigError(f'max_error must be positive, not {self.max_error}')
        if self.panel_width < 160:
            raise ConfigError(f'panel_width must be at least 160, not {self.panel_width}: '
                              'the labels would not fit')


@dataclass(frozen=True, eq=False)
class DepthPicture:
    """
    One moment to draw.

    *rgb*: (H, W, 3) uint8. *depth*: (H, W) metres, NaN where invalid. *truth*: the
    ground truth alike, None where there is none. *caption*: one line below.
    """

    rgb: np.ndarray
    depth: np.ndarray
    truth: np.ndarray | None = None
    caption: str = ''


def colorize_depth(
    depth: np.ndarray, min_m: float, max_m: float, colormap: str = 'inferno_r',
    out: np.ndarray | None = None,
) -> np.ndarray:
    """
    Return (H, W, 3) uint8 RGB of (H, W) *depth* in metres, written into *out* where given.

    The colour map runs from *min_m* to *max_m*, depth outside takes the colour of
    the nearer end, and non-finite depth is neutral grey. ``inferno_r`` draws near
    bright and far dark. Raises ConfigError for an empty range or unknown map.
    """
    _check_range(min_m, max_m)
    return _apply_colors((depth - min_m) / (max_m - min_m), _depth_colors(colormap), out)


def colorize_error(prediction: np.ndarray, truth: np.ndarray,
                   max_error: float = 0.5) -> np.ndarray:
    """
    Return (H, W, 3) uint8 RGB of the signed relative error ``(prediction - truth) / truth``.

    *prediction*, *truth*: (H, W) metres. White is exact, blue too near, red too far, full
    colour from *max_error* on; grey where either is not finite or *truth* is not
    positive. A *prediction* of another size is resized to *truth* first.
    """
    prediction = resize_bilinear(prediction, truth.shape)
    with np.errstate(divide='ignore', invalid='ignore'):
        error = np.where(truth > 0, (prediction - truth) / truth, np.nan)
    return _apply_colors(error / (2 * max_error) + 0.5, _error_colors())


def strip(rows: Sequence[DepthPicture], style: PictureStyle | None = None) -> np.ndarray:
    """
    Draw *rows* of labelled panels with colour bars; return (H, W, 3) uint8 RGB.

    The columns are image and depth, and where any row has ground truth also that
    and the error. Raises DataError when *rows* is empty.
    """
    if not rows:
        raise DataError('no frame to draw: a strip needs at least one')
    style = style or PictureStyle()
    with_truth = any(row.truth is not None for row in rows)
    lines = []
    for row in rows:
        panels = _panels(row, style, with_truth)
        if not lines:
            lines.append(_titles(panels))
        lines.append(_beside([panel.image for panel in panels]))
        if row.caption:
            lines.append(_text_line(row.caption, lines[-1].shape[1]))
    return _framed(_stacked([*lines, _bars(panels)]))


def video_frame(
    picture: DepthPicture, style: PictureStyle | None = None, *, with_truth: bool = True,
) -> np.ndarray:
    """
    Draw one frame of a video as (H, W, 3) uint8 RGB.

    Image and depth beside each other, below them ground truth and error unless
    *with_truth* is false; the layout depends on *with_truth* only, not on the frame.
    """
    style = style or PictureStyle()
    panels = _panels(picture, style, with_truth)
    lines = []
    for pair in (panels[:2], panels[2:]):
        if pair:
            lines += [_titles(pair), _beside([panel.image for panel in pair]), _bars(pair)]
    return _framed(_stacked([*lines, _text_line(picture.caption, lines[0].shape[1])]))


def write_png(path: str | Path, image: np.ndarray) -> None:
    """
    Write (H, W, 3) uint8 RGB or (H, W) uint8 or uint16 *image* as PNG, atomically.

    Raises DataError when it cannot be written.
    """
    bgr = image[..., ::-1] if image.ndim == 3 else image
    with atomic_path(path) as partial:
        if not cv2.imwrite(str(partial), np.ascontiguousarray(bgr)):
            raise DataError(f'{path} could not be written as PNG: the name must end in .png '
                            'and the folder be writable')


@dataclass(frozen=True, eq=False)
class _Panel:
    """One picture of a row with its title and the colour bar that explains it."""

    title: str
    image: np.ndarray
    bar: np.ndarray


def _panels(picture: DepthPicture, style: PictureStyle, with_truth: bool) -> list[_Panel]:
    """Return image and depth, and with *with_truth* also ground truth and error."""
    width = style.panel_width
    height = max(1, round(picture.rgb.shape[0] * width / picture.rgb.shape[1]))
    missing = np.full((height, width, 3), INVALID_RGB, np.uint8)

    def depth_image(depth: np.ndarray | None) -> np.ndarray:
        if depth is None:
            return missing
        colors = colorize_depth(depth, style.min_m, style.max_m, style.colormap)
        return _resized(colors, width, height)

    depth_bar, error_bar = _depth_bar(style), _error_bar(style)
    no_bar = _blank(*depth_bar.shape[:2])
    panels = [_Panel('image', _resized(picture.rgb, width, height), no_bar),
              _Panel('depth', depth_image(picture.depth), depth_bar)]
    if with_truth:
        error = missing if picture.truth is None else _resized(
            colorize_error(picture.depth, picture.truth, style.max_error), width, height)
        panels += [_Panel('ground truth', depth_image(picture.truth), depth_bar),
                   _Panel('relative error', error, error_bar)]
    return panels


def _titles(panels: Sequence[_Panel]) -> np.ndarray:
    """Return the line of titles above *panels*."""
    return _beside([_text_line(panel.title, panel.image.shape[1], scale=0.6) for panel in panels])


def _bars(panels: Sequence[_Panel]) -> np.ndarray:
    """Return the line of colour bars below *panels*."""
    return _beside([panel.bar for panel in panels])


@lru_cache(maxsize=8)
def _depth_bar(style: PictureStyle) -> np.ndarray:
    """Return the colour bar of depth, labelled in metres."""
    ticks = _round_ticks(style.min_m, style.max_m)
    span = style.max_m - style.min_m
    return _color_bar(_depth_colors(style.colormap), style.panel_width,
                      [((tick - style.min_m) / span, f'{tick:g}') for tick in ticks], 'm')


@lru_cache(maxsize=8)
def _error_bar(style: PictureStyle) -> np.ndarray:
    """Return the colour bar of the relative error, labelled in per cent."""
    percent = style.max_error * 100
    return _color_bar(_error_colors(), style.panel_width,
                      [(0.0, f'-{percent:g}%'), (0.5, '0'), (1.0, f'+{percent:g}%')], '')


def _color_bar(
    colors: np.ndarray, width: int, ticks: Sequence[tuple[float, str]], unit: str,
) -> np.ndarray:
    """Draw a horizontal bar of *colors* with *ticks* (position 0 to 1, label) below it."""
    margin = 26
    bar = _blank(_BAR_HEIGHT + 26, width)
    length = width - 2 * margin
    gradient = colors[np.linspace(0, 255, length).round().astype(int)]
    bar[4:4 + _BAR_HEIGHT, margin:margin + length] = gradient
    cv2.rectangle(bar, (margin, 4), (margin + length - 1, 3 + _BAR_HEIGHT), TEXT_RGB, 1)
    baseline = _BAR_HEIGHT + 21
    for position, label in ticks:
        x = margin + round(position * (length - 1))
        cv2.line(bar, (x, 3 + _BAR_HEIGHT), (x, 6 + _BAR_HEIGHT), TEXT_RGB, 1)
        half = cv2.getTextSize(label, _FONT, 0.45, 1)[0][0] // 2
        _put_text(bar, label, (x - half, baseline), 0.45)
    _put_text(bar, unit, (width - margin + 8, 4 + _BAR_HEIGHT), 0.45)
    return bar


def _round_ticks(low: float, high: float) -> list[float]:
    """Return at most seven round numbers within *low* to *high*."""
    power = 10.0 ** math.floor(math.log10((high - low) / 6))
    step = next(factor * power for factor in (1, 2, 5, 10, 20)
                if (high - low) / (factor * power) <= 6)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 9) for index in range(first, last + 1)]


def _check_range(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f'the range of colours must be finite and min < max, not {low} to '
                          f'{high} m')


def _apply_colors(position: np.ndarray, colors: np.ndarray,
                  out: np.ndarray | None = None) -> np.ndarray:
    """Look up *position* (0 to 1, clipped; non-finite is grey) in (257, 3) *colors*."""
    invalid = ~np.isfinite(position)
    index = cv2.convertScaleAbs(np.clip(position, 0, 1), alpha=255)
    result = cv2.applyColorMap(index, colors[:256, None], dst=out)
    if invalid.any():
        result[invalid] = colors[256]
    return result


@cache
def _depth_colors(colormap: str) -> np.ndarray:
    """Return (257, 3) uint8 RGB of *colormap*, the last row for invalid depth."""
    ramp = np.arange(256, dtype=np.uint8)
    if colormap == 'inferno_r':
        bgr = cv2.applyColorMap(ramp[::-1].copy(), cv2.COLORMAP_INFERNO)
    elif colormap == 'turbo':
        bgr = cv2.applyColorMap(ramp, cv2.COLORMAP_TURBO)
    else:
        raise ConfigError(f'unknown colour map {colormap!r}; known: {", ".join(COLORMAPS)}')
    return np.vstack([bgr.reshape(256, 3)[:, ::-1], np.uint8([INVALID_RGB])])


@cache
def _error_colors() -> np.ndarray:
    """Return (257, 3) uint8 RGB from too near over exact to too far, then invalid."""
    position = np.linspace(0, 2, 256)
    ramp = np.stack([np.interp(position, (0, 1, 2), channel) for channel in _ERROR_ANCHORS.T], 1)
    return np.vstack([ramp.round(), [INVALID_RGB]]).astype(np.uint8)


def _blank(height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), BACKGROUND_RGB, np.uint8)


def _resized(rgb: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return *rgb* at the size of a panel; enlarged pixels keep their edges."""
    shrinks = rgb.shape[1] > width
    return cv2.resize(rgb, (width, height),
                      interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST)


def _put_text(image: np.ndarray, text: str, origin: tuple[int, int], scale: float) -> None:
    cv2.putText(image, text, origin, _FONT, scale, TEXT_RGB, 1, cv2.LINE_AA)


def _text_line(text: str, width: int, scale: float = 0.5) -> np.ndarray:
    """Return a line of *text* of the given *width*, set smaller where it would not fit."""
    wanted = cv2.getTextSize(text, _FONT, scale, 1)[0][0]
    line = _blank(round(44 * scale), width)
    _put_text(line, text, (2, round(32 * scale)), scale * min(1.0, (width - 4) / max(wanted, 1)))
    return line


def _beside(cells: Sequence[np.ndarray]) -> np.ndarray:
    """Put cells of one height beside each other."""
    gap = _blank(cells[0].shape[0], _GAP)
    return np.hstack([part for cell in cells for part in (cell, gap)][:-1])


def _stacked(lines: Sequence[np.ndarray], gap: int = _GAP // 2) -> np.ndarray:
    """Put lines below each other, padded to the widest."""
    width = max(line.shape[1] for line in lines)
    parts: list[np.ndarray] = []
    for line in lines:
        padding = ((0, 0), (0, width - line.shape[1]), (0, 0))
        parts += [np.pad(line, padding, constant_values=BACKGROUND_RGB[0]), _blank(gap, width)]
    return np.vstack(parts[:-1])


def _framed(image: np.ndarray) -> np.ndarray:
    """Put a margin around *image*."""
    return np.pad(image, ((_GAP, _GAP), (_GAP, _GAP), (0, 0)),
                  constant_values=BACKGROUND_RGB[0])
