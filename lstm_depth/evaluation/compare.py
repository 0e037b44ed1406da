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
Models beside each other on the same frames: accuracy, temporal consistency, size, speed.

Which differences from the first are real is told by a paired bootstrap: the images are
drawn, and both models are scored on those drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
import itertools
import math
from pathlib import Path
import sys
from typing import Any

from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.anchoring import Anchoring, UNANCHORED
from lstm_depth.evaluation.evaluate import evaluate, EvaluateConfig
from lstm_depth.evaluation.evaluation_data import EvaluationData, first_frame
from lstm_depth.evaluation.modes import MODES
from lstm_depth.evaluation.results import Evaluation, HEADLINE, Interval
from lstm_depth.frames import CameraFrame
from lstm_depth.runtime.engine import Engine, PRECISIONS
from lstm_depth.runtime.loading import check_source, load_model
from lstm_depth.runtime.registry import BACKENDS
from lstm_depth.scoring.bootstrap import resampled_means, RESAMPLES
from lstm_depth.scoring.temporal import PAIR_MEASURES, PixelSpread
from lstm_depth.stream import DepthStream
import numpy as np
from tqdm import tqdm

SHIPPED = 'shipped'
HIGHER_IS_BETTER = frozenset({'d1', 'd2', 'd3', 'ssim', 'r2', 'boundary_f1'})
# With fewer clusters of frames (images, or seconds of video) bootstrap intervals are far too
# narrow.
MIN_CLUSTERS = 5
_COMPARED = tuple(name for name in PAIR_MEASURES if not name.endswith('_truth'))


@dataclass(frozen=True)
class Contender:
    """
    What takes part: *checkpoint* (a path, a model name or 'shipped'), *mode*, *label*.

    *backend*, *precision*: how `load_model` is to run it. *anchoring*: what anchors depth.
    """

    checkpoint: str
    mode: str
    label: str
    backend: str = 'auto'
    precision: str = 'float32'
    anchoring: Anchoring = UNANCHORED

    @property
    def source(self) -> str | None:
        """Return what `load_model` takes."""
        return None if self.checkpoint == SHIPPED else self.checkpoint


def parse_contenders(checkpoints: Sequence[str], modes: Sequence[str],
                     anchorings: Sequence[Anchoring] = (UNANCHORED,)) -> list[Contender]:
    """
    Return every checkpoint in every one of *modes*, unless its name says otherwise.

    'CHECKPOINT@HOW' is run in that mode, by that backend or in that precision only;
    'shipped@openvino+int8' names several. Each takes part with every one of *anchorings*.
    Labels are as short as they can be and still differ.
    Raises ConfigError for an unknown mode or something named twice.
    """
    for mode in modes:
        if mode not in MODES:
            raise ConfigError(f'mode must be one of {", ".join(MODES)}, not {mode!r}')
    chosen: list[Contender] = []
    for text in checkpoints:
        name, how = _parted(text)
        chosen += [Contender(name, mode, '', **_run_by(how))
                   for mode in ([word for word in how if word in MODES] or modes)]
    twice = next((each for each in chosen if chosen.count(each) > 1), None)
    if twice:
        raise ConfigError(f'{"@".join((twice.checkpoint, *_said(twice, True)))} is to be compared '
                          'with itself: name it once')
    names = {each.checkpoint for each in chosen}
    stems = [_stem(name) for name in names]
    short = {name: _stem(name) if stems.count(_stem(name)) == 1 else name for name in names}
    several = len({each.mode for each in chosen}) > 1
    return [replace(each, anchoring=anchoring, label=' '.join((
                short[each.checkpoint], *_said(each, several),
                *([anchoring.source or 'alone'] if any(anchorings) else []))))
            for each in chosen for anchoring in anchorings]


def _parted(text: str) -> tuple[str, list[str]]:
    """Return the name and the words after the last @; where they are unknown it is a name's."""
    name, _, how = text.rpartition('@')
    words = how.split('+')
    known = {*MODES, *BACKENDS, *PRECISIONS}
    return (name, words) if name and known.issuperset(words) else (text, [])


def _run_by(words: Sequence[str]) -> dict[str, str]:
    """Return backend and precision among the words after @."""
    return dict([('backend', word) for word in words if word in BACKENDS]
                + [('precision', word) for word in words if word in PRECISIONS])


def _said(contender: Contender, mode: bool) -> list[str]:
    """Return what a label must say beside the name: the *mode*, and all that is not usual."""
    return [word for word, wanted in (
        (contender.mode, mode), (contender.backend, contender.backend != 'auto'),
        (contender.precision, contender.precision != 'float32')) if wanted]


def _stem(name: str) -> str:
    """Return the name of a checkpoint without folder and ending."""
    return Path(name).stem if name.endswith('.safetensors') else name


@dataclass(frozen=True)
class Difference:
    """
    How far a measure lies above that of the first, over the same images.

    Of a temporal measure that the ground truth has, too: how much farther from that it lies.
    *low*, *high*: the 95 % interval, NaN where there is too little to tell. *verdict*:
    'better' or 'worse' where it leaves out 0, else empty.
    """

    mean: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True, eq=False)
class Entry:
    """
    One contender's results.

    *metrics*: accuracy, means over images. *temporal*: of `TEMPORAL_MEASURES`, with
    ``frozen_std``, the deviation on one frozen frame. *ms_per_frame*: median latency.
    *differences*: from the first entry, by measure; empty for the first.
    """

    contender: Contender
    model: str
    parameters: int
    ms_per_frame: float
    metrics: dict[str, Interval]
    temporal: dict[str, float]
    differences: dict[str, Difference] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        anchoring = self.contender.anchoring
        # Poses and points of a whole recording are not what was measured.
        plain = asdict(replace(self, contender=replace(self.contender, anchoring=UNANCHORED)))
        plain['contender']['anchoring'] = anchoring.settings.get('anchor', '')
        return plain


@dataclass(frozen=True, eq=False)
class Comparison:
    """
    The results of all contenders, the first one's first.

    *truth*: what the ground truth itself scores in temporal measures, the floor. *clusters*:
    how many clusters of frames, independent of each other, the intervals of differences were
    drawn from, and what a cluster is. *settings*, *notes*: as in `Evaluation`, less what
    differs. *static_warmup*: how many frames a standing camera was given to settle.
    """

    title: str
    entries: list[Entry]
    truth: dict[str, float]
    clusters: int
    cluster: str
    settings: dict[str, str]
    notes: list[str]
    command: str
    versions: dict[str, str]
    static_warmup: int

    @property
    def can_tell(self) -> bool:
        """Return whether there is enough to tell which differences are real."""
        return self.clusters >= MIN_CLUSTERS

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dict(vars(self)) | {'entries': [entry.to_dict() for entry in self.entries]}


def compare(contenders: Sequence[Contender], data: EvaluationData,
            config: EvaluateConfig | None = None) -> Comparison:
    """
    Evaluate every contender on *data*; the mode of *config* does not count.

    Checkpoints and modes are looked at before the first one runs. Raises what `evaluate`
    and `load_model` raise, ConfigError without a contender.
    """
    if not contenders:
        raise ConfigError('there is nothing to compare: name at least one checkpoint')
    for contender in contenders:
        check_source(contender.source)
    config = replace(config or EvaluateConfig(), keep=0)
    configs = [replace(config, mode=contender.mode, anchoring=contender.anchoring)
               for contender in contenders]
    frozen = first_frame(data) if config.temporal else None
    entries: list[Entry] = []
    notes: list[list[str]] = []
    first: Evaluation | None = None
    for contender, mine in zip(contenders, configs):
        tqdm.write(contender.label, file=sys.stderr)
        model = load_model(contender.source, backend=contender.backend, device=config.device,
                           precision=contender.precision)
        found = evaluate(model, data, mine, checkpoint=contender.checkpoint)
        first = first or found
        differences = {} if found is first else paired_differences(
            first, found, video=data.has_video, resamples=config.resamples, seed=config.seed
        ) | temporal_differences(first, found, resamples=config.resamples, seed=config.seed)
        entries.append(_entry(contender, found, model, mine, frozen, differences))
        notes.append(found.notes)
    scored = [frame for frame in first.frames if frame.scored]
    return Comparison(
        title=first.title, entries=entries, truth=_of_truth(first.temporal or {}),
        clusters=int(_clusters(scored, data.has_video).max()) + 1,
        cluster='second of video' if data.has_video else 'image',
        settings={name: text for name, text in first.settings.items()
                  if name not in ('mode', 'anchor')},
        notes=_all_notes([contender.label for contender in contenders], notes),
        command=first.command, versions=first.versions, static_warmup=config.static_warmup)


def _entry(contender: Contender, found: Evaluation, model: Engine, config: EvaluateConfig,
           frozen: CameraFrame | None, differences: dict[str, Difference]) -> Entry:
    """Return what the table shows of one evaluation."""
    temporal = {name: value for name, value in (found.temporal or {}).items()
                if not name.endswith('_truth')}
    if frozen is not None:
        stream = DepthStream(model, mode='stateful' if contender.mode == 'stateful' else 'window',
                             buffer_size=1 if contender.mode == 'single' else config.window)
        temporal['frozen_std'] = frozen_std(stream, frozen, warmup=config.static_warmup)
    return Entry(contender, found.model, model.info.parameters,
                 1e3 * float(np.median(found.latencies)), found.metrics, temporal, differences)


def frozen_std(stream: DepthStream, frame: CameraFrame, *, warmup: int = 10,
               frames: int = 20) -> float:
    """
    Return how much depth still moves on a frozen *frame* [m]; it must be about 0.

    The stream is reset and given the frame *warmup* + *frames* times at 30 Hz, from stamp
    0 s on; the result is the standard deviation of each pixel over the last *frames*,
    averaged over the image. Reset the stream before it goes on with something else. Raises
    ConfigError for less than two frames.
    """
    if warmup < 0 or frames < 2:
        raise ConfigError('a static deviation needs warmup >= 0 and at least 2 frames, not '
                          f'{warmup} and {frames}')
    stream.reset()
    spread = PixelSpread(warmup)
    for index in range(warmup + frames):
        spread.add(stream.push(frame.rgb, index / 30, camera=frame.camera).depth)
    return spread.std()


def paired_differences(first: Evaluation, other: Evaluation, *, video: bool,
                       resamples: int = RESAMPLES, seed: int = 0) -> dict[str, Difference]:
    """
    Return how far each measure of *other* lies above that of *first* on the same images.

    The interval is a paired bootstrap over images; of *video* over whole seconds, because
    neighbouring frames tell the same twice. It is left out below `MIN_CLUSTERS` of them.
    Measures that some image does not have are left out. Raises DataError where no image was
    scored by both.
    """
    mine = {(frame.scene, frame.name): frame for frame in first.frames if frame.scored}
    pairs = [(mine[key], frame) for frame in other.frames
             if frame.scored and (key := (frame.scene, frame.name)) in mine]
    if not pairs:
        raise DataError('the evaluations have no scored image in common')
    values = np.array([[theirs.metrics[name] - ours.metrics[name] for name in HEADLINE]
                       for ours, theirs in pairs])
    return _differences(HEADLINE, values, _clusters([ours for ours, _ in pairs], video),
                        resamples, seed)


def temporal_differences(first: Evaluation, other: Evaluation, *, resamples: int = RESAMPLES,
                         seed: int = 0) -> dict[str, Difference]:
    """
    Return how far the measures of frame pairs of *other* lie from those of *first*.

    Measures that the ground truth has, too (``opw_truth``), are distances from it: depth that
    never changes is not better than the truth. Intervals as of video in paired_differences().
    """
    mine, theirs = ({key: index for index, key in enumerate(zip(
        found.series.get('sequence', ()), found.series.get('stamp_s', ())))}
        for found in (first, other))
    both = [key for key in mine if key in theirs]
    if not both:
        return {}
    ours, others = (np.column_stack([_from_truth(found.series, name)[[rows[key] for key in both]]
                                     for name in _COMPARED])
                    for found, rows in ((first, mine), (other, theirs)))
    values = others - ours
    measured = np.isfinite(values).any(axis=0)
    known = np.isfinite(values[:, measured]).all(axis=1)
    if not known.any():
        return {}
    numbers: dict[tuple[float, int], int] = {}
    clusters = np.array([numbers.setdefault((sequence, math.floor(stamp)), len(numbers))
                        for sequence, stamp in itertools.compress(both, known)])
    names = list(itertools.compress(_COMPARED, measured))
    return _differences(names, values[known][:, measured], clusters, resamples, seed)


def _from_truth(series: dict[str, list[float]], name: str) -> np.ndarray:
    """Return (N,) a measure's distance from that of the truth; itself where that has none."""
    values = np.array(series[name])
    truth = f'{name}_truth'
    return np.abs(values - series[truth]) if truth in PAIR_MEASURES else values


def _differences(names: Sequence[str], values: np.ndarray, clusters: np.ndarray, resamples: int,
                 seed: int) -> dict[str, Difference]:
    """Return the means of (N, M) *values*, a column for each of *names*, with intervals."""
    low, high = _interval(values, clusters, resamples, seed)
    result = {}
    for column, name in enumerate(names):
        mean = float(values[:, column].mean())
        if math.isfinite(mean):
            ends = float(low[column]), float(high[column])
            result[name] = Difference(mean, *ends, _verdict(name, *ends))
    return result


def _clusters(frames: Sequence[Any], video: bool) -> np.ndarray:
    """Return (N,) the number of the cluster that each of (N,) frames belongs to."""
    if not video:
        return np.arange(len(frames))
    numbers: dict[tuple[str, int], int] = {}
    return np.array([numbers.setdefault((frame.scene, math.floor(frame.stamp_s)), len(numbers))
                     for frame in frames])


def _interval(values: np.ndarray, clusters: np.ndarray, resamples: int,
              seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals of the means of (N, M) *values*; NaN of few clusters."""
    count = int(clusters.max()) + 1
    if count < MIN_CLUSTERS:
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing
    # The mean over the images of the clusters drawn: a ratio, as clusters differ in images.
    sums = np.zeros((count, values.shape[1] + 1))
    np.add.at(sums, clusters, np.column_stack([values, np.ones(len(values))]))
    means = resampled_means(sums, resamples, seed)
    low, high = np.percentile(means[:, :-1] / means[:, -1:], [2.5, 97.5], axis=0)
    return low, high


def _verdict(name: str, low: float, high: float) -> str:
    """Return what an interval of a difference says of a measure."""
    if not (low > 0 or high < 0):
        return ''
    return 'better' if (low > 0) == (name in HIGHER_IS_BETTER) else 'worse'


def _all_notes(labels: Sequence[str], notes: Sequence[Sequence[str]]) -> list[str]:
    """Return every note once, with the label of whom it is about where not about all."""
    shared = [text for text in notes[0] if all(text in mine for mine in notes)]
    return shared + [f'{label}: {text}' for label, mine in zip(labels, notes)
                     for text in mine if text not in shared]


def _of_truth(temporal: dict[str, float]) -> dict[str, float]:
    """Return the temporal measures of the ground truth, by the names of the measures."""
    return {name.removesuffix('_truth'): value for name, value in temporal.items()
            if name.endswith('_truth')}
