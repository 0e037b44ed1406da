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
"""What is adapted, to what, and by which labels: validated settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lstm_depth.errors import ConfigError

LABELS = ('auto', 'depth', 'odometry')
TEACHER_GIVES = ('auto', 'metric', 'disparity', 'depth')


@dataclass(frozen=True, kw_only=True)
class RecordingConfig:
    """
    The user's recording, as ``lstm_depth replay`` reads it.

    *source*: a bag, a video or an image folder. *image_topic*, *depth_topic*,
    *camera_info_topic*: of a bag; *calibration*: a camera file for the others; *rectified*: as
    in open_source(). *trajectory*, *odometry_topic*, *odom_frame*: where poses come from, as in
    open_poses(). *part*: first and last share of the recording that is used. *frames*: at most
    so many are labelled. *held_out*: the last share of them, which only decides.
    """

    source: str
    image_topic: str | None = None
    depth_topic: str | None = None
    camera_info_topic: str | None = None
    calibration: str | None = None
    rectified: str = 'auto'
    trajectory: str | None = None
    odometry_topic: str | None = None
    odom_frame: str = ''
    part: tuple[float, float] = (0.0, 1.0)
    frames: int = 400
    held_out: float = 0.25

    def __post_init__(self) -> None:
        """Raise ConfigError for shares that leave nothing."""
        if not 0 <= self.part[0] < self.part[1] <= 1:
            raise ConfigError('part is a first and a last share of the recording, such as 0 0.5, '
                              f'not {self.part[0]:g} {self.part[1]:g}')
        if self.frames < 8:
            raise ConfigError(f'frames must be at least 8, not {self.frames}')
        if not 0.05 <= self.held_out <= 0.5:
            raise ConfigError(f'held_out must be within 0.05 to 0.5, not {self.held_out}')


@dataclass(frozen=True, kw_only=True)
class AdaptConfig:
    """
    One adaptation.

    *output*: the folder to write to. *checkpoint*: what is adapted, None for what ships.
    *labels*: one of ``LABELS``; *teacher*: a model that labels instead, and *teacher_gives*,
    what it gives, see ``lstm_depth.adaptation.teacher``. *elsewhere*: a data set, beside
    rendered rooms, on which it must not become worse. *overrides*: ``key=value`` of the recipe.
    """

    recording: RecordingConfig
    output: Path
    checkpoint: str | None = None
    labels: str = 'auto'
    teacher: str | None = None
    teacher_gives: str = 'auto'
    elsewhere: str | None = None
    overrides: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigError for names that there are not."""
        for what, value, choices in (('labels', self.labels, LABELS),
                                     ('teacher_gives', self.teacher_gives, TEACHER_GIVES)):
            if value not in choices:
                raise ConfigError(f'{what} must be one of {", ".join(choices)}, not {value!r}')
        if self.teacher and self.labels != 'auto':
            raise ConfigError('labels come from a teacher or from what is named, not from both')
