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
Temporal consistency of depth video: whether the wall moves when the robot does not.

Every measure needs something else: TGM and scale drift ground truth, OPW and rTC the
images alone, TAE poses and intrinsics, the static deviation a camera that stands still.
What a recording does not allow is left out of the result. All depend on the frame rate:
compare numbers of one recording only, and with those that its own ground truth gets
(``_truth``), which are the floor.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
import math

import cv2
from lstm_depth.errors import ConfigError
from lstm_depth.frames import CameraFrame, MAX_GAP_S
from lstm_depth.geometry import resize_bilinear
from lstm_depth.scoring.consistency import FlowWarp, opw, rtc, scale_ratio, tae, tgm
import numpy as np

# What `TemporalAccumulator.result` may hold, in the order of tables, and what it means.
TEMPORAL_MEASURES = {
    'tgm': 'error of the change of depth from frame to frame [m], 0 is perfect',
    'opw': 'change of depth along optical flow [m], near that of the ground truth is perfect',
    'opw_truth': 'the same of the ground truth',
    'rtc_1.01': 'share of pixels that change by less than 1 % along optical flow',
    'rtc_1.01_truth': 'the same of the ground truth',
    'rtc_1.25': 'share of pixels that change by less than a factor 1.25 along optical flow',
    'rtc_1.25_truth': 'the same of the ground truth',
    'tae': 'disagreement of frames carried over by the true camera motion [%]',
    'tae_truth': 'the same of the ground truth, which rounding to pixels keeps above 0',
    'static_std': 'standard deviation of a pixel over time while the camera stands [m]',
    'scale_std': 'standard deviation over time of ln(median(prediction / truth))',
    'scale_slope': 'its drift a second; positive: depth grows',
}
PAIR_MEASURES = tuple(name for name in TEMPORAL_MEASURES
                      if not name.startswith(('static', 'scale')))
_THRESHOLDS = (1.01, 1.25)
# Poses of a standing camera may differ by this (m, and entries of the rotation).
_SAME_POSE = 1e-5
# Images of a standing camera differ by noise alone, which averaging 4 x 4 pixels takes below
# this; a moved edge stays above it (grey values, exceeded by 1 % of the averages).
_SAME_GREY = 4.0


class TemporalAccumulator:
    """
    Take the frames of any number of sequences with their depth; give the measures.

    *min_depth*, *max_depth*: metres; ground truth outside does not count. *warmup*: frames
    that a standing camera is given until its depth must stand still, too. *max_gap_s*: a
    longer pause, as a stamp that does not rise or another image size, starts another
    sequence as `reset` does.

    Holds two frames, two maps for the static deviation and some numbers a frame.
    Raises ConfigError for values out of range.
    """

    def __init__(self, *, min_depth: float = 1e-3, max_depth: float = 10.0, warmup: int = 10,
                 max_gap_s: float = MAX_GAP_S) -> None:
        """Start with no frame."""
        if not 0 < min_depth < max_depth:
            raise ConfigError('the depth range must be 0 < min < max, not '
                              f'{min_depth} to {max_depth}')
        if warmup < 0 or not max_gap_s > 0:
            raise ConfigError(f'warmup must not be negative and max_gap_s positive, not {warmup} '
                              f'and {max_gap_s}')
        self._range = min_depth, max_depth
        self._warmup, self._max_gap_s = warmup, max_gap_s
        self._series = {name: array('d') for name in
                        ('sequence', 'stamp_s', 'scale_ratio', *PAIR_MEASURES)}
        self._sequence = 0
        self._last: _View | None = None
        self._still: _StillRun | None = None
        self._still_runs: list[tuple[int, float]] = []

    def add(self, frame: CameraFrame, depth: np.ndarray) -> None:
        """
        Take the next frame and the (H, W) *depth* in metres predicted for it.

        NaN is no prediction. Where sizes differ, depth, image and camera are resampled to the
        size of the ground truth.
        """
        now = _View.of(frame, depth, *self._range)
        if self._last is not None and not now.follows(self._last, self._max_gap_s):
            self.reset()
        self._watch_still(now)
        values = dict.fromkeys(self._series, math.nan)
        values |= {'sequence': self._sequence, 'stamp_s': frame.stamp_s}
        if now.truth is not None:
            values['scale_ratio'] = scale_ratio(now.depth, now.truth)
        if self._last is not None:
            values |= _pair_measures(now, self._last)
        for name, value in values.items():
            self._series[name].append(value)
        self._last = now

    def reset(self) -> None:
        """End the sequence: the next frame has nothing to do with the last."""
        if self._last is not None:
            self._sequence += 1
        self._last = None
        self._end_still()

    def series(self) -> dict[str, list[float]]:
        """
        Return one value a frame, for plots: what happened from the frame before to this one.

        Besides the measures of pairs (NaN at the first frame of a sequence and where not
        measurable) there are ``sequence`` (its number), ``stamp_s`` and ``scale_ratio``, the
        median of prediction / truth.
        """
        return {name: list(values) for name, values in self._series.items()}

    def result(self) -> dict[str, float]:
        """
        Return those of `TEMPORAL_MEASURES` that could be measured.

        Pair measures are means over all pairs. The static deviation is a mean over stretches,
        and drift over sequences, weighted by their frames: slopes of opposite sign cancel.
        """
        values = {name: _nanmean(self._series[name]) for name in PAIR_MEASURES}
        runs = [*self._still_runs, *(self._still.result() if self._still else ())]
        values['static_std'] = _weighted_mean(runs)
        values['scale_std'], values['scale_slope'] = self._drift()
        return {name: values[name] for name in TEMPORAL_MEASURES if math.isfinite(values[name])}

    def _drift(self) -> tuple[float, float]:
        """Return the deviation and the slope of the log scale over the sequences."""
        number, stamp, ratio = (np.array(self._series[name])
                                for name in ('sequence', 'stamp_s', 'scale_ratio'))
        stds, slopes = [], []
        for sequence in np.unique(number):
            known = (number == sequence) & np.isfinite(ratio)
            count = int(known.sum())
            if count < 2:
                continue
            seconds, scale = stamp[known] - stamp[known].mean(), np.log(ratio[known])
            stds.append((count, float(scale.std(ddof=1))))
            slopes.append((count, float(seconds @ scale / (seconds @ seconds))))
        return _weighted_mean(stds), _weighted_mean(slopes)

    def _watch_still(self, now: _View) -> None:
        """Go on with the stretch in which the camera stands, or start another."""
        if self._still is not None and not now.seen_from_same_place(self._still.first):
            self._end_still()
        if self._still is None:
            self._still = _StillRun(now, self._warmup)
        self._still.spread.add(now.depth)

    def _end_still(self) -> None:
        if self._still is not None:
            self._still_runs += self._still.result()
        self._still = None


class PixelSpread:
    """
    How much the depth of each pixel moves over frames of one view (Welford 1962).

    *warmup*: so many frames are left out first.
    """

    def __init__(self, warmup: int) -> None:
        """Start with no frame."""
        self._count = -warmup
        self._mean: np.ndarray | float = 0.0
        self._squares: np.ndarray | float = 0.0

    @property
    def frames(self) -> int:
        """Return how many frames count so far."""
        return max(0, self._count)

    def add(self, depth: np.ndarray) -> None:
        """Take the (H, W) depth of the next frame in metres, NaN where unknown."""
        self._count += 1
        if self._count < 1:
            return
        difference = depth - self._mean
        self._mean = self._mean + difference / self._count
        self._squares = self._squares + difference * (depth - self._mean)

    def std(self) -> float:
        """Return the mean standard deviation of a pixel in metres, NaN before two frames."""
        if self._count < 2:
            return math.nan
        return _nanmean(np.sqrt(self._squares / (self._count - 1)))


@dataclass(frozen=True, eq=False)
class _View:
    """A frame and its prediction at one size: the ground truth's, else the prediction's."""

    frame: CameraFrame
    depth: np.ndarray
    truth: np.ndarray | None

    @classmethod
    def of(cls, frame: CameraFrame, depth: np.ndarray, min_depth: float = 0.0,
           max_depth: float = math.inf) -> _View:
        """Resample what has another size; ground truth out of range becomes NaN."""
        truth = frame.depth
        if truth is not None:
            with np.errstate(invalid='ignore'):
                truth = np.where((truth > min_depth) & (truth < max_depth), truth, np.nan)
            depth = resize_bilinear(depth, truth.shape)
        height, width = depth.shape
        rgb, camera = frame.rgb, frame.camera
        if rgb.shape[:2] != depth.shape:
            rgb = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        if camera is not None and camera.calibrated:
            camera = camera.resized(width, height)
        return cls(replace(frame, rgb=rgb, camera=camera), depth, truth)

    @property
    def motion_known(self) -> bool:
        """Whether points can be carried to another view."""
        camera = self.frame.camera
        return self.frame.pose is not None and camera is not None and camera.calibrated

    def follows(self, last: _View, max_gap_s: float) -> bool:
        """Return whether this is the same video, gone on."""
        return (self.depth.shape == last.depth.shape
                and 0 < self.frame.stamp_s - last.frame.stamp_s <= max_gap_s)

    def seen_from_same_place(self, first: _View) -> bool:
        """Return whether the camera has not moved since *first*, by pose, else by the image."""
        if self.frame.pose is not None and first.frame.pose is not None:
            return bool(np.abs(self.frame.pose - first.frame.pose).max() <= _SAME_POSE)
        size = (max(1, self.depth.shape[1] // 4), max(1, self.depth.shape[0] // 4))
        now, then = (cv2.resize(view.frame.rgb, size, interpolation=cv2.INTER_AREA)
                     for view in (self, first))
        return bool(np.percentile(cv2.absdiff(now, then), 99) <= _SAME_GREY)


class _StillRun:
    """
    A stretch in which the camera stands.

    *first*: the view it began with; later ones are compared with that, because from frame to
    frame a slow camera seems to stand.
    """

    def __init__(self, first: _View, warmup: int) -> None:
        self.first = first
        self.spread = PixelSpread(warmup)

    def result(self) -> Iterator[tuple[int, float]]:
        """Yield (frames, mean standard deviation in metres) once there is one."""
        if self.spread.frames >= 2:
            yield self.spread.frames, self.spread.std()


def _pair_measures(now: _View, last: _View) -> dict[str, float]:
    """Return the measures of two consecutive views that they allow."""
    values = {}
    warp = FlowWarp.between(now.frame.rgb, last.frame.rgb)
    motion_known = now.motion_known and last.motion_known
    subjects = [('', now.depth, last.depth)]
    if now.truth is not None and last.truth is not None:
        values['tgm'] = tgm(now.depth, last.depth, now.truth, last.truth)
        subjects.append(('_truth', now.truth, last.truth))
    for suffix, depth, previous in subjects:
        if warp is not None:
            values[f'opw{suffix}'] = opw(depth, previous, warp)
            shares = rtc(depth, previous, warp, _THRESHOLDS)
            values |= {f'rtc_{threshold}{suffix}': share
                       for threshold, share in zip(_THRESHOLDS, shares)}
        if motion_known:
            values[f'tae{suffix}'] = tae(depth, now.frame.pose, previous, last.frame.pose,
                                         now.frame.camera)
    return values


def _nanmean(values: array | np.ndarray) -> float:
    """Return the mean of the finite *values*, NaN of none."""
    values = np.asarray(values, np.float64)
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else math.nan


def _weighted_mean(pairs: list[tuple[int, float]]) -> float:
    """Return the mean of (weight, value) pairs, NaN of none or without finite value."""
    known = [(weight, value) for weight, value in pairs if math.isfinite(value)]
    if not known:
        return math.nan
    weights, values = zip(*known)
    return float(np.average(values, weights=weights))
