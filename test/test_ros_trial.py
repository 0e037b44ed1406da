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
"""Which DDS domain processes of ours run in, and what ends a recording of them."""

from __future__ import annotations

from functools import partial
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import _have_ros  # noqa: F401
from lstm_depth.errors import DataError
from lstm_depth.ros import trial, watch
from lstm_depth.ros.trial import own_domain, reserve_domain
import pytest


def test_a_domain_is_reserved_until_its_socket_is_closed():
    kept = [reserve_domain() for _ in range(3)]
    domains = [domain for domain, _ in kept]
    assert len(set(domains)) == 3 and all(1 <= domain <= 101 for domain in domains)
    for _, held in kept:
        held.close()
    domain, held = reserve_domain()
    held.close()
    assert domain == domains[0]


def test_another_process_gets_another_domain(monkeypatch):
    pid = os.getpid()
    domain, held = reserve_domain()
    # It begins its search where this one did.
    other = subprocess.run(
        [sys.executable, '-c', 'import os\n'
         f'os.getpid = lambda: {pid}\n'
         'from lstm_depth.ros.trial import reserve_domain\nprint(reserve_domain()[0])'],
        capture_output=True, text=True, check=True, timeout=60)
    held.close()
    assert int(other.stdout) != domain


@pytest.mark.parametrize('participant', [10, 12, 16])
def test_a_domain_with_a_participant_is_left_alone(monkeypatch, participant):
    domain, held = reserve_domain()
    held.close()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(('127.0.0.1', 7400 + 250 * domain + participant))
        other, held = reserve_domain()
        held.close()
    assert other != domain


def test_no_free_domain_is_an_error(monkeypatch):
    monkeypatch.setattr(trial, '_bind', lambda port: None)
    with pytest.raises(DataError, match='1 to 101 is in use'):
        reserve_domain()


def test_a_process_keeps_its_own_domain():
    assert own_domain() == own_domain()


@pytest.fixture
def session(monkeypatch):
    """Return what watches two idle processes, and the clock it looks at."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(watch.time, 'monotonic', lambda: clock.now)
    recorder = SimpleNamespace(images=0, depths=0, status={})
    stopped = []

    def stop(name):
        clock.now += 4.0
        stopped.append(name)

    depth, camera = (SimpleNamespace(
        name=name, status=None, log='log', tail=str, stop=partial(stop, name))
        for name in ('depth_node', 'camera_node'))
    return SimpleNamespace(clock=clock, recorder=recorder, stopped=stopped,
                           watch=watch._Session(recorder, depth, camera, frames=5))


def test_the_camera_plays_until_the_frames_have_depth(session):
    # The first images may pass before the depth node hears them.
    session.recorder.images = 8
    assert not session.watch.over() and not session.stopped
    session.recorder.images, session.recorder.depths = 12, 5
    assert not session.watch.over() and session.stopped == ['camera_node']
    # What came while the camera was being ended is still to be read.
    assert not session.watch.over()
    session.clock.now += 5.0
    assert session.watch.over()


def test_images_without_depth_are_no_progress(session):
    with pytest.raises(watch.NodeFailure, match='gave no depth for 3. images'):
        for second in range(100):
            session.clock.now, session.recorder.images = float(second), second
            session.watch.over()
    assert session.clock.now < 40


def test_depth_of_images_that_nobody_here_heard_is_no_recording(session):
    session.recorder.depths = 5
    session.watch.over()
    session.clock.now += 5.0
    with pytest.raises(watch.NodeFailure, match='5 depth images, but none was heard'):
        for _ in range(2):
            session.watch.over()
