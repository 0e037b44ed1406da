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
Adapt a network to a user's recording: label, train, mix, and keep it only where it is better.

Everything goes to one folder: ``labels/`` (data sets to look at), ``rooms/``, ``run/`` of the
trainer, and ``adapted.safetensors``, with a graph beside it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import time
from typing import Any

from lstm_depth.adaptation.config import AdaptConfig
from lstm_depth.adaptation.folder import write_folder
from lstm_depth.adaptation.labels import label_recording
from lstm_depth.adaptation.mixing import choose, mixed, Scores, SHARES
from lstm_depth.adaptation.recipe import LABELS_FOLDER, recipe_for, ROOMS, RUN
from lstm_depth.adaptation.recording import read_recording
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.data.readers import open_dataset, ReaderOptions
from lstm_depth.data.rooms import room_sequences
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.data.split import hold_out
from lstm_depth.errors import ConfigError, MissingPackage
from lstm_depth.evaluation.evaluate import evaluate_sequences, EvaluateConfig
from lstm_depth.evaluation.tables import Row, table
from lstm_depth.files import atomic_path, write_json
from lstm_depth.header import shipped_checkpoint
from lstm_depth.models import DepthModel
from lstm_depth.runtime.cache import file_hash
from lstm_depth.training.setup import train_device
from lstm_depth.training.trainer import train
import torch
from tqdm import tqdm

NAME = 'adapted.safetensors'
_SETTINGS = 'adapt.json'
# Not those that anything was trained on, nor the samples and the examples.
_ROOM_SEED, _ROOMS, _ROOM_FRAMES = 20_000, 4, 16
_SHOWN = ('d1', 'abs_rel', 'rmse')


@dataclass(frozen=True)
class Adaptation:
    """
    What came of it.

    *tried*: the network as it was, then each mixture. *kept*: the one that was written, None
    where none was, and *reason* why. *paths*: of what was written. *interrupted*: whether it was
    stopped, so that there is nothing yet.
    """

    tried: list[Scores]
    kept: Scores | None
    reason: str
    paths: list[Path]
    notes: list[str]
    seconds: float
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self)

    def table(self) -> str:
        """Return it as lines of text for a terminal."""
        if self.interrupted:
            return ''
        before, after = self.tried[0], self.kept or self.tried[-1]
        rows: list[Row] = [('', 'before -> after'), ('held-out part of the recording', '')]
        rows += _change(before.here, after.here)
        for name, old in before.elsewhere.items():
            rows += [(f'elsewhere: {name}', ''), *_change(old, after.elsewhere[name])]
        rows += [('kept' if self.kept else 'not kept', self.reason),
                 ('time', f'{self.seconds / 60:.1f} min')]
        rows += [('note', note) for note in self.notes]
        rows += [('written', ', '.join(map(str, self.paths)) or 'nothing')]
        return table(rows)


def _change(before: Any, after: Any) -> list[Row]:
    """Return the rows of one place."""
    return [(f'  {name}', f'{before[name]:.3f} -> {after[name]:.3f}') for name in _SHOWN]


def adapt(config: AdaptConfig, resume: bool = False) -> Adaptation:
    """
    Adapt by *config* and return what came of it; nothing is kept that is not better.

    *resume*: go on in the same folder. Raises ConfigError and DataError for what cannot be
    adapted to, and what the trainer raises.
    """
    started = time.monotonic()
    output = config.output
    _check_folder(config, resume)
    start = Path(config.checkpoint).expanduser() if config.checkpoint else shipped_checkpoint()
    network = load_network(start)
    # What is wrong with the recipe is said before minutes of labelling.
    train_device(recipe_for(network, start, output, config.overrides).train)
    elsewhere = _elsewhere(config)
    notes = _labelled(config)
    recipe = recipe_for(network, start, output, config.overrides)
    summary = train(recipe, resume=(output / RUN).exists())
    if summary.get('interrupted'):
        return Adaptation([], None, 'interrupted', [], notes, time.monotonic() - started, True)
    judge = _Judge(start, output, elsewhere)
    tried = [judge.score(share) for share in (0.0, *SHARES)]
    kept, reason = choose(tried)
    paths = judge.write(kept, tried[0]) if kept else []
    result = Adaptation(tried, kept, reason, paths, notes, time.monotonic() - started)
    write_json(output / 'result.json', result.to_dict())
    return result


def _check_folder(config: AdaptConfig, resume: bool) -> None:
    """Write down what is adapted, or check that it is what was."""
    path = config.output / _SETTINGS
    settings = json.loads(json.dumps(asdict(config), default=str))
    # Without labels nothing was begun: what is written down may be a mistyped recording.
    begun = any((config.output / name).exists() for name in (LABELS_FOLDER, RUN))
    if not (path.exists() and begun):
        write_json(path, settings)
        return
    if not resume:
        raise ConfigError(f'{config.output} already holds an adaptation; go on with --resume, or '
                          'choose another folder: --output FOLDER')
    old = json.loads(path.read_text(encoding='utf-8'))
    changed = [name for name in settings if old.get(name) != settings[name]]
    if changed:
        raise ConfigError(f'{config.output} was begun with other settings ({", ".join(changed)}, '
                          f'see {path}); resume with those, or choose another folder')


def _labelled(config: AdaptConfig) -> list[str]:
    """Write the labels unless they are there; return what is to be known of them."""
    folder = config.output / LABELS_FOLDER
    if not folder.exists():
        recording = read_recording(config.recording)
        labels = label_recording(recording, config)
        with atomic_path(folder) as partial:
            for name, frames, depths in (('train', recording.train, labels.train),
                                         ('held_out', recording.held_out, labels.held_out)):
                write_folder(partial / name, frames, depths)
            write_json(partial / 'labels.json', {
                'recording': recording.name, 'by': labels.by,
                'notes': [*recording.notes, *labels.notes]})
    found = json.loads((folder / 'labels.json').read_text(encoding='utf-8'))
    tqdm.write(f'labels of {found["recording"]} by {found["by"]}: '
               + ' '.join(found['notes']))
    return [f'labels by {found["by"]}', *found['notes']]


def _elsewhere(config: AdaptConfig) -> dict[str, list[FrameSequence]]:
    """Return what shows that nothing is forgotten, by name."""
    rooms = room_sequences(_ROOMS, seed=_ROOM_SEED, frames=_ROOM_FRAMES,
                           folder=str(config.output / ROOMS))
    found: dict[str, list[FrameSequence]] = {'rendered rooms': rooms}
    if config.elsewhere:
        found[config.elsewhere] = hold_out(open_dataset(config.elsewhere).sequences)[1]
    return found


class _Judge:
    """Scores mixtures of old and new weights, and writes the one that is kept."""

    def __init__(self, start: Path, output: Path,
                 elsewhere: dict[str, list[FrameSequence]]) -> None:
        """Read both networks, and open what they are scored on."""
        self._start, self._output = start, output
        self._network: DepthModel = load_network(start)
        self._header = self._network.header
        self._old = {name: weight.clone() for name, weight in self._network.state_dict().items()}
        self._new = load_network(output / RUN / 'model.safetensors').state_dict()
        held_out = output / LABELS_FOLDER / 'held_out'
        known = (held_out / 'intrinsics.txt').exists()
        self._here = open_dataset(
            held_out, ReaderOptions(camera='' if known else 'none')).sequences
        self._elsewhere = elsewhere

    def score(self, share: float) -> Scores:
        """Return how good the network is with a *share* of the new weights."""
        self._network.load_state_dict(mixed(self._old, self._new, share))
        tqdm.write(f'judging {share:.0%} of the new weights')
        return Scores(share, self._metrics(self._here, 'raw'), {
            name: self._metrics(sequences, 'nyu') for name, sequences in self._elsewhere.items()})

    def _metrics(self, sequences: list[FrameSequence], protocol: str) -> dict[str, float]:
        """Return the means over the frames of *sequences*."""
        found = evaluate_sequences(self._network, sequences, EvaluateConfig(
            protocol=protocol, temporal=False, keep=0, detailed=False, progress=False))
        return {name: found.metrics[name].mean for name in _SHOWN}

    def write(self, kept: Scores, before: Scores) -> list[Path]:
        """Write the mixture that is kept, and its graph where it can be made."""
        self._network.load_state_dict(mixed(self._old, self._new, kept.share))
        path = self._output / NAME
        training = {'adapted_from': str(self._start), 'share': kept.share,
                    'labels': json.loads((self._output / LABELS_FOLDER / 'labels.json').read_text(
                        encoding='utf-8')),
                    'before': (self._header or {}).get('training', {})}
        save_checkpoint(path, self._network, training=training,
                        metrics={'before': asdict(before), 'after': asdict(kept)},
                        dtype=torch.float16)
        graph = path.with_suffix('.onnx')
        try:
            from lstm_depth.runtime.export import export_graph

            export_graph(load_network(path), graph, checkpoint=file_hash(path))
        except (ImportError, MissingPackage):
            return [path]
        return [path, graph]
