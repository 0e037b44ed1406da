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
"""Depth of one camera brought into the view of another: registration, as depth_image_proc's."""

from __future__ import annotations

from collections.abc import Callable
import math

from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera, splat_depth
import numpy as np

# Intrinsics that differ by less, in pixels, are those of one camera.
_SAME_PX = 0.25
# Depth is refined at most so often along each axis; coarser depth leaves holes.
_MAX_REFINEMENT = 8


def same_view(first: Camera, second: Camera) -> bool:
    """Return whether two cameras show the same, at whatever resolution."""
    other = second.resized(first.width, first.height)
    return first.distortion == other.distortion and np.allclose(
        (first.fx, first.fy, first.cx, first.cy), (other.fx, other.fy, other.cx, other.cy),
        rtol=0, atol=_SAME_PX)


def register_depth(depth: np.ndarray, depth_camera: Camera, camera: Camera,
                   transform: np.ndarray | None = None) -> np.ndarray:
    """
    Return what *camera* would measure where *depth_camera* measured *depth*.

    *depth*: (H, W) metres of *depth_camera*, NaN where invalid. *transform*: (4, 4) from
    the frame of *depth_camera* to that of *camera* in metres, None where both are at the
    same place. Returns (H', W') float32 metres of *camera*, the nearest surface in every
    pixel (z-buffer), NaN where none was measured. Depth of fewer pixels an angle than
    *camera* is repeated first, so that no farther surface shows through the gaps.
    """
    factor = _refinement(depth_camera, camera)
    fine = depth.repeat(factor, axis=0).repeat(factor, axis=1)
    points = _refined(depth_camera, factor).backproject(fine).reshape(-1, 3)
    points = points[np.isfinite(points[:, 2])]
    if transform is not None:
        rigid = np.asarray(transform, np.float32)
        points = points @ rigid[:3, :3].T + rigid[:3, 3]
    result = splat_depth(points, camera)
    return np.where(result > 0, result, np.float32(np.nan))


def _refinement(depth_camera: Camera, camera: Camera) -> int:
    """Return how often to repeat depth pixels so that they are closer than those of *camera*."""
    ratio = max(camera.fx / depth_camera.fx, camera.fy / depth_camera.fy)
    # Exactly as close is not enough but for a ratio of 1: pixels that fall on the border of
    # two would both be rounded to the same one.
    return 1 if ratio <= 1.001 else min(math.floor(ratio * 1.001) + 1, _MAX_REFINEMENT)


def _refined(camera: Camera, factor: int) -> Camera:
    """Return *camera* with every pixel divided into factor x factor."""
    return Camera(camera.width * factor, camera.height * factor, camera.fx * factor,
                  camera.fy * factor, (camera.cx + 0.5) * factor - 0.5,
                  (camera.cy + 0.5) * factor - 0.5, camera.distortion)


class DepthRegistration:
    """
    Bring depth images into the view of the colour camera, where they are not already.

    ``notes``: what had to be assumed, one sentence each.
    """

    def __init__(self, transform: Callable[[str, str], np.ndarray | None],
                 fixed: bool = False) -> None:
        """
        Ask *transform* for the (4, 4) from one frame to another, None where unknown.

        *fixed*: whether it knows without the names of the frames.
        """
        self._transform = transform
        self._fixed = fixed
        self._notes: dict[str, None] = {}

    @property
    def notes(self) -> list[str]:
        """Return what had to be assumed so far."""
        return list(self._notes)

    def aligned(self, depth: np.ndarray, depth_camera: Camera | None, depth_frame: str,
                shape: tuple[int, int], camera: Camera | None, frame: str) -> np.ndarray:
        """
        Return *depth* as seen by the pixels of a colour image.

        *depth_camera*, *depth_frame*: intrinsics at the size of *depth* and frame_id of
        the depth image; *shape* (H, W), *camera*, *frame*: those of the colour image. The
        cameras are None where unknown. Depth of the same camera is returned as it is.
        Raises DataError where depth has another size and a camera is not known.
        """
        calibrated = all(item is not None and item.calibrated for item in (depth_camera, camera))
        if not calibrated:
            if depth.shape != tuple(shape):
                raise DataError(
                    f'depth is {depth.shape[1]}x{depth.shape[0]} but the image is {shape[1]}x'
                    f'{shape[0]}, and without a calibrated camera_info of both it cannot be '
                    'registered')
            if depth_frame.lstrip('/') != frame.lstrip('/'):
                self._notes[
                    f'depth is stamped in {depth_frame or "no frame"}, the image in '
                    f'{frame or "no frame"}, and without a calibrated camera_info of both depth '
                    'of the same size was taken as aligned'] = None
            return depth
        transform = self._transform(depth_frame, frame)
        aligned = same_view(depth_camera, camera)
        if aligned and depth.shape == tuple(shape) and (
                transform is None or np.allclose(transform, np.eye(4), rtol=0, atol=1e-6)):
            return depth
        if not aligned and depth_frame == frame and not self._fixed:
            self._notes[
                f'depth and image are both stamped in {frame or "no frame"} although their '
                'cameras differ: depth was registered as if both were at the same place'] = None
        if transform is None and not aligned:
            self._notes[
                f'no transform from {depth_frame} to {frame} is known (/tf_static): depth was '
                'registered as if both cameras were at the same place'] = None
        return register_depth(depth, depth_camera, camera, transform)
