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
"""The motion of the camera between frames, told by odometry and corrected by what it sees."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_depth.geometry import Camera
import numpy as np

_ITERATIONS = 4
# Residuals beyond so many standard deviations count linearly (Huber 1964).
_HUBER = 1.5
_INLIER = 3.0
# A step of less, in radians and metres, is none.
_CLOSE = 1e-4


@dataclass(frozen=True, eq=False)
class Refined:
    """
    A corrected pose.

    *pose*: (4, 4) camera to world. *inliers*: (N,) which points agree.
    """

    pose: np.ndarray
    inliers: np.ndarray


def refine_pose(expected: np.ndarray, points: np.ndarray, pixels: np.ndarray,
                pixel_sigma: np.ndarray | float, camera: Camera, turn_sigma: float,
                shift_sigma: float) -> Refined:
    """
    Return the pose that fits *points* seen at *pixels* and is near the *expected* one.

    *expected*: (4, 4) camera to world. *points*: (N, 3) metres, *pixels*: (N, 2) without
    distortion, *pixel_sigma*: (N,) how far off each may be, or one for all. *turn_sigma*
    (radians), *shift_sigma* (metres): how well the expected pose is known. Gauss-Newton on the
    reprojection error with Huber weights; the pose is corrected in its own frame.
    """
    prior = np.array([turn_sigma ** -2] * 3 + [shift_sigma ** -2] * 3)
    total = np.zeros(6)
    pose = expected
    for _ in range(_ITERATIONS):
        residual, jacobian, visible = _residuals(pose, points, pixels, camera)
        size = np.sqrt(residual[0] ** 2 + residual[1] ** 2) / pixel_sigma
        weight = np.where(visible, np.minimum(1, _HUBER / np.maximum(size, 1e-9)), 0)
        rows = (jacobian * (weight / pixel_sigma ** 2)).reshape(6, -1)
        hessian = rows @ jacobian.reshape(6, -1).T
        hessian[np.diag_indices(6)] += prior
        step = -np.linalg.solve(hessian, rows @ residual.reshape(-1) + prior * total)
        total = total + step
        pose = expected @ motion(total)
        if np.abs(step).max() < _CLOSE:
            break
    residual, _, visible = _residuals(pose, points, pixels, camera)
    inliers = visible & (residual[0] ** 2 + residual[1] ** 2 < (_INLIER * pixel_sigma) ** 2)
    return Refined(pose, inliers)


def _residuals(pose: np.ndarray, points: np.ndarray, pixels: np.ndarray,
               camera: Camera) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (2, N) residuals in pixels, their (6, 2, N) derivatives, and who is in front."""
    local = (points - pose[:3, 3]) @ pose[:3, :3]
    visible = local[:, 2] > 0.05
    inverse_z = 1 / np.where(visible, local[:, 2], 1)
    x, y = local[:, 0] * inverse_z, local[:, 1] * inverse_z
    residual = np.stack([x * camera.fx + camera.cx - pixels[:, 0],
                         y * camera.fy + camera.cy - pixels[:, 1]])
    # The pose turns by w and shifts by t in its own frame, so points move by -w x p - t.
    move = np.zeros((6, 2, len(points)))
    move[0] = x * y, 1 + y * y
    move[1] = -1 - x * x, -x * y
    move[2] = y, -x
    move[3, 0] = move[4, 1] = -inverse_z
    move[5] = x * inverse_z, y * inverse_z
    return residual, move * np.array([[camera.fx], [camera.fy]]), visible


def motion(twist: np.ndarray) -> np.ndarray:
    """Return the (4, 4) of a rotation vector (radians) and a shift (metres), (6,) together."""
    result = np.eye(4)
    result[:3, :3] = rotation(twist[:3])
    result[:3, 3] = twist[3:]
    return result


def rotation(vector: np.ndarray) -> np.ndarray:
    """Return the (3, 3) that turns by the length of *vector* around it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    if angle < 1e-8:
        return np.eye(3) + cross
    return (np.eye(3) + np.sin(angle) / angle * cross
            + (1 - np.cos(angle)) / angle ** 2 * cross @ cross)


def rotation_vector(turn: np.ndarray) -> np.ndarray:
    """Return the (3,) axis times angle (radians) of a (3, 3) rotation of less than half a turn."""
    axis = np.array([turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]])
    sine = np.linalg.norm(axis) / 2
    return axis / 2 if sine < 1e-8 else axis / (2 * sine) * angle_of(turn)


def angle_of(turn: np.ndarray) -> float:
    """Return the angle of a (3, 3) rotation in radians."""
    return float(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))


def inverse(pose: np.ndarray) -> np.ndarray:
    """Return the inverse of a rigid (4, 4)."""
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result
