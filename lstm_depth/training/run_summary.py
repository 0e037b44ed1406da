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
"""The end of a run: curves, a strip of predictions, a table and a JSON file."""

from __future__ import annotations

from pathlib import Path
import resource
from typing import Any

from lstm_depth.evaluation.tables import Row, table
from lstm_depth.files import atomic_path, write_json
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.training.monitor import Monitor
from lstm_depth.training.recipe import TrainConfig
from lstm_depth.training.state import Progress
from lstm_depth.visualize import DepthPicture, strip, write_png
import numpy as np
import torch

_INK = '#4a4a4a'


def peak_memory_mb(device: torch.device) -> float:
    """Return the most memory used so far: of the GPU, else of this process."""
    if device.type == 'cuda':
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def write_summary(output: Path, config: TrainConfig, progress: Progress, monitor: Monitor,
                  metrics: dict[str, float], pictures: list[DepthPicture]) -> dict[str, Any]:
    """Write ``curves.png``, ``strip.png`` and ``summary.json``; return what the last holds."""
    draw_curves(output / 'curves.png', monitor)
    if pictures:
        write_png(output / 'strip.png', strip(pictures))
    best = monitor.validation.column(config.validation.metric)
    summary = {
        'model': config.model.name, 'output': str(output), 'steps': progress.step,
        'seconds': round(progress.seconds, 1), 'skipped': progress.skipped,
        'damaged': progress.damaged,
        'metric': config.validation.metric,
        'best': None if progress.best is None else abs(progress.best),
        'validations': len(best), 'metrics': metrics, 'notes': progress.notes,
    }
    write_json(output / 'summary.json', summary)
    return summary


def summary_table(summary: dict[str, Any]) -> str:
    """Return a summary as text for a terminal."""
    minutes, seconds = divmod(round(summary['seconds']), 60)
    rows: list[Row] = [('model', summary['model']),
                       ('steps', f'{summary["steps"]} in {minutes} min {seconds} s'
                        + (f', {summary["skipped"]} skipped' if summary['skipped'] else ''))]
    if summary['damaged']:
        rows += [('left out', f'{summary["damaged"]} clips that could not be read')]
    metrics = summary['metrics']
    if metrics:
        rows += [('held out', 'the final weights, NYU protocol')]
        rows += [(f'  {name}', f'{metrics[name]:.4f}') for name in METRIC_NAMES]
    if summary['best'] is not None:
        rows += [(f'best {summary["metric"]}', f'{summary["best"]:.4f}')]
    rows += [('note', note) for note in summary['notes']]
    output = Path(summary['output'])
    rows += [('written', f'{output / "model.safetensors"}, best.safetensors, curves.png, '
                         'strip.png, history.csv, validation.csv, tensorboard/')]
    return table(rows)


def draw_curves(path: Path, monitor: Monitor) -> None:
    """Draw loss, learning rate and held-out metrics over the steps."""
    # Not pyplot, which keeps figures and looks for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.4), layout='constrained')
    loss_axes, rate_axes, metric_axes = figure.subplots(1, 3)
    step, loss = monitor.history.column('step'), monitor.history.column('loss')
    if len(step):
        loss_axes.plot(step, loss, color='#9db8d9', linewidth=0.8)
        loss_axes.plot(step, smoothed(loss), color='#1f4e9c', linewidth=1.6)
        # Phases differ in what they add up.
        for change in step[np.flatnonzero(np.diff(monitor.history.column('phase'))) + 1]:
            for axes in (loss_axes, rate_axes, metric_axes):
                axes.axvline(change, color=_INK, linewidth=0.8, linestyle=':')
        rate_axes.plot(step, monitor.history.column('lr'), color='#1f4e9c')
    loss_axes.set_title('training loss')
    rate_axes.set_title('learning rate')
    validated = monitor.validation.column('step')
    for name, color in (('abs_rel', '#c44e1e'), ('rmse', '#5b3a8c'), ('d1', '#1b7f5c')):
        metric_axes.plot(validated, monitor.validation.column(name), color=color, label=name,
                         marker='.' if len(validated) < 30 else None)
    metric_axes.set_title('held-out frames')
    metric_axes.set_ylim(bottom=0)
    if len(validated):
        metric_axes.legend(frameon=False)
    for axes in (loss_axes, rate_axes, metric_axes):
        axes.set_xlabel('step')
        axes.grid(alpha=0.25)
        axes.spines[['top', 'right']].set_visible(False)
    with atomic_path(path) as partial:
        figure.savefig(partial, dpi=130)


def smoothed(values: np.ndarray, decay: float = 0.9) -> np.ndarray:
    """Return the exponential moving average of *values*; what is not finite is passed over."""
    result, mean = np.empty(len(values)), np.nan
    for index, value in enumerate(values):
        if np.isfinite(value):
            mean = value if np.isnan(mean) else decay * mean + (1 - decay) * value
        result[index] = mean
    return result
