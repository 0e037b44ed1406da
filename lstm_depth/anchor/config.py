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
"""How depth is anchored: validated settings."""

from __future__ import annotations

from dataclasses import dataclass
import math

from lstm_depth.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AnchorConfig:
    """
    Settings of the anchor stage. Pixels are those of the tracked image (see *track_width*).

    *track_width*: images are halved until they are at most so wide. *tracks*: how many
    corners are followed at most. *pixel_sigma*: standard deviation of a corner's place.
    *forward_backward_px*: how far a corner tracked forward and back may land from where it
    began. *max_residual_px*: a ray that passes a landmark farther off is no observation of
    it. *max_sigma*: the greatest standard deviation of a landmark's log depth with which it
    is used. *min_depth*, *max_depth*: metres, landmarks outside are not used.
    *memory_s*: seconds after which what a landmark has seen, and depth of before, counts 1/e.

    *camera_height_m*: height of the camera above the floor, for source ``camera_height``.

    *scale_drift*: how much the log scale of the network may wander, per square root of a
    second, beyond what the depth of the last frame shows. *scale_floor*: the least standard
    deviation of one frame's log scale, for what the points of a frame have in common.
    *release_s*: without evidence the scale goes back to the network's own with this time
    constant. *patience_s*: how long nothing is used after the poses were contradicted by what
    was seen. *network_sigma*: standard deviation of the log of the network's local errors.

    *field_px*, *field_log_depth*: the widths of the kernel that spreads a point's
    correction, in the image and in log depth.
    """

    track_width: int = 400
    tracks: int = 400
    pixel_sigma: float = 0.5
    forward_backward_px: float = 0.7
    max_residual_px: float = 2.0
    max_sigma: float = 0.25
    min_share: float = 0.4
    min_depth: float = 0.3
    max_depth: float = 8.0
    memory_s: float = 2.0
    camera_height_m: float | None = None
    scale_drift: float = 0.25
    scale_floor: float = 0.05
    release_s: float = 6.0
    patience_s: float = 1.2
    network_sigma: float = 0.3
    field_px: float = 32.0
    field_log_depth: float = 0.15

    def __post_init__(self) -> None:
        """Raise ConfigError for values that cannot be used."""
        for name in ('track_width', 'tracks'):
            if getattr(self, name) < 16:
                raise ConfigError(f'anchor {name} must be at least 16, not {getattr(self, name)}')
        positive = ('pixel_sigma', 'forward_backward_px', 'max_residual_px', 'max_sigma',
                    'memory_s', 'scale_drift', 'scale_floor', 'release_s', 'patience_s',
                    'network_sigma', 'field_px', 'field_log_depth')
        for name in positive:
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f'anchor {name} must be above 0 and finite, not '
                                  f'{getattr(self, name)}')
        if not 0 < self.min_depth < self.max_depth < math.inf:
            raise ConfigError(f"the anchors' depth range must be 0 < min < max, not "
                              f'{self.min_depth} to {self.max_depth} m')
        if not 0 <= self.min_share <= 1:
            raise ConfigError(f'anchor min_share must be within 0 to 1, not {self.min_share}')
        height = self.camera_height_m
        if height is not None and not 0 < height < math.inf:
            raise ConfigError(f'camera_height_m must be above 0 metres, not {height}')
