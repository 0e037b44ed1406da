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
"""What moves in the depth of a frozen frame."""

from __future__ import annotations

from dataclasses import replace

from _oracles import CountingModel, ReadingModel
from _recordings import camera_frames
from lstm_depth.errors import ConfigError
from lstm_depth.evaluation.compare import frozen_std
from lstm_depth.stream import DepthStream
import numpy as np
import pytest

FRAME = next(camera_frames(1))


class SettlingModel(CountingModel):
    """Predict 1 m, and as much more as half to the power of the frames seen."""

    def forward(self, frame, state=None):
        depth, (count,) = super().forward(frame, state)
        return 1 + 0.5 ** (10 * depth), (count,)


@pytest.mark.parametrize(('mode', 'buffer'), [('stateful', 8), ('window', 4), ('window', 1)])
def test_frozen_frame_comes_to_rest_in_every_form(mode, buffer):
    stream = DepthStream(SettlingModel(), mode=mode, buffer_size=buffer)
    early = frozen_std(stream, FRAME, warmup=0, frames=4)
    late = frozen_std(stream, FRAME, warmup=30, frames=4)
    # Only what has a memory needs time to settle.
    assert (early == 0) == (buffer == 1)
    assert late <= 1e-6


def test_deviation_of_a_frozen_frame_is_that_of_the_predictions():
    factors = np.array([5.0, 1.0, 1.1, 0.9, 1.2])
    predictions = iter(factors)

    class Moody(DepthStream):

        def push(self, rgb, stamp_s, *, camera=None):
            prediction = super().push(rgb, stamp_s, camera=camera)
            return replace(prediction, depth=np.full(rgb.shape[:2], next(predictions), np.float32))

    found = frozen_std(Moody(ReadingModel(), device='cpu'), FRAME, warmup=1, frames=4)
    assert found == pytest.approx(factors[1:].std(ddof=1), rel=1e-5)


@pytest.mark.parametrize('options', [{'warmup': -1}, {'frames': 1}])
def test_frozen_frame_needs_two_predictions(options):
    stream = DepthStream(ReadingModel(), device='cpu')
    with pytest.raises(ConfigError, match='at least 2 frames'):
        frozen_std(stream, FRAME, **options)
