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
"""Collect an evaluation: the numbers of all frames, the pictures of a few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
import math
import platform
import shlex
import sys
from typing import Any

import cv2
from lstm_depth import __version__
from lstm_depth.evaluation.results import (
    BAND_COLUMNS,
    Evaluation,
    FramePicture,
    FrameResult,
    Interval,
)
from lstm_depth.frames import CameraFrame
from lstm_depth.scoring.bootstrap import intervals, RESAMPLES
from lstm_depth.scoring.measures import band_measures, BANDS, image_measures
from lstm_depth.scoring.protocol import DepthPair, Protocol
from lstm_depth.scoring.range_check import RangeCheck
import numpy as np


class EvaluationBuilder:
    """
    Collect the frames of an evaluation one at a time, in memory that hardly grows.

    Of every frame only its numbers are kept, and pictures of the *keep* worst and best.
    *protocol*: how to score. *settings*: what else the tables must state, in this order,
    after what the protocol says. *ground_truth*: what the truth is, such as 'filled'; told
    from the holes in it where empty. *depth_range*: metres that the model can predict, None
    when unknown. *detailed*: measure more than `METRIC_NAMES`, which takes longer.
    *resamples*, *seed*: of the intervals.
    """

    def __init__(self, protocol: Protocol, settings: Mapping[str, str] | None = None, *,
                 ground_truth: str = '', depth_range: tuple[float, float] | None = None,
                 keep: int = 6, detailed: bool = True, resamples: int = RESAMPLES,
                 seed: int = 0) -> None:
        """Start with no frame."""
        self.protocol = protocol
        self.settings = dict(settings or {})
        self.frames: list[FrameResult] = []
        self.skipped: Counter[str] = Counter()
        self.notes: list[str] = []
        self.damage: list[str] = []
        self.samples: list[FramePicture] = []
        self._ground_truth = ground_truth
        self._range = RangeCheck(depth_range) if depth_range else None
        self._worst, self._best = (_Gallery(keep, sign, protocol) for sign in (-1, 1))
        self._detailed = detailed
        self._resamples, self._seed = resamples, seed
        self._crops: list[str] = []
        self._holes = 0.0

    @property
    def scored(self) -> int:
        """Return how many frames had ground truth to compare with so far."""
        return sum(frame.scored for frame in self.frames)

    def add(self, frame: CameraFrame, depth: np.ndarray, *, latency_s: float = math.nan,
            reset: str = '', name: str = '', scene: str = '',
            sample: bool = False) -> FrameResult:
        """
        Score *depth*, (h, w) metres with NaN where invalid, predicted for *frame*.

        Of any size; it is resized as the protocol says. A frame without ground truth counts
        only for latency and resets. *name*: the frame's number here where empty.
        *sample*: keep a picture of it, whatever its numbers.
        """
        pair = None
        if frame.depth is not None:
            pair = self.protocol.prepare(depth, frame.depth)
        result = FrameResult(
            name or str(len(self.frames)), scene, *self._numbers(pair), frame.stamp_s, latency_s,
            reset, pair.scale_ratio if pair else math.nan)
        self.frames.append(result)
        if pair:
            self._note(pair, frame)
            if sample:
                self.samples.append(_picture(result, frame, pair.aligned, self.protocol))
            for gallery in (self._worst, self._best):
                gallery.offer(result, frame, pair.aligned)
        return result

    def _numbers(self, pair: DepthPair | None) -> tuple[dict[str, float], dict[str, Any]]:
        """Return the measures of one image, and those by distance; empty without truth."""
        if pair is None:
            return {}, {}
        if not self._detailed:
            return pair.metrics(), {}
        return image_measures(pair), band_measures(pair)

    def skip(self, cause: str) -> None:
        """Count a frame that could not be scored, by its *cause* in a few words."""
        self.skipped[cause] += 1

    def note(self, text: str) -> None:
        """Keep a sentence that the reader must know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def finish(self, *, title: str, data: str, model: str, checkpoint: str,
               header: Mapping[str, Any] | None = None, command: str = '',
               temporal: dict[str, float] | None = None,
               series: dict[str, list[float]] | None = None) -> Evaluation:
        """
        Return the evaluation of all frames so far.

        *title*: what was evaluated. *command*: this process' command line where empty.
        *temporal*, *series*: what a TemporalAccumulator found, None without video.
        """
        for cause, count in self.skipped.items():
            self.note(f'{count} frames were left out: {cause}')
        if self._range and (text := self._range.sentence()):
            self.note(text)
        scored = [frame for frame in self.frames if frame.scored]
        return Evaluation(
            title, data, model, checkpoint, header, self._all_settings(len(scored)),
            list(self.frames), self._metrics(scored), _by_band(scored), _by_scene(scored),
            temporal, self._worst.pictures, self._best.pictures, self.samples, list(self.notes),
            list(self.damage), command or shlex.join(['lstm_depth', *sys.argv[1:]]), versions(),
            series or {})

    def _note(self, pair: DepthPair, frame: CameraFrame) -> None:
        """Remember what the settings and notes will say about the ground truth."""
        crop = self.protocol.crop(frame.depth.shape)
        if crop not in self._crops:
            self._crops.append(crop)
        self._holes += float(np.mean(~np.isfinite(frame.depth)))
        if self._range:
            self._range.add(pair.truth[pair.known])

    def _all_settings(self, scored: int) -> dict[str, str]:
        """Return everything that a table of the results must state."""
        holes = self._holes / max(scored, 1)
        found = (f'raw, {holes:.1%} of the pixels have no value' if holes
                 else 'filled, every pixel has a value')
        return {
            'protocol': self.protocol.name,
            'ground truth': self._ground_truth or found,
            'cap': self.protocol.cap,
            'crop': '; '.join(self._crops) or 'none',
            'alignment': self.protocol.alignment,
            **self.settings,
            'intervals': f'95 %, {self._resamples} bootstrap resamples of the images',
        }

    def _metrics(self, scored: list[FrameResult]) -> dict[str, Interval]:
        """Return the mean and interval of every measure over the scored frames."""
        if not scored:
            return {}
        names = list(scored[0].metrics)
        values = np.array([[frame.metrics[name] for name in names] for frame in scored])
        ends = zip(*intervals(values, self._resamples, self._seed))
        return {name: Interval(*map(float, triple)) for name, triple in zip(names, ends)}


class _Gallery:
    """The *keep* frames of greatest or least abs_rel (*sign* -1 or 1), best placed first."""

    # Neighbours in a video look the same: one picture of each such stretch.
    STRETCH_S = 1.0

    def __init__(self, keep: int, sign: int, protocol: Protocol) -> None:
        self.pictures: list[FramePicture] = []
        self._keep, self._sign, self._protocol = keep, sign, protocol

    def offer(self, result: FrameResult, frame: CameraFrame, depth: np.ndarray) -> None:
        """Take the frame if it belongs here."""
        rank = self._rank(result)
        rivals = [picture for picture in self.pictures if self._same_stretch(picture, result)]
        if any(self._rank(rival.result) <= rank for rival in rivals):
            return
        kept = [picture for picture in self.pictures if picture not in rivals]
        if len(kept) >= self._keep and (not kept or self._rank(kept[-1].result) <= rank):
            return
        kept.append(_picture(result, frame, depth, self._protocol))
        self.pictures = sorted(kept, key=lambda item: self._rank(item.result))[:self._keep]

    def _rank(self, result: FrameResult) -> float:
        """Return what the frames are sorted by."""
        return self._sign * result.metrics['abs_rel']

    def _same_stretch(self, picture: FramePicture, result: FrameResult) -> bool:
        """Return whether a frame shows what a picture shows; stills have no stamp."""
        other = picture.result
        return (other.scene == result.scene and result.stamp_s != 0
                and abs(other.stamp_s - result.stamp_s) < self.STRETCH_S)


def _picture(result: FrameResult, frame: CameraFrame, depth: np.ndarray,
             protocol: Protocol) -> FramePicture:
    """Return a frame to look at, its image at the size of the (H, W) *depth*."""
    rgb, size = frame.rgb, (depth.shape[1], depth.shape[0])
    if rgb.shape[:2] != depth.shape:
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    # A frame may be a view of a buffer that its source uses again.
    return FramePicture(result, rgb.copy(), depth, protocol.in_range(frame.depth))


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    found = {'lstm_depth': __version__, 'python': platform.python_version()}
    for package in ('torch', 'numpy', 'timm'):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = 'unknown'
    return found | {'opencv': cv2.__version__}


def _by_band(scored: list[FrameResult]) -> dict[str, dict[str, float]]:
    """Return the mean over images of every band's measures, NaN of images without it."""
    return {band: {name: _mean([frame.bands[band][name] for frame in scored])
                   for name in BAND_COLUMNS} for band in BANDS if scored and scored[0].bands}


def _by_scene(scored: list[FrameResult]) -> dict[str, dict[str, float]]:
    """Return the mean over images of every measure for each scene, and how many images."""
    scenes: dict[str, list[FrameResult]] = {}
    for frame in scored:
        scenes.setdefault(frame.scene, []).append(frame)
    return {scene: {name: _mean([frame.metrics[name] for frame in frames])
                    for name in frames[0].metrics} | {'images': len(frames)}
            for scene, frames in scenes.items()}


def _mean(values: list[float]) -> float:
    """Return the mean of what is a number, NaN of nothing."""
    numbers = [value for value in values if not math.isnan(value)]
    return math.fsum(numbers) / len(numbers) if numbers else math.nan
