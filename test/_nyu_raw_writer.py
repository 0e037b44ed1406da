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
Write raw scenes: the inverse of build-nyu, from frames with known depth.

What a Kinect whose two cameras are those of NYU Depth V2 would have recorded: the colour
image through its lens, depth seen from the depth camera through that one's lens, as 11-bit
values with a Kinect's noise and missing readings.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
from lstm_depth.data.nyu import kinect
from lstm_depth.data.nyu.kinect import Lens
from lstm_depth.data.nyu.pnm import encode_pgm, encode_ppm
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.files import atomic_path
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import splat_depth
import numpy as np

# Fixed-point steps of the inverse lens distortion; these lenses need about eight.
_ITERATIONS = 20
# Depth is splatted from an image this many times finer, which leaves no cracks.
_FINER = 2


@dataclass(frozen=True, kw_only=True)
class KinectNoise:
    """
    How a Kinect measures.

    *disparity*: standard deviation of the raw value; 0.5 is what Khoshelham and Elberink
    (Sensors 2012) measured, 1.4 cm at 3 m. *dropout*: share of readings missing at random.
    *edge_dropout*: probability that a reading beside a depth edge is missing. *rgb*:
    standard deviation of the colour noise in grey values.
    """

    disparity: float = 0.5
    dropout: float = 0.002
    edge_dropout: float = 0.5
    rgb: float = 1.0

    def __post_init__(self) -> None:
        """Raise ConfigError for values that are no noise."""
        if min(self.disparity, self.rgb) < 0:
            raise ConfigError('the noise must not be negative')
        if not (0 <= self.dropout <= 1 and 0 <= self.edge_dropout <= 1):
            raise ConfigError('dropout and edge_dropout must be within 0 to 1')


@lru_cache(maxsize=4)
def _distorted_map(lens: Lens, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (u, v) in the undistorted image of every pixel of the distorted one."""
    u, v = np.meshgrid((np.arange(width) - lens.cx) / lens.fx,
                       (np.arange(height) - lens.cy) / lens.fy)
    x, y = u, v
    for _ in range(_ITERATIONS):
        seen_x, seen_y = lens.distort(x, y)
        x, y = x + u - seen_x, y + v - seen_y
    return ((x * lens.fx + lens.cx).astype(np.float32),
            (y * lens.fy + lens.cy).astype(np.float32))


def raw_colour(rgb: np.ndarray, noise: KinectNoise, rng: np.random.Generator) -> np.ndarray:
    """Return the raw (480, 640, 3) image of an undistorted one."""
    maps = _distorted_map(kinect.RGB_LENS, kinect.WIDTH, kinect.HEIGHT)
    seen = cv2.remap(rgb, *maps, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    grain = rng.normal(0, noise.rgb, seen.shape) if noise.rgb else 0
    return np.clip(np.rint(seen + grain), 0, 255).astype(np.uint8)


def raw_depth(depth: np.ndarray, noise: KinectNoise, rng: np.random.Generator) -> np.ndarray:
    """
    Return the raw (480, 640) uint16 values for depth seen by the colour camera.

    *depth*: (480, 640) metres along the colour camera's axis, NaN where unknown.
    """
    seen = _from_depth_camera(depth)
    maps = _distorted_map(kinect.DEPTH_LENS, kinect.WIDTH, kinect.HEIGHT)
    seen = cv2.remap(seen, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)
    missing = (seen <= 0) | (rng.random(seen.shape) < noise.dropout)
    missing |= _edges(seen) & (rng.random(seen.shape) < noise.edge_dropout)
    raw = kinect.metres_to_raw(np.where(missing, 1, seen).astype(np.float64))
    raw = np.rint(raw + rng.normal(0, noise.disparity, raw.shape))
    missing |= (raw < 0) | (raw > kinect.DEPTH_PARAM_2 - 1)
    return np.where(missing, kinect.NO_READING, raw).astype(np.uint16)


def _from_depth_camera(depth: np.ndarray) -> np.ndarray:
    """Return (H, W) float32 metres along the depth camera's axis, 0 where it sees nothing."""
    height, width = depth.shape
    rgb_camera = kinect.RGB_LENS.camera()
    size = (width * _FINER, height * _FINER)
    finer = cv2.resize(depth.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)
    # Pixel centres: fine pixel i lies at (i + 0.5) / 2 - 0.5 of the coarse image.
    u, v = ((np.arange(count) + 0.5) / _FINER - 0.5 for count in size)
    rows, columns = np.nonzero(np.isfinite(finer) & (finer > 0))
    z = finer[rows, columns].astype(np.float64)
    points = np.stack([(u[columns] - rgb_camera.cx) * z / rgb_camera.fx,
                       (v[rows] - rgb_camera.cy) * z / rgb_camera.fy, z], axis=-1)
    # The inverse of p_rgb = inv(M) p_depth - T.
    points = (points + kinect.TRANSLATION) @ kinect.ROTATION.T
    return splat_depth(points, kinect.DEPTH_LENS.camera())


def _edges(depth: np.ndarray) -> np.ndarray:
    """Return where depth jumps by more than a tenth within a pixel."""
    nearest = cv2.erode(depth, np.ones((3, 3), np.uint8))
    return depth > nearest * 1.1


def write_raw_scene(folder: str | Path, frames: Iterable[CameraFrame], *,
                    noise: KinectNoise | None = None, seed: int = 0,
                    rgb_delay_s: float = 0.011) -> int:
    """
    Write a raw scene folder and return its number of frames.

    *frames*: 640x480 images with depth of NYU's (undistorted) colour camera.
    *rgb_delay_s*: by how much the colour frames' stamps are later. DataError for frames of
    another size or without depth. The folder appears whole.
    """
    noise = noise or KinectNoise()
    rng = np.random.default_rng(seed)
    count = 0
    with atomic_path(folder) as partial:
        partial.mkdir()
        for frame in frames:
            if frame.depth is None or frame.rgb.shape != (kinect.HEIGHT, kinect.WIDTH, 3):
                raise DataError(f'a raw frame needs a 640x480 image with depth, not '
                                f'{frame.rgb.shape[1]}x{frame.rgb.shape[0]}'
                                f'{"" if frame.depth is not None else " without depth"}')
            names = [f'{kind}-{stamp:.6f}-{count * 2_000_000 + 1000}' for kind, stamp in (
                ('d', frame.stamp_s), ('r', frame.stamp_s + rgb_delay_s), ('a', frame.stamp_s))]
            colour, depth = (raw_colour(frame.rgb, noise, rng),
                             raw_depth(frame.depth, noise, rng))
            (partial / f'{names[0]}.pgm').write_bytes(encode_pgm(depth))
            (partial / f'{names[1]}.ppm').write_bytes(encode_ppm(colour))
            (partial / f'{names[2]}.dump').write_bytes(bytes(40))
            count += 1
    return count
