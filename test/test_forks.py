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
"""Processes that tests fork leave the garbage of their parent alone."""

from __future__ import annotations

import gc
import multiprocessing
import os
from pathlib import Path

import pytest


class Middleware:
    """Writes down which process it ends in."""

    def __init__(self, path: Path) -> None:
        self.path, self.itself = path, self

    def __del__(self) -> None:
        with self.path.open('a') as file:
            file.write(f'{os.getpid()} ')


@pytest.mark.skipif('fork' not in multiprocessing.get_all_start_methods(), reason='needs fork')
def test_a_forked_process_does_not_collect_the_garbage_of_its_parent(tmp_path):
    path = tmp_path / 'ended'
    gc.disable()
    try:
        Middleware(path)
        child = multiprocessing.get_context('fork').Process(target=gc.collect)
        child.start()
        child.join(60)
    finally:
        gc.enable()
    assert child.exitcode == 0 and not path.exists()
    gc.collect()
    assert path.read_text().split() == [str(os.getpid())]
