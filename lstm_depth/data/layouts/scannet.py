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
Scenes of ScanNet as its SensReader exports them: color/, depth/, pose/ and intrinsic/.

https://github.com/ScanNet/ScanNet: depth in millimetres of a camera at the place of the colour
camera, poses of the camera in the world, 30 frames a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
from lstm_depth.data.camera_file import read_camera, read_numbers
from lstm_depth.data.reader import Reader
from lstm_depth.data.sequence import FrameSequence, read_depth_file
from lstm_depth.errors import DataError
from lstm_depth.files import natural_key
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
from lstm_depth.media.pictures import read_photo
import numpy as np

_RATE_HZ = 30


@dataclass(frozen=True)
class ScanNetSequence(FrameSequence):
    """
    One scene: colour brought into the view of the depth camera, which stays as measured.

    *numbers*: names of the frames. *camera*, *color_camera*: of depth and of colour.
    """

    name: str
    scene: str
    root: Path
    numbers: tuple[str, ...]
    camera: Camera
    color_camera: Camera
    video: bool = True

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.numbers)

    def source(self, index: int) -> str:
        """Return the image's file."""
        return str(self.root / 'color' / f'{self.numbers[index]}.jpg')

    def read(self, index: int) -> CameraFrame:
        """Return one frame; DataError where a file is missing or damaged."""
        number = self.numbers[index]
        depth = read_depth_file(self.root / 'depth' / f'{number}.png', 'millimetres')
        camera = self.camera.resized(depth.shape[1], depth.shape[0])
        rgb = seen_by(camera, read_photo(Path(self.source(index)))[0], self.color_camera)
        stamp = round(int(number) * 1e9 / _RATE_HZ) if number.isdecimal() else 0
        return CameraFrame(rgb, stamp, camera=camera, depth=depth, pose=self._pose(number))

    def _pose(self, number: str) -> np.ndarray | None:
        """Return the (4, 4) camera-to-world transform, None where tracking was lost."""
        path = self.root / 'pose' / f'{number}.txt'
        if not path.is_file():
            return None
        values = read_numbers(path)
        return values.reshape(4, 4) if values.size == 16 and np.isfinite(values).all() else None


def seen_by(camera: Camera, rgb: np.ndarray, color_camera: Camera) -> np.ndarray:
    """Return *rgb* of *color_camera* as *camera* at the same place would show it."""
    color = color_camera.resized(rgb.shape[1], rgb.shape[0])
    # First to about the same pixels an angle, averaging areas: a warp alone would alias.
    scale = min(1.0, camera.fx / color.fx, camera.fy / color.fy)
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    if scale < 1:
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        color = color.resized(*size)
    x, y = color.fx / camera.fx, color.fy / camera.fy
    inverse = np.array([[x, 0, color.cx - camera.cx * x], [0, y, color.cy - camera.cy * y]])
    return cv2.warpAffine(rgb, inverse, (camera.width, camera.height),
                          flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                          borderMode=cv2.BORDER_REPLICATE)


def scannet_sequences(root: Path) -> list[FrameSequence]:
    """Return the scenes at *root*: itself, or the folders in it; DataError without a frame."""
    sequences = [_scene(folder) for folder in _scenes(root)]
    return [sequence for sequence in sequences if len(sequence)]


def _scenes(root: Path) -> list[Path]:
    """Return the folders of ScanNet scenes at *root*, itself or in it."""
    if not root.is_dir():
        return []
    folders = [root, *sorted((path for path in root.iterdir() if path.is_dir()),
                             key=lambda path: natural_key(path.name))]
    return [path for path in folders if (path / 'color').is_dir() and (path / 'depth').is_dir()
            and (path / 'intrinsic' / 'intrinsic_depth.txt').is_file()]


def _scene(root: Path) -> ScanNetSequence:
    """Return one scene."""
    depths = {path.stem for path in (root / 'depth').glob('*.png')}
    numbers = sorted((path.stem for path in (root / 'color').glob('*.jpg')
                      if path.stem in depths), key=natural_key)
    if not numbers:
        raise DataError(f'{root} has no color/NUMBER.jpg with depth/NUMBER.png')
    color, depth = (read_camera(
        root / 'intrinsic' / f'intrinsic_{name}.txt',
        [root / name / f'{number}.{suffix}' for number in numbers])
        for name, suffix in (('color', 'jpg'), ('depth', 'png')))
    return ScanNetSequence(root.name, root.name.rsplit('_', 1)[0], root, tuple(numbers), depth,
                           color)


READER = Reader(
    'ScanNet scenes', 'ScanNet scenes as SensReader exports them (color/, depth/, intrinsic/)',
    lambda place: bool(_scenes(Path(place))),
    lambda place, _: scannet_sequences(Path(place)))
