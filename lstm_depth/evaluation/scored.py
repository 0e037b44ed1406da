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
"""A frame together with its prediction and how good that is: what every output is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lstm_depth.frames import CameraFrame
from lstm_depth.visualize import DepthPicture
import numpy as np


@dataclass(frozen=True, eq=False)
class ScoredFrame:
    """
    One frame, the depth predicted for it, and how good that is.

    *frame*: the input; its ``depth`` is the ground truth, None where there is
    none. *depth*: (H, W) float32 metres, NaN where invalid. *latency_s*: seconds
    from image to depth. *metrics*: of `Protocol.score`, None without ground
    truth. *reset*: why the hidden state was reset at this frame, empty if not.
    """

    frame: CameraFrame
    depth: np.ndarray
    latency_s: float
    metrics: Mapping[str, float] | None = None
    reset: str = ''

    def picture(self, start_ns: int) -> DepthPicture:
        """Return it with a caption, time counted from *start_ns*."""
        seconds = (self.frame.stamp_ns - start_ns) * 1e-9
        parts = [f't = {seconds:.2f} s']
        if self.metrics and self.metrics['valid'] > 0:
            parts += [f'abs_rel {self.metrics["abs_rel"]:.3f}',
                      f'rmse {self.metrics["rmse"]:.2f} m', f'd1 {self.metrics["d1"]:.3f}']
        parts.append(f'{self.latency_s * 1e3:.0f} ms')
        if self.reset:
            parts.append(f'reset: {self.reset}')
        return DepthPicture(self.frame.rgb, self.depth, self.frame.depth, '    '.join(parts))
