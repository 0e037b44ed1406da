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
"""What is known about the camera of a stream, computed once per new camera_info."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lstm_depth.errors import MessageError
from lstm_depth.geometry import Camera
from lstm_depth.msgs.camera_info import camera_basis, camera_for_image, shows_rectified
from lstm_depth.msgs.output import output_info_fields

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class View:
    """
    How a camera sees: the intrinsics of its image and of the outputs made from it.

    *input_camera*, *camera*: of the image and of the outputs, None when unknown or
    uncalibrated. *info*: CameraInfo fields of the outputs, None without a usable
    camera_info. *basis*: which matrices of the camera_info count, in words. *error*: why it
    cannot be used.
    """

    input_camera: Camera | None = None
    camera: Camera | None = None
    info: dict[str, Any] | None = None
    basis: str = ''
    error: str = ''


class ViewCache:
    """Turn camera_info messages into a View; one that says nothing new costs a comparison."""

    def __init__(self, image_topic: str = '') -> None:
        """Start without a view; *image_topic* may tell that images are rectified."""
        self._topic = image_topic
        self._key: tuple[Any, ...] | None = None
        self._view = View()

    def view(self, info: Any, image_size: Size, output_size: Size,
             rectified: str = 'auto') -> View:
        """
        Return the view of images and outputs of these (width, height).

        *info*: a CameraInfo or None. *rectified*: see ``shows_rectified``. The same content
        gives the same object, whatever the header says.
        """
        key = (info and info_content(info), image_size, output_size, rectified)
        if key != self._key:
            self._view = _view(info, image_size, output_size, self._topic, rectified)
            self._key = key
        return self._view


def info_content(info: Any) -> tuple[Any, ...]:
    """Return all that a CameraInfo of ROS 2 says but its header, to compare."""
    roi = info.roi
    return (info.width, info.height, info.distortion_model,
            *(bytes(memoryview(matrix)) if hasattr(matrix, 'itemsize') else tuple(matrix)
              for matrix in (info.d, info.k, info.r, info.p)),
            info.binning_x, info.binning_y,
            roi.x_offset, roi.y_offset, roi.width, roi.height, roi.do_rectify)


def _view(info: Any, image_size: Size, output_size: Size, topic: str, rectified: str) -> View:
    """Return a fresh view."""
    if info is None:
        return View()
    try:
        camera = camera_for_image(info, *image_size, topic, rectified)
        fields = output_info_fields(info, image_size, output_size,
                                    shows_rectified(info, topic, rectified))
        basis = camera_basis(info, topic, rectified)
    except MessageError as error:
        return View(error=str(error))
    return View(camera, camera and camera.resized(*output_size), fields, basis)
