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
Measure the point cloud: from depth and colour to the bytes of a message that can be published.

Ours against plain NumPy, against Open3D's ``create_from_rgbd_image`` where it is installed
(which makes no message, only its own points), and against a copy of as many bytes. All on the
same picture, with the same camera, interleaved.
"""

from __future__ import annotations

import argparse
from array import array
from collections.abc import Callable
from dataclasses import dataclass
import importlib

from lstm_depth.cli.benchmark._common import interleaved_ms, machine_line, medians
from lstm_depth.cli.benchmark.node import parse_size
import numpy as np

HELP = 'a coloured point cloud to a ready message, against NumPy and Open3D'


@dataclass(frozen=True)
class CloudSpeed:
    """Median milliseconds by candidate, and how many times as long as ours each takes."""

    machine: str
    width: int
    height: int
    repeats: int
    ms: dict[str, float]
    ratio: dict[str, float]

    def rows(self) -> list[tuple[str, str]]:
        """Return the result for a table."""
        others = ', '.join(f'{name} {ms:.2f} ms ({self.ratio[name]:.1f} times)'
                           for name, ms in self.ms.items() if name != 'ours')
        return [(f'cloud {self.width}x{self.height} to a ready message',
                 f'{self.ms["ours"]:.2f} ms; {others}')]

    def __str__(self) -> str:
        """Return the result for people."""
        lines = [f'{self.width}x{self.height}, median of {self.repeats}, interleaved; '
                 f'{self.machine}']
        lines += [f'{name:<10} {ms:8.3f} ms  {self.ratio[name]:6.2f} times ours'
                  for name, ms in self.ms.items()]
        if 'open3d' not in self.ms:
            lines.append('open3d     not installed (pip install open3d)')
        return '\n'.join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lstm_depth benchmark cloud``."""
    parser.add_argument('--size', default='640x480', metavar='WxH', help='size of the picture')
    parser.add_argument('--repeats', type=int, default=50, help='clouds of each')


def measure(args: argparse.Namespace) -> CloudSpeed:
    """Return how long a cloud takes."""
    width, height = parse_size(args.size)
    ms = medians(interleaved_ms(_candidates(width, height), args.repeats))
    return CloudSpeed(machine_line(), width, height, args.repeats, ms,
                      {name: value / ms['ours'] for name, value in ms.items()})


def _candidates(width: int, height: int) -> dict[str, Callable[[], object]]:
    """Return the functions to compare, by name."""
    from lstm_depth.geometry import Camera
    from lstm_depth.msgs.cloud import CloudMaker

    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 8, (height, width)).astype(np.float32)
    rgb = rng.integers(0, 256, (height, width, 3), np.uint8)
    camera = Camera(width, height, width * 0.8, width * 0.8, width / 2, height / 2)
    maker = CloudMaker(camera)
    # As the node's messages hold it.
    data = array('B', [0]) * (width * height * 16)
    points = np.frombuffer(data, np.float32).reshape(height, width, 4)
    source = np.empty_like(points)
    candidates: dict[str, Callable[[], object]] = {
        'ours': lambda: maker.fill(depth, rgb, points),
        'numpy': lambda: _numpy_cloud(depth, rgb, camera),
        'memcpy': lambda: np.copyto(points, source)}
    if (open3d := _open3d_cloud(depth, rgb, camera)) is not None:
        candidates['open3d'] = open3d
    return candidates


def _numpy_cloud(depth: np.ndarray, rgb: np.ndarray, camera: object) -> array:
    """Return the bytes of the cloud as one writes it in NumPy, without any memory kept."""
    height, width = depth.shape
    cloud = np.empty((height, width, 4), np.float32)
    cloud[..., 0] = depth * ((np.arange(width) - camera.cx) / camera.fx).astype(np.float32)
    cloud[..., 1] = depth * ((np.arange(height) - camera.cy)
                             / camera.fy).astype(np.float32)[:, None]
    cloud[..., 2] = depth
    packed = (rgb[..., 0].astype(np.uint32) << 16 | rgb[..., 1].astype(np.uint32) << 8
              | rgb[..., 2])
    cloud[..., 3] = packed.view(np.float32)
    data = array('B')
    data.frombytes(cloud.tobytes())
    return data


def _open3d_cloud(depth: np.ndarray, rgb: np.ndarray, camera: object
                  ) -> Callable[[], object] | None:
    """Return Open3D's way to a cloud, None where it is not installed."""
    try:
        # By name, because nothing but this comparison needs it.
        open3d = importlib.import_module('open3d')
    except ImportError:
        return None
    geometry = open3d.geometry
    intrinsics = open3d.camera.PinholeCameraIntrinsic(
        camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy)

    def make() -> object:
        picture = geometry.RGBDImage.create_from_color_and_depth(
            geometry.Image(rgb), geometry.Image(depth), depth_scale=1.0, depth_trunc=100.0,
            convert_rgb_to_intensity=False)
        return geometry.PointCloud.create_from_rgbd_image(picture, intrinsics)

    return make
