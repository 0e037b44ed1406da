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
"""The life of a node's process: start, spin, stop on a signal with status 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
import signal
import sys
from threading import Event
import traceback
from typing import Any

from lstm_depth.errors import LstmDepthError
from lstm_depth.ros.logfile import logging_arguments
from lstm_depth.ros.throttle import ThrottledLog
from lstm_depth.ros.transport import use_profile
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

# How long a signal may go unnoticed by a node with nothing to do.
_STOP_WITHIN_S = 0.2


def run(make_node: Callable[[], Node], args: Sequence[str] | None = None) -> int:
    """
    Run one node until SIGINT or SIGTERM; return the exit status.

    A node may have a ``close()`` that stops its threads, and a ``done`` event that
    ends the process with its ``status``. An LstmDepthError while it is made (a
    wrong parameter, a missing file) is printed as one line, with status 2.
    """
    stop = Event()
    # Handlers that only take note: with Python's own, a KeyboardInterrupt comes up wherever
    # the main thread happens to be, and rclpy's shut the context down under a node that
    # still loads or publishes.
    _handle_signals(lambda *_: stop.set())
    node = None
    try:
        profile = use_profile()
        extra, note = logging_arguments()
        rclpy.init(args=[*(sys.argv if args is None else args), *extra],
                   signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
        logger = node.get_logger()
        (logger.info if profile.ours else logger.warning)(f'transport: {profile.reason}')
        if note:
            logger.warning(note)
        done = getattr(node, 'done', stop)
        _spin(node, lambda: stop.is_set() or done.is_set())
    except LstmDepthError as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        _close(node)
        # A launch system and the terminal both send SIGINT; the second must not kill the
        # interpreter while it ends, when Python has taken its handlers back.
        _handle_signals(signal.SIG_IGN)
    return getattr(node, 'status', 0)


def _handle_signals(handler: Any) -> None:
    """Let *handler* have what asks the process to end."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _spin(node: Node, stopped: Callable[[], bool]) -> None:
    """
    Serve callbacks until stopped or until the context is shut down.

    What a callback raises costs that message and a line in the log: rclpy raises where a
    text is no UTF-8 or a time is negative, and whoever can send one must not end the node.
    """
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    log = ThrottledLog(node.get_logger())
    try:
        while rclpy.ok() and not stopped():
            try:
                executor.spin_once(timeout_sec=_STOP_WITHIN_S)
            except ExternalShutdownException:
                break
            except Exception as error:
                log.error(type(error).__name__, (
                    'what arrived could not be processed and is left out: '
                    + ''.join(traceback.format_exception(error))))
    finally:
        executor.shutdown()


def _close(node: Node | None) -> None:
    """Stop the node's threads and free what ROS holds."""
    if node is not None:
        getattr(node, 'close', lambda: None)()
        node.destroy_node()
    rclpy.try_shutdown()
