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
"""What anchors depth in an evaluation: the source, and the poses and points of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_depth.anchor import AnchorConfig
from lstm_depth.frames import CameraFrame
from lstm_depth.media.points import RecordedPoints
from lstm_depth.media.poses import Poses


@dataclass(frozen=True, eq=False)
class Anchoring:
    """
    How depth is anchored.

    *source*: a name of ``lstm_depth.anchor``, empty for none. *config*: its settings, None
    for those it has. *poses*: of a recording whose frames do not bring theirs. *points*: of
    another sensor in the recording.
    """

    source: str = ''
    config: AnchorConfig | None = None
    poses: Poses | None = None
    points: RecordedPoints | None = None

    def __bool__(self) -> bool:
        """Return whether there is an anchor."""
        return bool(self.source)

    @property
    def stream_arguments(self) -> dict[str, Any]:
        """Return the arguments of a `DepthStream`."""
        return {'anchor': self.source or None, 'anchor_config': self.config}

    @property
    def settings(self) -> dict[str, str]:
        """Return what the tables say, nothing without an anchor."""
        if not self:
            return {}
        return {'anchor': self.source + (f', poses of {self.poses.name}' if self.poses else '')
                + (f', points of {self.points.topic}' if self.points else '')}

    @property
    def missing(self) -> str:
        """Return what of the recording the last frame lacked, empty for nothing."""
        return self.points.why if self.points else ''

    def push_arguments(self, frame: CameraFrame) -> dict[str, Any]:
        """Return what the anchor needs of *frame*, nothing without an anchor."""
        if not self:
            return {}
        pose = frame.pose if frame.pose is not None or not self.poses else self.poses.at(frame)
        return {'pose': pose, 'points': self.points.at(frame) if self.points else None}


UNANCHORED = Anchoring()
