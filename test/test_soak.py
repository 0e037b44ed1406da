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
"""What `lstm_depth soak` makes of what it saw; the soak itself is a step of its own in CI."""

from __future__ import annotations

from dataclasses import replace
import os
import subprocess
import sys

from lstm_depth.cli import main
from lstm_depth.errors import ConfigError
from lstm_depth.ros.soak.report import (
    books,
    breaks,
    by_minute,
    ends,
    Series,
    slope_per_hour,
    SoakReport,
)
from lstm_depth.ros.soak.run import SoakConfig
from lstm_depth.ros.usage import usage
import numpy as np
import pytest

NOISE = np.random.default_rng(0).normal(0, 0.5, 1800)
SECONDS = np.arange(1800.0)


def report(slope=0.0, seconds=SECONDS, **changes) -> SoakReport:
    """Return a soak in which all held but for the *changes*."""
    memory = 300 + seconds / 3600 * slope + NOISE[:len(seconds)]
    return replace(SoakReport(
        machine='', minutes=40, fps=15, seed=0, sent=100, counted={'out': 100}, unaccounted=0,
        heard=100, memory_mb=(400, 400), private_mb=ends(memory),
        slope=slope_per_hour(seconds, memory), private_by_minute_mb=[],
        measured_s=float(np.ptp(seconds)),
        threads=(20, 20), descriptors=(40, 41), latency_ms=(20, 25), struck={}, log_lines=0,
        broken=[]), **changes)


def test_the_slope_of_memory_lies_in_its_interval():
    for true in (0.0, 30.0):
        slope = report(true).slope
        assert slope.low < true < slope.high and slope.high - slope.low < 2
    assert np.isnan(slope_per_hour(SECONDS[:5], NOISE[:5]).value)


def test_where_all_holds_nothing_is_broken():
    assert breaks(report(), max_slope=1.0) == []
    assert 'all held' in str(report())


@pytest.mark.parametrize(('changes', 'words'), [
    ({'slope': 30.0}, 'memory grows by +'), ({'unaccounted': -1}, '-1 frames are unaccounted'),
    ({'counted': {}}, 'no depth came out'), ({'threads': (20, 30)}, 'threads are left over'),
    ({'descriptors': (40, 60)}, 'descriptors are left over'),
    ({'latency_ms': (20, 200)}, 'latency went from 20.0 to 200.0 ms'),
    ({'counted': {'out': 5, 'dropped: internal_error': 1}}, 'met a bug')])
def test_what_does_not_hold_breaks_the_soak(changes, words):
    broken = breaks(report(**changes), max_slope=1.0)
    assert len(broken) == 1 and words in broken[0]
    assert f'BROKEN: {broken[0]}' in str(report(**changes, broken=broken))


def test_a_short_soak_is_not_judged_by_its_slope_but_by_what_it_grew():
    seconds = SECONDS[:120]
    short = report(30.0, seconds)
    assert breaks(short, 1.0) == [] and 'too short to be judged' in str(short)
    assert 'memory grew by' in breaks(report(40_000.0, seconds), 1.0)[0]


def test_every_image_of_the_camera_has_its_place_in_the_books():
    counted = books({'unheard': 2, 'unmatched': 1, 'facts': {
        'frames out': '7', 'frames in': '10', 'frames dropped': '3', 'dropped: superseded': '3',
        'state': 'active'}})
    assert sum(counted.values()) == 13 and counted['dropped: superseded'] == 3


def test_memory_threads_and_files_of_this_process_are_seen():
    before = usage(os.getpid())
    with open(os.devnull) as file:
        after = usage(os.getpid())
        assert not file.closed and after.descriptors == before.descriptors + 1
    assert 0 < after.private_mb <= after.memory_mb <= after.peak_mb
    assert after.threads >= 1 and after.cpu_s >= before.cpu_s
    series = Series.after([(0.0, before), (9.0, after), (10.0, after)], warm_up_s=5)
    assert by_minute([(0.0, before), (59.0, before), (60.0, after)]) == [
        before.private_mb, after.private_mb]
    assert series.span_s == 1.0 and list(series.of('descriptors')) == [after.descriptors] * 2


def test_numbers_that_cannot_be_are_one_sentence(capsys, tmp_path):
    for values in ({'minutes': 0}, {'fps': -1}, {'width': 1}, {'pause_s': -1}):
        with pytest.raises(ConfigError):
            SoakConfig(tmp_path, **values)
    assert main(['soak', '--size', 'large']) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_freed_memory_goes_back_to_the_system():
    code = ('import os\n'
            'from lstm_depth.ros.usage import usage\n'
            'from lstm_depth.runtime.memory import give_back_memory, settle_memory\n'
            'settle_memory()\n'
            # Small pieces, so that they lie in a heap, and one behind them that stays.
            'pieces = [bytes(30_000) for _ in range(3000)]\n'
            'last, pieces = pieces[-1], None\n'
            'before = usage(os.getpid()).private_mb\n'
            'assert not give_back_memory() or before - usage(os.getpid()).private_mb > 50\n')
    subprocess.run([sys.executable, '-c', code], check=True, env={
        **os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
