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
"""What a graph file says of itself is believed only within bounds."""

from __future__ import annotations

import json
from pathlib import Path

from lstm_depth.errors import CheckpointError
from lstm_depth.runtime.engine import NetworkInfo
from lstm_depth.runtime.graph import GraphInfo
import pytest

PATH = Path('other.onnx')
GOOD = GraphInfo(NetworkInfo('some_net', (32, 48), (0.1, 10.0), (0.8, 1.1), True, 7), (1.0, 2.0))


def refused(change: dict) -> str:
    """Return why metadata with *change* are refused."""
    with pytest.raises(CheckpointError, match='other.onnx has damaged metadata') as caught:
        GraphInfo.from_json(json.dumps(json.loads(GOOD.to_json()) | change), PATH)
    return str(caught.value)


def test_what_was_written_is_read():
    assert GraphInfo.from_json(GOOD.to_json(), PATH) == GOOD


@pytest.mark.parametrize(('name', 'value'), [
    ('input_size', [10**9, 10**9]), ('input_size', [0, 32]), ('input_size', [-1, 32]),
    ('input_size', [32]), ('input_size', None), ('depth_range', [float('nan'), 1]),
    ('depth_range', [1, float('inf')]), ('depth_range', [5, 1]), ('focal', [0, 1]),
    ('focal', [float('nan'), 1]), ('focal', [1]), ('focal', 5), ('recurrent', 'yes'),
    ('parameters', -1), ('parameters', 'many'), ('name', []), ('header', 'none')])
def test_numbers_that_no_network_has_are_one_sentence(name, value):
    network = json.loads(GOOD.to_json())['network'] | {name: value}
    reason = refused({'network': network})
    assert len(reason) < 600 and '\n' not in reason


def test_words_for_depth_and_unknown_precisions_are_refused():
    for change in ({'expected': [float('nan')]}, {'expected': ['a']}, {'precision': 'float99'},
                   {'network': []}):
        refused(change)
    with pytest.raises(CheckpointError, match='damaged metadata'):
        GraphInfo.from_json('[' * 200_000, PATH)
