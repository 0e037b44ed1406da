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
"""What anchors depth in a node: camera poses from /tf and odometry, and words about them."""

from __future__ import annotations

from threading import Condition
import time
from typing import Any, TYPE_CHECKING

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.media.poses import world_above
from lstm_depth.msgs.transforms import Transforms
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.qos import output_qos
from nav_msgs.msg import Odometry
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy
from std_msgs.msg import Header

if TYPE_CHECKING:
    from lstm_depth.stream import DepthFrame

try:
    from tf2_msgs.msg import TFMessage
except ImportError:  # It has no wheel; odometry of the camera's frame needs none.
    TFMessage = None

_KEEP_S = 10.0
# How long ``auto`` looks for poses before it takes what needs none.
_PATIENCE_S = 3.0


class MotionInput:
    """
    Subscribe to /tf, /tf_static and ``odom``; the transforms of the last ten seconds.

    Callbacks belong to the executor's thread, `pose` to any.
    """

    def __init__(self, node: LifecycleNode) -> None:
        """Subscribe."""
        self._changed = Condition()
        self._transforms = Transforms(_KEEP_S)
        self.topics = [node.resolve_topic_name('odom')]
        node.create_subscription(Odometry, 'odom', self._on_odometry, output_qos(100))
        if TFMessage is not None:
            static = output_qos(100)
            static.durability = DurabilityPolicy.TRANSIENT_LOCAL
            node.create_subscription(TFMessage, '/tf', self._on_moving, output_qos(100))
            node.create_subscription(TFMessage, '/tf_static', self._on_static, static)
            self.topics.append('/tf')

    def pose(self, header: Header, world: str, wait_s: float) -> tuple[Any, str]:
        """
        Return the (4, 4) camera to *world* at an image's stamp, or None and why there is none.

        *world*: a frame, empty for ``odom``, else ``map``, else the topmost. Waits at most
        *wait_s* for transforms that come after the image.
        """
        stamp = header.stamp.sec * 10**9 + header.stamp.nanosec
        end = time.monotonic() + wait_s
        with self._changed:
            while True:
                target = world or world_above(self._transforms, header.frame_id)
                found = target and self._transforms.between(header.frame_id, target, stamp)
                left = end - time.monotonic()
                if found is not None and target:
                    return found, ''
                if left <= 0 or not target:
                    break
                self._changed.wait(left)
            if not target:
                return None, (f'{header.frame_id}: no transform to any frame on '
                              f'{" and ".join(self.topics)}')
            return None, self._transforms.missing(header.frame_id, target, stamp)

    def _on_odometry(self, msg: Odometry) -> None:
        with self._changed:
            self._transforms.add_odometry(msg)
            self._changed.notify_all()

    def _on_moving(self, msg: Any) -> None:
        with self._changed:
            self._transforms.add(msg)
            self._changed.notify_all()

    def _on_static(self, msg: Any) -> None:
        with self._changed:
            self._transforms.add(msg, static=True)
            self._changed.notify_all()


class CameraAnchor:
    """The anchor of one camera's depth; all methods but `facts` belong to the network's thread."""

    def __init__(self, motion: MotionInput | None, settings: DepthSettings) -> None:
        """Choose the source, as far as it is known yet."""
        self._motion = motion
        self._wanted = settings.anchor
        self._world, self._wait_s = settings.odom_frame, settings.anchor_wait_s
        self._height = settings.camera_height or None
        self._began: float | None = None
        self._facts: dict[str, object] = {}
        self.source = '' if settings.anchor in ('none', 'auto') else settings.anchor
        self._why = ''

    @property
    def config(self) -> AnchorConfig:
        """Return the settings of the anchor stage."""
        return AnchorConfig(camera_height_m=self._height)

    @property
    def facts(self) -> dict[str, object]:
        """Return what the diagnostics say."""
        return dict(self._facts)

    def pose(self, header: Header) -> Any:
        """Return the camera's pose for an image, None where there is none or none is needed."""
        if self._motion is None:
            return None
        pose, self._why = self._motion.pose(header, self._world, self._wait_s)
        if self._wanted == 'auto':
            self._choose(pose is not None)
        return pose

    def _choose(self, posed: bool) -> None:
        """Take poses where there are any, else after a while what needs none."""
        self._began = self._began or time.monotonic()
        if posed:
            self.source = 'odometry'
        elif not self.source and time.monotonic() - self._began > _PATIENCE_S:
            self.source = 'camera_height' if self._height else 'visual'

    def note(self, frame: DepthFrame) -> None:
        """Keep for the diagnostics what became of a frame."""
        facts: dict[str, object] = {'anchor': self.source or f'none yet ({self._why})'}
        if frame.anchored:
            facts['anchor scale'] = f'{frame.scale:.3f} (sigma of its log {frame.scale_sigma:.3f})'
            facts['anchor points'] = len(frame.anchors)
            missing = self._why if self.source == 'odometry' else ''
            if missing or frame.anchored.note:
                facts['not anchored'] = missing or frame.anchored.note
        self._facts = facts
