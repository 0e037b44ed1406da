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
The camera of a soak, which strikes the faults, too.

``python -m lstm_depth.ros.soak.camera camera --ros-args ...``: ends by itself, with what it
counted as JSON in ``output``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
import random
import sys
from threading import Event, Thread
import time

from lstm_depth.errors import LstmDepthError
from lstm_depth.files import write_json
from lstm_depth.ros.soak.faults import FAULTS
from lstm_depth.ros.soak.hands import Hands
from lstm_depth.ros.spin import run
from rclpy.node import Node


class SoakCamera(Node):
    """
    Publish good images at a fixed rate, and strike every fault again and again.

    The order and the pauses come from ``seed``. ``done`` is set at the end.
    """

    def __init__(self) -> None:
        """Start the threads."""
        super().__init__('soak_camera')
        self._output = Path(self.declare_parameter('output', '').value)
        self._seconds = self.declare_parameter('seconds', 60.0).value
        self._fps = self.declare_parameter('fps', 15.0).value
        self._random = random.Random(self.declare_parameter('seed', 0).value)
        # A mean of 0 is no faults at all.
        self._pause_s = self.declare_parameter('pause_s', 1.0).value
        size = tuple(self.declare_parameter(name, value).value
                     for name, value in (('width', 320), ('height', 240)))
        self._hands = Hands(self, self._output.parent,
                            self.declare_parameter('checkpoint', '').value, size)
        self._struck: Counter[str] = Counter()
        self._good: list[int] = []
        self.done, self.status = Event(), 0
        self._stop = Event()
        self._thread = Thread(target=self._live, name='soak', daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, and write what was counted."""
        self._stop.set()
        self._thread.join(5.0)
        hands = self._hands
        write_json(self._output, {
            'sent': hands.sent, 'unheard': hands.unheard, 'unmatched': hands.unmatched,
            'missing': hands.missing, 'problems': hands.problems, 'facts': hands.facts,
            'struck': self._struck, 'good': self._good})

    def _live(self) -> None:
        """Live as long as the soak."""
        try:
            self._hands.meet()
            end = time.monotonic() + self._seconds
            film = Thread(target=self._film, name='film', daemon=True)
            film.start()
            if self._pause_s:
                self._strike(end)
            self._stop.wait(max(0.0, end - time.monotonic()))
            self._stop.set()
            film.join()
            self._hands.rest()
        except LstmDepthError as error:
            self._hands.problems.append(str(error))
        except Exception:
            self.status = 1
            raise
        finally:
            self._stop.set()
            self.done.set()

    def _film(self) -> None:
        """Publish good images."""
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            image = self._hands.image()
            self._hands.show(image)
            self._good.append(image.header.stamp.sec * 10**9 + image.header.stamp.nanosec)
            # Never catch up in a burst after a fault that wanted quiet.
            due = max(due + 1 / self._fps, time.monotonic())

    def _strike(self, end: float) -> None:
        """Strike each fault once a round, the rounds in another order each."""
        names: list[str] = []
        while time.monotonic() < end and not self._stop.is_set():
            if not names:
                names = self._random.sample(list(FAULTS), len(FAULTS))
            name = names.pop()
            try:
                self._strike_one(name)
            except LstmDepthError as error:
                self._hands.problems.append(f'{name}: {error}')
            self._struck[name] += 1
            self._stop.wait(self._random.expovariate(1 / self._pause_s))

    def _strike_one(self, name: str) -> None:
        """Strike the fault called *name*."""
        before = len(self._hands.problems)
        if FAULTS[name].quiet:
            with self._hands.quiet():
                FAULTS[name].strike(self._hands)
        else:
            FAULTS[name].strike(self._hands)
        self._hands.problems[before:] = [
            f'{name}: {problem}' for problem in self._hands.problems[before:]]
        self.get_logger().info(f'fault: {name}')


if __name__ == '__main__':
    sys.exit(run(SoakCamera, sys.argv[1:]))
