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
"""A comparison for people and programs: rows of a table, Markdown, CSV, JSON, a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import csv
from dataclasses import dataclass
import io
import math
from pathlib import Path
from typing import Any

from lstm_depth.evaluation.compare import Comparison, Entry, MIN_CLUSTERS
from lstm_depth.evaluation.results import HEADLINE
from lstm_depth.files import table_text, write_json, write_text
from lstm_depth.scoring.temporal import PAIR_MEASURES, TEMPORAL_MEASURES

FROZEN = 'frozen_std'
_TEMPORAL = (*TEMPORAL_MEASURES, FROZEN)
_MARKS = {'better': ' (+)', 'worse': ' (-)', '': ''}


@dataclass(frozen=True)
class Column:
    """A column of the table: its *title* and what stands there of an entry."""

    title: str
    cell: Callable[[Entry], str]


@dataclass(frozen=True)
class Published:
    """What a paper says of its model on NYU Depth V2's test images."""

    model: str
    d1: str
    abs_rel: str = ''
    rmse: str = ''


PUBLISHED = (
    Published('Metric3D v2 ViT-L, fine-tuned', '0.989', '0.047', '0.183'),
    Published('Depth Anything v1 ViT-L, fine-tuned', '0.984', '0.056', '0.206'),
    Published('BTS ResNet-50, 24k frames', '0.865', '0.119', '0.419'),
    Published('Laina ResNet-50 UpProj', '0.811', '0.127', '0.573'),
    Published('FastDepth, own protocol, 48k frames', '0.771', '', '0.604'),
    Published('Eigen 2014', '0.611', '', '0.907'),
)


def _metric(name: str) -> Column:
    def cell(entry: Entry) -> str:
        return (f'{_number(entry.metrics[name].mean)}{_mark(entry, name)}'
                if name in entry.metrics else '')
    return Column(name, cell)


def _temporal(name: str) -> Column:
    def cell(entry: Entry) -> str:
        return (f'{_number(entry.temporal[name])}{_mark(entry, name)}'
                if name in entry.temporal else '')
    return Column(name, cell)


def _mark(entry: Entry, name: str) -> str:
    difference = entry.differences.get(name)
    return _MARKS[difference.verdict] if difference else ''


def _number(value: float) -> str:
    return f'{value:.4f}' if math.isfinite(value) else ''


ACCURACY = (*(_metric(name) for name in ('d1', 'abs_rel', 'rmse', 'log10', 'silog', 'boundary_f1',
                                         'flying_points')),
            Column('parameters', lambda entry: f'{entry.parameters / 1e6:.2f} M'),
            Column('ms/frame', lambda entry: f'{entry.ms_per_frame:.1f}'))
TEMPORAL = tuple(_temporal(name) for name in _TEMPORAL
                 if not name.endswith('_truth') and name != 'rtc_1.25')


def table_rows(comparison: Comparison, columns: Sequence[Column], *,
               published: bool = False) -> list[list[str]]:
    """
    Return a heading and a row for each model, without columns in which nothing stands.

    Below them come the ground truth, where one of *columns* is a temporal measure, and with
    *published* what papers report.
    """
    titles = [column.title for column in columns]
    rows = [[entry.contender.label, *(column.cell(entry) for column in columns)]
            for entry in comparison.entries]
    filled = [index for index, cells in enumerate(zip(*rows)) if any(cells)]
    truth = [_number(comparison.truth.get(title, math.nan)) for title in titles]
    if any(truth):
        rows.append(['ground truth', *truth])
    if published:
        rows += [[f'{row.model} (published)', *(getattr(row, title, '') for title in titles)]
                 for row in PUBLISHED]
    return [[row[index] or ('-' if row[0] else '') for index in filled]
            for row in [['', *titles], *rows]]


def legend(comparison: Comparison, *, published: bool = False) -> list[str]:
    """Return the sentences without which the table may be misread."""
    lines = ['ms/frame: median from image to depth, measured one model after the other while '
             'nothing else should run.']
    several, count, cluster = (len(comparison.entries) > 1, comparison.clusters,
                               comparison.cluster)
    if several and comparison.can_tell:
        lines.append(
            f'(+) really better, (-) really worse than {comparison.entries[0].contender.label}: '
            'the 95 % interval of the paired difference leaves out 0 (bootstrap, '
            f'{count} times one {cluster}); unmarked differences may be chance.')
        if comparison.truth:
            lines.append('opw, rtc and tae are marked by which is nearer to what the ground truth '
                         'itself gets; static_std, scale_std and scale_slope are never marked.')
    elif several:
        lines.append('Which differences are real cannot be told from '
                     f'{count} times one {cluster}: give at least {MIN_CLUSTERS}.')
    if any(FROZEN in entry.temporal for entry in comparison.entries):
        lines.append(f'{FROZEN}: standard deviation of a pixel [m] over 20 times the first frame, '
                     f'frozen, after {comparison.static_warmup} times to settle; it should be '
                     '0.')
    lines += [f'{name}: {TEMPORAL_MEASURES[name]}.' for name in TEMPORAL_MEASURES
              if any(name in entry.temporal for entry in comparison.entries)
              and name != 'rtc_1.25']
    if published:
        lines.append("(published): the papers' own numbers on the 654 official test images, "
                     'filled ground truth, Eigen crop, cap 10 m; comparable only with scores on '
                     'these images.')
    return lines


def write_comparison(comparison: Comparison, folder: Path, *, published: bool = False) -> None:
    """
    Write comparison.md, .csv, .json and .svg into *folder*, replacing older ones.

    MissingPackage without the report extra, which draws the chart.
    """
    from lstm_depth.evaluation.report.comparison_chart import accuracy_speed_chart

    write_text(folder / 'comparison.svg', accuracy_speed_chart(comparison))
    write_text(folder / 'comparison.md', markdown(comparison, published=published))
    write_text(folder / 'comparison.csv', csv_text(comparison, published=published))
    write_json(folder / 'comparison.json', json_values(comparison, published=published))


def json_values(comparison: Comparison, *, published: bool = False) -> dict[str, Any]:
    """Return everything as plain values."""
    rows = [dict(vars(row)) for row in PUBLISHED] if published else []
    return comparison.to_dict() | {'published': rows}


def markdown(comparison: Comparison, *, published: bool = False) -> str:
    """Return the table with all that must be known to read it."""
    heading, *rows = table_rows(comparison, (*ACCURACY, *TEMPORAL), published=published)
    lines = [heading, ['---', *['---:'] * (len(heading) - 1)], *rows]
    table = '\n'.join(f'| {" | ".join(cell.replace("|", chr(92) + "|") for cell in line)} |'
                      for line in lines)
    settings = '\n'.join(f'- {name}: {text}' for name, text in comparison.settings.items())
    notes = '\n'.join(f'- {text}' for text in
                      (*legend(comparison, published=published), *comparison.notes))
    versions = ', '.join(f'{name} {text}' for name, text in comparison.versions.items())
    return (f'# {comparison.title}\n\n{table}\n\n{notes}\n\n'
            f'![accuracy against speed](comparison.svg)\n\n## Settings\n\n{settings}\n\n'
            f'`{comparison.command}`\n\n{versions}\n')


def csv_text(comparison: Comparison, *, published: bool = False) -> str:
    """
    Return one line a model, with every measure, its interval and the verdict on it.

    The source is ``measured``, ``ground truth`` or ``published``; what is unknown is empty.
    """
    fields = ['source', 'label', 'checkpoint', 'mode', 'model', 'parameters', 'ms_per_frame']
    for name in HEADLINE:
        fields += [name, f'{name}_low', f'{name}_high', f'{name}_against_first']
    for name in _TEMPORAL:
        if not name.endswith('_truth'):
            fields += [name, *([f'{name}_against_first'] if name in PAIR_MEASURES else [])]
    text = io.StringIO()
    table = csv.DictWriter(text, fields, restval='', lineterminator='\n')
    table.writeheader()
    for entry in comparison.entries:
        table.writerow({name: table_text(value) for name, value in _csv_row(entry).items()})
    if comparison.truth:
        table.writerow({'source': 'ground truth', 'label': 'ground truth'}
                       | _rounded(comparison.truth))
    for row in PUBLISHED if published else ():
        table.writerow({'source': 'published', 'label': row.model, 'd1': row.d1,
                        'abs_rel': row.abs_rel, 'rmse': row.rmse})
    return text.getvalue()


def _csv_row(entry: Entry) -> dict[str, Any]:
    """Return the line of one entry."""
    contender = entry.contender
    row = {'source': 'measured', 'label': contender.label, 'checkpoint': contender.checkpoint,
           'mode': contender.mode, 'model': entry.model, 'parameters': entry.parameters}
    numbers = {'ms_per_frame': entry.ms_per_frame, **entry.temporal}
    for name, value in entry.metrics.items():
        if name in HEADLINE:
            numbers |= {name: value.mean, f'{name}_low': value.low, f'{name}_high': value.high}
    verdicts = {f'{name}_against_first': difference.verdict
                for name, difference in entry.differences.items()}
    return row | _rounded(numbers) | verdicts


def _rounded(numbers: dict[str, float]) -> dict[str, str]:
    """Return *numbers* as text, without those that are none."""
    return {name: f'{value:.8g}' for name, value in numbers.items() if math.isfinite(value)}
