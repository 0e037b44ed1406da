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
The fault matrix: every fault of the soak by itself, on one depth_node process over DDS.

After each, the node lives, has counted the right cause, has said what to do in one line, and
its next depth is that of a fresh stream.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
import signal

from _ros import domain_id, Driver, pixels, process_environment, tiny_checkpoint, wait_for
from lstm_depth import DepthStream, load_model
from lstm_depth.msgs.image import decode_rgb
from lstm_depth.ros.process import NodeProcess
from lstm_depth.ros.soak.faults import FAULTS
from lstm_depth.ros.soak.hands import Hands
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image

SIZE = (40, 32)


class Bench:
    """A node process, the hands that strike it, and what it answers."""

    def __init__(self, folder: Path) -> None:
        """Start both."""
        checkpoint = tiny_checkpoint(folder)
        self.engine = load_model(str(checkpoint), backend='torch')
        self._driver = Driver(domain_id(__name__))
        self.node = NodeProcess(
            ['lstm_depth.ros', 'depth_node'],
            {'autostart': True, 'checkpoint': str(checkpoint), 'backend': 'torch',
             'diagnostics_period_s': 0.1, 'max_gap_s': 3.0}, folder / 'node.log',
            process_environment(self._driver.domain))
        self.hands = Hands(self._driver.driver, folder, str(checkpoint), SIZE)
        self.hands.on_show = self._keep
        self.shown: dict[tuple[int, int], Image] = {}
        self.depths: list[Image] = []
        self._driver.driver.create_subscription(
            Image, '/depth_node/depth/image', self.depths.append, QoSProfile(depth=200))

    def _keep(self, image: Image | bytes, info: object) -> None:
        if isinstance(image, bytes):
            image = deserialize_message(image, Image)
        self.shown.setdefault(stamp(image), image)

    @property
    def log(self) -> str:
        """Return all that the node has logged."""
        return self.node.log.read_text(encoding='utf-8', errors='replace')

    def good(self) -> None:
        """Show a good image and wait for its depth."""
        count = len(self.depths)
        self.hands.show()
        self.hands.rest()
        wait_for(lambda: len(self.depths) > count, what='for depth')

    def close(self) -> None:
        """End both."""
        try:
            assert self.node.stop() == 0, self.node.tail()
        finally:
            self._driver.close()


def stamp(image: Image) -> tuple[int, int]:
    return image.header.stamp.sec, image.header.stamp.nanosec


@pytest.fixture(name='bench', scope='module')
def bench_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a node that has seen its first images."""
    bench = Bench(tmp_path_factory.mktemp('faults'))
    with bench.node:
        bench.hands.meet()
        wait_for(lambda: bench.depths, what='for the first depth')
        yield bench
        bench.close()


def growth(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """Return what has been counted since *before*."""
    return {key: value - before.get(key, 0) for key, value in after.items()
            if value != before.get(key, 0)}


@pytest.mark.parametrize('name', FAULTS)
def test_a_fault_is_survived_counted_told_and_forgotten(bench, name):
    fault, hands = FAULTS[name], bench.hands
    hands.problems.clear()
    bench.shown.clear()
    hands.rest()
    bench.depths.clear()
    hands.reset()
    bench.good()
    drops, resets, lines = (
        hands.counts('dropped: '), hands.counts('reset: '), len(bench.log.splitlines()))

    with hands.quiet() if fault.quiet else nullcontext():
        fault.strike(hands)
    hands.rest()
    wait_for(lambda: fault.says in hands.status + bench.log, what=f'for {fault.says!r}')
    if not fault.plain:
        hands.reset()
        bench.depths.clear()
    bench.good()

    assert bench.node.status is None and not hands.problems and not hands.missing
    dropped = growth(hands.counts('dropped: '), drops)
    assert fault.drops in (None, dropped), (dropped, bench.node.tail())
    assert 'internal_error' not in dropped
    assert not fault.reset or fault.reset in growth(hands.counts('reset: '), resets)
    new = [line for line in bench.log.splitlines()[lines:] if fault.says in line]
    assert not fault.says or len(new) <= 1, new
    assert_as_of_a_fresh_stream(bench, explicit=fault.reset == 'explicit')


def assert_as_of_a_fresh_stream(bench: Bench, explicit: bool) -> None:
    """Compare each depth with that of a stream that sees what the node has answered."""
    stream, frame_id = DepthStream(bench.engine, max_gap_s=3.0), None
    for number, depth in enumerate(bench.depths):
        image = bench.shown[stamp(depth)]
        if (explicit and number) or frame_id not in (None, image.header.frame_id):
            stream.reset()
        frame_id = image.header.frame_id
        frame = stream.push(decode_rgb(image), (stamp(depth)[0] * 10**9 + stamp(depth)[1]) * 1e-9)
        np.testing.assert_allclose(pixels(depth), frame.depth, rtol=1e-4)
    assert len(bench.depths) > 0


def test_the_node_ends_as_it_should_after_all_that(bench):
    bench.node._process.send_signal(signal.SIGINT)
    wait_for(lambda: bench.node.status is not None)
    assert bench.node.status == 0 and 'internal error' not in bench.log
