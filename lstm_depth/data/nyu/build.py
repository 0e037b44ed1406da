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
"""Build sequences from raw scenes: in parallel, resumable, the same bytes every time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Any

from lstm_depth.data.nyu import output as files
from lstm_depth.data.nyu.fill import fill_depth
from lstm_depth.data.nyu.frame import project_raw
from lstm_depth.data.nyu.output import FrameRow, FrameSettings, SkippedRow
from lstm_depth.data.nyu.parallel import open_executor
from lstm_depth.data.nyu.pnm import FrameError
from lstm_depth.data.nyu.raw_scene import find_scenes, RawScene
from lstm_depth.data.nyu.split import PARTS, SceneSplit
from lstm_depth.data.nyu.sync import SyncedFrame
from lstm_depth.errors import ConfigError, DataError
import numpy as np
from tqdm import tqdm

# A task is long against the cost of handing it over, and short against a scene.
_CHUNK = 16
# --fraction keeps the start of about every this many frames (5 s): whole runs of video
# from all over a scene.
_BLOCK = 150


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """
    What to build and how.

    *split*: the scenes' parts, None for no split; *part*: build only ``train`` or
    ``test``. *workers*: processes, 0 for one per core; *scheduler*: address of a Dask
    scheduler to use instead (its workers must see both folders under the same paths).
    """

    raw: Path
    output: Path
    settings: FrameSettings = field(default_factory=FrameSettings)
    split: SceneSplit | None = None
    part: str | None = None
    workers: int = 0
    scheduler: str | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a part without a split."""
        if self.part is not None and (self.split is None or self.part not in PARTS):
            raise ConfigError('part must be train or test, and needs a split')


@dataclass
class BuildReport:
    """
    What a build did: *frames* in the output, *built* of them now, *skipped* by cause.

    *scenes* counts those with frames, *parts* their scenes by part of the split.
    """

    scenes: int = 0
    frames: int = 0
    built: int = 0
    seconds: float = 0.0
    skipped: Counter[str] = field(default_factory=Counter)
    parts: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        return vars(self) | {'skipped': dict(self.skipped), 'parts': dict(self.parts)}

    def __str__(self) -> str:
        """Return the report for people."""
        lines = [f'{self.frames} frames of {self.scenes} scenes; {self.built} built now in '
                 f'{self.seconds:.1f} s ({self.built / max(self.seconds, 1e-9):.1f} frames/s)']
        lines += [f'  {part or "in neither part"}: {count} scenes'
                  for part, count in sorted(self.parts.items())]
        if self.skipped:
            lines += ['skipped:'] + [f'  {cause}: {count}'
                                     for cause, count in sorted(self.skipped.items())]
        return '\n'.join(lines)


@dataclass
class _Scene:
    """A scene on its way: what is still to come and what came."""

    scene: RawScene
    waiting: int
    rows: list[FrameRow] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)


def build(config: BuildConfig) -> BuildReport:
    """
    Build everything that is not there yet; return what was done.

    DataError for input without a usable scene, for an output folder of other settings
    and for a full disk; running it again goes on.
    """
    plan, report = _plan(config)
    files.start_build(config.output, config.settings)
    started = time.monotonic()
    rows: dict[str, list[FrameRow]] = {}
    skipped: dict[str, list[SkippedRow]] = {}
    total = sum(len(frames) for _, frames in plan)
    with tqdm(total=total, unit='frame', desc='build-nyu', smoothing=0.05) as bar:
        for done in _finished_scenes(plan, config, report, bar):
            rows[done.scene.name] = done.rows
            skipped[done.scene.name] = done.skipped
    report.seconds = time.monotonic() - started
    _write_tables(config, report, rows, skipped)
    if not report.frames:
        raise DataError(f'no frame of {config.raw} could be used: ' + ', '.join(
            f'{cause} {count}' for cause, count in sorted(report.skipped.items())))
    return report


def select_frames(frames: list[SyncedFrame], fraction: float) -> list[SyncedFrame]:
    """Return the first *fraction* of every block of about 150 frames, so of all of them."""
    edges = np.linspace(0, len(frames), max(1, round(len(frames) / _BLOCK)) + 1).round()
    blocks = [frames[int(start):int(end)] for start, end in zip(edges, edges[1:])]
    return [frame for block in blocks for frame in block[:max(1, round(fraction * len(block)))]]


def _plan(config: BuildConfig) -> tuple[list[tuple[RawScene, list[SyncedFrame]]], BuildReport]:
    """Return the scenes to build with their frames, and a report of the unusable ones."""
    report, plan, last_error = BuildReport(), [], None
    for scene in find_scenes(config.raw):
        if config.part and config.split.part_of(scene.name) != config.part:
            continue
        try:
            plan.append((scene, select_frames(scene.frames(), config.settings.fraction)))
        except DataError as error:
            last_error = error
            report.skipped['unusable_scene'] += 1
            tqdm.write(f'skipped: {error}')
    if not plan:
        raise last_error or DataError(f'{config.raw} has no scene of the {config.part} part')
    return plan, report


def _finished_scenes(plan: list[tuple[RawScene, list[SyncedFrame]]], config: BuildConfig,
                     report: BuildReport, bar: tqdm) -> Iterator[_Scene]:
    """Yield every scene when it is complete on disk."""
    open_scenes = {}
    for scene, frames in plan:
        finished = _finished_before(config.output, scene, frames)
        if finished:
            bar.update(len(frames))
            yield finished
        else:
            files.remove_partials(config.output / scene.name)
            open_scenes[scene.name] = (_Scene(scene, len(frames)), frames)
    if not open_scenes:
        return
    tasks = ((state, frames[start:start + _CHUNK]) for state, frames in open_scenes.values()
             for start in range(0, len(frames), _CHUNK))
    with open_executor(config.workers, config.scheduler) as (executor, workers):
        def submit(task: tuple[_Scene, list[SyncedFrame]]) -> Future:
            return executor.submit(build_frames, task[0].scene, task[1], config.output,
                                   config.settings)
        for (state, frames), (rows, skipped, built) in _as_done(
                submit, tasks, 3 * workers):
            bar.update(len(frames))
            report.built += built
            state.waiting -= len(frames)
            state.rows += rows
            state.skipped += skipped
            if not state.waiting:
                _finish_scene(config.output, state)
                yield state


def _as_done(submit: Callable[[tuple], Future], tasks: Iterator[tuple],
             ahead: int) -> Iterator[tuple]:
    """Yield (task, result) as tasks end, with at most *ahead* of them handed over."""
    running: dict[Future, tuple] = {}
    try:
        for task in tasks:
            running[submit(task)] = task
            if len(running) >= ahead:
                yield from _collect(running)
        while running:
            yield from _collect(running)
    except BaseException:
        for future in running:
            future.cancel()
        raise


def _collect(running: dict[Future, tuple]) -> Iterator[tuple]:
    """Wait for a task, yield all that ended and take them out of *running*."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        yield running.pop(future), future.result()


def build_frames(scene: RawScene, frames: list[SyncedFrame], output: Path,
                 settings: FrameSettings) -> tuple[list[FrameRow], list[SkippedRow], int]:
    """Build some frames of a scene; return the rows, the unusable ones and how many were new."""
    rows, skipped, built = [], [], 0
    for frame in frames:
        try:
            row, new = _build_frame(scene, frame, output, settings)
        except FrameError as error:
            skipped.append(SkippedRow(scene.name, frame.index, error.cause, frame.rgb_name,
                                      frame.depth_name))
            continue
        rows.append(row)
        built += new
    return rows, skipped, built


def _build_frame(scene: RawScene, frame: SyncedFrame, output: Path,
                 settings: FrameSettings) -> tuple[FrameRow, bool]:
    """Build one frame unless it is there; return its row and whether it is new."""
    paths = files.frame_files(scene.name, frame.index, settings)
    if settings.max_gap_s is not None and abs(frame.gap_s) > settings.max_gap_s:
        raise FrameError(f'{frame.depth_name} of {scene}: its colour frame is '
                         f'{frame.gap_s:+.3f} s away', 'sync_gap')
    # Files appear whole and depth last, so depth beside its image is a finished frame.
    if all((output / path).exists() for path in paths):
        stored = files.read_depth(output / paths[1])
        if stored is not None:
            return files.frame_row(scene.name, frame, paths, files.valid_share(stored)), False
    rgb, depth = project_raw(scene, frame)
    if settings.fill:
        depth = fill_depth(rgb, depth)
    share = files.write_frame(output, paths, rgb, depth, settings)
    return files.frame_row(scene.name, frame, paths, share), True


def _finished_before(output: Path, scene: RawScene, frames: list[SyncedFrame]) -> _Scene | None:
    """Return the scene if an earlier run completed it and its files are still there."""
    folder = output / scene.name
    # The table is written last.
    if not (folder / files.FRAMES).exists():
        return None
    rows = files.read_rows(folder / files.FRAMES, FrameRow)
    skipped = files.read_rows(folder / files.SKIPPED, SkippedRow)
    there = {path.name for path in folder.iterdir()}
    complete = (len(rows) + len(skipped) == len(frames) and all(
        Path(name).name in there for row in rows for name in (row.rgb, row.depth)))
    return _Scene(scene, 0, rows, skipped) if complete else None


def _finish_scene(output: Path, state: _Scene) -> None:
    """Write the scene's tables and contact sheet, ``frames.csv`` last."""
    state.rows.sort(key=lambda row: row.frame)
    state.skipped.sort(key=lambda row: row.frame)
    folder = output / state.scene.name
    files.write_rows(folder / files.SKIPPED, SkippedRow, state.skipped)
    if state.rows:
        files.write_contact_sheet(output, state.scene.name, state.rows)
    files.write_rows(folder / files.FRAMES, FrameRow, state.rows)


def _write_tables(config: BuildConfig, report: BuildReport, rows: dict[str, list[FrameRow]],
                  skipped: dict[str, list[SkippedRow]]) -> None:
    """Write the tables over all scenes and count into *report*."""
    kept = [row for name in sorted(rows) for row in rows[name]]
    lost = [row for name in sorted(skipped) for row in skipped[name]]
    part_of = config.split.part_of if config.split else lambda scene: ''
    parts = {name: part_of(name) for name in rows}
    files.write_rows(config.output / files.MANIFEST, FrameRow, kept,
                     part=[parts[row.scene] for row in kept])
    files.write_rows(config.output / files.SKIPPED, SkippedRow, lost)
    for part in PARTS if config.split else ('all',):
        files.write_file_list(config.output / files.file_list(part), [
            row for row in kept if not config.split or parts[row.scene] == part],
            config.settings)
    report.scenes = sum(bool(group) for group in rows.values())
    report.frames = len(kept)
    report.skipped.update(row.cause for row in lost)
    if config.split:
        report.parts.update(parts[name] for name, group in rows.items() if group)
