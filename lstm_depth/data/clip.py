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
"""Clips, the tensors that training works on, and batches of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class Clip:
    """
    *T* frames of one camera.

    *frames*: (T, 3, H, W) uint8 RGB, which models take divided by 255. *depth*: (T, 1, H,
    W) float32 metres, 0 where invalid. *valid*: (T, 1, H, W) bool. *camera*: None where
    unknown. *poses*: (T, 4, 4) float64 camera-to-world, None where unknown. *stamps*: (T,)
    float64 seconds; they fall in a clip that runs backwards. *name*: where its frames come
    from. *reset*: whether it does not go on where the clip before it in its row ended.
    *damage*: why it is black and without depth, '' where it is not.
    """

    frames: torch.Tensor
    depth: torch.Tensor
    valid: torch.Tensor
    camera: Camera | None
    poses: torch.Tensor | None
    stamps: torch.Tensor
    name: str = ''
    reset: bool = True
    damage: str = ''

    def __len__(self) -> int:
        """Return T."""
        return len(self.frames)


def clip_of(frames: Sequence[CameraFrame], name: str = '', reset: bool = True) -> Clip:
    """Return frames with depth as a clip; DataError for frames of several sizes or no depth."""
    if any(frame.depth is None for frame in frames):
        raise DataError(f'{name or "a clip"} has frames without depth')
    if len({frame.rgb.shape for frame in frames}) != 1:
        raise DataError(f'{name or "a clip"} has frames of several sizes; make them one size')
    depth = torch.from_numpy(np.stack([frame.depth for frame in frames])).unsqueeze(1)
    valid = torch.isfinite(depth) & (depth > 0)
    poses = [frame.pose for frame in frames]
    known = all(pose is not None for pose in poses)
    return Clip(
        frames=torch.from_numpy(np.stack([frame.rgb.transpose(2, 0, 1) for frame in frames])),
        depth=torch.where(valid, depth, 0.0), valid=valid, camera=frames[0].camera,
        poses=torch.from_numpy(np.stack(poses)) if known else None,
        stamps=torch.tensor([frame.stamp_s for frame in frames], dtype=torch.float64),
        name=name, reset=reset)


def blank_clip(length: int, width: int, height: int, name: str, *, reset: bool = True,
               damage: str = '') -> Clip:
    """Return a black clip without valid depth, which stands for one that cannot be read."""
    depth = torch.zeros(length, 1, height, width)
    return Clip(frames=torch.zeros(length, 3, height, width, dtype=torch.uint8), depth=depth,
                valid=depth > 0, camera=None, poses=None,
                stamps=torch.zeros(length, dtype=torch.float64), name=name, reset=reset,
                damage=damage)


@dataclass(frozen=True, eq=False)
class ClipBatch:
    """
    B clips of equal length and size: the tensors of `Clip` with a batch dimension in front.

    *intrinsics*: (B, 4) float32 ``fx, fy, cx, cy`` in pixels, zeros where unknown. *poses*:
    (B, T, 4, 4), NaN where unknown. *reset*: (B,) bool, whose hidden state to start anew.
    *damage*: of those clips that could not be read.
    """

    frames: torch.Tensor
    depth: torch.Tensor
    valid: torch.Tensor
    intrinsics: torch.Tensor
    poses: torch.Tensor
    stamps: torch.Tensor
    reset: torch.Tensor
    names: tuple[str, ...]
    damage: tuple[str, ...] = ()

    def to(self, device: torch.device | str) -> ClipBatch:
        """Return the batch on *device*."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> ClipBatch:
        """Return the batch in page-locked memory, for fast copies to a GPU."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, function: Callable[[torch.Tensor], torch.Tensor]) -> ClipBatch:
        return replace(self, **{
            field.name: function(getattr(self, field.name)) for field in fields(self)
            if isinstance(getattr(self, field.name), torch.Tensor)})


def collate(clips: Sequence[Clip]) -> ClipBatch:
    """Return clips of equal length and size as a batch; DataError where they are not."""
    if len({clip.frames.shape for clip in clips}) != 1:
        raise DataError('clips of several sizes or lengths make no batch: '
                        + ', '.join(sorted({str(tuple(clip.frames.shape)) for clip in clips})))
    unknown = torch.full((len(clips[0]), 4, 4), torch.nan, dtype=torch.float64)
    return ClipBatch(
        frames=torch.stack([clip.frames for clip in clips]),
        depth=torch.stack([clip.depth for clip in clips]),
        valid=torch.stack([clip.valid for clip in clips]),
        intrinsics=torch.tensor([
            (camera.fx, camera.fy, camera.cx, camera.cy) if camera else (0.0, 0.0, 0.0, 0.0)
            for camera in (clip.camera for clip in clips)]),
        poses=torch.stack([unknown if clip.poses is None else clip.poses for clip in clips]),
        stamps=torch.stack([clip.stamps for clip in clips]),
        reset=torch.tensor([clip.reset for clip in clips]),
        names=tuple(clip.name for clip in clips),
        damage=tuple(clip.damage for clip in clips if clip.damage))
