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
What goes wrong around a depth node, one row a fault.

The soak strikes all of them in turn; the tests strike each by itself and look whether the node
lives, counts the right cause, says what to do and goes on as a fresh stream would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lifecycle_msgs.msg import Transition
from lstm_depth.ros.soak import files
from lstm_depth.ros.soak.hands import Hands
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterValue
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, PointCloud2, RegionOfInterest

_SECOND = 10**9
_BURST = 20
# A graph may have to be made first, on a busy machine.
_LOAD_S = 180.0
_NOT_CHANGED = 'checkpoint not changed'
_ON_CPU = 'using the CPU'


@dataclass(frozen=True)
class Fault:
    """
    One thing that goes wrong, and what the node makes of it.

    *strike* does it, and puts things right again. *drops*: its images that give no depth, by
    cause; None for causes that depend on how fast the node is. *reset*: why the hidden state is
    forgotten, empty where it is kept. *says*: words of the one line in the log, which stand
    in ``/diagnostics``, too. *quiet*: no other images meanwhile. *plain*: its depth is what a
    stream with default parameters makes of its images.
    """

    strike: Callable[[Hands], None]
    drops: Mapping[str, int] | None = field(default_factory=dict)
    reset: str = ''
    says: str = ''
    quiet: bool = False
    plain: bool = True


# Images.

def _shows(**fields: object) -> Callable[[Hands], None]:
    """Return a strike of one image with wrong *fields*."""
    return lambda hands: hands.show(hands.image(**fields))


def _same_stamp(hands: Hands) -> None:
    image = hands.image()
    hands.show(image)
    hands.rest()
    hands.show(image)


def _stamps(*offsets_s: float) -> Callable[[Hands], None]:
    """Return a strike of images stamped so many seconds from now."""
    def strike(hands: Hands) -> None:
        now = hands.header().stamp
        for offset in offsets_s:
            stamp = now.sec * _SECOND + now.nanosec + round(offset * _SECOND)
            hands.show(hands.image(stamp))
            # One at a time, or the node takes the newest only.
            hands.rest()
    return strike


def _stamped(sec: int, nanosec: int) -> Callable[[Hands], None]:
    """Return a strike of an image with this stamp."""
    def strike(hands: Hands) -> None:
        image = hands.image()
        image.header.stamp.sec, image.header.stamp.nanosec = sec, nanosec
        hands.show(image)
    return strike


def _no_text(hands: Hands) -> None:
    text = serialize_message(hands.image(frame_id='camera'))
    hands.show(text.replace(b'camera', b'\xff\xfe\xfdera'))


def _burst(hands: Hands) -> None:
    for _ in range(_BURST):
        hands.show()


IMAGES = {
    'unknown encoding': Fault(_shows(encoding='nonsense'), {'bad_encoding': 1},
                              says="'nonsense' is not a colour encoding"),
    'no encoding': Fault(_shows(encoding=''), {'bad_encoding': 1}, says='publish one of'),
    'depth as colour': Fault(_shows(encoding='32FC1'), {'bad_encoding': 1},
                             says='not a colour encoding'),
    'data cut off': Fault(_shows(data=[0] * 100), {'short_data': 1}, says='bytes of data'),
    'no data': Fault(_shows(data=[]), {'short_data': 1}, says='bytes of data'),
    'no size': Fault(_shows(width=0, height=0, step=0), {'zero_size': 1}, says='empty'),
    'rows too short': Fault(_shows(step=5), {'bad_step': 1}, says='step 5 is less'),
    'size beyond its data': Fault(
        _shows(width=2**31, height=2**31, step=2**32 - 1), {'bad_step': 1}, says='is less than'),
    'stamp twice': Fault(_same_stamp, {'duplicate_stamp': 1}, quiet=True,
                         says='does not set header.stamp'),
    'stamps go back': Fault(_stamps(0, -10), reset='backward_stamp', says='went backward',
                            quiet=True),
    'stamp of zero': Fault(_stamped(0, 0), reset='backward_stamp', says='went backward'),
    'stamp before 1970': Fault(_stamped(-5, 0), reset='backward_stamp', says='went backward'),
    'nanoseconds beyond a second': Fault(_stamped(0, 4 * _SECOND), reset='backward_stamp',
                                         says='went backward'),
    'pause': Fault(_stamps(0, 5), reset='gap', says='hidden state reset', quiet=True),
    'another size': Fault(lambda hands: hands.show(
        hands.image(size=(24, 18)), hands.info((24, 18))), reset='size_change',
        says='hidden state reset'),
    'another frame': Fault(_shows(frame_id='elsewhere'), reset='frame_change',
                           says='hidden state reset'),
    'frame that is no text': Fault(_no_text, reset='frame_change', says='hidden state reset'),
    'burst': Fault(_burst, None),
}


# Calibration.

def _calibrated(**fields: object) -> Callable[[Hands], None]:
    """Return a strike of an image whose camera_info has wrong *fields*."""
    return lambda hands: hands.show(info=hands.info(**fields))


def _no_info(hands: Hands) -> None:
    """Subscribe anew, so that the last camera_info is forgotten, and send none."""
    hands.transition(Transition.TRANSITION_DEACTIVATE)
    hands.transition(Transition.TRANSITION_ACTIVATE)
    hands.meet(with_info=False)
    hands.show(with_info=False)


_NAN = float('nan')
_REGION = RegionOfInterest(x_offset=2**31, y_offset=2**31, width=2**31, height=2**31)
CALIBRATION = {
    'no camera_info': Fault(_no_info, quiet=True, says='no camera_info on'),
    'not calibrated': Fault(_calibrated(k=[0.0] * 9, p=[0.0] * 12), says='is uncalibrated'),
    'K is no number': Fault(_calibrated(k=[_NAN] * 9, p=[_NAN] * 12), says='publishing no cloud'),
    'negative focal length': Fault(
        _calibrated(k=[-9.0, 0.0, 1.0, 0.0, -9.0, 1.0, 0.0, 0.0, 1.0], p=[-9.0] * 12),
        says='publishing no cloud'),
    'infinite P': Fault(_calibrated(p=[float('inf')] * 12), says='publishing no cloud'),
    'unknown lens': Fault(_calibrated(d=[0.1] * 3, distortion_model='of glass'),
                          says='publishing no cloud'),
    'region beyond the image': Fault(_calibrated(roi=_REGION)),
    'camera_info of another size': Fault(lambda hands: hands.show(info=hands.info((9999, 1)))),
    'camera_info without a size': Fault(_calibrated(width=0, height=0)),
}


# Parameters.

def _other_mode(hands: Hands) -> None:
    for size in (3, 16, 1):
        hands.change(mode='window', buffer_size=size)
        hands.show()
        hands.rest()
    hands.change(mode='stateful', buffer_size=8)


def _other_outputs(hands: Hands) -> None:
    hands.change(depth_encoding='16UC1', output_scale=0.5, cloud_stride=4, colormap='turbo',
                 rectified='true')
    hands.show()
    hands.change(depth_encoding='32FC1', output_scale=1.0, cloud_stride=1, colormap='inferno_r',
                 rectified='auto')


def _wrong_parameters(hands: Hands) -> None:
    values = {
        'of an unknown type': ParameterValue(type=99), 'unset': ParameterValue(type=0),
        'a word': ParameterValue(type=4, string_value='two'),
        'a list': ParameterValue(type=9, string_array_value=['a'] * 1000),
        'no number': ParameterValue(type=3, double_value=_NAN),
        'out of range': ParameterValue(type=3, double_value=-1e300)}
    for what, value in values.items():
        for name in ('max_gap_s', 'use_sim_time', 'no such', '', 'x' * 1000, '~'):
            parameter = ParameterMsg(name=name, value=value)
            for result in (*hands.set_raw(parameter), hands.set_together(parameter)):
                # Nothing where there is nothing changes nothing, which rclpy calls a success.
                refused = not result.successful and 0 < len(result.reason) < 600
                hands.expect(refused or not name or (what == 'unset' and name != 'max_gap_s'),
                             f'{name[:20]} {what}: {result}')


def _checkpoint(make: Callable[[Hands], str]) -> Callable[[Hands], None]:
    """Return a strike of a checkpoint that has to be refused, at once or when it is loaded."""
    def strike(hands: Hands) -> None:
        result, = hands.set_parameters(checkpoint=make(hands))
        if result.successful:
            hands.wait(lambda: _NOT_CHANGED in hands.status, _LOAD_S,
                       'the checkpoint was not refused')
        else:
            hands.expect(0 < len(result.reason) < 600, f'the reason is {result.reason!r}')
        hands.change(checkpoint=hands.checkpoint)
    return strike


def _use(hands: Hands, checkpoint: str) -> None:
    """Set a checkpoint and wait until it is in use."""
    hands.change(checkpoint=checkpoint)
    hands.wait(lambda: _in_use(hands, checkpoint), _LOAD_S, f'{checkpoint} is not in use')


def _in_use(hands: Hands, checkpoint: str) -> bool:
    return hands.facts.get('checkpoint') == (checkpoint or 'shipped with the package')


def _overflow(hands: Hands) -> None:
    """Have depth of no numbers; where there is no PyTorch to make a graph of it, a refusal."""
    checkpoint = files.overflowing(hands)
    hands.change(checkpoint=checkpoint)
    hands.wait(lambda: _in_use(hands, checkpoint) or _NOT_CHANGED in hands.status, _LOAD_S,
               f'{checkpoint} is neither in use nor refused')
    hands.show()
    hands.rest()
    _use(hands, hands.checkpoint)


def _another_checkpoint(hands: Hands) -> None:
    _use(hands, files.copy(hands))
    _use(hands, hands.checkpoint)


def _absent_device(hands: Hands) -> None:
    hands.change(device='cuda:63')
    hands.wait(lambda: _ON_CPU in hands.status, _LOAD_S, 'nothing is said of the absent GPU')
    hands.change(device='cpu')
    hands.wait(lambda: _ON_CPU not in hands.status, _LOAD_S,
               'the CPU is not in use')


PARAMETERS = {
    'another mode': Fault(_other_mode, None, plain=False),
    'other outputs': Fault(_other_outputs, None, plain=False),
    'parameters that cannot be': Fault(_wrong_parameters),
    'GPU that is not there': Fault(_absent_device, says='using the CPU'),
    'another checkpoint': Fault(_another_checkpoint),
    'weights that overflow': Fault(_overflow, reset='non_finite', says='NaN or infinity',
                                   quiet=True, plain=False),
    **{f'checkpoint: {name}': Fault(_checkpoint(make))
       for name, make in files.UNUSABLE.items()},
}


# Life.

def _deactivate(hands: Hands) -> None:
    hands.transition(Transition.TRANSITION_DEACTIVATE)
    hands.wait(lambda: not hands.image_publisher.get_subscription_count(), 20.0,
               'the node subscribes while it is inactive')
    hands.show()
    hands.transition(Transition.TRANSITION_ACTIVATE)
    hands.meet()


def _clean_up(hands: Hands) -> None:
    hands.transition(Transition.TRANSITION_DEACTIVATE)
    hands.transition(Transition.TRANSITION_CLEANUP)
    hands.transition(Transition.TRANSITION_CONFIGURE)
    hands.transition(Transition.TRANSITION_ACTIVATE)
    hands.meet()


def _pause(hands: Hands) -> None:
    hands.enable(False)
    for _ in range(2):
        hands.show()
        hands.rest()
    hands.enable(True)


def _restart_camera(hands: Hands) -> None:
    hands.plug_in()
    hands.meet()


def _second_camera(hands: Hands) -> None:
    """Have another publisher, best effort, come, say nothing and go."""
    other = hands.node.create_publisher(Image, 'image', QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT))
    hands.wait(lambda: 'BEST_EFFORT' in hands.facts['image QoS'], 20.0,
               'the node does not follow the second camera')
    hands.node.destroy_publisher(other)
    hands.wait(lambda: 'RELIABLE' in hands.facts['image QoS'], 20.0,
               'the node does not follow the first camera')
    hands.meet()


def _subscribers(hands: Hands) -> None:
    kinds = {'points': PointCloud2, 'colored': Image, 'camera_info': CameraInfo}
    subscriptions = [hands.node.create_subscription(
        kind, f'{hands.TARGET}/depth/{name}', lambda _: None, 1) for name, kind in kinds.items()]
    subscriptions.append(hands.node.create_subscription(
        Image, f'{hands.TARGET}/depth/colored', lambda _: None,
        QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)))
    hands.show()
    hands.rest()
    for subscription in subscriptions:
        hands.node.destroy_subscription(subscription)


def _clock(hands: Hands) -> None:
    """Have the node follow a clock that jumps about."""
    publisher = hands.node.create_publisher(Clock, '/clock', 10)
    hands.change(use_sim_time=True)
    hands.waited(publisher.get_subscription_count, 20.0)
    for seconds in (50, 10, -1, 60):
        message = Clock()
        message.clock.sec = seconds
        publisher.publish(message)
        # One at a time: of clocks that wait, the newest counts.
        hands.look()
    hands.change(use_sim_time=False)
    hands.node.destroy_publisher(publisher)


LIFE = {
    'deactivated': Fault(_deactivate, quiet=True),
    'cleaned up': Fault(_clean_up, quiet=True, plain=False),
    'transition that is not possible': Fault(
        lambda hands: hands.transition(Transition.TRANSITION_CONFIGURE, possible=False)),
    'disabled': Fault(_pause, {'disabled': 2}, quiet=True),
    'reset asked for': Fault(Hands.reset, reset='explicit'),
    'camera restarted': Fault(_restart_camera, quiet=True),
    'second camera': Fault(_second_camera, None, quiet=True),
    'subscribers come and go': Fault(_subscribers, None),
    'clock that jumps': Fault(_clock, None, says='is left out', plain=False),
}

FAULTS: dict[str, Fault] = {**IMAGES, **CALIBRATION, **PARAMETERS, **LIFE}
