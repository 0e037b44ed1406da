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
"""The tables of parameters: what they accept, refuse, and what config/depth.yaml says."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
import re

import _have_ros  # noqa: F401
from lstm_depth.errors import ConfigError
from lstm_depth.ros.parameters import (
    CameraSettings,
    DepthSettings,
    descriptor,
    EvaluationSettings,
    updated,
)
import pytest
from rclpy.parameter import Parameter
import yaml

YAML = Path(__file__).resolve().parents[1] / 'config' / 'depth.yaml'
TABLES = {'/**/depth_node': DepthSettings, '/**/camera_node': CameraSettings,
          '/**/evaluation_node': EvaluationSettings}


@pytest.mark.parametrize('node', TABLES)
def test_yaml_holds_every_parameter_with_its_default(node):
    content = yaml.safe_load(YAML.read_text(encoding='utf-8'))
    assert set(content) == set(TABLES)
    defaults = {item.name: item.default for item in fields(TABLES[node])}
    written = {name: tuple(value) if isinstance(value, list) else value
               for name, value in content[node]['ros__parameters'].items()}
    assert written == defaults
    assert {name: type(value) for name, value in written.items()} == {
        name: type(value) for name, value in defaults.items()}


@pytest.mark.parametrize('node', TABLES)
def test_yaml_holds_every_description_and_marks_what_is_set_at_start_only(node):
    lines = YAML.read_text(encoding='utf-8').splitlines()
    section = lines[lines.index(f'{node}:'):]
    comment: list[str] = []
    comments = {}
    for line in section[2:]:
        if line.startswith('    #'):
            comment.append(line.strip(' #'))
        elif match := re.match(r'    (\w+):', line):
            comments[match[1]], comment = ' '.join(comment), []
        else:
            break
    for item in fields(TABLES[node]):
        assert item.metadata['description'] in comments[item.name]
        assert comments[item.name].endswith('[start]') == item.metadata['read_only'], item.name
        for choice in item.metadata['choices']:
            assert choice in comments[item.name]


@pytest.mark.parametrize('table', TABLES.values())
def test_every_descriptor_is_described_and_ranged_by_its_type(table):
    for item in fields(table):
        result = descriptor(item)
        assert len(result.description) > 10
        assert result.read_only == item.metadata['read_only']
        ranges = [*result.floating_point_range, *result.integer_range]
        if isinstance(item.default, (bool, str, tuple)):
            assert not ranges
        else:
            assert ranges[0].from_value <= item.default <= ranges[0].to_value


@pytest.mark.parametrize(('name', 'value', 'reason'), [
    ('mode', 'both', 'mode must be one of stateful, window'),
    ('depth_encoding', 'mono8', '32FC1, 16UC1'),
    ('colormap', 'jet', 'inferno_r, turbo'),
    ('device', 'gpus', "there is no device 'gpus'"),
    ('buffer_size', 0, 'between 1 and 64, not 0'),
    ('backend', 'tourch', "did you mean 'torch'"),
    ('precision', 'float8', 'precision must be one of float32'),
    ('cameras', ('a', 'a'), 'different names'),
    ('cameras', ('', 'a'), 'different names'),
    ('cameras', ('front/left',), 'letters, digits'),
    ('cameras', (), 'such as'),
    ('max_gap_s', float('nan'), 'between'),
    ('output_scale', 1.5, 'between 0.1 and 1.0, not 1.5'),
    ('min_depth', 200.0, 'min_depth must be below max_depth'),
    ('color_max', 0.1, 'color_min must be below color_max'),
])
def test_a_wrong_value_is_refused_with_the_reason(name, value, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        updated(DepthSettings(), [Parameter(name, value=value)])


def test_wrong_values_of_the_evaluation_are_refused_with_the_reason(tmp_path):
    for values, reason in (({'min_depth': 9.0}, 'min_depth must be below max_depth'),
                           ({'tolerance_s': -1.0}, 'between 0.0 and 10.0'),
                           ({'output': str(tmp_path)}, 'must be a file'),
                           ({'truth_transport': 'rvl'}, 'raw, compressedDepth')):
        with pytest.raises(ConfigError, match=reason):
            EvaluationSettings(**values)


def test_two_values_that_fit_only_together_are_accepted_in_one_call():
    settings = updated(DepthSettings(), [Parameter('color_min', value=20.0),
                                         Parameter('color_max', value=30.0)])
    assert (settings.color_min, settings.color_max) == (20.0, 30.0)


def test_parameters_of_others_are_left_alone():
    settings = DepthSettings()
    foreign = Parameter('qos_overrides./image.subscription.depth', value=3)
    assert updated(settings, [foreign]) == settings
