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
Camera calibration messages and files, without ROS.

Messages are duck-typed: anything with the fields of ``sensor_msgs/CameraInfo``, whose
matrices are called ``k`` and ``p`` in ROS 2 and ``K`` and ``P`` in ROS 1.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
import re
from types import SimpleNamespace
from typing import Any

from lstm_depth.errors import ConfigError, DataError, MessageError
from lstm_depth.geometry import Camera
from lstm_depth.lens import COEFFICIENTS, Distortion
from lstm_depth.safe_yaml import load_yaml, MAX_YAML_BYTES
import numpy as np

_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
_MATRIX_SIZES = {'k': 9, 'r': 9, 'p': 12}
# How the answer to "is the image rectified?" may be given.
RECTIFIED = ('auto', 'true', 'false')
_RECTIFIED_TOPIC = re.compile(r'(^|[/_])(rect|rectified)([/_]|$)')
# What drivers and tools call the models of sensor_msgs/distortion_models.h.
_MODEL_ALIASES = {
    'brown_conrady': 'plumb_bob', 'radtan': 'plumb_bob', 'radial_tangential': 'plumb_bob',
    'rational': 'rational_polynomial', 'thin_prism': 'rational_polynomial',
    'fisheye': 'equidistant', 'kannala_brandt': 'equidistant',
    'kannala_brandt4': 'equidistant', 'kannalabrandt4': 'equidistant'}


def shows_rectified(info: Any, topic: str = '', rectified: str = 'auto') -> bool:
    """
    Return whether an image that comes with *info* is rectified, so that P describes it.

    *rectified*: 'true' or 'false' say so. 'auto': it is where *topic* is named as image_proc
    and drivers name rectified images (``image_rect``, ``image_rect_color``, ``.../rect/...``)
    or where no distortion is left (D all 0).
    """
    if rectified != 'auto':
        return rectified == 'true'
    return bool(_RECTIFIED_TOPIC.search(topic)) or not any(_field(info, 'd'))


def camera_from_info(info: Any, topic: str = '', rectified: str = 'auto') -> Camera | None:
    """
    Return the camera of a CameraInfo's full frame, None where it is uncalibrated (K[0] == 0).

    A rectified image, see shows_rectified(), has the intrinsics of P (of K where P is zero)
    and no distortion, a raw one those of K and the distortion of D. ROI and binning are left
    out: see camera_for_image(). Raises MessageError for values that no camera has.
    """
    k, p = _matrix(info, 'k'), _matrix(info, 'p')
    if k[0] == 0:
        return None
    distortion = None
    if not shows_rectified(info, topic, rectified):
        fx, fy, cx, cy = k[0], k[4], k[2], k[5]
        distortion = _distortion(info)
    elif p[0] != 0 and p[5] != 0:
        fx, fy, cx, cy = p[0], p[5], p[2], p[6]
    else:
        fx, fy, cx, cy = k[0], k[4], k[2], k[5]
    if not fx > 0 or not fy > 0:
        raise MessageError(
            f'camera_info has the focal lengths {fx} and {fy}; calibrate the camera again',
            'bad_calibration')
    try:
        return Camera(int(info.width), int(info.height),
                      *(float(value) for value in (fx, fy, cx, cy)), distortion)
    except ConfigError as error:
        raise MessageError(f'camera_info: {error}', 'bad_calibration') from error


def camera_for_image(info: Any, width: int, height: int, topic: str = '',
                     rectified: str = 'auto') -> Camera | None:
    """
    Return the camera of a *width* x *height* image that came with *info*.

    *topic*, *rectified*: tell raw from rectified images, see shows_rectified(). An image of
    the size of the region of interest shows that region, any other the full frame, resized;
    an info without a size is taken to be of the image's. None where the camera is
    uncalibrated. Raises MessageError for values that no camera has.
    """
    if info.width == 0 or info.height == 0:
        info = SimpleNamespace(k=_matrix(info, 'k'), p=_matrix(info, 'p'), d=_field(info, 'd'),
                               distortion_model=info.distortion_model,
                               width=width, height=height)
    full = camera_from_info(info, topic, rectified)
    if full is None:
        return None
    if not _is_region(info, width, height):
        return full if (full.width, full.height) == (width, height) \
            else full.resized(width, height)
    region = replace(full, width=info.roi.width, height=info.roi.height,
                     cx=full.cx - info.roi.x_offset, cy=full.cy - info.roi.y_offset)
    return region.resized(width, height)


def camera_basis(info: Any, topic: str = '', rectified: str = 'auto') -> str:
    """Return in a few words which of *info*'s matrices describe an image, and why."""
    if shows_rectified(info, topic, rectified):
        why = ('rectified:=true' if rectified == 'true' else
               f'{topic} is rectified by its name' if _RECTIFIED_TOPIC.search(topic) else
               'D is 0')
        matrix = 'P' if _matrix(info, 'p')[0] else 'K, because P is 0'
        return f'rectified image ({why}): intrinsics of {matrix}'
    why = 'rectified:=false' if rectified == 'false' else 'D is not 0'
    return f'raw image ({why}): intrinsics of K, rays undistorted by D ({_model(info)})'


def _distortion(info: Any) -> Distortion | None:
    """Return the lens that D describes, None where D is all 0."""
    values = tuple(float(value) for value in _field(info, 'd'))
    if not any(values):
        return None
    model = _model(info)
    sizes = COEFFICIENTS.get(model, ())
    if len(values) not in sizes:
        # Some drivers pad D with zeros: to 8 for plumb_bob, to 14 for the rational model.
        size = next((size for size in sizes if size < len(values) and not any(values[size:])),
                    len(values))
        values = values[:size]
    try:
        return Distortion(model, values)
    except ConfigError as error:
        raise MessageError(f'D of camera_info: {error}; calibrate the camera again, or say that '
                           'its images are rectified (rectified:=true)',
                           'bad_calibration') from error


def _model(info: Any) -> str:
    """Return the name that ROS has for a distortion model, told by D's size where it has none."""
    name = (info.distortion_model or '').strip().lower().replace(' ', '_').replace('-', '_')
    if name in ('', 'none'):
        size = len(_field(info, 'd'))
        name = 'plumb_bob' if size <= 5 else 'rational_polynomial'
    return _MODEL_ALIASES.get(name, name)


def scaled_info_fields(info: Any, width: int, height: int) -> dict[str, Any]:
    """
    Return the CameraInfo fields for a *width* x *height* image made from *info*'s image.

    The rows of K and P and the region of interest scale with their axis. Binning becomes
    0, because the new size already holds it; an *info* without a size, or whose region of
    interest is the image, is only copied.
    """
    sx = sy = 1.0
    region = _is_region(info, width, height)
    if info.width and info.height and not region:
        sx, sy = width / info.width, height / info.height
    scale = np.array([sx, sy, 1.0])[:, None]
    return {
        'width': int(info.width if region else width),
        'height': int(info.height if region else height),
        'distortion_model': info.distortion_model,
        'd': [float(value) for value in _field(info, 'd')],
        'k': (_matrix(info, 'k').reshape(3, 3) * scale).ravel().tolist(),
        'r': _matrix(info, 'r').tolist(),
        'p': (_matrix(info, 'p').reshape(3, 4) * scale).ravel().tolist(),
        'binning_x': int(info.binning_x) if region else 0,
        'binning_y': int(info.binning_y) if region else 0,
        'roi': {
            'x_offset': round(info.roi.x_offset * sx), 'y_offset': round(info.roi.y_offset * sy),
            'height': round(info.roi.height * sy), 'width': round(info.roi.width * sx),
            'do_rectify': bool(info.roi.do_rectify)},
    }


def info_fields(camera: Camera) -> dict[str, Any]:
    """
    Return the fields of a fresh CameraInfo of *camera*.

    Those of a raw image where it has distortion: K and D are its own, R turns nothing, and P
    is K, so that who reads P is right but for the distortion.
    """
    k = camera.k
    lens = camera.distortion or Distortion('plumb_bob', (0.0,) * 5)
    return {
        'width': camera.width, 'height': camera.height,
        'distortion_model': lens.model, 'd': list(lens.coefficients),
        'k': k.ravel().tolist(), 'r': list(_IDENTITY),
        'p': np.hstack([k, np.zeros((3, 1))]).ravel().tolist(),
        'binning_x': 0, 'binning_y': 0,
        'roi': {'x_offset': 0, 'y_offset': 0, 'height': 0, 'width': 0, 'do_rectify': False},
    }


def described_as(fields: dict[str, Any], rectified: bool) -> dict[str, Any]:
    """
    Return CameraInfo *fields* so that P and the rest agree about the image beside them.

    Consumers of depth read P, whatever the image is. Beside a raw image, P becomes its K and R
    no turn; K and D stay. Beside a rectified one whose D is not 0, K becomes P's and D all 0, so
    that nothing rectifies it again or takes it for raw.
    """
    if rectified and not any(fields['d']):
        return fields
    k, p = np.reshape(fields['k'], (3, 3)), np.reshape(fields['p'], (3, 4))
    if not rectified:
        return {**fields, 'r': list(_IDENTITY),
                'p': np.hstack([k, np.zeros((3, 1))]).ravel().tolist()}
    if not p[0, 0]:
        p = np.hstack([k, np.zeros((3, 1))])
    return {**fields, 'k': p[:, :3].ravel().tolist(), 'r': list(_IDENTITY),
            'p': p.ravel().tolist(), 'd': [0.0] * len(fields['d'])}


def read_calibration(path: str | Path) -> SimpleNamespace:
    """
    Return the CameraInfo-like content of a calibration YAML of ROS's camera_calibration.

    The result suits every function of this module. Raises DataError for a file that is
    missing or lacks image_width, image_height or a 3 x 3 camera_matrix.
    """
    path = Path(path)
    advice = ('give a file as written by ROS camera_calibration, with image_width, '
              'image_height and camera_matrix')
    try:
        with path.open('rb') as file:
            content = load_yaml(file.read(MAX_YAML_BYTES + 1))
    except (OSError, DataError) as error:
        raise DataError(f'calibration {path} cannot be read: {error}; {advice}') from error
    try:
        info = SimpleNamespace(
            width=int(content['image_width']), height=int(content['image_height']),
            distortion_model=content.get('distortion_model', 'plumb_bob'),
            d=_yaml_matrix(content, 'distortion_coefficients', [0.0] * 5),
            k=_yaml_matrix(content, 'camera_matrix', None),
            r=_yaml_matrix(content, 'rectification_matrix', _IDENTITY),
            p=_yaml_matrix(content, 'projection_matrix', [0.0] * 12),
            binning_x=0, binning_y=0,
            roi=SimpleNamespace(x_offset=0, y_offset=0, height=0, width=0, do_rectify=False))
        camera_from_info(info)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        what = f'has no {error}' if isinstance(error, KeyError) else f'is malformed ({error})'
        raise DataError(f'calibration {path} {what}; {advice}') from error
    return info


def _yaml_matrix(content: dict[str, Any], name: str, default: Any) -> list[float]:
    """Return the numbers of one matrix of a calibration file."""
    matrix = content[name] if default is None else content.get(name, {'data': default})
    return [float(value) for value in matrix['data']]


def _field(info: Any, name: str) -> Any:
    """Return the matrix field *name*, which ROS 1 spells in upper case."""
    return getattr(info, name) if hasattr(info, name) else getattr(info, name.upper())


def _matrix(info: Any, name: str) -> np.ndarray:
    """Return K, R or P as flat float64, checked for its length and finite values."""
    values = np.asarray(_field(info, name), np.float64).ravel()
    if values.size != _MATRIX_SIZES[name] or not np.isfinite(values).all():
        raise MessageError(
            f'{name.upper()} of camera_info must be {_MATRIX_SIZES[name]} finite numbers, not '
            f'{values.tolist()}', 'bad_calibration')
    return values


def _is_region(info: Any, width: int, height: int) -> bool:
    """Return whether a *width* x *height* image is the (binned) region of interest of *info*."""
    roi = getattr(info, 'roi', None)
    if roi is None or not roi.width or not roi.height:
        return False
    if (roi.width, roi.height) == (info.width, info.height):
        return False
    binned = (roi.width // max(info.binning_x, 1), roi.height // max(info.binning_y, 1))
    return binned == (width, height)
