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
"""A soak: camera, depth node and a subscriber as processes, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import json
from pathlib import Path
import time
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.ros.process import NodeProcess
from lstm_depth.ros.soak.report import (
    books,
    breaks,
    by_minute,
    ends,
    Series,
    slope_per_hour,
    SoakReport,
)
from lstm_depth.ros.trial import Trial
from lstm_depth.ros.usage import Usage, usage
import numpy as np

# How long the camera may take to end beyond its time: a fault that waits, the last answers.
_END_S = 180.0
_SAMPLE_S = 1.0
# Of the time, which the allocator and what is loaded late take to settle.
_WARM_UP = 0.25


@dataclass(frozen=True)
class SoakConfig:
    """
    What a soak is.

    *pause_s*: mean seconds between two faults, 0 for none. *folder*: of logs and scratch
    files. *max_slope*: MB an hour by which memory may grow.
    """

    folder: Path
    minutes: float = 30.0
    fps: float = 15.0
    seed: int = 0
    pause_s: float = 1.0
    width: int = 320
    height: int = 240
    checkpoint: str = ''
    backend: str = 'onnxruntime'
    max_slope: float = 1.0

    def __post_init__(self) -> None:
        """Raise ConfigError for numbers that cannot be used."""
        if not (0 < self.minutes <= 100_000 and 0 < self.fps <= 1000 and self.pause_s >= 0):
            raise ConfigError('minutes and fps must be above 0, the pause 0 or more')
        if min(self.width, self.height) < 32:
            raise ConfigError('images must have 32 pixels or more each way')


def run_soak(config: SoakConfig, machine: str) -> SoakReport:
    """Run the processes and return what was seen; DataError when they do not start."""
    sent, seen = config.folder / 'sent.json', config.folder / 'seen.json'
    samples: list[tuple[float, Usage]] = []
    broken = []
    # Not in the user's cache: graphs of checkpoints that nobody needs again.
    with Trial(config.folder, LSTM_DEPTH_CACHE=str(config.folder / 'cache')) as trial:
        node = trial.start(['lstm_depth.ros', 'depth_node'], {
            'autostart': True, 'checkpoint': config.checkpoint, 'backend': config.backend,
            'diagnostics_period_s': 0.2})
        trial.wait_for(node, 'configured')
        listener = trial.start(['lstm_depth.ros.bench_ends', 'listener'], {
            'output': str(seen), 'outputs': ['depth/image']})
        camera = trial.start(['lstm_depth.ros.soak.camera', 'camera'], {
            'output': str(sent), 'seconds': config.minutes * 60, 'fps': float(config.fps),
            'seed': config.seed, 'pause_s': float(config.pause_s), 'width': config.width,
            'height': config.height, 'checkpoint': config.checkpoint})
        started = time.monotonic()

        def over() -> bool:
            if node.status is None and camera.status is None:
                samples.append((time.monotonic() - started, usage(node.pid)))
                return False
            return True

        trial.sleep(config.minutes * 60 + _END_S, over, _SAMPLE_S)
        broken += _ended_badly(node, camera)
        trial.stop(camera, listener, node)
    report = _report(config, machine, samples, json.loads(sent.read_text(encoding='utf-8')),
                     json.loads(seen.read_text(encoding='utf-8')), _log_lines(node))
    return replace(report, broken=[*broken, *report.broken])


def _ended_badly(node: NodeProcess, camera: NodeProcess) -> list[str]:
    """Return what is wrong with how the processes ended."""
    broken = []
    if node.status is not None:
        broken.append(f'depth_node ended with status {node.status}:\n{node.tail()}')
    elif camera.status != 0:
        broken.append(f'the camera did not come to its end ({camera.status}):\n{camera.tail()}')
    return broken


def _log_lines(node: NodeProcess) -> int:
    """Return how many lines the node has logged."""
    with node.log.open('rb') as log:
        return sum(1 for _ in log)


def _report(config: SoakConfig, machine: str, samples: Sequence[tuple[float, Usage]],
            sent: Mapping[str, Any], seen: Mapping[str, Any], log_lines: int) -> SoakReport:
    """Return the report of what camera and listener wrote and of *samples* of the node."""
    counted = books(sent)
    warm_up_s = config.minutes * 60 * _WARM_UP
    series = Series.after(samples, warm_up_s)
    good = set(sent['good'])
    arrivals = [(stamp, (at - stamp) / 1e6) for _, stamp, at in seen['arrivals'] if stamp in good]
    begin_ns = min(good, default=0) + warm_up_s * 1e9
    report = SoakReport(
        machine=machine, minutes=config.minutes, fps=config.fps, seed=config.seed,
        sent=sent['sent'], counted=counted, unaccounted=sent['sent'] - sum(counted.values()),
        heard=len(seen['arrivals']), memory_mb=ends(series.of('memory_mb')),
        private_mb=ends(series.of('private_mb')),
        slope=slope_per_hour(series.seconds, series.of('private_mb')),
        private_by_minute_mb=by_minute(samples), measured_s=series.span_s,
        threads=ends(series.of('threads')),
        descriptors=ends(series.of('descriptors')),
        latency_ms=ends(np.array([ms for stamp, ms in arrivals if stamp >= begin_ns])),
        struck=dict(sorted(sent['struck'].items())), log_lines=log_lines, broken=[])
    return replace(report, broken=[*sent['problems'], *breaks(report, config.max_slope)])
