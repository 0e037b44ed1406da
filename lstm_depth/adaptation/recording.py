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
"""The frames of a user's recording that are worth a label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lstm_depth.adaptation.config import RecordingConfig
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.media.poses import open_poses
from lstm_depth.media.source import Source
from lstm_depth.media.sources import open_source
from lstm_depth.msgs.output import resize_depth, resize_rgb
from tqdm import tqdm

# Neighbours nearer in time are alike.
_RATE_HZ = 10.0
# Of long recordings stretches are taken, long enough for landmarks and clips.
_STRETCH = 40
_WIDTH = 480


@dataclass(frozen=True, eq=False)
class Recording:
    """
    Frames to train on and later ones that are held out.

    *name*: for people. *notes*: what was assumed or is missing, one sentence each.
    """

    name: str
    train: list[CameraFrame]
    held_out: list[CameraFrame]
    notes: list[str]

    @property
    def frames(self) -> list[CameraFrame]:
        """Return all frames, in the order of time."""
        return [*self.train, *self.held_out]

    @property
    def has_depth(self) -> bool:
        """Return whether a depth camera was there."""
        return any(frame.depth is not None for frame in self.frames)

    @property
    def has_poses(self) -> bool:
        """Return whether it is known how a calibrated camera moved."""
        return any(frame.pose is not None and frame.camera is not None and frame.camera.calibrated
                   for frame in self.frames)


def read_recording(config: RecordingConfig) -> Recording:
    """
    Return the frames that *config* asks for, with depth and pose where there are any.

    DataError for a recording that cannot be read or is too short.
    """
    poses = open_poses(config.source, trajectory=config.trajectory,
                       odometry_topic=config.odometry_topic, world=config.odom_frame)
    with _opened(config) as source:
        count = source.frame_count or _counted(config)
        wanted = chosen(count, source.rate_hz or _RATE_HZ, config)
        frames = [frame if poses is None else replace(frame, pose=poses.at(frame))
                  for frame in _read(source, wanted)]
        notes = [text for text in (source.truncated, *source.notes) if text]
        name = source.name
    cut = round(len(frames) * (1 - config.held_out))
    if cut < 4 or len(frames) - cut < 2:
        raise DataError('; '.join([f'{name} has {len(frames)} frames to learn from; it takes some '
                                   'seconds of video at least', *notes]))
    return Recording(name, frames[:cut], frames[cut:], notes)


def chosen(count: int, rate_hz: float, config: RecordingConfig) -> Sequence[int]:
    """
    Return which of *count* frames are used: every n-th, or of each of many stretches.

    A stretch is of consecutive used frames, so that it is video.
    """
    start, stop = (round(share * count) for share in config.part)
    step = max(1, int(rate_hz / _RATE_HZ))
    places = range(start, stop, step)
    if len(places) <= config.frames:
        return places
    stretch = min(_STRETCH, config.frames)
    number = config.frames // stretch
    room = len(places) - stretch
    starts = [round(room * index / max(number - 1, 1)) for index in range(number)]
    return sorted({places[first + index] for first in starts for index in range(stretch)})


def _opened(config: RecordingConfig) -> Source:
    """Return the open source."""
    return open_source(
        config.source, image_topic=config.image_topic, depth_topic=config.depth_topic,
        camera_info_topic=config.camera_info_topic, calibration=config.calibration,
        rectified=config.rectified)


def _counted(config: RecordingConfig) -> int:
    """Return how many frames there are, by reading them."""
    with _opened(config) as source:
        return sum(1 for _ in source)


def _read(source: Source, wanted: Sequence[int]) -> Iterator[CameraFrame]:
    """Yield the wanted frames, those with rising stamps, not wider than is of use."""
    places, last = set(wanted), None
    for index, frame in enumerate(tqdm(source, total=wanted[-1] + 1, desc='reading',
                                       unit='frame')):
        if index in places and (last is None or frame.stamp_ns > last):
            last = frame.stamp_ns
            yield shrunk(frame)
        if index >= wanted[-1]:
            return


def shrunk(frame: CameraFrame) -> CameraFrame:
    """Return *frame*, whose depth may be missing, at most as wide as is of use."""
    height, width = frame.rgb.shape[:2]
    if width <= _WIDTH:
        return frame
    size = _WIDTH, round(height * _WIDTH / width)
    return replace(frame, rgb=resize_rgb(frame.rgb, *size), info=None,
                   camera=frame.camera and frame.camera.resized(*size),
                   depth=None if frame.depth is None else resize_depth(frame.depth, *size))
