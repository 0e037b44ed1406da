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
How a prediction is compared with ground truth: the NYU protocol and its named variants.

A protocol says which pixels count, what becomes of predictions that are no usable number, and
whether the scale is corrected. Everything that scores depth goes through `Protocol.prepare`:
evaluation, comparison, replay, the live node and validation in a training. The measures
themselves are in `lstm_depth.scoring.metrics` and `lstm_depth.scoring.measures`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from typing import Any

from lstm_depth.errors import ConfigError, DataError, did_you_mean
from lstm_depth.geometry import resize_bilinear
from lstm_depth.scoring.metrics import error_measures, METRIC_NAMES
import numpy as np

ALIGNMENTS = ('none', 'median', 'lsq')
# What an image without ground truth in the range scores.
NOT_SCORED = dict.fromkeys(METRIC_NAMES, math.nan) | {'valid': 0.0}
# What [0, 1] depth is divided by where a protocol has no cap: the reach of NYU's Kinect.
KINECT_REACH_M = 10.0

_ALIGNMENT_TEXT = {
    'none': 'none',
    'median': 'median: each image scaled by the median of the truth over its own',
    'lsq': 'least squares: each image scaled and shifted to fit the truth',
}


@dataclass(frozen=True, eq=False)
class DepthPair:
    """
    A prediction and its ground truth, ready to be measured.

    *prediction*, *truth*: (h, w) float64 metres inside the protocol's window, *truth* 0 where
    it is invalid. *counts*: (h, w) which pixels are measured. *known*: those of them that have
    ground truth. *aligned*: (H, W) float32, the whole prediction at the size of the truth,
    aligned. *scale_ratio*: the median of predicted over true depth before alignment.
    *unit*: the metres that stand for 1 where depth is taken as [0, 1].
    """

    prediction: np.ndarray
    truth: np.ndarray
    counts: np.ndarray
    known: np.ndarray
    aligned: np.ndarray
    scale_ratio: float
    unit: float

    def metrics(self) -> dict[str, float]:
        """Return what `error_measures` does, and ``valid``, the share of pixels that counted."""
        # With an OR mask the truth may be 0, which is infinitely wrong by ratio and logarithm.
        with np.errstate(divide='ignore', invalid='ignore'):
            values = error_measures(self.prediction[self.counts], self.truth[self.counts])
        return values | {'valid': float(self.counts.mean())}


@dataclass(frozen=True)
class Protocol:
    """
    Rules to score depth by.

    *name*: what ``--protocol`` calls it; *title*: for headings. *min_depth*, *max_depth*:
    metres, both excluded; ground truth outside does not count and predictions are clipped to
    it. *window*: the crop, one of `WINDOWS`. *or_mask*: whether pixels count that have a
    prediction but no ground truth. *align*: one of `ALIGNMENTS`.
    """

    name: str
    title: str
    min_depth: float = 1e-3
    max_depth: float = 10.0
    window: str = 'none'
    or_mask: bool = False
    align: str = 'none'

    def __post_init__(self) -> None:
        """Raise ConfigError for a range without logarithms and for unknown names."""
        if not 0 < self.min_depth < self.max_depth:
            raise ConfigError(f'the depth range must be 0 < min < max, not {self.min_depth} to '
                              f'{self.max_depth} m')
        for what, value, known in (('alignment', self.align, ALIGNMENTS),
                                   ('window', self.window, tuple(WINDOWS))):
            if value not in known:
                raise ConfigError(f'there is no {what} {value!r}'
                                  + did_you_mean(value, list(known)))

    @property
    def unit(self) -> float:
        """Return the metres that stand for 1 where depth is taken as [0, 1]."""
        return self.max_depth if math.isfinite(self.max_depth) else KINECT_REACH_M

    @property
    def cap(self) -> str:
        """Return the range for people."""
        low = f'{self.min_depth:g} m < ground truth'
        return (f'{low} < {self.max_depth:g} m, predictions clipped to it'
                if math.isfinite(self.max_depth) else f'none ({low})')

    @property
    def alignment(self) -> str:
        """Return the alignment for people."""
        return _ALIGNMENT_TEXT[self.align]

    def crop(self, shape: tuple[int, int]) -> str:
        """Return what is cut off ground truth of *shape* (height, width), for people."""
        return WINDOWS[self.window](shape)[1]

    def in_range(self, truth: np.ndarray) -> np.ndarray:
        """Return (H, W) float32 ground truth in metres, NaN where it does not count."""
        with np.errstate(invalid='ignore'):
            counts = (truth > self.min_depth) & (truth < self.max_depth)
        return np.where(counts, truth, np.nan).astype(np.float32)

    def prepare(self, prediction: np.ndarray, truth: np.ndarray) -> DepthPair | None:
        """
        Prepare a *prediction* (h, w) for measuring against *truth* (H, W), both metres.

        In the order of the NYU protocol: NaN becomes the least and infinity the greatest
        depth, the prediction is clipped, resized bilinearly to the truth's size, then (only
        with an alignment) scaled, then both are cropped and masked. Returns None where no
        pixel has ground truth in the range.
        """
        truth = np.asarray(truth)
        depth = resize_bilinear(self._usable(np.asarray(prediction, np.float64)), truth.shape)
        window = WINDOWS[self.window](truth.shape)[0]
        with np.errstate(invalid='ignore'):
            known = ((truth > self.min_depth) & (truth < self.max_depth))[window]
        if not known.any():
            return None
        true = np.where(known, truth[window], 0.0).astype(np.float64)
        ratio = float(np.median(depth[window][known] / true[known]))
        if self.align != 'none':
            scale, shift = _fit(depth[window][known], true[known], self.align)
            depth = np.clip(depth * scale + shift, self.min_depth, self.max_depth)
        inside = depth[window]
        counts = known | (inside > 0) if self.or_mask else known
        return DepthPair(inside, true, counts, known, depth.astype(np.float32), ratio, self.unit)

    def score(self, prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
        """
        Return `DepthPair.metrics` of a *prediction* (h, w) against *truth* (H, W), both metres.

        Where no pixel has ground truth in the range, ``valid`` is 0 and the rest is NaN, which
        `lstm_depth.scoring.metrics.MetricsMean` leaves out and counts.
        """
        pair = self.prepare(prediction, truth)
        return dict(NOT_SCORED) if pair is None else pair.metrics()

    def _usable(self, depth: np.ndarray) -> np.ndarray:
        """Return *depth* with every value a number in the range."""
        depth = np.nan_to_num(depth, nan=self.min_depth, posinf=self.max_depth,
                              neginf=self.min_depth)
        return np.clip(depth, self.min_depth, self.max_depth)


def find_protocol(name: str, align: str = 'none') -> Protocol:
    """Return the protocol called *name* with an alignment; ConfigError for unknown names."""
    if name not in PROTOCOLS:
        raise ConfigError(f'there is no protocol {name!r}' + did_you_mean(name, list(PROTOCOLS)))
    return replace(PROTOCOLS[name], align=align)


def whole_image(min_depth: float, max_depth: float) -> Protocol:
    """Return the protocol 'raw' over another range, in metres; ConfigError for an empty one."""
    return replace(PROTOCOLS['raw'], min_depth=min_depth, max_depth=max_depth)


def _fit(prediction: np.ndarray, truth: np.ndarray, align: str) -> tuple[float, float]:
    """Return the scale and shift of a (N,) *prediction* that bring it nearest to *truth*."""
    if align == 'median':
        return float(np.median(truth) / np.median(prediction)), 0.0
    centred = prediction - prediction.mean()
    spread = float(centred @ centred)
    # A prediction that is the same everywhere has nothing to scale.
    scale = float(centred @ (truth - truth.mean())) / spread if spread > 0 else 0.0
    return scale, float(truth.mean() - scale * prediction.mean())


Window = tuple[tuple[Any, Any], str]


def _whole(shape: tuple[int, int]) -> Window:
    """Take every pixel."""
    return (slice(None), slice(None)), 'none'


def _vga_window(name: str, top: int, bottom: int, left: int,
                right: int) -> Callable[[tuple[int, int]], Window]:
    """Return a window of 640x480 images, which leaves images of other sizes whole."""
    def window(shape: tuple[int, int]) -> Window:
        if shape != (480, 640):
            return (slice(None), slice(None)), (
                f'none ({shape[1]}x{shape[0]}; the {name} crop is for 640x480)')
        return ((slice(top, bottom), slice(left, right)),
                f'{name} [{top}:{bottom}, {left}:{right}]')
    return window


def _fastdepth_window(shape: tuple[int, int]) -> Window:
    """Shrink to 250 rows, cut 304x228 out of the middle, resize to 224x224; all nearest."""
    rows, columns = _nearest(shape[0], 250), _nearest(shape[1], shape[1] * 250 // shape[0])
    if len(columns) < 304:
        raise DataError(f'images of {shape[1]}x{shape[0]} are too narrow for the fastdepth '
                        'protocol, which cuts 304x228 out of them at 250 rows; use nyu or raw')
    top, left = round((len(rows) - 228) / 2), round((len(columns) - 304) / 2)
    return (np.ix_(rows[top:top + 228][_nearest(228, 224)],
                   columns[left:left + 304][_nearest(304, 224)]),
            'middle 304x228 at 250 rows, resized to 224x224')


def _nearest(size: int, wanted: int) -> np.ndarray:
    """Return the *wanted* of *size* places that a nearest-neighbour resize picks."""
    return ((np.arange(wanted) + 0.5) * size / wanted).astype(int)


WINDOWS: dict[str, Callable[[tuple[int, int]], Window]] = {
    'none': _whole,
    # Eigen et al. 2014, to the pixel as in the evaluation code of BTS (Lee et al. 2019).
    'eigen': _vga_window('Eigen', 45, 471, 41, 601),
    'densedepth': _vga_window('DenseDepth', 20, 460, 24, 616),
    'fastdepth': _fastdepth_window,
}

PROTOCOLS = {protocol.name: protocol for protocol in (
    Protocol('nyu', 'NYU protocol', window='eigen'),
    # Wofk et al. 2019: neither cap nor crop, and pixels count that truth or prediction has.
    Protocol('fastdepth', 'FastDepth protocol (224x224, OR mask)', max_depth=math.inf,
             window='fastdepth', or_mask=True),
    # Alhashim and Wonka 2018, who average with the prediction for the mirrored image as well.
    Protocol('densedepth', 'DenseDepth protocol', window='densedepth'),
    Protocol('raw', 'Whole images'),
)}
