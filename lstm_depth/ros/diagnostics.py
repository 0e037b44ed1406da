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
"""What the node says about itself on ``/diagnostics``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
import time

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lstm_depth.telemetry import Snapshot
from rclpy.time import Time
from std_msgs.msg import Header

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


@dataclass(frozen=True)
class Alert:
    """One thing that is not well: a diagnostics level and a sentence."""

    level: bytes
    text: str


class Alerts:
    """
    Remember what went wrong lately; any thread may call any method.

    An alert stays up for *hold_s* seconds after it was last raised, so that a
    monitor that looks once a second sees what lasted a frame.
    """

    def __init__(self, hold_s: float = 5.0) -> None:
        """Start at OK, with nothing counted."""
        self._hold_s = hold_s
        self._lock = Lock()
        self._raised: dict[str, tuple[float, Alert]] = {}

    def warn(self, name: str, text: str) -> None:
        """Raise a WARN alert called *name*."""
        self._put(name, Alert(WARN, text))

    def error(self, name: str, text: str) -> None:
        """Raise an ERROR alert called *name*."""
        self._put(name, Alert(ERROR, text))

    def current(self) -> list[Alert]:
        """Return the alerts that are up."""
        now = time.monotonic()
        with self._lock:
            return [alert for raised, alert in self._raised.values()
                    if now - raised <= self._hold_s]

    def _put(self, name: str, alert: Alert) -> None:
        """Store or renew an alert."""
        with self._lock:
            self._raised[name] = (time.monotonic(), alert)


def diagnostics_message(name: str, hardware: str, stamp: Time, alerts: list[Alert],
                        facts: Mapping[str, object], snapshot: Snapshot,
                        resets: Mapping[str, int]) -> DiagnosticArray:
    """
    Return the status of one node.

    *facts*: what is shown first, such as the model and the device. *resets*: how
    often the hidden state was reset, by reason. The level is the worst of *alerts*.
    """
    values = {**facts, **_numbers(snapshot)}
    values.update({f'dropped: {cause}': count for cause, count in snapshot.drops.items()})
    values.update({f'reset: {reason}': count for reason, count in resets.items()})
    return status_message(name, hardware, stamp, alerts, str(facts.get('state', 'ok')), values)


def status_message(name: str, hardware: str, stamp: Time, alerts: list[Alert], summary: str,
                   values: Mapping[str, object]) -> DiagnosticArray:
    """Return one status with *values*; *summary* is its message while there is no alert."""
    status = DiagnosticStatus(
        level=max((alert.level for alert in alerts), default=OK), name=name,
        message='; '.join(alert.text for alert in alerts) or summary, hardware_id=hardware,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])
    return DiagnosticArray(header=Header(stamp=stamp.to_msg()), status=[status])


def _numbers(snapshot: Snapshot) -> dict[str, object]:
    """Return rates, counts and latencies as shown."""
    return {
        'frames in': snapshot.frames_in,
        'frames out': snapshot.frames_out,
        'frames dropped': sum(snapshot.drops.values()),
        'rate in [Hz]': f'{snapshot.rate_in_hz:.2f}',
        'rate out [Hz]': f'{snapshot.rate_out_hz:.2f}',
        'latency p50 [ms]': f'{snapshot.latency_p50_ms:.1f}',
        'latency p95 [ms]': f'{snapshot.latency_p95_ms:.1f}',
        'inference p50 [ms]': f'{snapshot.inference_p50_ms:.1f}',
    }
