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
What ROS 2 on this machine is like: distribution, middleware, shared memory, images on their way.

Imports no ROS: whatever is broken breaks in a process of its own, whose last words are shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
import fcntl
import importlib.util
import json
import os
from pathlib import Path
import re
import subprocess
import sys
from typing import Any

from lstm_depth.health import Check, safely
from lstm_depth.ros import transport
from lstm_depth.ros.logfile import logging_arguments
from lstm_depth.ros.transport import choose_profile, PROFILES, VARIABLES

_RATE_HZ = 30.0
# Of images that a camera sends to a node on the same machine.
_LOSS, _LATENCY_MS = 0.02, 33.0
# Linux gives ports above 32768 to others, which are those of domains above 101.
_LAST_DOMAIN = 101
_INSTALL = ("pip install 'lstm_depth[ros]', or source an installation, such as "
            '/opt/ros/jazzy/setup.bash; replay, evaluate and train work without')
_SEGMENT = re.compile('fastrtps_[0-9a-f]{16}')


def ros_checks(seconds: float) -> Iterator[Check]:
    """Yield the findings; *seconds*: how long images are sent."""
    if (missing := check_installed()) is not None:
        yield missing
        return
    yield check_domain(os.environ)
    yield safely('log files', check_log)
    yield safely('shared memory', check_shared_memory)
    profile = choose_profile(os.environ)
    yield Check('transport', profile.ours, profile.reason)
    yield from check_loopback(seconds)


def check_installed() -> Check | None:
    """Return what is wrong where there is no rclpy, None where there is."""
    distribution = os.environ.get('ROS_DISTRO')
    try:
        if importlib.util.find_spec('rclpy') is not None:
            return None
    except (ImportError, ValueError):
        pass
    if distribution:
        return Check('ROS 2', False, f'{distribution} is sourced, but this Python '
                     f'({sys.executable}) has no rclpy',
                     'use the Python of that distribution: a virtual environment of it with '
                     '--system-site-packages')
    return Check('ROS 2', False, 'not installed: rclpy cannot be found', _INSTALL)


def check_domain(environment: Mapping[str, str]) -> Check:
    """Return which processes ours can meet."""
    text = environment.get('ROS_DOMAIN_ID', '') or '0'
    reach = 'this machine only' if _local(environment) else 'the network'
    if not text.isdigit() or int(text) > 232:
        return Check('domain', False, f'ROS_DOMAIN_ID={text} is no domain',
                     f'set it to a number from 0 to {_LAST_DOMAIN}, the same everywhere')
    if int(text) > _LAST_DOMAIN:
        return Check('domain', False, f'ROS_DOMAIN_ID={text} uses ports that Linux gives to '
                     'other programs', f'set it to a number from 0 to {_LAST_DOMAIN}')
    return Check('domain', True, f'{text}, on {reach}; others need the same ROS_DOMAIN_ID',
                 facts={'domain': int(text)})


def _local(environment: Mapping[str, str]) -> bool:
    return (environment.get('ROS_LOCALHOST_ONLY') == '1'
            or environment.get('ROS_AUTOMATIC_DISCOVERY_RANGE') in ('LOCALHOST', 'OFF'))


def check_log() -> Check:
    """Return whether nodes can write their log files."""
    _, problem = logging_arguments()
    return Check('log files', not problem, problem.partition('; ')[0] or 'can be written',
                 problem.partition('; ')[2])


def check_shared_memory() -> Check:
    """Return how much shared memory is free, and what dead processes have left in it."""
    folder = transport.SHARED_MEMORY
    try:
        status = os.statvfs(folder)
    except OSError as error:
        return Check('shared memory', False, f'{folder} cannot be used ({error.strerror})',
                     'images between processes go by UDP, which is slow and loses more; mount it')
    free, total = status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    stale = stale_segments(folder)
    size = sum(path.stat().st_size for path in stale)
    facts = {'free': free, 'total': total, 'stale': [path.name for path in stale]}
    text = f'{free >> 20} of {total >> 20} MB of {folder} are free'
    if stale:
        return Check('shared memory', False, f'{text}; {len(stale)} segments ({size >> 20} MB) '
                     'are of processes that are dead', 'rm ' + ' '.join(
                         f'{path}*' for path in stale[:3])
                     + (f' and {len(stale) - 3} more (--json lists them)' if stale[3:] else ''),
                     facts)
    needed = PROFILES[-1][1] * 4
    return Check('shared memory', free >= needed, text, '' if free >= needed else
                 f'at least {needed >> 20} MB are needed for images; give a container more '
                 '(docker run --shm-size=512m)', facts)


def stale_segments(folder: Path) -> list[Path]:
    """Return the segments of Fast DDS whose makers do not live: nobody holds their locks."""
    return [path for path in sorted(folder.iterdir())
            if _SEGMENT.fullmatch(path.name) and not _locked(path.with_name(path.name + '_el'))]


def _locked(path: Path) -> bool:
    """Tell whether a process holds the lock file *path*; True where that cannot be known."""
    try:
        with path.open('rb') as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        return not isinstance(error, FileNotFoundError)
    return False


def check_loopback(seconds: float) -> Iterator[Check]:
    """Yield what ROS is here and how images get from one process to another."""
    count = round(seconds * _RATE_HZ)
    topic = f'/lstm_depth_doctor/p{os.getpid()}/image'
    ends = [_End('subscribe', topic, count), _End('publish', topic, count, _RATE_HZ)]
    told = [end.told(seconds + 30) for end in ends]
    facts = {**told[1], **told[0]}
    failed = next((end for end in ends if end.status), None)
    if 'rmw' not in facts or failed is not None:
        yield _failure(failed or ends[0])
        return
    yield Check('ROS 2', True, f'{facts["distribution"] or "from PyPI"}, {facts["rmw"]}',
                facts={'rmw': facts['rmw'], 'distribution': facts['distribution']})
    yield Check('images', True, f'read by {facts["converter"]}')
    yield images_check(facts.get('sent', 0), facts.get('received', 0), facts.get('p50_ms'),
                       facts.get('p95_ms'))


def images_check(sent: int, received: int, p50_ms: float | None,
                 p95_ms: float | None) -> Check:
    """Return how images of 640x480 at 30 Hz got through."""
    facts = {'sent': sent, 'received': received, 'p50_ms': p50_ms, 'p95_ms': p95_ms}
    if not sent or not received:
        return Check('loop-back', False, 'two processes on this machine do not find each other'
                     if not sent else f'none of {sent} images got through',
                     'see "domain"; a firewall or a container without --net=host --ipc=host '
                     'parts them', facts)
    lost = 1 - received / sent
    text = (f'{received} of {sent} images of 640x480 at 30 Hz got through, p50 {p50_ms:.1f} ms, '
            f'p95 {p95_ms:.1f} ms')
    advice = ''
    if lost > _LOSS:
        advice = (f'{100 * lost:.0f} % are lost: give the process that publishes more shared '
                  f'memory (export {VARIABLES[0]}={PROFILES[0][0]}; unset it, and '
                  'FASTDDS_BUILTIN_TRANSPORTS, for our nodes), let it offer RELIABLE, or take '
                  'compressed images')
    elif p50_ms > _LATENCY_MS:
        advice = 'the machine is too busy for this rate; see "machine"'
    return Check('loop-back', not advice, text, advice, facts)


def _failure(end: _End) -> Check:
    """Return what became of an end that did not work."""
    rmw = os.environ.get('RMW_IMPLEMENTATION', '')
    words = end.last_words()
    if rmw and f'lib{rmw}' in words or rmw and rmw in words:
        return Check('middleware', False, f'RMW_IMPLEMENTATION={rmw} cannot be loaded',
                     f'unset RMW_IMPLEMENTATION, or install {rmw} (apt install '
                     f'ros-$ROS_DISTRO-{rmw.replace("_", "-")})', {'output': words})
    last = words.splitlines()[-1] if words else f'status {end.status}'
    return Check('ROS 2', False, f'does not run: {last}', _INSTALL, {'output': words})


class _End:
    """One process of the loop-back test."""

    def __init__(self, role: str, *arguments: Any) -> None:
        """Start it."""
        self.status: int | None = None
        self._error = ''
        self._process = subprocess.Popen(
            [sys.executable, '-m', 'lstm_depth.ros.loopback', role, *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def told(self, timeout_s: float) -> dict[str, Any]:
        """Return all it told, after its end."""
        try:
            output, self._error = self._process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, self._error = self._process.communicate()
        self.status = self._process.returncode
        facts: dict[str, Any] = {}
        for line in output.splitlines():
            if line.startswith('{'):
                facts.update(json.loads(line))
        return facts

    def last_words(self) -> str:
        """Return the end of what it printed about its failure."""
        return '\n'.join(self._error.strip().splitlines()[-15:])
