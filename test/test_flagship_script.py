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
"""The script that makes the checkpoint that ships: which trainings, and how it goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess

from lstm_depth.training.parse import load_config
import pytest

TRAIN = Path(__file__).resolve().parents[1] / 'config' / 'train'
# Stands in for python3: notes its arguments and ends a training, or is interrupted in it.
STANDIN = """#!/usr/bin/env bash
printf '%s\\x1f' "$@" >> calls
echo >> calls
for argument; do case $argument in train.output=*) output=${argument#*=};; esac; done
mkdir -p "$output"
touch "$output/config.yaml"
if [ "$(basename "$output")" = "${STOP_AT-}" ]; then exit 0; fi
touch "$output/summary.json"
"""


@pytest.fixture
def script(tmp_path):
    """Return a function that runs the script with a stand-in, and gives its calls and status."""
    standin = tmp_path / 'bin' / 'python3'
    standin.parent.mkdir()
    standin.write_text(STANDIN)
    standin.chmod(0o755)

    def run(*arguments, stop_at=''):
        calls = tmp_path / 'calls'
        calls.unlink(missing_ok=True)
        found = subprocess.run(
            ['bash', TRAIN / 'flagship.sh', *arguments], cwd=tmp_path, text=True,
            capture_output=True, timeout=60, check=False,
            env=os.environ | {'PATH': f'{standin.parent}:{os.environ["PATH"]}',
                              'STOP_AT': stop_at})
        lines = calls.read_text().splitlines() if calls.exists() else []
        return [line.strip('\x1f').split('\x1f') for line in lines], found

    return run


def outputs(calls):
    return [Path(value.partition('=')[2]).name for call in calls for value in call
            if value.startswith('train.output=')]


def test_each_training_is_a_recipe_that_starts_from_one_made_before(script):
    calls, found = script('data', 'lite0.pth', 'lite2.pth', 'train.workers=2')
    assert found.returncode == 0 and len(calls) == 7
    made, lenses = set(), set()
    for call in calls:
        assert call[:4] == ['-m', 'lstm_depth', 'train', '--config']
        config = load_config(call[4], call[5:])
        start = [config.model.checkpoint, *(place for phase in config.phases
                                            for place in phase.distill.teachers)]
        assert {str(Path(place).parent) for place in start if place} <= made, call
        made.add(config.train.output)
        assert config.train.workers == 2
        assert config.model.checkpoint or config.model.pretrained in ('lite0.pth', 'lite2.pth')
        if config.model.settings:
            lenses.add(json.dumps(config.model.settings['focal']))
    # Teachers and student see depth through one lens.
    assert lenses == {'[0.8107, 1.0822]'}


def test_an_interrupted_training_ends_the_script_which_then_goes_on(script):
    calls, found = script('data', stop_at='flagship_teacher')
    assert found.returncode == 130 and outputs(calls)[-1] == 'flagship_teacher'
    calls, found = script('data')
    assert found.returncode == 0
    assert outputs(calls) == ['flagship_teacher', 'flagship_teacher_4', 'flagship_teacher_3',
                              'flagship_distilled']
    assert [call[-1] == '--resume' for call in calls] == [True, False, False, False]
    assert script('data')[0] == []


def test_without_data_it_says_what_it_needs(script):
    calls, found = script()
    assert found.returncode != 0 and not calls
    assert 'in which folder the data sets are' in found.stderr
