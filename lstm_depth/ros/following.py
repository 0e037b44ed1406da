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
Subscriptions whose QoS follows their publishers.

RELIABLE gets large images through that best effort loses, but only a publisher that offers
it can be heard with it. So each subscription looks at who publishes, asks for RELIABLE where all
offer it, and looks again when that changes. What the user says in qos_overrides wins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lstm_depth.errors import ConfigError
from lstm_depth.ros.qos import describe, subscription_events, UnsupportedEventTypeError
from rcl_interfaces.msg import ParameterDescriptor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

AUTO = 'auto'
_RELIABLE, _BEST_EFFORT = ReliabilityPolicy.RELIABLE, ReliabilityPolicy.BEST_EFFORT
# Humble's rclpy gives messages without information about them.
_GIVES_INFO = hasattr(Subscription, 'CallbackType')
_POLICIES = {'history': HistoryPolicy, 'reliability': ReliabilityPolicy,
             'durability': DurabilityPolicy}


class FollowingSubscription:
    """
    The subscription of one topic; all methods belong to the executor's thread.

    ``profile`` is the QoS in use, or last in use. ``reports_loss``: whether the middleware
    says how many messages it lost.
    """

    def __init__(self, node: Node, kind: type, name: str, callback: Callable[[Any], None], *,
                 depth: int = 1, follow_durability: bool = False,
                 on_lost: Callable[[int], None] | None = None,
                 on_number: Callable[[int], None] | None = None) -> None:
        """
        Declare the ``qos_overrides`` of topic *name*; ConfigError for one that cannot be.

        *depth*: how many messages may wait. *follow_durability*: ask for TRANSIENT_LOCAL
        where it is offered, so that a message that was published once before us arrives.
        *on_lost* gets the number of messages that the middleware says it has lost;
        *on_number*, before each message, its number among those of its publisher, 0 while
        there are several; never called where the middleware does not tell.
        """
        self._node = node
        self._kind = kind
        self._name = name
        self._callback = callback
        self._follow_durability = follow_durability
        self._on_lost = on_lost
        self._on_number = on_number
        self.topic = node.resolve_topic_name(name)
        self._overrides = _declare_overrides(node, self.topic, depth)
        self.reports_loss = on_lost is not None
        self._subscription: Subscription | None = None
        self.profile = self._wanted(AUTO)[0]
        self._previous: Subscription | None = None
        self._generation = 0
        self._taken: list[tuple[int, int]] = []
        self._said = ''
        self._reliability = AUTO

    def subscribe(self, reliability: str = AUTO) -> None:
        """Subscribe; *reliability*: auto, reliable or best_effort."""
        self._reliability = reliability
        self.profile, why = self._wanted(reliability)
        self._subscription = self._create()
        self._say(why)

    def follow(self, reliability: str = AUTO) -> None:
        """Subscribe anew where the publishers, or the wish, have changed; else do nothing."""
        self._reliability = reliability
        if self._subscription is None:
            return
        profile, why = self._wanted(reliability)
        if (profile.reliability, profile.durability) != (
                self.profile.reliability, self.profile.durability):
            self._destroy(self._previous)
            # Not destroyed before the new one is matched and hears something, or what is
            # published in between would be lost.
            self._previous = self._subscription
            self.profile = profile
            self._subscription = self._create()
        self._say(why)

    def unsubscribe(self) -> None:
        """Unsubscribe."""
        for subscription in (self._previous, self._subscription):
            self._destroy(subscription)
        self._previous = self._subscription = None
        self._taken.clear()

    def _wanted(self, reliability: str) -> tuple[QoSProfile, str]:
        """Return the QoS for the publishers of this moment and why, empty while there are none."""
        offered = [info.qos_profile
                   for info in self._node.get_publishers_info_by_topic(self.topic)]
        profile = QoSProfile(history=HistoryPolicy.KEEP_LAST, depth=self._overrides['depth'],
                             reliability=_BEST_EFFORT, durability=DurabilityPolicy.VOLATILE)
        why = ''
        if reliability != AUTO:
            profile.reliability = ReliabilityPolicy[reliability.upper()]
            why = 'as input_reliability says'
        elif offered:
            all_reliable = all(each.reliability == _RELIABLE for each in offered)
            profile.reliability = _RELIABLE if all_reliable else _BEST_EFFORT
            why = ('as all its publishers offer it' if all_reliable
                   else 'as not all its publishers offer more')
        elif self._subscription is not None:
            # A camera that restarts is most likely what it was before.
            profile.reliability = self.profile.reliability
            profile.durability = self.profile.durability
        if self._follow_durability and offered and all(
                each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered):
            profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
        for name, kind in _POLICIES.items():
            if (value := self._overrides[name]) != AUTO:
                setattr(profile, name, kind[value.upper()])
        if self._overrides['reliability'] != AUTO:
            why = 'as qos_overrides says'
        return profile, why

    def _create(self) -> Subscription:
        """Return a subscription with the current profile."""
        self._generation += 1
        generation = self._generation

        # rclpy looks at the arguments to know what is wanted.
        def take_with_info(msg: Any, info: Mapping[str, Any]) -> None:
            self._take(generation, msg, info)

        def take_alone(msg: Any) -> None:
            self._take(generation, msg, {})

        take = take_with_info if _GIVES_INFO else take_alone
        lost = partial(self._lost, self._generation) if self.reports_loss else None
        try:
            return self._node.create_subscription(
                self._kind, self._name, take, self.profile,
                event_callbacks=subscription_events(self.topic, self._misfit, lost))
        except UnsupportedEventTypeError:
            self.reports_loss = False
            return self._node.create_subscription(
                self._kind, self._name, take, self.profile,
                event_callbacks=subscription_events(self.topic, self._misfit))

    def _take(self, generation: int, msg: Any, info: Mapping[str, Any]) -> None:
        """Hand a message on, once also while two subscriptions hear it."""
        stamp = (msg.header.stamp.sec, msg.header.stamp.nanosec)
        if generation == self._generation:
            if self._previous is not None:
                self._destroy(self._previous)
                self._previous = None
            if self._taken:
                if stamp in self._taken:
                    return
                self._taken.clear()
        elif self._previous is None:
            return
        else:
            self._taken = [*self._taken[-7:], stamp]
        # None where the middleware does not tell.
        number = info.get('publication_sequence_number')
        if self._on_number is not None and number:
            alone = self._node.count_publishers(self.topic) == 1
            self._on_number(number if alone else 0)
        self._callback(msg)

    def _misfit(self, text: str) -> None:
        """Adapt to a publisher that does not fit; warn where the user has forbidden that."""
        free = {self._reliability, self._overrides['reliability'], self._overrides['durability']}
        if free == {AUTO}:
            self.follow()
        else:
            self._node.get_logger().warning(text)

    def _lost(self, generation: int, event: Any) -> None:
        """Report what the middleware lost on the newest subscription."""
        if generation == self._generation and event.total_count_change > 0:
            self._on_lost(event.total_count_change)

    def _destroy(self, subscription: Subscription | None) -> None:
        if subscription is not None:
            self._node.destroy_subscription(subscription)

    def _say(self, why: str) -> None:
        """Log which QoS is in use and why, once for each."""
        text = f'{self.topic} is received {describe(self.profile)}, {why}'
        if why and text != self._said:
            self._said = text
            self._node.get_logger().info(text)


def _declare_overrides(node: Node, topic: str, depth: int) -> dict[str, Any]:
    """
    Return what the user wants for each policy of a subscription, ``auto`` for our choice.

    Not rclpy's QoSOverridingOptions, which cannot tell a wish from a default.
    """
    values: dict[str, Any] = {}
    for name, default in {'history': AUTO, 'depth': depth, 'reliability': AUTO,
                          'durability': AUTO}.items():
        parameter = f'qos_overrides.{topic}.subscription.{name}'
        if not node.has_parameter(parameter):
            node.declare_parameter(parameter, default, ParameterDescriptor(
                description=f'{name} of our subscription of {topic}', read_only=True))
        value = values[name] = node.get_parameter(parameter).value
        if name == 'depth':
            if value < 1:
                raise ConfigError(f'{parameter} must be 1 or more, not {value}')
        elif value != AUTO and value.upper() not in _POLICIES[name].__members__:
            known = ', '.join([AUTO, *map(str.lower, _POLICIES[name].__members__)])
            raise ConfigError(f'{parameter} must be one of {known}, not {value!r}')
    return values
