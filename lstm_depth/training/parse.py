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

Keys are paths: ``train.max_steps=20``, ``phases.0.batch=4``, ``data.path=[a,b]``. A value
is YAML. jsonargparse checks types against the dataclasses of ``config``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from jsonargparse import ArgumentParser
from lstm_depth.errors import ConfigError, did_you_mean
from lstm_depth.training.config import TrainConfig
import yaml


def load_config(path: str | Path | None, overrides: Sequence[str] = ()) -> TrainConfig:
    """Return the recipe in *path* (None for all defaults) with ``key=value`` *overrides*."""
    values = read_yaml(path) if path else {}
    for override in overrides:
        apply_override(values, override)
    return config_from(values, str(path or 'the command line'))


def config_from(values: dict[str, Any], where: str) -> TrainConfig:
    """Return nested plain *values* as a recipe; ConfigError naming the key that is wrong."""
    for key, known in _unknown_keys(TrainConfig, values):
        *parents, last = key.split('.')
        place = f'{".".join(parents)} has' if parents else 'a recipe has'
        raise ConfigError(f'{where}: {place} no key {last!r}'
                          + did_you_mean(last, known))
    parser = _parser()
    try:
        checked = parser.parse_object(values, defaults=True)
        sections = parser.instantiate(checked)
    except ConfigError:
        raise
    except Exception as error:
        cause = _config_error(error)
        raise ConfigError(f'{where}: {cause or _flat(error)}') from error
    return TrainConfig(**vars(sections))


def dump_config(config: TrainConfig) -> str:
    """Return the whole recipe as YAML, all defaults written out."""
    return yaml.safe_dump(plain(config), sort_keys=False)


def config_help() -> str:
    """Return all keys with their types and defaults."""
    lines = ['keys of a recipe, as in the YAML file or KEY=VALUE:']
    for key, kind, default in _described(TrainConfig):
        lines.append(f'  {key}: {kind} = {default}')
    return '\n'.join(lines)


def plain(value: Any) -> Any:
    """Return dataclasses, tuples and paths as what YAML and JSON have."""
    if is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


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


def apply_override(values: dict[str, Any], override: str) -> None:
    """Set one ``key=value`` in nested *values*; ConfigError where the key leads nowhere."""
    key, equals, text = override.partition('=')
    if not equals or not key:
        raise ConfigError(f'{override!r} is not KEY=VALUE, such as train.max_steps=20')
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f'the value of {key} is not YAML: {text}') from error
    if isinstance(value, str):
        value = _number(value)
    place: Any = values
    *parents, last = key.lstrip('-').split('.')
    if (parents, last) == ([], 'data') and not isinstance(value, dict):
        # ``data=PATH`` is what everyone types; the section has more to say than that.
        parents, last = ['data'], 'path'
    for name in parents:
        if isinstance(place, list):
            place = place[_index(key, name, place)]
        else:
            place[name] = {} if place.get(name) is None else place[name]
            place = place[name]
        if not isinstance(place, (dict, list)):
            raise ConfigError(f'{key}: {name} is a value, it has no keys')
    if isinstance(place, list):
        place[_index(key, last, place)] = value
    else:
        place[last] = value


def _number(text: str) -> Any:
    """Return 1e-4, which YAML 1.1 takes for text, as the number it is."""
    try:
        return float(text)
    except ValueError:
        return text


def _index(key: str, name: str, items: list[Any]) -> int:
    """Return *name* as a place in *items*; ConfigError where it is none."""
    if not name.isdigit() or int(name) >= len(items):
        raise ConfigError(f'{key}: {name!r} is no place in a list of {len(items)}; they count '
                          'from 0')
    return int(name)


def _parser() -> ArgumentParser:
    """Return jsonargparse's parser of a recipe."""
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(TrainConfig, None)
    return parser


def _section_class(kind: Any) -> type | None:
    """Return the dataclass in a type such as ``list[PhaseSection]``; None where there is none."""
    found = [item for item in (kind, *get_args(kind)) if is_dataclass(item)]
    return found[0] if found else None


def _unknown_keys(section: type, values: dict[str, Any],
                  path: str = '') -> Iterator[tuple[str, list[str]]]:
    """Yield (path, keys that would be right) of every key that no field has."""
    kinds = get_type_hints(section)
    names = [item.name for item in fields(section)]
    for key, value in values.items():
        if key not in names:
            yield f'{path}{key}', names
            continue
        inner = _section_class(kinds[key])
        if inner is None:
            continue
        items = enumerate(value) if isinstance(value, list) else [(None, value)]
        for number, item in items:
            if isinstance(item, dict):
                place = f'{path}{key}.' + ('' if number is None else f'{number}.')
                yield from _unknown_keys(inner, item, place)


def _described(section: type, path: str = '') -> Iterator[tuple[str, str, str]]:
    """Yield (key, type, default) of all fields."""
    kinds = get_type_hints(section)
    defaults = section()
    for item in fields(section):
        inner = _section_class(kinds[item.name])
        if inner:
            many = isinstance(getattr(defaults, item.name), list)
            yield from _described(inner, f'{path}{item.name}.' + ('N.' if many else ''))
        else:
            kind = str(item.type).replace('lstm_depth.', '')
            yield f'{path}{item.name}', kind, repr(plain(getattr(defaults, item.name)))


def _config_error(error: BaseException | None) -> ConfigError | None:
    """Return our own error among the causes of jsonargparse's."""
    while error is not None:
        if isinstance(error, ConfigError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _flat(error: Exception) -> str:
    """Return jsonargparse's message on one line, without the names of our classes."""
    lines = [line.strip() for line in str(error).splitlines() if 'class_path' not in line]
    return ' '.join(lines).replace('Parser key ', '').replace("<class '", '').replace("'>.", '.')
