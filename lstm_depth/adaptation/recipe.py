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
"""The recipe of an adaptation: what the file says, filled in for a network and its labels."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from lstm_depth.data.readers import open_dataset, ReaderOptions
from lstm_depth.models import DepthModel
from lstm_depth.training.parse import config_from, read_yaml
from lstm_depth.training.recipe import TrainConfig

# Of the output's folders.
ROOMS, LABELS_FOLDER, RUN = 'rooms', 'labels', 'run'


def recipe_for(network: DepthModel, checkpoint: Path, output: Path,
               overrides: Sequence[str] = ()) -> TrainConfig:
    """
    Return the recipe that adapts *network*, read from *checkpoint*, to the labels in *output*.

    Before there are any it only shows whether the recipe is one. *overrides*: ``key=value``, as
    those of ``lstm_depth train``; ConfigError where they are not.
    """
    path = Path(str(files('lstm_depth') / 'adaptation' / 'adapt.yaml'))
    values = read_yaml(path)
    labels = output / LABELS_FOLDER
    known = (labels / 'train' / 'intrinsics.txt').exists()
    values['model'] = {'name': network.name, 'checkpoint': str(checkpoint)}
    values['data'] |= {'path': str(labels / 'train'), 'validation': str(labels / 'held_out'),
                       'room_folder': str(output / ROOMS),
                       'options': {'camera': '' if known else 'none'}}
    values['train'] |= {'output': str(output / RUN)}
    lengths = [len(item) for item in open_dataset(
        labels / 'train', ReaderOptions(camera='none')).sequences] if labels.exists() else []
    for phase in values['phases']:
        # Images that are far apart in time are no video.
        phase['sampling']['length'] = min(
            phase['sampling']['length'], max(lengths, default=phase['sampling']['length']))
        if not network.backbones():
            phase['freeze'] = 'none'
    return config_from(values, str(path), overrides)
