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
"""The scale of the network's depth, followed over time."""

from __future__ import annotations

from dataclasses import dataclass
import math

from lstm_depth.anchor.config import AnchorConfig
import numpy as np

# An innovation of so many standard deviations is left out, unless it stays for this long [s].
_GATE, _STAYS_S = 2.5, 0.6
# The network's own scale, which is what is known without any anchor.
NETWORK_SCALE_SIGMA = 0.35


@dataclass(frozen=True)
class ScaleMeasurement:
    """One frame's log scale, its standard deviation, and of how many points it is."""

    log_scale: float
    sigma: float
    points: int


def measure_scale(log_ratio: np.ndarray, sigma: np.ndarray, config: AnchorConfig,
                  min_points: int, doubt: float = 0.0) -> ScaleMeasurement | None:
    """
    Return the scale that most points agree on, None where too few do.

    *log_ratio*: (N,) log of the anchors' depth over the network's. *sigma*: (N,) its standard
    deviation, of the anchors alone. The value is the weighted median; its deviation comes
    from the median absolute deviation, never better than the floor. *doubt*: the standard
    deviation of what the points have in common and the rest of the image has not; the value
    counts as far as it is beyond that (positive-part James and Stein 1961).
    """
    count = len(log_ratio)
    if count < min_points:
        return None
    centre = weighted_median(log_ratio, 1 / (sigma ** 2 + config.network_sigma ** 2))
    spread = 1.4826 * float(np.median(np.abs(log_ratio - centre)))
    centre *= max(0.0, 1 - (doubt / max(abs(centre), 1e-9)) ** 2)
    # Neighbouring points share the network's errors: 100 points are not 100 opinions.
    sigma_mean = max(spread, config.network_sigma) / math.sqrt(max(count / 8, 1))
    # What the anchors have in common: the poses, mostly.
    common = 0.5 * float(np.median(sigma))
    return ScaleMeasurement(centre, math.hypot(sigma_mean, config.scale_floor, common), count)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """Return the value that half of the weight is below."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


class ScaleFilter:
    """
    Kalman filter of the log scale, a random walk around the network's own scale (0).

    *log_scale*, *sigma*: the estimate and its standard deviation.
    """

    def __init__(self, config: AnchorConfig) -> None:
        """Start at the network's own scale."""
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Go back to the network's own scale."""
        self.log_scale, self.sigma = 0.0, NETWORK_SCALE_SIGMA
        self._seconds = self._other = self._other_s = 0.0

    def predict(self, seconds: float) -> None:
        """Let *seconds* pass: less is known, and the scale tends to the network's own."""
        self._seconds = seconds
        decay = math.exp(-seconds / self._config.release_s)
        self.log_scale *= decay
        spread = self.sigma ** 2 + self._config.scale_drift ** 2 * seconds
        self.sigma = math.sqrt(min(spread, NETWORK_SCALE_SIGMA ** 2))

    def follow(self, change: float, sigma: float) -> None:
        """Take over that the scale has changed by *change*, known to *sigma*."""
        self.log_scale += change
        self.sigma = min(math.hypot(self.sigma, sigma), NETWORK_SCALE_SIGMA)

    def update(self, measured: ScaleMeasurement) -> bool:
        """
        Take one measurement and return whether it was believed.

        One far from what is expected is left out, until it has said the same for a while:
        wheels slip for less long, and the network's scale that jumps stays there.
        """
        innovation = measured.log_scale - self.log_scale
        expected = math.hypot(self.sigma, measured.sigma)
        if abs(innovation) > _GATE * expected:
            same = abs(measured.log_scale - self._other) < 2 * measured.sigma + 0.05
            self._other_s = self._other_s + self._seconds if same else 0.0
            self._other = measured.log_scale
            if self._other_s < _STAYS_S:
                return False
            self.sigma = NETWORK_SCALE_SIGMA
            expected = math.hypot(self.sigma, measured.sigma)
        self._other_s = 0.0
        gain = self.sigma ** 2 / expected ** 2
        self.log_scale += gain * innovation
        self.sigma *= math.sqrt(1 - gain)
        return True
