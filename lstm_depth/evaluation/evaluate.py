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
Score a model on a data set: depth predicted frame by frame as in a stream, and measured.

Frames are read, run and measured one at a time, so that a data set of any size needs
the memory of a few frames and the numbers of the others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lstm_depth.data.labeled import LabeledSequence
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.anchoring import Anchoring, UNANCHORED
from lstm_depth.evaluation.builder import EvaluationBuilder
from lstm_depth.evaluation.evaluation_data import EvaluationData, frame_name, white_frame
from lstm_depth.evaluation.modes import MODES
from lstm_depth.evaluation.predictor import Predictor
from lstm_depth.evaluation.results import Evaluation
from lstm_depth.frames import CameraFrame
from lstm_depth.runtime.engine import Engine
from lstm_depth.runtime.loading import as_engine
from lstm_depth.scoring.bootstrap import RESAMPLES
from lstm_depth.scoring.protocol import find_protocol, Protocol
from lstm_depth.scoring.reliability import Reliability
from lstm_depth.scoring.temporal import TemporalAccumulator
from lstm_depth.stream import ResetReason
import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from lstm_depth.models import DepthModel

# Video without stamps was taken at about this rate.
_RATE_HZ = 30.0


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """
    How to score.

    *protocol*, *align*: see `find_protocol`. *flip_average*: average with the prediction for the
    mirrored image, mirrored back. *sharpen*: make edges steeper, as nodes do. *warmup*: feed so
    many frames before each scored one, from a zero state; 0 carries the state through each video
    and starts every still from zero. *mode*: one of `MODES`. *window*: how many frames mode
    window runs. *limit*: score the first so many frames, 0 for all. *temporal*: measure
    consistency on video. *static_warmup*: how many frames a standing camera is given until its
    depth must stand still, too. *border*: cut so many pixels off each side before the model sees
    an image; there the prediction of the nearest pixel is scored. *keep*: pictures of the worst
    and best frames; *samples*: of so many spread evenly. *detailed*: measure more than
    `METRIC_NAMES`. *progress*: show a bar. *anchoring*: what anchors depth. *confidence*: note
    how often depth is right, by what was said. *resamples*, *seed*: of the intervals.
    """

    protocol: str = 'nyu'
    align: str = 'none'
    flip_average: bool = False
    sharpen: bool = True
    warmup: int = 0
    mode: str = 'stateful'
    window: int = 8
    device: str = 'auto'
    limit: int = 0
    temporal: bool = True
    static_warmup: int = 10
    border: int = 0
    keep: int = 6
    samples: int = 0
    detailed: bool = True
    progress: bool = True
    anchoring: Anchoring = UNANCHORED
    confidence: bool = False
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise ConfigError for unknown names and for numbers out of range."""
        find_protocol(self.protocol, self.align)
        if self.mode not in MODES:
            raise ConfigError(f'mode must be one of {", ".join(MODES)}, not {self.mode!r}')
        if min(self.warmup, self.limit, self.static_warmup, self.border) < 0 or self.window < 1:
            raise ConfigError(
                'warmup, limit, static warm-up and border must be 0 or more, the window 1 or '
                f'more, not {self.warmup}, {self.limit}, {self.static_warmup}, {self.border} and '
                f'{self.window}')
        if self.warmup and self.mode == 'single':
            raise ConfigError('mode single forgets every frame: there is nothing to warm up; '
                              'take mode stateful or no warm-up')
        if self.anchoring and (self.flip_average or self.mode == 'single'):
            raise ConfigError('an anchor follows corners through a video: it goes neither with '
                              'mirrored images nor with mode single')

    @property
    def rules(self) -> Protocol:
        """Return the protocol with its alignment."""
        return find_protocol(self.protocol, self.align)


def evaluate(model: Engine | DepthModel, data: EvaluationData,
             config: EvaluateConfig | None = None, *, checkpoint: str = '',
             command: str = '') -> Evaluation:
    """
    Score *model* on *data*.

    *checkpoint*: what to call the weights; *command*: what was typed, both for the tables.
    Frames that cannot be read are left out, counted and noted. Raises DataError where none
    can be read or none has ground truth in range, ConfigError for a warm-up of stills.
    """
    if not len(data):
        raise DataError(f'{data.name} has no frame to evaluate')
    config = config or EvaluateConfig()
    run = _Run(as_engine(model, config.device), data, config)
    run.all_sequences()
    return run.evaluation(checkpoint or 'shipped', command)


def evaluate_with_crop(model: Engine | DepthModel, data: EvaluationData,
                       config: EvaluateConfig | None = None, *, checkpoint: str = '',
                       command: str = '') -> Evaluation:
    """
    Score *model* as evaluate() does, and beside it without the white frame around NYU's images.

    The protocol gives the model the whole image, of which the labelled set's has a white frame
    where undistorting found nothing. Where there is one, the model is run again on the images
    without it, and what it predicts is scored on the same pixels.
    """
    config = config or EvaluateConfig()
    found = evaluate(model, data, config, checkpoint=checkpoint, command=command)
    border = white_frame(data)
    if not border or config.border:
        return found
    inner = evaluate(model, data, replace(config, border=border, keep=0, temporal=False))
    settings = {**found.settings, 'white frame': 'seen by the model, as the protocol has it'}
    return replace(found, settings=settings, beside={'white frame cut off': inner.metrics})


def evaluate_sequences(model: Engine | DepthModel, sequences: Sequence[FrameSequence],
                       config: EvaluateConfig | None = None) -> Evaluation:
    """Score *model* on frames that are at hand, as in the middle of a training."""
    return evaluate(model, EvaluationData('given sequences', list(sequences)), config)


class _Run:
    """One model on one data set."""

    def __init__(self, model: Engine, data: EvaluationData, config: EvaluateConfig) -> None:
        self._model, self._data, self._config = model, data, config
        self._predictor = Predictor(model, mode=config.mode, window=config.window,
                                    flip_average=config.flip_average, border=config.border,
                                    sharpen=config.sharpen, anchoring=config.anchoring)
        # A model without a state predicts the same after any frames: spare them.
        self._warmup = self._usable_warmup() if model.recurrent else 0
        self._temporal = (TemporalAccumulator(warmup=config.static_warmup)
                          if config.temporal and data.has_video else None)
        self._reliability = Reliability() if config.confidence else None
        self._recent: deque[CameraFrame] = deque(maxlen=self._warmup or None)
        self._frames = min(config.limit or len(data), len(data))
        self._position = 0
        self._samples = set(np.linspace(0, self._frames - 1, min(config.samples, self._frames))
                            .round().astype(int).tolist())
        self._builder = EvaluationBuilder(
            config.rules, self._settings(), ground_truth=data.ground_truth,
            depth_range=model.depth_range, keep=config.keep, detailed=config.detailed,
            resamples=config.resamples, seed=config.seed)
        for note in (*data.notes, self._predictor.stream.device_note, self._warmup_note()):
            if note:
                self._builder.note(note)

    def _usable_warmup(self) -> int:
        """Return how many frames to feed first; ConfigError where there are none to feed."""
        warmup, data = self._config.warmup, self._data
        cold = next((item for item in data.sequences if not data.warms(item)), None)
        if warmup and cold is not None:
            raise ConfigError(
                f'{cold.name} holds stills: there are no frames before them to warm up with; '
                + ('give the raw scenes that they were taken from with --raw'
                   if isinstance(cold, LabeledSequence) else 'evaluate without --warmup'))
        return warmup

    def _warmup_note(self) -> str:
        """Return why a warm-up that was asked for was not made, else an empty string."""
        if self._warmup == self._config.warmup:
            return ''
        return f'{self._model.name} carries no state from frame to frame: warm-up was left out'

    def _settings(self) -> dict[str, str]:
        """Return what the tables must state beside the protocol."""
        config, data = self._config, self._data
        fed = ('video: the state carried from frame to frame' if data.has_video
               else 'stills from a zero state')
        limit = f', the first {self._frames}' if self._frames < len(data) else ''
        still = ({'static_std': f'after {config.static_warmup} frames of a camera that stands'}
                 if self._temporal else {})
        return {
            'flip averaging': 'yes' if config.flip_average else 'no',
            'edges': 'sharpened' if config.sharpen else 'as the network gives them',
            'warm-up': (f'{self._warmup} frames before each, from a zero state'
                        if self._warmup else f'none ({fed})'),
            'mode': MODES[config.mode].format(window=config.window),
            **config.anchoring.settings,
            'frames': data.part + limit,
            'ssim, l1, mse': f'of depth / {config.rules.unit:g} m',
            **still,
            'device': self._predictor.stream.device,
        }

    def all_sequences(self) -> None:
        """Run and score the frames, up to the limit."""
        left = self._frames
        with tqdm(total=left, desc='evaluate', unit='frame',
                  disable=not self._config.progress) as bar:
            for sequence in self._data.sequences:
                self._start_sequence()
                for index in range(min(left, len(sequence))):
                    self._score(sequence, index)
                    self._position += 1
                    bar.update()
                left -= min(left, len(sequence))

    def _start_sequence(self) -> None:
        """Forget what came before."""
        self._predictor.reset()
        self._recent.clear()
        if self._temporal:
            self._temporal.reset()

    def _score(self, sequence: FrameSequence, index: int) -> None:
        """Run one frame and take its numbers."""
        try:
            frame = sequence.frame(index)
        except DataError as error:
            self._builder.damage.append(str(error))
            self._builder.skip('they could not be read')
            return
        if sequence.video and not frame.stamp_ns:
            frame = replace(frame, stamp_ns=round(index * 1e9 / _RATE_HZ))
        if self._warmup or self._config.mode == 'single' or not sequence.video:
            self._predictor.reset()
        for earlier in self._earlier(sequence, index):
            self._predictor.push(earlier)
        found = self._predictor.push(frame)
        if found is None:
            self._builder.skip('their stamp repeats the one before')
            return
        reset = found.reset.value if found.reset not in (None, ResetReason.EXPLICIT) else ''
        self._builder.add(frame, found.depth, latency_s=found.latency_s, reset=reset,
                          name=frame_name(sequence, index), scene=sequence.scene,
                          sample=self._position in self._samples)
        if self._temporal and sequence.video:
            self._temporal.add(frame, found.depth)
        if self._reliability and frame.depth is not None:
            self._reliability.add(found.confidence, found.depth, frame.depth,
                                  self._config.rules.max_depth)
        if self._warmup and sequence.video:
            self._recent.append(frame)

    def _earlier(self, sequence: FrameSequence, index: int) -> list[CameraFrame]:
        """Return the frames to feed before one."""
        if not self._warmup:
            return []
        if sequence.video:
            return list(self._recent)
        frames = self._data.raw_before(sequence, index, self._warmup)
        if frames is None:
            self._builder.note(
                f'labelled frames without their raw scene were scored without warm-up: '
                f'{frame_name(sequence, index)}')
        return frames or []

    def evaluation(self, checkpoint: str, command: str) -> Evaluation:
        """Return the result; DataError where nothing could be scored."""
        builder, data, rules = self._builder, self._data, self._config.rules
        if builder.damage and not builder.frames:
            raise DataError(f'none of the {self._frames} frames of {data.name} could be read: '
                            f'{builder.damage[0]}')
        if not builder.scored:
            raise DataError(f'none of the {len(builder.frames)} frames of {data.name} has ground '
                            f'truth inside the crop and range of protocol {rules.name} '
                            f'({rules.cap})')
        if self._reliability and (text := self._reliability.sentence()):
            builder.note(text)
        if builder.damage:
            builder.note(f'the first that could not be read: {builder.damage[0]}')
        if len(builder.frames) > builder.scored:
            builder.note(f'{len(builder.frames) - builder.scored} frames have no ground truth in '
                         'range')
        if self._temporal and rules.align != 'none':
            builder.note('temporal measures are of depth as it was predicted, without alignment')
        if data.has_video:
            builder.note('neighbouring frames of a video are alike: the intervals, which take '
                         'them as independent, are too narrow')
        return builder.finish(
            title=f'{rules.title} on {data.name}', data=data.name, model=self._model.name,
            checkpoint=checkpoint, header=self._model.header, command=command,
            temporal=self._temporal.result() if self._temporal else None,
            series=self._temporal.series() if self._temporal else None)
