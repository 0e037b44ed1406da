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
"""Fixtures that every test module may use."""

from __future__ import annotations

import atexit
import gc
import os
from pathlib import Path
import shutil
import tempfile

from hypothesis import settings
from lstm_depth.runtime.threads import settle_threads
import pytest

settle_threads()
# How long an example takes is up to what else the machine does.
settings.register_profile('any machine', deadline=None)
settings.load_profile('any machine')
# Exported graphs go to a cache of this run's own, in the processes that tests start, too.
os.environ['LSTM_DEPTH_CACHE'] = tempfile.mkdtemp(prefix='lstm_depth-tests-')
# What ROS tests leave for the garbage collector holds threads and locks of the middleware, which
# a forked process (of flake8, of PyTorch's loaders) does not have: it is not to collect it.
os.register_at_fork(before=gc.freeze, after_in_parent=gc.unfreeze)
atexit.register(shutil.rmtree, os.environ['LSTM_DEPTH_CACHE'], ignore_errors=True)

SHARED = Path(__file__).resolve().parents[2] / 'shared'


@pytest.fixture(scope='session')
def shared() -> Path:
    """Return the folder of real recordings and weights beside the checkout, or skip."""
    if not SHARED.is_dir():
        pytest.skip(f'needs the real recordings and weights in {SHARED.name}/ beside the '
                    'checkout, which this machine does not have')
    return SHARED


@pytest.fixture(scope='session')
def office_bag(shared: Path) -> Path:
    """Return the real hand-held RGB-D recording, 193 frames of 320x240, or skip."""
    bag = shared / 'data' / 'office_rgbd_bag'
    if not bag.is_dir():
        pytest.skip('needs the real recording shared/data/office_rgbd_bag')
    return bag
