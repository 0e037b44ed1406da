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
The two cameras of NYU Depth V2's Kinect, as its own toolbox calibrates them.

Numbers and formulas: ``camera_params.m``, ``depth_rel2depth_abs.m`` of the dataset's
MATLAB toolbox (Silberman et al., ECCV 2012).
"""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.geometry import Camera
import numpy as np

HEIGHT, WIDTH = 480, 640
MAX_DEPTH_M = 10.0
NO_READING = 2047
# Interpolation between a reading and something that is none leaves values nearer than any.
NEAREST_RAW = 600
DEPTH_PARAM_1, DEPTH_PARAM_2 = 351.3, 1092.5


@dataclass(frozen=True)
class Lens:
    """
    Intrinsics in pixels and Brown distortion of one camera.

    The principal point counts pixels from 0 where the lens is undistorted (Bouguet's
    toolbox) and from 1 where points are projected (the dataset's toolbox).
    """

    fx: float
    fy: float
    cx: float
    cy: float
    k1: float
    k2: float
    p1: float
    p2: float
    k3: float

    def camera(self, width: int = WIDTH, height: int = HEIGHT) -> Camera:
        """Return the pinhole camera that undistorted images of this lens belong to."""
        return Camera(width, height, self.fx, self.fy, self.cx, self.cy)

    def distort(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the lens shows the ray ``(x, y, 1)``, at focal length 1."""
        r2 = x ** 2 + y ** 2
        radial = 1 + self.k1 * r2 + self.k2 * r2 ** 2 + self.k3 * r2 ** 3
        xy = 2 * x * y
        return (x * radial + self.p1 * xy + self.p2 * (r2 + 2 * x ** 2),
                y * radial + self.p1 * (r2 + 2 * y ** 2) + self.p2 * xy)


RGB_LENS = Lens(
    fx=5.1885790117450188e+02, fy=5.1946961112127485e+02,
    cx=3.2558244941119034e+02, cy=2.5373616633400465e+02,
    k1=2.0796615318809061e-01, k2=-5.8613825163911781e-01,
    p1=7.2231363135888329e-04, p2=1.0479627195765181e-03, k3=4.9856986684705107e-01)
DEPTH_LENS = Lens(
    fx=5.8262448167737955e+02, fy=5.8269103270988637e+02,
    cx=3.1304475870804731e+02, cy=2.3844389626620386e+02,
    k1=-9.9897236553084481e-02, k2=3.9065324602765344e-01,
    p1=1.9290592870229277e-03, p2=-1.9422022475975055e-03, k3=-5.1031725053400578e-01)

# p_rgb = inv(ROTATION) p_depth - TRANSLATION, in metres. The toolbox's t_z comes before t_y.
ROTATION = np.array([
    [9.9997798940829263e-01, 5.0518419386157446e-03, 4.3011152014118693e-03],
    [-5.0359919480810989e-03, 9.9998051861143999e-01, -3.6879781309514218e-03],
    [-4.3196624923060242e-03, 3.6662365748484798e-03, 9.9998394948385538e-01]])
TRANSLATION = np.array([
    2.5031875059141302e-02, -2.9342312935846411e-04, 6.6238747008330102e-04])
INVERSE_ROTATION = np.linalg.inv(ROTATION)


def raw_to_metres(raw: np.ndarray) -> np.ndarray:
    """
    Return float64 metres of raw Kinect values, 0 where there is none.

    ``351.3 / (1092.5 - raw)``, above 10 m cut to 10 and below 0 to 0, as the toolbox does.
    """
    with np.errstate(divide='ignore'):
        metres = DEPTH_PARAM_1 / (DEPTH_PARAM_2 - raw)
    metres[metres > MAX_DEPTH_M] = MAX_DEPTH_M
    metres[metres < 0] = 0
    return metres


def metres_to_raw(metres: np.ndarray) -> np.ndarray:
    """Return the float64 raw value of *metres* (> 0); the inverse of raw_to_metres()."""
    return DEPTH_PARAM_2 - DEPTH_PARAM_1 / metres
