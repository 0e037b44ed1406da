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
"""How many threads a network gets, and that none of them spins while it waits."""

from __future__ import annotations

import os

# A network step is short: beyond so many threads they wait for each other.
_MOST = 4


def settle_threads() -> None:
    """
    Tell OpenMP, before a library that uses it is loaded, that waiting threads shall sleep.

    By default they spin, and on a machine that also does something else one step then takes
    a hundred times as long. Anything that the user has set stays.
    """
    os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
    os.environ.setdefault('KMP_BLOCKTIME', '0')


def thread_count() -> int:
    """Return how many threads a network is to use: OMP_NUM_THREADS, else by the processors."""
    wanted = os.environ.get('OMP_NUM_THREADS', '').partition(',')[0]
    if wanted.isdigit() and int(wanted) > 0:
        return int(wanted)
    return max(1, min(len(os.sched_getaffinity(0)), _MOST))
