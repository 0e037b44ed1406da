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
A slow, line-by-line transcription of the NYU Depth V2 toolbox's projection and sync.

It shares nothing with the package: its own constants, one pixel at a time, in the order
of the toolbox's steps. The weighted mean of equal raw values is that value, so that an
even area of 600 is 600 whatever the rounding of the weights.
"""

from __future__ import annotations

import math

import numpy as np

RGB = {'fx': 5.1885790117450188e+02, 'fy': 5.1946961112127485e+02,
       'cx': 3.2558244941119034e+02, 'cy': 2.5373616633400465e+02,
       'k1': 2.0796615318809061e-01, 'k2': -5.8613825163911781e-01,
       'p1': 7.2231363135888329e-04, 'p2': 1.0479627195765181e-03,
       'k3': 4.9856986684705107e-01}
DEPTH = {'fx': 5.8262448167737955e+02, 'fy': 5.8269103270988637e+02,
         'cx': 3.1304475870804731e+02, 'cy': 2.3844389626620386e+02,
         'k1': -9.9897236553084481e-02, 'k2': 3.9065324602765344e-01,
         'p1': 1.9290592870229277e-03, 'p2': -1.9422022475975055e-03,
         'k3': -5.1031725053400578e-01}
M = np.array([[9.9997798940829263e-01, 5.0518419386157446e-03, 4.3011152014118693e-03],
              [-5.0359919480810989e-03, 9.9998051861143999e-01, -3.6879781309514218e-03],
              [-4.3196624923060242e-03, 3.6662365748484798e-03, 9.9998394948385538e-01]])
INVERSE_M = np.linalg.inv(M).tolist()
T_X, T_Z, T_Y = 2.5031875059141302e-02, -2.9342312935846411e-04, 6.6238747008330102e-04


def sources(lens: dict, width: int, height: int):
    """Yield (row, column, [(source row, source column, weight) x 4] or None) of every pixel."""
    for row in range(height):
        for column in range(width):
            x = (column - lens['cx']) / lens['fx']
            y = (row - lens['cy']) / lens['fy']
            r2 = x * x + y * y
            radial = 1 + lens['k1'] * r2 + lens['k2'] * r2 * r2 + lens['k3'] * r2 * r2 * r2
            dx = 2 * lens['p1'] * x * y + lens['p2'] * (r2 + 2 * x * x)
            dy = lens['p1'] * (r2 + 2 * y * y) + 2 * lens['p2'] * x * y
            px = lens['fx'] * (x * radial + dx) + lens['cx']
            py = lens['fy'] * (y * radial + dy) + lens['cy']
            left, top = math.floor(px), math.floor(py)
            if not (0 <= left <= width - 2 and 0 <= top <= height - 2):
                yield row, column, None
                continue
            ax, ay = px - left, py - top
            yield row, column, [(top, left, (1 - ay) * (1 - ax)), (top, left + 1, (1 - ay) * ax),
                                (top + 1, left, ay * (1 - ax)), (top + 1, left + 1, ay * ax)]


def undistort_rgb(image: np.ndarray, lens: dict = RGB) -> np.ndarray:
    height, width, _ = image.shape
    result = np.zeros_like(image)
    for row, column, taps in sources(lens, width, height):
        for channel in range(3):
            value = 255.0 if taps is None else sum(
                weight * float(image[r, c, channel]) for r, c, weight in taps)
            result[row, column, channel] = math.floor(value + 0.5)
    return result


def round_half_away(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def metres(raw: float) -> float:
    if raw == 1092.5:
        return 10.0
    depth = 351.3 / (1092.5 - raw)
    return 10.0 if depth > 10 else 0.0 if depth < 0 else depth


def colour_pixel(u: int, v: int, z: float, depth_lens: dict, rgb_lens: dict):
    """Return the unrounded (x, y) of the 1-based depth pixel (u, v)."""
    point = ((u - depth_lens['cx']) * z / depth_lens['fx'],
             (v - depth_lens['cy']) * z / depth_lens['fy'], z)
    x, y, depth = (row[0] * point[0] + row[1] * point[1] + row[2] * point[2] - shift
                   for row, shift in zip(INVERSE_M, (T_X, T_Z, T_Y)))
    return x * rgb_lens['fx'] / depth + rgb_lens['cx'], y * rgb_lens['fy'] / depth + rgb_lens['cy']


def undistort_depth(raw: np.ndarray, lens: dict):
    """Return (undistorted raw, noise) after steps 2 to 4."""
    height, width = raw.shape
    raw = raw.tolist()
    pixels = list(sources(lens, width, height))
    largest = max(map(max, raw))
    noise = np.zeros((height, width), bool)
    for row, column, taps in pixels:
        noise[row, column] = taps is None or sum(
            255 * (raw[r][c] == largest) * weight for r, c, weight in taps) > 0
    result = np.zeros((height, width))
    for row, column, taps in pixels:
        if taps is None:
            continue
        kept = [(raw[r][c], weight) for r, c, weight in taps if not noise[r, c]]
        total = sum(weight for _, weight in kept)
        if len({value for value, _ in kept}) == 1:
            result[row, column] = kept[0][0]
        else:
            result[row, column] = sum(
                value * weight for value, weight in kept) / total if total else math.nan
    for row in range(height):
        for column in range(width):
            if result[row, column] < 600 or noise[row, column]:
                result[row, column] = 2047
    return result, noise


def project_depth(raw: np.ndarray, depth_lens: dict = DEPTH, rgb_lens: dict = RGB) -> np.ndarray:
    height, width = raw.shape
    undistorted, _ = undistort_depth(raw, depth_lens)
    points = []
    for row in range(height):
        for column in range(width):
            if math.isnan(undistorted[row, column]):
                continue
            z = metres(undistorted[row, column])
            x, y = (round_half_away(value) for value in colour_pixel(
                column + 1, row + 1, z, depth_lens, rgb_lens))
            if 0 < x < width and 0 < y < height:
                points.append((z, x, y))
    result = np.zeros(raw.shape)
    for z, x, y in sorted(points, key=lambda point: -point[0]):
        result[y - 1, x - 1] = z
    return result


def synchronise(depth_times: list[float], rgb_times: list[float]) -> list[int]:
    """Return the colour frame's place for every depth frame."""
    matches, jj = [], 0
    for t_depth in depth_times:
        diff = abs(t_depth - rgb_times[jj])
        while jj < len(rgb_times) - 1:
            tmp = abs(t_depth - rgb_times[jj + 1])
            if tmp > diff:
                break
            diff = tmp
            jj = jj + 1
        matches.append(jj)
    return matches
