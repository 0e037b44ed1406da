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
What a graph file says of itself: the network, where it came from, and what it must answer.

A graph (ONNX, or OpenVINO's form of it) takes ``image``, (h, w, 3) uint8 RGB, and the state
as ``state_0``, ``state_1``..., all zeros before the first frame; it gives ``depth``, (h, w)
float32 metres, and ``next_0``, ``next_1``... Preprocessing is inside. The rest lies as JSON in
its metadata under ``lstm_depth``, so that neither PyTorch nor the checkpoint is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from lstm_depth import __version__
from lstm_depth.errors import CheckpointError
from lstm_depth.header import is_number
from lstm_depth.runtime.engine import Engine, NetworkInfo, PRECISIONS
import numpy as np

FORMAT = 1
KEY = 'lstm_depth'
CHECK_STEPS = 3
# Depth may differ by so much from PyTorch's in the self-check, by precision. float32: another
# order of additions. int8: what a good calibration loses.
TOLERANCES = {'float32': 1e-3, 'float16': 0.03, 'bfloat16': 0.1, 'int8': 0.25}


@dataclass(frozen=True)
class GraphInfo:
    """
    The metadata of a graph file.

    *network*: as an engine shows it. *checkpoint*: SHA-256 of the file it was exported from,
    None for weights that were in no file. *expected*: samples of PyTorch's depth after
    `CHECK_STEPS` of `check_images`, metres. *precision*: of its arithmetic.
    """

    network: NetworkInfo
    expected: tuple[float, ...]
    checkpoint: str | None = None
    precision: str = 'float32'

    def to_json(self) -> str:
        """Return it as text for the file."""
        return json.dumps({'format': FORMAT, 'version': __version__} | asdict(self))

    @classmethod
    def from_json(cls, text: str | None, path: Path) -> GraphInfo:
        """Return what *text*, found in *path*, says; CheckpointError if it is not ours."""
        if text is None:
            raise CheckpointError(f'{path} is a graph without lstm_depth metadata: it computes '
                                  'something else; graphs are written by "lstm_depth export"')
        try:
            values: dict[str, Any] = json.loads(text)
            if values['format'] != FORMAT:
                raise CheckpointError(f'{path} has graph format {values["format"]}, this version '
                                      f'({__version__}) reads {FORMAT}; export it again')
            network = dict(values['network'])
            for name in ('input_size', 'depth_range', 'focal'):
                network[name] = network[name] and tuple(network[name])
            expected = tuple(values['expected'])
            if not all(map(is_number, expected)) or values['precision'] not in PRECISIONS:
                raise ValueError('expected depth or precision are none')
            return cls(NetworkInfo(**network), tuple(map(float, expected)),
                       values['checkpoint'], values['precision'])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(
                f'{path} has damaged metadata ({error}); copy or export it again') from error


def check_images(size: tuple[int, int], count: int = CHECK_STEPS) -> list[np.ndarray]:
    """Return *count* (h, w, 3) uint8 images of a moving pattern, the same on every machine."""
    rows, columns = np.mgrid[:size[0], :size[1]]
    slopes = ((3, 5), (4, 2), (2, 3))
    return [np.stack([(rows * a + columns * b + 24 * step) // 2 % 256 for a, b in slopes],
                     axis=-1).astype(np.uint8) for step in range(count)]


def depth_samples(depth: np.ndarray) -> tuple[float, ...]:
    """Return at most 6 x 8 values of (h, w) *depth*, on a grid."""
    rows, columns = (np.linspace(0, length - 1, min(length, count)).astype(int)
                     for length, count in zip(depth.shape, (6, 8)))
    return tuple(depth[np.ix_(rows, columns)].ravel().astype(float).tolist())


def check_depth(engine: Engine, steps: int = CHECK_STEPS) -> np.ndarray:
    """Return the depth that *engine* gives after *steps* check images."""
    state = engine.init()
    for image in check_images(engine.input_size, steps):
        depth, state = engine.step(image, state)
    return depth


def disagreement(engine: Engine, expected: Sequence[float]) -> float:
    """Return how far *engine* lies from PyTorch on the check images, as a share of depth."""
    found = np.array(depth_samples(check_depth(engine)))
    wanted = np.array(expected)
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return float('inf')
    return float(np.abs(found / wanted - 1).max())
