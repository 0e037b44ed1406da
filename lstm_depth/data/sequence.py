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
The one interface of all training data: sequences of frames with depth, by number.

Readers turn files into sequences, the sampler picks clips of them, and ClipDataset
makes tensors. A sequence can be sent to worker processes: it holds names, not data.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from lstm_depth.errors import DataError
from lstm_depth.files import map_array
from lstm_depth.frames import CameraFrame, MAX_GAP_S
from lstm_depth.geometry import Camera
from lstm_depth.media.pictures import read_photo, read_pixels
from lstm_depth.msgs.image_file import ImageHeader, upright
from lstm_depth.msgs.output import resize_depth, resize_rgb
import numpy as np

# How a depth file's values become metres; 0 and what is not finite is invalid in all.
DEPTH_FORMATS = ('millimetres', 'metres', 'bytes', 'rotated')
# 8-bit depth spans the ten metres of NYU Depth V2's Kinect (Alhashim and Wonka 2018).
_METRES_PER_BYTE = 10 / 255


class FrameSequence(ABC):
    """
    Frames of one recording, in order.

    *name*: unique among the sequences of a data set. *scene*: the room or recording it
    belongs to, by which clips are balanced and parts are split. *video*: whether
    neighbours are close in time; else every frame is a still of its own.
    """

    name: str
    scene: str
    video: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what the user should know about the frames, one sentence each."""
        return ()

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of frames."""

    @abstractmethod
    def read(self, index: int) -> CameraFrame:
        """Return frame *index* (in range), its depth NaN where invalid."""

    def frame(self, index: int) -> CameraFrame:
        """Return one frame with depth; DataError where there is none such or it is damaged."""
        if not 0 <= index < len(self):
            raise DataError(f'{self.name} has frames 0 to {len(self) - 1}; there is no {index}')
        return self.read(index)

    def source(self, index: int) -> str:
        """Return where a frame comes from, for messages: its file where it has one."""
        return f'{self.name} frame {index}'


class Stamped(Protocol):
    """Anything with a stamp in nanoseconds."""

    @property
    def stamp_ns(self) -> int:
        """Return the stamp."""


Item = TypeVar('Item', bound=Stamped)


def cut_at_gaps(frames: list[Item], max_gap_s: float = MAX_GAP_S) -> list[list[Item]]:
    """Return runs of frames whose stamps rise, by at most *max_gap_s*."""
    runs: list[list[Item]] = []
    for frame in frames:
        if runs and 0 <= frame.stamp_ns - runs[-1][-1].stamp_ns <= max_gap_s * 1e9:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


@dataclass(frozen=True)
class FrameFiles:
    """One frame's image and depth file, its stamp, and its (4, 4) pose where known."""

    rgb: Path
    depth: Path
    stamp_ns: int = 0
    pose: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class FileSequence(FrameSequence):
    """
    Frames in files.

    *camera*: of the images, scaled to their size; None where unknown. *border*: pixels to
    cut off each side (NYU's white frame). *per_metre*: units of the depth files a metre, None
    as *depth_format* says. *notes*: what was assumed, one sentence each.
    """

    name: str
    scene: str
    files: tuple[FrameFiles, ...]
    depth_format: str
    camera: Camera | None
    video: bool = True
    border: int = 0
    per_metre: float | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.files)

    def source(self, index: int) -> str:
        """Return the image's file."""
        return str(self.files[index].rgb)

    def read(self, index: int) -> CameraFrame:
        """Return one frame; DataError where a file is missing, damaged or of another size."""
        files = self.files[index]
        rgb, header = read_photo(files.rgb)
        depth = turned_depth(read_depth_file(
            files.depth, self.depth_format, self.per_metre), rgb, header,
                             files.depth)
        if rgb.shape[:2] != depth.shape:
            raise DataError(f'{files.depth} is {depth.shape[1]}x{depth.shape[0]} but its image '
                            f'is {rgb.shape[1]}x{rgb.shape[0]}; copy both again or remove them')
        camera = self.camera and camera_of_photo(self.camera, rgb, header)
        if self.border:
            inner = slice(self.border, -self.border)
            rgb, depth = rgb[inner, inner], depth[inner, inner]
            camera = camera and cropped(camera, self.border, self.border, rgb.shape[1],
                                        rgb.shape[0])
        return CameraFrame(rgb, files.stamp_ns, camera=camera, depth=depth, pose=files.pose)


def shrunk(frame: CameraFrame, width: int) -> CameraFrame:
    """Return a frame with depth at a smaller *width*, with the same aspect ratio."""
    size = (width, round(frame.rgb.shape[0] * width / frame.rgb.shape[1]))
    return CameraFrame(
        resize_rgb(frame.rgb, *size), frame.stamp_ns, frame.frame_id,
        camera=frame.camera and frame.camera.resized(*size), pose=frame.pose,
        depth=resize_depth(frame.depth, *size))


def cropped(camera: Camera, left: int, top: int, width: int, height: int) -> Camera:
    """Return the camera of a window of an image."""
    return replace(camera, width=width, height=height, cx=camera.cx - left, cy=camera.cy - top)


def turned_depth(depth: np.ndarray, rgb: np.ndarray, header: ImageHeader,
                 path: Path) -> np.ndarray:
    """
    Return the depth in *path* turned as its photo *rgb*, of *header*, was for a person to see.

    Depth of the size of the stored pixels is turned with them, of the size of the turned
    picture left; DataError where both are of one size, so that nothing tells.
    """
    stored = (header.height, header.width)
    if header.orientation == 1 or depth.shape != stored:
        return depth
    if stored == rgb.shape[:2]:
        raise DataError(f'the image of {path} is marked as turned (EXIF orientation '
                        f'{header.orientation}), and whether the depth is turned, too, cannot be '
                        'known; turn both and remove the mark')
    return upright(depth, header.orientation)


def camera_of_photo(camera: Camera, rgb: np.ndarray, header: ImageHeader) -> Camera:
    """
    Return *camera* for the upright picture *rgb* of a file with *header*.

    A calibration of the stored pixels is known by its proportions and turned with them.
    """
    height, width = rgb.shape[:2]
    if header.orientation > 4 and (camera.width > camera.height) != (width > height):
        camera = camera.turned(header.orientation)
    return camera.resized(width, height)


def read_depth_file(path: Path, depth_format: str,
                    per_metre: float | None = None) -> np.ndarray:
    """
    Return (H, W) float32 metres, NaN where invalid; DataError where it cannot be read.

    *depth_format*: ``millimetres`` (16-bit PNG), ``metres`` (.npy, clipped to 20 m by who
    wrote it), ``bytes`` (8-bit PNG, 255 for 10 m) or ``rotated`` (millimetres whose 16 bits
    SUN RGB-D turned by three). *per_metre*: units of a PNG a metre, instead.
    """
    if depth_format == 'metres':
        depth = _read_npy(path)
    else:
        expected = np.uint8 if depth_format == 'bytes' else np.uint16
        stored = read_pixels(path)
        if stored.dtype != expected or stored.ndim != 2:
            raise DataError(f'{path} is no depth image of '
                            f'{np.dtype(expected).itemsize * 8} bits; copy it again or remove it')
        if depth_format == 'rotated':
            stored = stored >> 3 | stored << 13
        scale = _METRES_PER_BYTE if depth_format == 'bytes' else 0.001
        depth = stored * np.float32(scale if per_metre is None else 1 / per_metre)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(np.nan))


def _read_npy(path: Path) -> np.ndarray:
    """Return the (H, W) float32 array in a .npy file, which must hold no Python objects."""
    try:
        depth = map_array(path)
    except (OSError, ValueError) as error:
        raise DataError(f'{path} is no readable .npy file ({error}); copy it again or remove '
                        'it') from error
    depth = np.squeeze(depth)
    if depth.ndim != 2 or depth.dtype.kind not in 'fiu':
        raise DataError(f'{path} holds an array {depth.shape} of {depth.dtype}, not one depth '
                        'map')
    return np.array(depth, np.float32)
