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
/tf and /tf_static, also where ROS 2 comes as wheels, among which tf2_msgs is not.

There the type is borrowed: to the middleware a topic is a type name, a hash and bytes, so that
a type that is there lends its functions under the name of tf2_msgs/TFMessage, messages are taken
as bytes, and rosbags deserialises them, as it does those of a bag.
"""

from __future__ import annotations

from collections.abc import Callable
import ctypes
from functools import lru_cache
from typing import Any

from geometry_msgs.msg import PoseArray
from lstm_depth.media.bag.common import TRANSFORMS, typestore
from lstm_depth.ros.qos import output_qos
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.subscription import Subscription
from rclpy.utilities import get_rmw_implementation_identifier

try:
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

_MIDDLEWARE, _TYPESUPPORT = 'rmw_fastrtps_cpp', b'rosidl_typesupport_fastrtps_c'


def subscribe_to_transforms(node: Node, callback: Callable[[Any, bool], None],
                            moving: bool = True) -> list[str]:
    """
    Subscribe to /tf_static and, if *moving*, /tf; return these names, none where ROS 2 cannot.

    *callback*: gets messages with the fields of a tf2_msgs/TFMessage, and whether they are
    static.
    """
    if TFMessage is None and borrowed_type() is None:
        return []
    latched = output_qos(100)
    latched.durability = DurabilityPolicy.TRANSIENT_LOCAL
    _subscribe(node, '/tf_static', lambda message: callback(message, True), latched)
    if moving:
        _subscribe(node, '/tf', lambda message: callback(message, False), output_qos(100))
    return ['/tf', '/tf_static'] if moving else ['/tf_static']


def _subscribe(node: Node, topic: str, callback: Callable[[Any], None],
               qos: QoSProfile) -> Subscription:
    """Return a subscription of a topic of transforms."""
    if TFMessage is not None:
        return node.create_subscription(TFMessage, topic, callback, qos)

    def take(data: bytes) -> None:
        try:
            message = typestore().deserialize_cdr(data, TRANSFORMS)
        except Exception as error:  # Anything, from struct.error to MemoryError.
            node.get_logger().warning(f'{topic}: a message cannot be read: {error!r}')
            return
        callback(message)

    return node.create_subscription(borrowed_type(), topic, take, qos, raw=True)


_FIND = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)
_HASH = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)


class _Handle(ctypes.Structure):
    """rosidl_message_type_support_t of Jazzy."""

    _fields_ = [('identifier', ctypes.c_char_p), ('data', ctypes.c_void_p),
                ('find', ctypes.c_void_p), ('hash', ctypes.c_void_p),
                ('description', ctypes.c_void_p), ('sources', ctypes.c_void_p)]


class _Callbacks(ctypes.Structure):
    """message_type_support_callbacks_t of Jazzy's rosidl_typesupport_fastrtps_cpp."""

    _fields_ = [('namespace', ctypes.c_char_p), ('name', ctypes.c_char_p),
                ('functions', ctypes.c_void_p * 5)]


@lru_cache(maxsize=1)
def borrowed_type() -> Any:
    """Return a type to subscribe to and publish transforms with as bytes, None without one."""
    if get_rmw_implementation_identifier() != _MIDDLEWARE:
        return None
    kind = type(PoseArray)
    if kind._TYPE_SUPPORT is None:
        kind.__import_type_support__()
    lender = _address(kind._TYPE_SUPPORT)
    find = _FIND(_Handle.from_address(lender).find)
    own = find(lender, _TYPESUPPORT)
    lent = own and _Callbacks.from_address(_Handle.from_address(own).data)
    # What is laid out in another way than we know is left alone.
    if not lent or (lent.namespace, lent.name) != (b'geometry_msgs::msg', b'PoseArray'):
        return None
    callbacks = _Callbacks(b'tf2_msgs::msg', b'TFMessage', lent.functions)
    version, _, value = typestore().hash_rihs01(TRANSFORMS).removeprefix('RIHS').partition('_')
    number = (ctypes.c_uint8 * 33)(int(version), *bytes.fromhex(value))
    # The description of the type, for whoever asks the node for it, is still the lender's.
    handle = _Handle.from_buffer_copy(_Handle.from_address(own))
    answers = (
        _FIND(lambda _, name: (ctypes.addressof(handle) if name == _TYPESUPPORT
                               else find(lender, name))),
        _HASH(lambda _: ctypes.addressof(number)))
    handle.data = ctypes.addressof(callbacks)
    handle.find, handle.hash = (ctypes.cast(each, ctypes.c_void_p) for each in answers)
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype = ctypes.py_object
    capsule.argtypes = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    borrowed = type('BorrowedType', (kind,), {
        '_TYPE_SUPPORT': capsule(ctypes.addressof(handle), None, None),
        # What C points to has to stay.
        '_kept': (callbacks, number, answers, handle)})
    return borrowed('TFMessage', (), {})


def _address(capsule: Any) -> int:
    """Return what a capsule points to."""
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, (ctypes.py_object,)
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return pointer(capsule, name(capsule))
