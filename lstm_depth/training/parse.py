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
A recipe from a YAML file and ``key=value`` on the command line.

Keys are paths: ``train.max_steps=20``, ``phases.0.batch=4``, ``data.path=[a,b]``. Values are
YAML. jsonargparse reads them into the dataclasses of ``recipe`` and checks their types.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import asdict
import difflib
import json
from pathlib import Path
import re
from typing import Any

from jsonargparse import ArgumentParser, Namespace
from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.training.recipe import PhaseSection, TrainConfig
import yaml


def load_config(path: str | Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Return the recipe in *path* (None for all defaults) with ``key=value`` *overrides*."""
    values = read_yaml(path) if path else {}
    return config_from(values, str(path or 'the command line'), overrides)


def config_from(values: dict[str, Any], where: str, overrides: Sequence[str] = ()) -> TrainConfig:
    """
    Return nested plain *values*, changed by *overrides*, as a recipe.

    Raises ConfigError, which names *where* the values are from, the key that is wrong and,
    where it does not exist, the nearest one.
    """
    values = _numbered(values, where)
    parser = recipe_parser(len(values['phases']))
    known = parser.get_defaults()
    arguments = [_argument(override) for override in overrides]
    for key in _leaves(values):
        _check_key(key, known, where)
    for key in (argument.partition('=')[0] for argument in arguments):
        _check_key(key, known, where, section=True)
    try:
        checked = parser.parse_args([f'--{argument}' for argument in arguments],
                                    namespace=parser.parse_object(values))
        sections = vars(parser.instantiate(checked))
    except (argparse.ArgumentError, yaml.YAMLError) as error:
        raise ConfigError(f'{where}: {_flat(error)}') from error
    phases = vars(sections.pop('phases', Namespace()))
    return TrainConfig(**sections, phases=list(phases.values()))


def recipe_parser(phases: int) -> ArgumentParser:
    """Return jsonargparse's parser of a recipe of so many phases."""
    parser = ArgumentParser(usage=argparse.SUPPRESS, add_help=False, exit_on_error=False,
                            allow_abbrev=False)
    parser.add_class_arguments(TrainConfig, None, skip={'phases'})
    for number in range(phases):
        parser.add_class_arguments(PhaseSection, f'phases.{number}')
    return parser


def config_help() -> str:
    """Return all keys with their types and defaults, one a line."""
    text = recipe_parser(1).format_help()
    text = re.sub(r'\n {20,}', '  ', text)
    # Names of classes, whole sections, ways to append to a list.
    for noise in (r"<class '.*'>:\n", r'  --\S+ CONFIG .*\n', r', --\S+ \S+'):
        text = re.sub(noise, '', text)
    return ('keys of a recipe, as in the YAML file or KEY=VALUE; phases count from 0:\n'
            + re.sub('(?m)^  --', '  ', text))


def dump_config(config: TrainConfig) -> str:
    """Return the whole recipe as YAML, all defaults written out."""
    return yaml.safe_dump(plain(config), sort_keys=False)


def plain(config: TrainConfig) -> dict[str, Any]:
    """Return a recipe as what YAML and JSON have."""
    return json.loads(json.dumps(asdict(config), default=str))


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file; ConfigError where there is none."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding='utf-8'))
    except OSError as error:
        raise ConfigError(f'{path} cannot be read ({error.strerror}); recipes are in '
                          'config/train') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f'{path} is not YAML: {error}') from error
    if not isinstance(values, dict):
        raise ConfigError(f'{path} is no recipe: it needs sections such as model and phases')
    return values


def _numbered(values: dict[str, Any], where: str) -> dict[str, Any]:
    """Return *values* with the list of phases as a mapping from their numbers."""
    phases = values.get('phases', [{}])
    if not isinstance(phases, list):
        raise ConfigError(f'{where}: phases must be a list, not {phases!r}')
    # A section without keys is None in YAML.
    return {key: value for key, value in values.items() if value is not None} | {
        'phases': {str(number): phase for number, phase in enumerate(phases)}}


def _leaves(values: dict[str, Any], path: str = '') -> Iterator[str]:
    """Yield the whole key of every value that is no section."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f'{path}{key}.')
        else:
            yield f'{path}{key}'


def _argument(override: str) -> str:
    """Return *override* as ``key=value``; ``data=PATH``, which everyone types, as its path."""
    key, equals, value = override.lstrip('-').partition('=')
    if not equals or not key:
        raise ConfigError(f'{override!r} is not KEY=VALUE, such as train.max_steps=20')
    if key == 'data' and not value.startswith('{'):
        key = 'data.path'
    return f'{key}={value}'


def _check_key(key: str, known: Namespace, where: str, section: bool = False) -> None:
    """Raise ConfigError, naming the nearest, unless there is *key*, or a *section* so called."""
    names = list(known.keys())
    if (key in names
            or any(key.startswith(f'{name}.') and isinstance(known[name], dict)
                   for name in names)
            or (section and any(name.startswith(f'{key}.') for name in names))):
        return
    if not difflib.get_close_matches(key, names):
        parent = key.rpartition('.')[0]
        names = ([name for name in names if name.rpartition('.')[0] == parent]
                 or sorted({name.partition('.')[0] for name in names}))
    raise ConfigError(f'{where}: a recipe has no key {key!r}' + did_you_mean(key, names))


def _flat(error: Exception) -> str:
    """Return jsonargparse's message on one line, types by their bare names."""
    text = ' '.join(line.strip() for line in str(error).splitlines())
    return text.replace('Parser key ', '').replace("<class '", '').replace("'>.", '.')
