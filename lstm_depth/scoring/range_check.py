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
"""Whether a model can predict the depths that are there at all."""

from __future__ import annotations

import numpy as np

# A smaller share is what any sensor has; it changes no number that is shown.
TOLERATED_SHARE = 0.01


class RangeCheck:
    """
    How much of the ground truth lies where a model cannot predict.

    *depth_range*: the least and greatest depth that the model gives, metres.
    """

    def __init__(self, depth_range: tuple[float, float]) -> None:
        """Start with no image."""
        self._range = depth_range
        self._near = self._far = 0.0
        self._images = 0

    def add(self, truth: np.ndarray) -> None:
        """Take the (N,) true depths of one more image."""
        self._images += 1
        self._near += float(np.mean(truth < self._range[0]))
        self._far += float(np.mean(truth > self._range[1]))

    def sentence(self) -> str:
        """Return what the reader must know, empty if nothing."""
        near, far = (share / max(self._images, 1) for share in (self._near, self._far))
        parts = [f'{share:.1%} {where} {end:g} m' for share, where, end in (
            (near, 'nearer than', self._range[0]), (far, 'farther than', self._range[1]))
            if share > TOLERATED_SHARE]
        return ('' if not parts else
                f'the ground truth does not fit the range that this model predicts in: '
                f'{" and ".join(parts)}')
