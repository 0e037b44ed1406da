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
Open any supported data set as sequences.

A reader is one module that ends with its READER; a line in the table below makes it known.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from lstm_depth.data import bags, labeled, rooms
from lstm_depth.data.layouts import built, csv_list, npy, pairs, scannet, sunrgbd, tum
from lstm_depth.data.nyu.sync import stamp_of
from lstm_depth.data.reader import option, Reader
from lstm_depth.data.rooms import ROOMS_PREFIX
from lstm_depth.data.sequence import FrameSequence
from lstm_depth.errors import ConfigError, DataError, did_you_mean

__all__ = ['DataSet', 'open_dataset', 'READERS', 'reader_options', 'ReaderOptions',
           'ROOMS_PREFIX']

# The first that recognises a place reads it.
READERS: tuple[Reader, ...] = tuple(module.READER for module in (
    rooms, bags, labeled, built, tum, scannet, sunrgbd, pairs, csv_list, npy))


def _merged_options() -> type:
    """Return a dataclass of all readers' options, each once."""
    merged: dict[str, tuple[Any, Any]] = {}
    for reader in READERS:
        hints = get_type_hints(reader.options)
        for item in fields(reader.options):
            merged.setdefault(item.name, (hints[item.name], option(
                item.default, item.metadata['help'])))
    made = make_dataclass(
        'ReaderOptions', [(name, *rest) for name, rest in merged.items()], frozen=True,
        kw_only=True, namespace={'__doc__': 'What some readers need to be told; see READERS.'})
    made.__module__ = __name__
    return made


ReaderOptions = _merged_options()


def reader_options(assignments: list[str]) -> dict[str, Any]:
    """
    Return the options of texts ``NAME=VALUE`` as keyword arguments of ReaderOptions.

    ConfigError for a name that no reader has, or a value of another type.
    """
    known = {item.name: item for item in fields(ReaderOptions)}
    values: dict[str, Any] = {}
    for text in assignments:
        name, equals, value = text.partition('=')
        if not equals or name not in known:
            raise ConfigError(f'a reader is told NAME=VALUE, and there is no {name!r}'
                              f'{did_you_mean(name, list(known))}')
        kind = next((kind for kind in (float, int, Path) if kind.__name__ in str(
            known[name].type)), str)
        try:
            values[name] = kind(value)
        except ValueError as error:
            raise ConfigError(f'{name} is {known[name].metadata["help"]}, not {value!r}'
                              ) from error
    return values


@dataclass(frozen=True)
class DataSet:
    """The sequences found at one place, and the *layout* they were found in."""

    layout: str
    sequences: list[FrameSequence]

    @property
    def notes(self) -> list[str]:
        """Return what was assumed or is missing, one sentence each."""
        return list(dict.fromkeys(
            note for sequence in self.sequences for note in sequence.notes))


def open_dataset(place: str | Path, options: Any = None) -> DataSet:
    """
    Return the sequences at *place*: a path, or ``rooms:N`` with the options of `rooms_of`.

    *options*: ReaderOptions; each reader takes its own of them. The layout is told from what is
    there. DataError where it is none of those known.
    """
    options = options or ReaderOptions()
    if not str(place).startswith(ROOMS_PREFIX) and not Path(place).exists():
        raise DataError(f'{place} does not exist; give one of\n{_examples()}')
    for reader in READERS:
        if reader.recognises(str(place)):
            told = reader.options(**{item.name: getattr(options, item.name)
                                     for item in fields(reader.options)})
            return DataSet(reader.layout, reader.read(str(place), told))
    if any(stamp_of(file.name) for file in Path(place).rglob('*')):
        raise DataError(f'{place} holds raw NYU scenes; build sequences of them first: '
                        f'lstm_depth build-nyu {place} OUT')
    raise DataError(f'{place} is not a data set; give one of\n{_examples()}')


def _examples() -> str:
    """Return what can be read, one line each."""
    return '\n'.join(f'  {reader.example}' for reader in READERS)
