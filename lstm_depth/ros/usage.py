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
"""What a running process takes: memory, processor, threads, open files (Linux)."""

from __future__ import annotations

from dataclasses import dataclass
import os
from pathlib import Path


@dataclass(frozen=True)
class Usage:
    """
    A process at one moment.

    *cpu_s*: processor seconds used so far. *memory_mb*: resident size, *peak_mb* its largest
    so far, *private_mb* the part that is neither a file nor shared memory, which is where a leak
    grows. *threads*, *descriptors*: how many there are.
    """

    cpu_s: float
    memory_mb: float
    peak_mb: float
    private_mb: float
    threads: int
    descriptors: int


def usage(pid: int) -> Usage:
    """Return what process *pid* takes; OSError once it has ended."""
    process = Path(f'/proc/{pid}')
    fields = (process / 'stat').read_text(encoding='utf-8').rpartition(')')[2].split()
    status = dict(line.split(':', 1) for line in
                  (process / 'status').read_text(encoding='utf-8').splitlines())

    def megabytes(name: str) -> float:
        return int(status[name].split()[0]) / 1024 if name in status else float('nan')

    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK'),
        memory_mb=megabytes('VmRSS'), peak_mb=megabytes('VmHWM'),
        private_mb=megabytes('RssAnon'), threads=int(status['Threads']),
        descriptors=len(os.listdir(process / 'fd')))
