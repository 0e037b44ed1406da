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
The demo: camera_node and depth_node as two processes over DDS, recorded and scored.

Nothing is taken from inside the nodes: what the report says is what a third
process saw on the topics, and what the depth node said on /diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.evaluation.recording import scored_recording
from lstm_depth.evaluation.sinks import StripPicture, Video
from lstm_depth.evaluation.tables import (
    accuracy_fields,
    accuracy_rows,
    counts_text,
    latency_text,
    percentiles_ms,
    table,
)
from lstm_depth.extras import import_extra
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import BagWriter
from lstm_depth.media.bag.common import is_bag
from lstm_depth.media.sources import DEFAULT_RATE_HZ, open_source
from lstm_depth.render.sample import write_sample
from lstm_depth.ros.logfile import logging_arguments
from lstm_depth.ros.process import NodeProcess
from lstm_depth.ros.recorder import DEPTH_TOPIC, IMAGE_TOPIC, Recorder
from lstm_depth.ros.transport import use_profile
from lstm_depth.ros.trial import own_domain, own_environment
from lstm_depth.ros.watch import watch
from lstm_depth.scoring.metrics import MetricsMean
from lstm_depth.visualize import PictureStyle
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from tqdm import tqdm

SAMPLE_FRAMES = 150
# A pace that a CPU keeps up with.
SAMPLE_RATE_HZ = 10.0


@dataclass(frozen=True)
class DemoConfig:
    """
    What the demo plays and where it writes.

    *source*: a bag, video, image folder or webcam; None renders a sample of
    *frames* frames of room *seed* at *width* x *height*. *frames*: with a source,
    stop once so many have depth; 0 for all. *rate*: frames a second, 0 for the pace of the
    source, and `SAMPLE_RATE_HZ` for the sample. The topics are those inside a source
    bag. *min_depth*, *max_depth*: metres, of the ground truth that counts and of the
    pictures.
    """

    output: Path
    source: str | None = None
    frames: int = 0
    seed: int = 0
    width: int = 320
    height: int = 240
    rate: float = 0.0
    checkpoint: str | None = None
    device: str = 'auto'
    image_topic: str | None = None
    camera_info_topic: str | None = None
    depth_topic: str | None = None
    calibration: str | None = None
    cloud_stride: int = 2
    min_depth: float = 0.3
    max_depth: float = 8.0

    def __post_init__(self) -> None:
        """Raise ConfigError for numbers that cannot be used."""
        if self.frames < 0 or self.rate < 0:
            raise ConfigError('frames and rate must be 0 or more, not '
                              f'{self.frames} and {self.rate}')


@dataclass(frozen=True)
class DemoReport:
    """
    What was seen on the topics.

    *frames_in*, *frames_out*: images and depth images. *dropped*: images without
    depth, by cause. *latency_ms*: p50 and p95 from an image's arrival at the
    recorder to that of its depth; *node_latency_ms*: the same inside the depth
    node. *fps*: depth images a second. *metrics*: means over *frames_scored*,
    None without ground truth; *frames_unscored* had no pixel in the depth range.
    """

    source: str
    model: str
    checkpoint: str
    device: str
    frames_in: int
    frames_out: int
    dropped: dict[str, int]
    resets: dict[str, int]
    latency_ms: dict[str, float]
    node_latency_ms: dict[str, float]
    fps: float
    depth_range_m: tuple[float, float]
    metrics: dict[str, float] | None
    frames_scored: int
    frames_unscored: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return dict(vars(self))

    def table(self) -> str:
        """Return it as lines of text for a terminal."""
        return table([
            ('source', self.source),
            ('model', f'{self.model} ({self.checkpoint}) on {self.device}'),
            ('frames in / out', f'{self.frames_in} / {self.frames_out}'),
            ('dropped', counts_text(self.dropped)),
            ('resets', counts_text(self.resets)),
            ('latency', f'{latency_text(self.latency_ms)}   (image to depth, over DDS)'),
            ('  in the node', latency_text(self.node_latency_ms)),
            ('fps', f'{self.fps:.1f}'),
            *accuracy_rows(self.metrics, self.frames_scored, self.frames_unscored,
                           self.depth_range_m)])


def run_demo(config: DemoConfig) -> DemoReport:
    """
    Play the source through both nodes, record, score and draw.

    Writes ``sample/`` (unless there is a source), ``bag/``, ``strip.png``,
    ``video.mp4`` and ``log/`` into ``config.output``. Raises NodeFailure when a
    node ends or nothing arrives, MissingPackage where no video could be written; both
    processes have ended when this returns.
    """
    import_extra('av')
    source, frames = config.source, config.frames
    if source is None:
        frames = frames or SAMPLE_FRAMES
        source = str(config.output / 'sample')
        write_sample(source, frames, config.seed, width=config.width, height=config.height,
                     rate_hz=config.rate or SAMPLE_RATE_HZ)
    recorder = _record(config, source, frames)
    return _report(config, source, recorder, _draw(config, source, recorder))


def _record(config: DemoConfig, source: str, frames: int) -> Recorder:
    """Run the nodes until the source has ended; return the recorder with its counts."""
    domain = own_domain()
    environment = own_environment(domain)
    # This process' own middleware reads it from the environment, too.
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    print(f'nodes run in ROS_DOMAIN_ID={domain}, ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST')
    with ExitStack() as stack:
        bag = stack.enter_context(BagWriter(config.output / 'bag', overwrite=True))
        context = Context()
        use_profile()
        context.init(args=logging_arguments()[0], domain_id=domain)
        stack.callback(context.try_shutdown)
        recorder = Recorder(bag, context=context)
        stack.callback(recorder.destroy_node)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(recorder)
        stack.callback(executor.shutdown)
        depth, camera = (
            stack.enter_context(NodeProcess(
                ('lstm_depth.ros', name), parameters, config.output / 'log' / f'{name}.log',
                environment))
            for name, parameters in (('depth_node', _depth_parameters(config)),
                                     ('camera_node', _camera_parameters(config, source))))
        watch(executor, recorder, depth, camera, frames)
    return recorder


def _depth_parameters(config: DemoConfig) -> dict[str, Any]:
    return {'autostart': True, 'checkpoint': config.checkpoint or '', 'device': config.device,
            'cloud_stride': config.cloud_stride, 'diagnostics_period_s': 0.2}


def _camera_parameters(config: DemoConfig, source: str) -> dict[str, Any]:
    # Two subscribers: the depth node, once it is active, and the recorder.
    return {'source': source, 'rate': float(config.rate), 'wait_for_subscribers': 2,
            'calibration': config.calibration or '', 'image_topic': config.image_topic or '',
            'camera_info_topic': config.camera_info_topic or ''}


def _draw(config: DemoConfig, source: str, recorder: Recorder) -> MetricsMean:
    """Score the recording and draw strip and video; return the mean of the scores."""
    mean = MetricsMean()
    style = PictureStyle(config.min_depth, config.max_depth)
    with ExitStack() as stack:
        truth: Iterable[CameraFrame] = ()
        has_truth = False
        if is_bag(Path(source)):
            played = stack.enter_context(open_source(
                source, image_topic=config.image_topic, depth_topic=config.depth_topic,
                camera_info_topic=config.camera_info_topic))
            has_truth = played.topics.depth is not None
            truth = played
        sinks = [stack.enter_context(sink) for sink in (
            StripPicture(config.output / 'strip.png', style),
            Video(config.output / 'video.mp4', style, _rate(recorder), with_truth=has_truth))]
        items = scored_recording(
            config.output / 'bag', IMAGE_TOPIC, DEPTH_TOPIC, truth=truth,
            latencies=recorder.latencies, min_depth=config.min_depth,
            max_depth=config.max_depth)
        for item in tqdm(items, total=recorder.depths, desc='pictures', unit='frame'):
            if item.metrics is not None:
                mean.add(item.metrics)
            for sink in sinks:
                sink.add(item)
    return mean


def _rate(recorder: Recorder) -> float:
    """Return the answers a second of stream time, so that the video runs in real time."""
    stamps = recorder.latencies.keys()
    span_s = (max(stamps) - min(stamps)) * 1e-9 if stamps else 0.0
    return (len(stamps) - 1) / span_s if span_s > 0 else DEFAULT_RATE_HZ


def _report(config: DemoConfig, source: str, recorder: Recorder,
            mean: MetricsMean) -> DemoReport:
    """Return the numbers of the run."""
    status = recorder.status
    elapsed_s = recorder.last_depth - recorder.first_depth
    return DemoReport(
        source=source,
        model=status.get('model', ''),
        checkpoint=status.get('checkpoint', ''),
        device=status.get('device', ''),
        frames_in=recorder.images,
        frames_out=recorder.depths,
        dropped=_drops(recorder),
        resets=_prefixed(status, 'reset: '),
        latency_ms=percentiles_ms(list(recorder.latencies.values())),
        node_latency_ms={name: float(status.get(f'latency {name} [ms]', 'nan'))
                         for name in ('p50', 'p95')},
        fps=(recorder.depths - 1) / elapsed_s if elapsed_s > 0 else float('nan'),
        depth_range_m=(config.min_depth, config.max_depth),
        **accuracy_fields(mean))


def _drops(recorder: Recorder) -> dict[str, int]:
    """Return images without depth by cause; what the node never saw made room for newer ones."""
    drops = _prefixed(recorder.status, 'dropped: ')
    unseen = recorder.images - recorder.depths - sum(drops.values())
    return {**drops, 'superseded before the node took it': unseen} if unseen > 0 else drops


def _prefixed(status: Mapping[str, str], prefix: str) -> dict[str, int]:
    """Return the counters of a status whose names start with *prefix*, without it."""
    return {key[len(prefix):]: int(value) for key, value in status.items()
            if key.startswith(prefix)}
