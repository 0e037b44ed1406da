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
Run a recording through the streaming engine, without ROS, and measure the predictions.

Frames are read, run, scored and written one at a time, so that a recording
of any length needs the memory of a few frames.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
import math
from pathlib import Path
import time
from typing import Any

from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.anchoring import Anchoring, UNANCHORED
from lstm_depth.evaluation.builder import EvaluationBuilder
from lstm_depth.evaluation.report import require_packages, write_report
from lstm_depth.evaluation.scored import ScoredFrame
from lstm_depth.evaluation.sinks import (
    DepthBag,
    DepthFolder,
    FrameTable,
    Sink,
    StripPicture,
    Video,
)
from lstm_depth.evaluation.tables import (
    accuracy_fields,
    accuracy_rows,
    counts_text,
    latency_text,
    percentiles_ms,
    table,
)
from lstm_depth.frames import CameraFrame
from lstm_depth.media.source import DEFAULT_RATE_HZ, Source
from lstm_depth.media.sources import BagSource, open_source
from lstm_depth.runtime.engine import Engine
from lstm_depth.runtime.loading import load_model
from lstm_depth.scoring.metrics import MetricsMean
from lstm_depth.scoring.protocol import NOT_SCORED, whole_image
from lstm_depth.scoring.range_check import RangeCheck
from lstm_depth.scoring.temporal import TemporalAccumulator
from lstm_depth.stream import DepthFrame, DepthStream
from lstm_depth.visualize import PictureStyle
from tqdm import tqdm


@dataclass(frozen=True)
class ReplayConfig:
    """
    What to replay, with what, and what to write.

    *source*: a bag, a video file or an image folder. *rectified*: 'auto', 'true' or 'false':
    whether its images are, see shows_rectified(). *checkpoint*: a path or a
    model name, None for the checkpoint that ships. *output*: the folder to write
    to, None to only measure. *min_depth*, *max_depth*: metres; ground truth
    outside does not count, and pictures show this range. *limit*: stop after so
    many frames, 0 for all. *depth_files*, *video*, *bag*: whether to write them.
    *temporal*: whether to measure how steady depth is from frame to frame. *report*:
    the folder for an HTML report, for which the numbers of every frame are kept (about
    3 kB each); None without. *anchoring*: what anchors depth.
    """

    source: str
    image_topic: str | None = None
    depth_topic: str | None = None
    camera_info_topic: str | None = None
    calibration: str | None = None
    rectified: str = 'auto'
    checkpoint: str | None = None
    output: Path | None = None
    device: str = 'auto'
    mode: str = 'stateful'
    min_depth: float = 0.3
    max_depth: float = 8.0
    limit: int = 0
    depth_files: bool = True
    video: bool = True
    bag: bool = True
    cloud_stride: int = 2
    colormap: str = 'inferno_r'
    temporal: bool = True
    report: Path | None = None
    anchoring: Anchoring = UNANCHORED

    def __post_init__(self) -> None:
        """Raise ConfigError for a range, a limit or a folder that cannot be used."""
        if not 0 < self.min_depth < self.max_depth < math.inf:
            raise ConfigError(f'the depth range must be 0 < min < max, not {self.min_depth} '
                              f'to {self.max_depth} m')
        if self.limit < 0:
            raise ConfigError(f'limit must be 0 (all frames) or more, not {self.limit}')
        for folder in (self.output, self.report):
            if folder is not None and folder.exists() and not folder.is_dir():
                raise ConfigError(f'{folder} is a file; give a folder to write to')
        if self.cloud_stride < 1:
            raise ConfigError(f'cloud_stride must be at least 1, not {self.cloud_stride}')

    @property
    def style(self) -> PictureStyle:
        """Return the colours of pictures and video."""
        return PictureStyle(self.min_depth, self.max_depth, self.colormap)


@dataclass(frozen=True)
class ReplayReport:
    """
    What came out of a replay.

    *fps*: predictions per second of the engine alone; *wall_fps*: with reading,
    scoring and writing. *latency_ms*: p50 and p95 from image to depth. *metrics*:
    means over *frames_scored* images, None without ground truth;
    *frames_unscored* had ground truth but no pixel in the depth range. *temporal*:
    those of `TEMPORAL_MEASURES` that could be measured. *resets* and *skipped* count
    by cause, *skipped* also images that could not be decoded and so are not in
    *frames_in*. *camera*: which intrinsics were used and why. *anchor*: what anchored depth,
    and in how many frames, empty for nothing. *warnings*: what else the
    reader should know.
    """

    source: str
    checkpoint: str
    model: str
    device: str
    mode: str
    depth_range_m: tuple[float, float]
    frames_in: int
    frames_out: int
    fps: float
    wall_fps: float
    latency_ms: dict[str, float]
    metrics: dict[str, float] | None
    frames_scored: int
    frames_unscored: int
    temporal: dict[str, float]
    resets: dict[str, int]
    skipped: dict[str, int]
    camera: str
    anchor: str
    warnings: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return dict(vars(self))

    def table(self) -> str:
        """Return it as lines of text for a terminal."""
        return table([
            ('source', self.source),
            ('model', f'{self.model} ({self.checkpoint})'),
            ('device, mode', f'{self.device}, {self.mode}'),
            ('camera', self.camera),
            *((('anchor', self.anchor),) if self.anchor else ()),
            ('frames in / out', f'{self.frames_in} / {self.frames_out}'),
            ('fps', f'{self.fps:.1f}   (with reading and writing {self.wall_fps:.1f})'),
            ('latency', latency_text(self.latency_ms)),
            ('resets', counts_text(self.resets)),
            ('skipped', counts_text(self.skipped)),
            *accuracy_rows(self.metrics, self.frames_scored, self.frames_unscored,
                           self.depth_range_m),
            *((f'temporal {name}', f'{value:.4f}') for name, value in self.temporal.items()),
            *(('warning', text) for text in self.warnings)])


def run_replay(config: ReplayConfig) -> ReplayReport:
    """
    Push every frame of the source through a `DepthStream` and report.

    Writes into ``config.output``, where given: ``depth/`` (16-bit PNG,
    millimetres), ``frames.csv``, ``strip.png``, ``video.mp4`` and ``bag/``, and
    ``report.html`` into ``config.report``. Raises DataError for a source that cannot
    be read or has no frame, CheckpointError for a checkpoint that cannot be used.
    """
    if config.report:
        require_packages()
    model = load_model(config.checkpoint, device=config.device)
    stream = DepthStream(model, mode=config.mode, **config.anchoring.stream_arguments)
    with ExitStack() as stack:
        source = stack.enter_context(open_source(
            config.source, image_topic=config.image_topic, depth_topic=config.depth_topic,
            camera_info_topic=config.camera_info_topic, calibration=config.calibration,
            rectified=config.rectified))
        sinks = [stack.enter_context(sink) for sink in make_sinks(config, source)]
        replay = _Replay(model, stream, config)
        started = time.perf_counter()
        for frame in _with_progress(source, config.limit):
            item = replay.predict(frame)
            for sink in sinks if item else ():
                sink.add(item)
        wall_s = time.perf_counter() - started
        report = replay.report(source, wall_s)
        replay.write_html(report)
    return report


def make_sinks(config: ReplayConfig, source: Source) -> list[Sink]:
    """Return the outputs that *config* asks for."""
    if config.output is None:
        return []
    sinks: list[Sink] = [FrameTable(config.output / 'frames.csv'),
                         StripPicture(config.output / 'strip.png', config.style)]
    if config.depth_files:
        sinks.append(DepthFolder(config.output / 'depth'))
    if config.video:
        sinks.append(Video(config.output / 'video.mp4', config.style,
                           source.rate_hz or DEFAULT_RATE_HZ, with_truth=_has_depth(source)))
    if config.bag:
        sinks.append(DepthBag(config.output / 'bag', config.cloud_stride))
    return sinks


def _has_depth(source: Source) -> bool:
    """Return whether ground truth is to be expected, even if the first frame has none."""
    return isinstance(source, BagSource) and source.topics.depth is not None


def _with_progress(source: Source, limit: int) -> Iterable[CameraFrame]:
    """Iterate over at most *limit* frames (0: all) under a progress bar."""
    total = source.frame_count
    if limit:
        total = min(limit, total) if total is not None else limit
    return tqdm(islice(source, limit or None), total=total, unit='frame', desc='replay')


class _Replay:
    """The counts of one run, and the step from a frame to its scored prediction."""

    def __init__(self, model: Engine, stream: DepthStream, config: ReplayConfig) -> None:
        self._model = model
        self._stream = stream
        self._config = config
        self._protocol = whole_image(config.min_depth, config.max_depth)
        self._latencies = array('d')
        self._mean = MetricsMean()
        self._skipped: Counter[str] = Counter()
        self._temporal = (TemporalAccumulator(min_depth=config.min_depth,
                                              max_depth=config.max_depth)
                          if config.temporal else None)
        self._range = RangeCheck(model.depth_range)
        self._builder = EvaluationBuilder(
            self._protocol,
            {'mode': config.mode, 'device': stream.device, 'flip averaging': 'no',
             'warm-up': 'none (video: the state carried from frame to frame)',
             **config.anchoring.settings},
        ) if config.report else None
        self.frames_in = 0
        self._anchored = 0
        self._unanchored: Counter[str] = Counter()

    def predict(self, frame: CameraFrame) -> ScoredFrame | None:
        """Push one frame; None when it is skipped, which is counted."""
        self.frames_in += 1
        try:
            result = self._stream.push(frame.rgb, frame.stamp_s, camera=frame.camera,
                                       **self._config.anchoring.push_arguments(frame))
        except DataError:
            self._skipped['unusable_image'] += 1
            return None
        if result is None:
            self._skipped['duplicate_stamp'] += 1
            return None
        self._latencies.append(result.latency_s)
        self._count_anchored(result)
        reset = result.reset.value if result.reset else ''
        return ScoredFrame(frame, result.depth, result.latency_s,
                           self._measure(frame, result, reset), reset)

    def _count_anchored(self, result: DepthFrame) -> None:
        """Count whether depth was anchored, and why not."""
        if result.anchored:
            self._anchored += len(result.anchors) > 0
            note = self._config.anchoring.missing or result.anchored.note
            if note:
                self._unanchored[note] += 1

    def _anchor_text(self) -> str:
        """Return what anchored depth, in how many frames, and what was most often missing."""
        anchoring = self._config.anchoring
        if not anchoring:
            return ''
        text = f'{anchoring.settings["anchor"]}: {self._anchored} frames'
        return text + ''.join(f'; {count} x {note}'
                              for note, count in self._unanchored.most_common(1))

    def _measure(self, frame: CameraFrame, result: DepthFrame,
                 reset: str) -> dict[str, float] | None:
        """Take the numbers of one prediction; return its metrics."""
        metrics = None
        if frame.depth is not None:
            pair = self._protocol.prepare(result.depth, frame.depth)
            metrics = pair.metrics() if pair else NOT_SCORED
            self._mean.add(metrics)
            if pair:
                self._range.add(pair.truth[pair.known])
        if self._temporal:
            self._temporal.add(frame, result.depth)
        if self._builder:
            self._builder.add(frame, result.depth, latency_s=result.latency_s, reset=reset)
        return metrics

    def report(self, source: Source, wall_s: float) -> ReplayReport:
        """Return the numbers of the whole run, which took *wall_s* seconds."""
        config, count = self._config, len(self._latencies)
        return ReplayReport(
            source=source.name,
            checkpoint=config.checkpoint or 'shipped',
            model=self._model.name,
            device=self._stream.device,
            mode=config.mode,
            depth_range_m=(config.min_depth, config.max_depth),
            frames_in=self.frames_in,
            frames_out=count,
            fps=count / max(sum(self._latencies), 1e-9),
            wall_fps=count / max(wall_s, 1e-9),
            latency_ms=percentiles_ms(self._latencies),
            **accuracy_fields(self._mean),
            temporal=self._temporal.result() if self._temporal else {},
            resets={reason.value: number
                    for reason, number in self._stream.reset_counts.items()},
            skipped=dict(self._skipped + source.skipped),
            camera=source.camera_basis or 'unknown: no scale correction, no cloud',
            anchor=self._anchor_text(),
            warnings=[text for text in (source.truncated, *source.notes,
                                        self._stream.device_note, self._range.sentence())
                      if text])

    def write_html(self, report: ReplayReport) -> None:
        """Write the HTML report, where one is wanted."""
        if self._builder is None:
            return
        for cause, count in report.skipped.items():
            self._builder.skipped[cause] = count
        for text in report.warnings:
            self._builder.note(text)
        if not report.frames_scored:
            (_, text), = accuracy_rows(None, 0, report.frames_unscored, report.depth_range_m)
            self._builder.note(text)
        write_report(self._builder.finish(
            title='Replay', data=report.source, model=report.model,
            checkpoint=report.checkpoint, header=self._model.header,
            temporal=report.temporal or None,
            series=self._temporal.series() if self._temporal else None), self._config.report)
