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
"""What a report says in words: names, meanings, digits, and the paragraphs at its top."""

from __future__ import annotations

from dataclasses import dataclass
import math

from lstm_depth.evaluation.results import Evaluation
import numpy as np

# Fewer images than this make an interval that is itself uncertain.
_FEW_IMAGES = 30
# The median of predicted over true depth may be off by so much and still be called right.
_SCALE_TOLERANCE = 0.03


@dataclass(frozen=True)
class Meaning:
    """What a number is, and whether 'lower' or 'higher' is *better*."""

    text: str
    better: str


METRICS = {
    'd1': Meaning('share of pixels within a factor 1.25 of the truth', 'higher'),
    'd2': Meaning('share of pixels within a factor 1.25² of the truth', 'higher'),
    'd3': Meaning('share of pixels within a factor 1.25³ of the truth', 'higher'),
    'abs_rel': Meaning('mean error as a share of the true distance', 'lower'),
    'sq_rel': Meaning('mean squared error over the true distance, in metres', 'lower'),
    'rmse': Meaning('root mean square error in metres', 'lower'),
    'rmse_log': Meaning('root mean square error of the natural logarithm', 'lower'),
    'log10': Meaning('mean error of the decimal logarithm', 'lower'),
    'silog': Meaning('spread of the log error, whatever the overall scale, × 100', 'lower'),
    'ssim': Meaning('structural similarity of the two depth images', 'higher'),
    'l1': Meaning('mean error of depth scaled to 0 … 1', 'lower'),
    'mse': Meaning('mean squared error of depth scaled to 0 … 1', 'lower'),
    'r2': Meaning('share of the variance of true depth that is explained', 'higher'),
    'boundary_f1': Meaning('how well depth edges lie where the true ones are', 'higher'),
    'flying_points': Meaning('share of the edge pixels that float between near and far', 'lower'),
}

RESET_CAUSES = {
    'backward_stamp': 'the stamps jumped back',
    'gap': 'a pause between stamps',
    'size_change': 'another image size',
    'frame_change': 'another camera frame',
    'non_finite': 'the network gave no finite number',
    'explicit': 'it was asked for',
}


def reset_cause(reset: str) -> str:
    """Return why the hidden state was reset, in words where the cause is known."""
    return RESET_CAUSES.get(reset, reset)


def number(value: float) -> str:
    """Return *value* with about three digits that matter, '–' where there is none."""
    if not math.isfinite(value):
        return '–'
    size = abs(value)
    if 0 < size < 0.01:
        text = f'{value:.2g}'
    else:
        text = f'{value:.3f}' if size < 10 else f'{value:.2f}' if size < 100 else f'{value:,.0f}'
    return text.replace('-', '−')


def brief(value: float) -> str:
    """Return a finite *value* with three digits, or all those before the decimal point."""
    before = math.floor(math.log10(abs(value))) + 1 if value else 1
    return f'{value:,.{max(0, 3 - before)}f}'.replace('-', '−')


def percent(share: float) -> str:
    """Return *share* (1 is all) in per cent, '–' where there is none."""
    return f'{100 * share:.1f}\u00a0%' if math.isfinite(share) else '–'


def milliseconds(seconds: float) -> str:
    """Return *seconds* in milliseconds."""
    return f'{1e3 * seconds:.1f}\u00a0ms' if seconds < 0.1 else f'{1e3 * seconds:,.0f}\u00a0ms'


def count(amount: int, what: str) -> str:
    """Return '1 image' or '2 images'."""
    return f'{amount:,} {what}' + ('' if amount == 1 else 's')


def paragraphs(evaluation: Evaluation) -> list[str]:
    """Return what was evaluated and what came out, then how far to trust it."""
    sentences = (_what(evaluation), _accuracy(evaluation), _scale(evaluation),
                 _distance(evaluation), _speed(evaluation))
    doubts = (_interval_doubt(evaluation), _few_doubt(evaluation),
              _alignment_doubt(evaluation))
    return [text for text in (' '.join(filter(None, sentences)), ' '.join(filter(None, doubts)))
            if text]


def _what(evaluation: Evaluation) -> str:
    scenes = len({frame.scene for frame in evaluation.frames})
    within = f' from {count(scenes, "scene")}' if scenes > 1 else ''
    return (f'The {evaluation.model} model (checkpoint: {evaluation.checkpoint}) estimated the '
            f'depth of {count(len(evaluation.frames), "image")}{within} of {evaluation.data}.')


def _accuracy(evaluation: Evaluation) -> str:
    if not evaluation.scored:
        return 'There was no ground truth to compare with: nothing here tells how accurate it is.'
    error, within, rmse = (evaluation.metrics[name] for name in ('abs_rel', 'd1', 'rmse'))
    return (f'On average an estimate is off by {percent(error.mean)} of the true distance'
            + ('' if math.isnan(error.low) else
               f' (95\u00a0% interval {percent(error.low)} to {percent(error.high)})')
            + f', {percent(within.mean)} of the pixels lie within a factor of 1.25 of the truth, '
              f'and the root mean square error is {rmse.mean:.2f}\u00a0m.')


def _scale(evaluation: Evaluation) -> str:
    ratios = np.array([frame.scale_ratio for frame in evaluation.frames])
    ratios = ratios[np.isfinite(ratios)]
    if not ratios.size:
        return ''
    typical = float(np.median(ratios))
    if abs(typical - 1) <= _SCALE_TOLERANCE:
        return f'The overall scale is right: estimates are {typical:.2f} times the truth.'
    return (f'On the whole estimates are too {"near" if typical < 1 else "far"}: '
            f'{typical:.2f} times the truth.')


def _distance(evaluation: Evaluation) -> str:
    errors = {name: band['abs_rel'] for name, band in evaluation.by_band.items()
              if math.isfinite(band['abs_rel'])}
    if len(errors) < 2:
        return ''
    least, most = min(errors, key=errors.__getitem__), max(errors, key=errors.__getitem__)
    near, far = (f'{name.replace("-", " to ")} ({percent(errors[name])})'
                 for name in (least, most))
    return f'The error is smallest at {near} and largest at {far}.'


def _speed(evaluation: Evaluation) -> str:
    if not evaluation.latencies:
        return ''
    half, most = (milliseconds(float(np.percentile(evaluation.latencies, share)))
                  for share in (50, 95))
    return f'Half of the predictions took less than {half}, 95\u00a0% less than {most}.'


def _interval_doubt(evaluation: Evaluation) -> str:
    if evaluation.scored < 2:
        return ''
    return ('The intervals tell how far the means would move with other images of the same kind; '
            'they promise nothing for other places or another camera.')


def _few_doubt(evaluation: Evaluation) -> str:
    if not 0 < evaluation.scored < _FEW_IMAGES:
        return ''
    images = count(evaluation.scored, 'scored image')
    return f'With only {images}, take the means as a rough guide.'


def _alignment_doubt(evaluation: Evaluation) -> str:
    alignment = evaluation.settings.get('alignment', 'none')
    if alignment == 'none' or not evaluation.scored:
        return ''
    return (f'Every estimate was first aligned to its ground truth ({alignment}), which a robot '
            'cannot do: the errors leave out what is wrong with the scale.')
