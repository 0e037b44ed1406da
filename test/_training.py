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
"""A folder of drawn stills, and a recipe that trains on it in seconds."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import cv2
from lstm_depth.training.parse import config_from, read_yaml
from lstm_depth.training.recipe import TrainConfig
import numpy as np
import yaml

SIZE = 32
RECIPE = """\
model:
  name: residual_lstm
  settings: {input_height: 32, input_width: 32, filters: 2, hourglasses: 1, hourglass_depth: 1,
             hourglass_blocks: 1, dropout: 0.2, temporal: conv_lstm}
data: {cache: true, hold_out_every: 4}
phases:
- &first
  name: first
  epochs: 2
  steps: 2
  batch: 2
  ema: 0.9
  loss: {mse: 1.0, std: 0.1}
  schedule: {name: one_cycle}
  sampling: {length: 2}
  augmentation: {squeeze: true, flip: 0.5}
- <<: *first
  name: second
  optimizer: {name: sgd}
  loss: {l1: 1.0}
  carry_state: true
  sampling: {length: 2, still_clips: 2}
train: {device: cpu, save_every: 3, log_every: 1, pictures: 1}
"""


def draw_stills(folder: Path, *, scenes: int = 4, frames: int = 3, relief: float = 1.0,
                bright: float = 1.0) -> Path:
    """
    Write stills whose depth falls with their brightness, as rgb/ and depth/; return *folder*.

    *relief*: metres between near and far. *bright*: factor on the images.
    """
    rows, columns = np.mgrid[:48, :64] / 48
    for scene in range(scenes):
        for frame in range(frames):
            wave = np.sin((3 + scene) * columns + frame) * np.cos((2 + frame) * rows + scene)
            grey = (128 - 110 * wave) * bright
            rgb = np.stack([grey, grey * 0.8, 255 * rows], axis=-1).clip(0, 255)
            depth = 2.5 + relief / 2 * wave
            for kind, suffix, image in (('rgb', 'png', rgb.astype(np.uint8)),
                                        ('depth', 'png', (depth * 1000).astype(np.uint16))):
                path = folder / kind / f'{10 * scene + frame:05d}.{suffix}'
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), image)
    return folder


def write_recipe(path: Path, data: Path, output: Path) -> Path:
    """Write the tiny recipe for *data* and *output* to *path*, and return it."""
    values = yaml.safe_load(RECIPE)
    values['data']['path'] = str(data)
    values['train']['output'] = str(output)
    path.write_text(yaml.safe_dump(values))
    return path


def tiny(data: Path, output: Path, **changes: Any) -> TrainConfig:
    """
    Return the tiny recipe for *data* and *output*.

    *changes*: sections whose keys are replaced; ``phases`` replaces both phases, each given
    as what it changes of the first.
    """
    values = yaml.safe_load(RECIPE)
    values['data']['path'] = str(data)
    values['train']['output'] = str(output)
    if 'phases' in changes:
        changes['phases'] = [values['phases'][0] | phase for phase in changes['phases']]
    for name, change in changes.items():
        if isinstance(change, dict):
            values.setdefault(name, {}).update(change)
        else:
            values[name] = change
    return config_from(values, 'a test')


def history(output: Path, name: str = 'history') -> list[dict[str, float]]:
    """Return the rows of a table that a run wrote."""
    with (output / f'{name}.csv').open(encoding='utf-8', newline='') as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def written_recipe(output: Path) -> dict[str, Any]:
    """Return what a run wrote down as its recipe."""
    return read_yaml(output / 'config.yaml')
