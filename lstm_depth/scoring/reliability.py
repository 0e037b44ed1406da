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
"""Whether what is said to be probable is: confidence against ground truth."""

from __future__ import annotations

from lstm_depth.geometry import resize_bilinear
import numpy as np

# Edges of the classes of confidence; the last but one is what is said to be 90 %.
_EDGES = (0.0, 0.25, 0.4, 0.55, 0.7, 0.85, 0.95, 1.0)
_TOLERANCE = 1.25


class Reliability:
    """Count, by what was said, how many pixels are right to 25 %."""

    def __init__(self) -> None:
        """Start with no pixel."""
        self._right, self._all = (np.zeros(len(_EDGES) - 1) for _ in range(2))

    def add(self, confidence: np.ndarray, depth: np.ndarray, truth: np.ndarray,
            max_depth: float = np.inf) -> None:
        """Take one frame, (H, W) each; *truth* in metres, of any size, NaN where unknown."""
        with np.errstate(invalid='ignore', divide='ignore'):
            known = (truth > 0) & (truth < max_depth)
            depth, confidence = (resize_bilinear(image, truth.shape)[known]
                                 for image in (depth, confidence))
            ratio = depth / truth[known]
            right = (ratio < _TOLERANCE) & (ratio > 1 / _TOLERANCE)
        place = np.clip(np.digitize(confidence, _EDGES) - 1, 0, len(_EDGES) - 2)
        self._all += np.bincount(place, minlength=len(self._all))
        self._right += np.bincount(place, right, minlength=len(self._all))

    def rows(self) -> list[tuple[float, float, float, float]]:
        """Return (from, to, share that is right, share of all pixels) of each class in use."""
        return [(low, high, right / count, count / self._all.sum())
                for low, high, right, count in zip(_EDGES, _EDGES[1:], self._right, self._all)
                if count]

    def sentence(self) -> str:
        """Return the rows for people, empty without a pixel."""
        rows = [f'{low:.2f} to {high:.2f}: {right:.2f} ({share:.0%} of the pixels)'
                for low, high, right, share in self.rows()]
        if not rows:
            return ''
        return 'confidence, and the share that is right to 25 %: ' + '; '.join(rows)
