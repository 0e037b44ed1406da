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
Images that were sent and never arrived.

The middleware reports what it lost, where it can (Fast DDS and Cyclone DDS can). Beside
that there are traces, the surest first: the publisher numbers its messages (Fast DDS from
Jazzy on), each image has a camera_info of its stamp, and stamps come at a regular pace. An
image that only left a trace was replaced by a newer one in the queue of the subscription,
or was lost where the middleware reports nothing.
"""

from __future__ import annotations

from collections import deque
import time

from lstm_depth.ros.transport import PROFILES, VARIABLES
from lstm_depth.telemetry import Telemetry
import numpy as np

LOST, REPLACED = 'lost_in_transport', 'superseded_in_queue'
# What is remembered of the newest messages: some seconds of a fast camera.
_REMEMBERED = 512
_WINDOW_S = 10.0
# Below this share, or this many images, there is nothing to tell.
_SHARE, _ENOUGH = 0.05, 20
# Traces are looked at after so many images, or so long after the last one.
_AT_ONCE, _QUIET_S = 6, 2.0
# Stamps this far apart are a pause, not a loss.
_PAUSE_NS = 2 * 10**9


class LossWatch:
    """
    Count in *telemetry* what does not arrive; all methods belong to one thread.

    Nothing is counted before an image has come, and a stamp that goes back starts anew.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        """Start with nothing."""
        self._telemetry = telemetry
        self.start()

    def start(self) -> None:
        """Forget all messages."""
        self._images: deque[int] = deque(maxlen=_REMEMBERED)
        self._infos: deque[int] = deque(maxlen=_REMEMBERED)
        self._gaps: deque[int] = deque(maxlen=64)
        self._new_gaps: list[int] = []
        self._arrived = self._unjudged = 0
        self._last_arrival = time.monotonic()
        self._reported = self._reported_ever = 0
        self._missing = self._replaced = 0
        self._thinned = False
        self._last_number = self._skipped = 0
        self._numbered = self._several = False
        self._window: deque[tuple[float, int, int]] = deque()

    def image(self, stamp_ns: int) -> None:
        """Note an image that arrived."""
        self._arrived += 1
        if self._images:
            step = stamp_ns - self._images[-1]
            if step < 0:
                self._infos.clear()
                self._images.clear()
            elif 0 < step < _PAUSE_NS:
                self._new_gaps.append(step)
        self._images.append(stamp_ns)

    def info(self, stamp_ns: int) -> None:
        """Note a camera_info that arrived."""
        self._infos.append(stamp_ns)

    def number(self, number: int) -> None:
        """Note the number of an image among its publisher's, from 1; 0 for unknown."""
        if not number:
            if self._numbered:
                # What came so far is judged by its numbers, what comes now by other traces.
                self._forget_traces()
            self._numbered, self._several = False, True
        elif not self._several:
            self._numbered = True
        if self._numbered and self._last_number and number > self._last_number:
            self._skipped += number - self._last_number - 1
        self._last_number = number

    def reported(self, count: int) -> None:
        """Note what the middleware says it has lost."""
        self._reported += count

    def settle(self, reports: bool) -> None:
        """
        Count what is certain by now.

        *reports*: whether the middleware would report losses. Call it about once a second
        or more often.
        """
        # What the middleware says may come later than the traces: those of the last time.
        unexplained = self._missing - self._reported_ever - self._reported - self._replaced
        now = time.monotonic()
        if self._arrived:
            self._unjudged += self._arrived
            self._last_arrival = now
        quiet = self._unjudged and now - self._last_arrival > _QUIET_S
        missing = 0
        if self._numbered:
            self._forget_traces()
        elif self._unjudged and (self._last_number or self._unjudged >= _AT_ONCE or quiet):
            missing = self._missing_now(reports)
            # From the newest image on, numbers are the better trace, where there are any again.
            self._numbered = self._last_number > 0
            self._several = not self._numbered
        missing, self._skipped = missing + self._skipped, 0
        self._missing += missing
        if reports:
            lost = self._reported
            if unexplained > 0:
                self._telemetry.lose(REPLACED, unexplained)
                self._replaced += unexplained
        else:
            lost = missing
        self._reported_ever += self._reported
        if lost:
            self._telemetry.lose(LOST, lost)
        self._window.append((now, self._arrived, lost))
        self._arrived = self._reported = 0
        while now - self._window[0][0] > _WINDOW_S:
            self._window.popleft()

    def share(self) -> float:
        """Return the share of the images of the last seconds that was lost, 0 of only a few."""
        arrived = sum(item[1] for item in self._window)
        lost = sum(item[2] for item in self._window)
        return lost / (arrived + lost) if arrived + lost >= _ENOUGH else 0.0

    def text(self, qos: str) -> str:
        """Return a sentence about the loss with what to do; *qos*: of the subscription."""
        share = self.share()
        if share < _SHARE:
            return ''
        return (f'{100 * share:.0f} % of the images are lost between camera and node '
                f'(received {qos}); start the camera with more shared memory (export '
                f'{VARIABLES[0]}={PROFILES[0][0]}), let it offer RELIABLE, or take its '
                'compressed images (image_transport:=compressed); "lstm_depth doctor" tests '
                'the transport')

    def _forget_traces(self) -> None:
        """Leave no trace of what came up to the newest image."""
        self._unjudged = 0
        self._new_gaps.clear()
        if self._images:
            newest = self._images[-1]
            self._infos = deque((stamp for stamp in self._infos if stamp > newest), _REMEMBERED)

    def _missing_now(self, reports: bool) -> int:
        """Return how many images left only a trace, since the last time."""
        images, self._unjudged = self._unjudged, 0
        gaps, self._new_gaps = self._new_gaps, []
        self._gaps.extend(gaps)
        newest = self._images[-1]
        infos = [stamp for stamp in self._infos if stamp <= newest]
        self._infos = deque((stamp for stamp in self._infos if stamp > newest), _REMEMBERED)
        runs = _runs_of_missing(infos, set(self._images), self._images[0])
        if len(runs) - 1 < images / 2:
            # The two do not go together: camera_info has other stamps, or came once.
            # Not where losses are reported: a camera leaves frames out by itself, too.
            return 0 if reports else _missing_by_gaps(gaps, self._gaps)
        between = runs[1:-1]
        if len(between) >= _AT_ONCE // 2:
            # One in so many: somebody thins the images out, and camera_info is not thinned.
            self._thinned = min(between) >= 1 and max(between) - min(between) <= 1
        return 0 if self._thinned else sum(runs)


def _runs_of_missing(infos: list[int], images: set[int], first: int) -> list[int]:
    """Return how many *infos* after stamp *first* lie before, between and behind the *images*."""
    runs = [0]
    for stamp in infos:
        if stamp in images:
            runs.append(0)
        elif stamp > first:
            runs[-1] += 1
    return runs


def _missing_by_gaps(gaps: list[int], history: deque[int]) -> int:
    """Return how many stamps are missing in *gaps*, 0 where *history* has no regular pace."""
    if len(history) < _ENOUGH:
        return 0
    steps = np.array(history, dtype=np.float64)
    least = np.percentile(steps, 10)
    pace = np.median(steps[np.abs(steps - least) < least / 4])
    parts = steps / pace
    if np.mean(np.abs(parts - np.round(parts)) < 0.2) < 0.8:
        return 0
    return int(sum(max(0, round(gap / pace) - 1) for gap in gaps))
