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
"""Smooth camera paths through free space, as a hand or a robot moves a camera."""

from __future__ import annotations

import math

from lstm_depth.errors import ConfigError
from lstm_depth.render.config import PathConfig
from lstm_depth.render.room import look, Room
import numpy as np

# Uniform cubic B-spline: each row gives the weights of four control points for
# the powers 1, t, t^2, t^3 of the time within a one-second segment.
_SPLINE = np.array([[1, 4, 1, 0], [-3, 0, 3, 0], [3, -6, 3, 0], [-1, 3, -3, 1]]) / 6
_CHECKS = np.linspace(0, 1, 9)
_CHECK_WEIGHTS = (_CHECKS[:, None] ** np.arange(4)) @ _SPLINE
# How long before and after a stop the camera slows down.
_EASE_S = 0.5
# A path begins at rest: this much of it comes before the first frame.
_RUN_UP_S = 2.5
# Room for the tremor and for what happens between the checked points.
_MARGIN_M = 0.04


class CameraPath:
    """
    An endless path; `pose` may be asked for any time from 0 s on.

    Position, yaw, pitch and roll follow cubic B-splines with a control point a
    second: the second derivative is continuous and the speed never exceeds the
    largest step. The hand's tremor is a sum of slow sines.
    """

    def __init__(self, room: Room, rng: np.random.Generator,
                 config: PathConfig | None = None) -> None:
        """Start at a random free place of *room*."""
        self._room, self._rng = room, rng
        self._config = config or PathConfig()
        low, high = self._config.height_m
        self._heights = (low, min(high, float(room.size[2]) - 0.4))
        if self._heights[0] > self._heights[1]:
            raise ConfigError(f'height_m starts at {low} m, but the room is only '
                              f'{room.size[2]:.2f} m high')
        self._points, self._angles = self._start()
        self._heading = self._rng.uniform(-math.pi, math.pi)
        self._retarget(self._points[-1])
        self._frequencies = rng.uniform(0.6, 4.0, (6, 4))
        self._phases = rng.uniform(0, 2 * math.pi, (6, 4))

    def _start(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return four equal control points at a free place with a view."""
        clearance = self._config.clearance_m + 2 * _MARGIN_M
        best, best_view = None, (False, -1.0)
        for _ in range(12):
            pose = self._room.random_pose(self._rng, clearance_m=clearance,
                                          height_m=self._heights)
            free = bool(self._room.clearance(pose[:3, 3])[0] >= clearance)
            view = (free, self._room.look_ahead(pose))
            if view > best_view:
                best, best_view = pose, view
        if not best_view[0]:
            raise ConfigError(f'no place in the room is {clearance:.2f} m from everything; take '
                              'a smaller clearance_m or furniture_share')
        forward = best[:3, 2]
        angles = np.array([math.atan2(forward[1], forward[0]), math.asin(forward[2]), 0.0])
        return [best[:3, 3]] * 4, [angles] * 4

    def pose(self, time_s: float) -> np.ndarray:
        """Return the (4, 4) float64 camera-to-world pose at *time_s* seconds."""
        if not 0 <= time_s < math.inf:
            raise ConfigError(f'a path starts at 0 s; there is no pose at {time_s} s')
        moved = _RUN_UP_S + self._moving_time(time_s)
        segment = int(moved)
        while len(self._points) < segment + 4:
            self._extend()
        weights = (moved - segment) ** np.arange(4) @ _SPLINE
        position = weights @ np.array(self._points[segment:segment + 4])
        yaw, pitch, roll = weights @ np.array(self._angles[segment:segment + 4])
        shake = np.sin(2 * math.pi * self._frequencies * moved + self._phases)
        shake = (shake / self._frequencies).mean(axis=1) * self._config.tremor
        position = position + 0.004 * shake[:3]
        angles = np.array([yaw, pitch, roll]) + 0.006 * shake[3:]
        return look(position, *angles)

    def _moving_time(self, time_s: float) -> float:
        """
        Return the time without the stop, slowing down to it and speeding up after it.

        While the camera stands, the value does not change in the last bit.
        """
        start, length = self._config.still_from_s, self._config.still_for_s
        if length == 0:
            return time_s
        ease = min(_EASE_S, start)
        # Slowing down linearly over twice the ease covers the ground of one.
        if time_s <= start - ease:
            return time_s
        if time_s < start:
            late = (time_s - (start - ease)) / max(ease, 1e-9)
            return start - ease + ease * (late - late ** 2 / 2)
        stopped = start - ease / 2
        if time_s <= start + length:
            return stopped
        after = time_s - start - length
        if after < _EASE_S:
            return stopped + after ** 2 / (2 * _EASE_S)
        return stopped + after - _EASE_S / 2

    def _extend(self) -> None:
        """Append one control point of position and view."""
        point = self._next_point()
        self._points.append(point)
        self._watch_for -= 1
        if self._watch_for <= 0 or np.linalg.norm(self._target - point) < 1.1:
            self._retarget(point)
        offset = self._target - point
        last = self._angles[-1]
        yaw = math.atan2(offset[1], offset[0])
        pitch = math.atan2(offset[2], math.hypot(offset[0], offset[1]))
        turn = (yaw - last[0] + math.pi) % (2 * math.pi) - math.pi
        rate = self._config.turn_rate
        step = np.clip([turn, np.clip(pitch, -0.6, 0.3) - last[1],
                        self._rng.normal(0, 0.04) - last[2]], -rate, rate)
        self._angles.append(last + step)

    def _next_point(self) -> np.ndarray:
        """Return a control point that keeps the path clear, close to the heading at first."""
        low, high = self._config.speed_mps
        for attempt in range(60):
            spread = 0.35 + 0.1 * attempt
            heading = self._heading + self._rng.normal(0, spread)
            length = self._rng.uniform(low, high) * (1 - attempt / 80)
            climb = self._rng.normal(0, 0.1) * min(1.0, length / 0.3)
            step = np.array([math.cos(heading), math.sin(heading), 0]) * length
            step[2] = np.clip(climb, -0.3 * length, 0.3 * length)
            point = self._points[-1] + step
            point[2] = np.clip(point[2], *self._heights)
            if self._is_clear([*self._points[-3:], point]):
                self._heading = heading
                return point
        self._heading += math.pi
        # Slowing down on the spot; should even that come too close, the way back is clear.
        if self._is_clear([*self._points[-3:], self._points[-1]]):
            return self._points[-1]
        return self._points[-2]

    def _is_clear(self, control: list[np.ndarray]) -> bool:
        """Return whether a segment, and stopping at its end, keeps the clearance."""
        control = np.array(control)
        halt = np.array([*control[1:], control[-1]])
        rest = np.array([*control[2:], control[-1], control[-1]])
        curve = np.concatenate([_CHECK_WEIGHTS @ part for part in (control, halt, rest)])
        needed = self._config.clearance_m + _MARGIN_M
        return bool((self._room.clearance(curve) >= needed).all())

    def _retarget(self, position: np.ndarray) -> None:
        """Choose something to look at: a body or a place that is not too close."""
        landmarks = self._room.landmarks()
        best, best_depth = None, -1.0
        for _ in range(6):
            if self._rng.random() < 0.5:
                target = landmarks[self._rng.integers(len(landmarks))].copy()
            else:
                target = self._rng.uniform(0, 1, 3) * self._room.size
            target[2] = np.clip(target[2], 0.3, 1.5)
            offset = target - position
            pose = look(position, math.atan2(offset[1], offset[0]), -0.1, 0)
            ahead = self._room.look_ahead(pose)
            if ahead > best_depth and np.linalg.norm(offset) > 1.3:
                best, best_depth = target, ahead
            if best_depth > 1.6:
                break
        self._target = self._room.size / 2 if best is None else best
        self._watch_for = int(self._rng.integers(3, 8))
