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
"""Which network is in use after loads that fail, and others that were asked for meanwhile."""

from __future__ import annotations

from threading import Event
from unittest.mock import Mock

import _have_ros  # noqa: F401
from _ros import PATIENCE_S, wait_for
from lstm_depth.errors import CheckpointError
from lstm_depth.ros import model_loader
from lstm_depth.ros.model_loader import EngineChoice, ModelLoader
import pytest


def choice(checkpoint: str = '', device: str = 'cpu') -> EngineChoice:
    return EngineChoice(checkpoint, 'auto', device, 'float32')


@pytest.fixture(name='go')
def go_fixture(monkeypatch) -> Event:
    """Return what loads wait for; those of a checkpoint called bad fail."""
    go = Event()

    def load(choice: EngineChoice) -> str:
        assert go.wait(2 * PATIENCE_S)
        if choice.checkpoint == 'bad':
            raise CheckpointError('it is bad')
        return 'an engine'

    monkeypatch.setattr(model_loader, 'load', load)
    monkeypatch.setattr(model_loader, 'check_checkpoint', lambda checkpoint: None)
    return go


@pytest.fixture(name='loader')
def loader_fixture(go):
    """Return a loader that uses at once what it has loaded."""
    loader = ModelLoader(choice(), Mock(), lambda call: call(), Mock())
    yield loader
    go.set()
    assert loader.stop()


def test_what_is_asked_for_while_another_load_fails_can_be_taken_back(loader, go):
    loader.request(choice('bad'))
    loader.request(choice(device='cuda:63'))
    go.set()
    wait_for(lambda: loader.in_use == choice(device='cuda:63'))
    # The same as before all that, which a failed load must not make us think to have.
    loader.request(choice())
    wait_for(lambda: loader.in_use == choice())
    assert not loader.problem


def test_what_failed_may_be_asked_for_again(loader, go):
    go.set()
    for _ in range(2):
        loader.problem = ''
        loader.request(choice('bad'))
        wait_for(lambda: 'it is bad' in loader.problem)
    assert loader.in_use == choice()
