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
"""Notice a network that predicts one number for every pixel."""

from __future__ import annotations

from collections import deque

WINDOW = 50
FLAT = 0.1


class CollapseWatch:
    """
    Says so, once a phase, when predictions have stayed flat for `WINDOW` steps.

    Flat: depth varies within an image by less than a tenth (`FLAT`) of what the truth
    does, the failure that paper 000 added its standard deviation penalty against.
    """

    def __init__(self, phase: str) -> None:
        """Watch the phase called so."""
        self._phase = phase
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._said = False

    def see(self, spread: float) -> str | None:
        """Take the relative spread of one more step; return a sentence when it is time."""
        self._recent.append(spread)
        mean = sum(self._recent) / len(self._recent)
        if self._said or len(self._recent) < WINDOW or mean >= FLAT:
            return None
        self._said = True
        return (f'{self._phase}: the predictions are flat: within an image they vary by '
                f'{mean:.1%} of what the truth does, for {WINDOW} steps; raise the weight of '
                'the "std" loss, or lower the learning rate')
