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
"""Run tasks on all cores, or on an existing Dask cluster."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from typing import Any

import cv2
from lstm_depth.errors import ConfigError, DataError

_CONNECT_TIMEOUT_S = 20


def core_count() -> int:
    """Return the number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


@contextmanager
def open_executor(workers: int = 0, scheduler: str | None = None) \
        -> Iterator[tuple[Executor, int]]:
    """
    Give an executor and its number of workers.

    *workers*: processes on this machine, 0 for one per core. *scheduler*: address of a
    Dask scheduler to use instead, such as ``tcp://10.0.0.1:8786``.
    """
    if scheduler:
        with _dask_client(scheduler) as client:
            count = sum(client.nthreads().values())
            yield client.get_executor(pure=False), max(count, 1)
        return
    workers = workers or core_count()
    # Spawned, because a fork of a process with threads (OpenCV's, torch's) can hang.
    executor = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context('spawn'),
                                   initializer=_start_worker)
    try:
        yield executor, workers
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _dask_client(address: str) -> Any:
    """Return a connected Dask client; ConfigError or DataError where there is none."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ConfigError("--scheduler needs Dask: pip install 'lstm_depth[dask]'") from error
    try:
        return Client(address, timeout=_CONNECT_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise DataError(f'no Dask scheduler answers at {address} ({error}); start one with '
                        '"dask scheduler" and "dask worker"') from error


def _start_worker() -> None:
    """Use one core, and end when the parent is killed: pools leave their workers waiting."""
    cv2.setNumThreads(1)
    # Ctrl-C is the parent's to handle.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
