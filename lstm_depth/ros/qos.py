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
Quality of service: the profiles, how users override them, and words about them.

Sensors come best effort or reliable, which is why inputs follow them (``inputs``);
consumers request either, so outputs offer RELIABLE (fits both).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.qos import (
    HistoryPolicy,
    qos_policy_name_from_kind,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy.qos_overriding_options import QoSOverridingOptions

try:
    from rclpy.event_handler import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
except ImportError:  # Humble calls the module qos_event; later releases warn about that name.
    from rclpy.qos_event import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )

__all__ = ['describe', 'describe_publishers', 'output_qos', 'overriding_options',
           'publisher_events', 'subscription_events', 'UnsupportedEventTypeError']

Log = Callable[[str], None]


def output_qos(depth: int = 5) -> QoSProfile:
    """Return what publishers offer: reliable, the newest *depth* messages."""
    return QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=depth,
                      reliability=ReliabilityPolicy.RELIABLE)


def overriding_options() -> QoSOverridingOptions:
    """Return the options that let users set the policies of a publisher by parameter."""
    return QoSOverridingOptions((QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH,
                                 QoSPolicyKind.RELIABILITY, QoSPolicyKind.DURABILITY))


def subscription_events(topic: str, log: Log, lost: Callable[[Any], None] | None = None
                        ) -> SubscriptionEventCallbacks:
    """
    Return callbacks that say what to change when a publisher does not fit *topic*.

    *lost* gets the event when the middleware has lost messages.
    """
    return SubscriptionEventCallbacks(
        incompatible_qos=lambda event: log(_advice('publisher', topic, event)),
        message_lost=lost)


def publisher_events(topic: str, log: Log) -> PublisherEventCallbacks:
    """Return callbacks that say what to change when a subscriber does not fit *topic*."""
    return PublisherEventCallbacks(
        incompatible_qos=lambda event: log(_advice('subscription', topic, event)))


def describe(profile: QoSProfile) -> str:
    """Return the policies that matter for matching, in the words of ``ros2 topic info -v``."""
    return (f'{profile.reliability.name}, {profile.durability.name}, '
            f'{profile.history.name} {profile.depth}')


def describe_publishers(node: Node, topic: str) -> str:
    """Return who publishes on *topic* (a resolved name), of which type and with which QoS."""
    publishers = [
        f'{info.node_namespace.rstrip("/")}/{info.node_name} ({info.topic_type}, '
        f'{info.qos_profile.reliability.name}, {info.qos_profile.durability.name})'
        for info in node.get_publishers_info_by_topic(topic)]
    return ', '.join(publishers)


def _advice(other: str, topic: str, event: object) -> str:
    """Return one sentence about an incompatible-QoS event."""
    policy = qos_policy_name_from_kind(event.last_policy_kind)
    name = policy.split('_')[0].lower() if policy else 'QoS'
    own = 'subscription' if other == 'publisher' else 'publisher'
    return (f'a {other} of {topic} has an incompatible {policy} policy, so no message passes '
            f'between us; change the {name} of that {other}, or ours with the parameter '
            f'qos_overrides.{topic}.{own}.{name} (see "ros2 topic info -v {topic}")')
