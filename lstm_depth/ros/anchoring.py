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
"""What anchors depth in a node: camera poses, points of other sensors, and words about them."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition
import time
from typing import Any, TYPE_CHECKING

from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.media.poses import world_above
from lstm_depth.msgs.points import SparsePoints
from lstm_depth.msgs.transforms import Transforms
from lstm_depth.ros.anchor_doctor import OFFSET
from lstm_depth.ros.following import FollowingSubscription
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.ros.tf_topics import subscribe_to_transforms
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.lifecycle import LifecycleNode
from sensor_msgs.msg import LaserScan, PointCloud2, Range
from std_msgs.msg import Header

if TYPE_CHECKING:
    from lstm_depth.stream import DepthFrame

_KEEP_S = 10.0
# How long ``auto`` looks for poses before it takes what needs none.
_PATIENCE_S = 3.0


_POINT_TYPES = {'laser_scan': LaserScan, 'point_cloud': PointCloud2, 'range': Range}


class MotionInput:
    """
    Subscribe to /tf, /tf_static, ``odom`` and ``points``; what they told in the last ten seconds.

    Callbacks and `follow` belong to the executor's thread, `pose` and `points` to any.
    """

    def __init__(self, node: LifecycleNode, points_type: str = '',
                 offset_s: float = 0.0) -> None:
        """
        Subscribe.

        *points_type*: what comes on ``points``, empty for nothing. *offset_s*: added to the
        stamps of images.
        """
        self._offset_ns = round(offset_s * 1e9)
        self._changed = Condition()
        self._transforms = Transforms(_KEEP_S)
        self._followed = [FollowingSubscription(
            node, Odometry, 'odom', self._taking(self._transforms.add_odometry), depth=100)]
        self._points: SparsePoints | None = None
        if points_type:
            self._points = SparsePoints(node.resolve_topic_name('points'))
            self._followed.append(FollowingSubscription(
                node, _POINT_TYPES[points_type], 'points', self._taking(self._points.add),
                depth=10))
        for each in self._followed:
            each.subscribe()
        self.topics = [self._followed[0].topic,
                       *subscribe_to_transforms(node, self._on_transforms)]

    def follow(self) -> None:
        """Ask for the QoS that the publishers offer."""
        for each in self._followed:
            each.follow()

    def pose(self, header: Header, world: str, wait_s: float) -> tuple[np.ndarray | None, str]:
        """
        Return the (4, 4) camera to *world* at an image's stamp, or None and why there is none.

        *world*: a frame, empty for ``odom``, else ``map``, else the topmost. Waits at most
        *wait_s* for transforms that come after the image.
        """
        stamp = self._stamp_ns(header)
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

    def moves(self, frame_id: str) -> bool:
        """Return whether anybody says how *frame_id* moves, and not only where it is mounted."""
        with self._changed:
            return self._transforms.newest_ns(frame_id) is not None

    def points(self, header: Header, world: str) -> tuple[np.ndarray | None, str]:
        """Return the points in the image's frame at its stamp, or None and why there are none."""
        if self._points is None:
            return None, 'points_type is not set'
        with self._changed:
            target = world or world_above(self._transforms, header.frame_id) or ''
            return self._points.at(self._transforms, header.frame_id, target,
                                   self._stamp_ns(header))

    def _stamp_ns(self, header: Header) -> int:
        """Return the stamp of an image by the clock of the poses, in nanoseconds."""
        return header.stamp.sec * 10**9 + header.stamp.nanosec + self._offset_ns

    def _taking(self, add: Callable[[Any], None]) -> Callable[[Any], None]:
        """Return a callback that takes a message and wakes who waits for it."""
        def take(msg: Any) -> None:
            with self._changed:
                add(msg)
                self._changed.notify_all()
        return take

    def _on_transforms(self, msg: Any, static: bool) -> None:
        with self._changed:
            self._transforms.add(msg, static)
            self._changed.notify_all()


class CameraAnchor:
    """The anchor of one camera's depth; all methods but `facts` belong to the network's thread."""

    def __init__(self, motion: MotionInput | None, settings: DepthSettings) -> None:
        """Choose the source, as far as it is known yet."""
        self._motion = motion
        self._settings = settings
        self._height = settings.camera_height or None
        self._began: float | None = None
        self._seen_s: dict[str, float] = {}
        self._facts: dict[str, object] = {}
        self.source = '' if settings.anchor in ('none', 'auto') else settings.anchor
        self._why: dict[str, str] = {}

    @property
    def config(self) -> AnchorConfig:
        """Return the settings of the anchor stage."""
        return AnchorConfig(camera_height_m=self._height)

    @property
    def facts(self) -> dict[str, object]:
        """Return what the diagnostics say."""
        return dict(self._facts)

    def known(self, header: Header) -> dict[str, Any]:
        """Return what is known of an image, as the arguments of the stream: pose and points."""
        if self._motion is None:
            return {}
        settings, points = self._settings, None
        pose, self._why['odometry'] = self._motion.pose(header, settings.odom_frame,
                                                        settings.anchor_wait_s)
        if settings.points_type and settings.anchor in ('auto', 'points'):
            points, self._why['points'] = self._motion.points(header, settings.odom_frame)
        if settings.anchor == 'auto':
            moves = pose is not None and self._motion.moves(header.frame_id)
            self._choose(moves, points is not None)
        return {'pose': pose, 'points': points}

    def _choose(self, posed: bool, measured: bool) -> None:
        """Take points, or else poses, where there are any; after a while what needs none."""
        now = time.monotonic()
        self._began = self._began or now
        for source, there in (('points', measured), ('odometry', posed)):
            if there:
                self._seen_s[source] = now
        alive = [source for source in ('points', 'odometry')
                 if now - self._seen_s.get(source, -np.inf) < _PATIENCE_S]
        if alive:
            self.source = alive[0]
        elif not self.source and now - self._began > _PATIENCE_S:
            self.source = 'camera_height' if self._height else 'visual'

    def note(self, frame: DepthFrame) -> None:
        """Keep for the diagnostics what became of a frame."""
        missing = '; '.join(filter(None, self._why.values()))
        facts: dict[str, object] = {'anchor': self.source or f'none yet ({missing})'}
        if frame.anchored:
            facts['anchor scale'] = f'{frame.scale:.3f} (sigma of its log {frame.scale_sigma:.3f})'
            facts['anchor points'] = len(frame.anchors)
            if frame.anchored.offset_s is not None:
                facts[OFFSET] = f'{-frame.anchored.offset_s:+.3f}'
            note = self._why.get(self.source) or frame.anchored.note
            if note:
                facts['not anchored'] = note
        self._facts = facts
