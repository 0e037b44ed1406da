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
"""Rooms that can be looked at from anywhere."""

from __future__ import annotations

from lstm_depth.errors import ConfigError
from lstm_depth.geometry import Camera, NYU_CAMERA
from lstm_depth.render.config import ImageConfig, RoomConfig
from lstm_depth.render.furnish import plan_room, RoomPlan
from lstm_depth.render.lights import Crevices, ShadowMap
from lstm_depth.render.raster import cast
from lstm_depth.render.scene import Scene
from lstm_depth.render.shade import develop, Lighting, mean_luminance, shade
import numpy as np

# Mean linear brightness that exposure aims at (photographic mid-grey is 0.18).
_TARGET_LUMINANCE = 0.24
_PROBE_CAMERA = NYU_CAMERA.resized(64, 48)


class Room:
    """
    A closed room; the world frame has its origin in a corner of the floor, z up.

    *size* is (3,) metres along x, y and z, *purpose* what the room is for. Nothing
    in it moves, so shadows are worked out once.
    """

    def __init__(self, plan: RoomPlan, rng: np.random.Generator, *,
                 shadow_size: int = 192) -> None:
        """Build the room of *plan*; *rng* shifts textures and chooses exposure probes."""
        self.size = np.asarray(plan.size, np.float64)
        self.purpose = plan.purpose
        self._atlas = plan.atlas
        self._scene = Scene(self.size, plan.shell, plan.solids, plan.atlas, rng)
        self._boxes = self._scene.boxes
        self._inverse = np.array([box.rotation.T for box in self._boxes]).reshape(-1, 3, 3)
        self._centres = np.array([box.centre for box in self._boxes]).reshape(-1, 3)
        self._halves = np.array([box.half for box in self._boxes]).reshape(-1, 3)
        self._lighting = self._light(plan, shadow_size)
        self._exposure = 1.0
        self._exposure = self._meter(rng)

    def _light(self, plan: RoomPlan, shadow_size: int) -> Lighting:
        """Cast the shadows and estimate the light that the room's surfaces return."""
        shadows = [ShadowMap(self._scene, light.position, shadow_size) if shadow_size else None
                   for light in plan.lights]
        width, length, height = self.size
        area = 2 * (width * length + width * height + length * height)
        flux = np.zeros(3)
        for light in plan.lights:
            # A sphere of directions, or the cosine lobe of a window.
            flux += (4 if light.normal is None else 1) * np.pi * np.array(light.colour)
        mean = flux / area * plan.reflectance / (1 - plan.reflectance)
        floor = np.array(plan.shell[4].tint) ** 2
        below = mean * (0.45 + 0.35 * floor)
        return Lighting(plan.lights, shadows, Crevices(self._scene), mean.astype(np.float32),
                        below.astype(np.float32), float(mean.mean() / plan.reflectance))

    def _meter(self, rng: np.random.Generator) -> float:
        """Return the exposure that makes random views as bright as a good photograph."""
        means = [mean_luminance(self._light_of(self.random_pose(rng), _PROBE_CAMERA, 1)[0])
                 for _ in range(5)]
        return _TARGET_LUMINANCE / max(float(np.median(means)), 1e-6)

    def render(self, pose: np.ndarray, camera: Camera, *, config: ImageConfig | None = None,
               rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """
        Return what *camera* sees from *pose*.

        *pose*: (4, 4) camera-to-world, optical axes, inside the room. *rng* is the
        source of sensor noise; without it the image has none. Returns (H, W, 3) uint8
        RGB and (H, W) float32 metres along z, exact and valid everywhere.
        """
        config = config or ImageConfig()
        light, depth = self._light_of(pose, camera, config.supersample)
        brightness = max(mean_luminance(light) * self._exposure, 1e-6)
        gain = (_TARGET_LUMINANCE / brightness) ** config.auto_exposure
        return develop(light, self._exposure * gain * config.exposure, config, rng), depth

    def depth(self, pose: np.ndarray, camera: Camera) -> np.ndarray:
        """Return the (H, W) float32 depth in metres alone, as in `render`."""
        self._check_view(pose, camera)
        return cast(self._scene, pose, *_ray_axes(camera, 1))[0].astype(np.float32)

    def _light_of(self, pose: np.ndarray, camera: Camera,
                  supersample: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the (H, W, 3) linear light and the (H, W) float32 depth of a view."""
        self._check_view(pose, camera)
        xs, ys = _ray_axes(camera, 1)
        depth, surface = cast(self._scene, pose, xs, ys)
        light = self._shade(pose, camera, np.tile(xs, len(ys)), np.repeat(ys, len(xs)), depth,
                            surface).reshape(*depth.shape, 3)
        if supersample > 1:
            self._smooth_edges(pose, camera, supersample, surface, light)
        return light, depth.astype(np.float32)

    def _shade(self, pose: np.ndarray, camera: Camera, ray_x: np.ndarray, ray_y: np.ndarray,
               depth: np.ndarray, surface: np.ndarray) -> np.ndarray:
        """Return the (N, 3) light along N rays."""
        return shade(self._scene, self._atlas, self._lighting, pose, ray_x, ray_y, depth.ravel(),
                     surface.ravel(), 1 / camera.fx)

    def _smooth_edges(self, pose: np.ndarray, camera: Camera, supersample: int,
                      surface: np.ndarray, light: np.ndarray) -> None:
        """Replace, in *light*, the pixels that see several surfaces by the mean of more rays."""
        xs, ys = _ray_axes(camera, supersample)
        depth, fine = cast(self._scene, pose, xs, ys)
        shape = (camera.height, supersample, camera.width, supersample)
        edge = (fine.reshape(shape) != surface[:, None, :, None]).any(axis=(1, 3))
        row, column = np.nonzero(edge)
        step = np.arange(supersample)
        rows = (row[:, None, None] * supersample + step[:, None]) + 0 * step
        columns = (column[:, None, None] * supersample + step) + 0 * step[:, None]
        rows, columns = rows.ravel(), columns.ravel()
        samples = self._shade(pose, camera, xs[columns], ys[rows], depth[rows, columns],
                              fine[rows, columns])
        # Highlights are cut before averaging, or edges of lamps would not be smooth.
        samples = np.minimum(samples, np.float32(3 / self._exposure))
        light[edge] = samples.reshape(len(row), supersample ** 2, 3).mean(axis=1)

    def _check_view(self, pose: np.ndarray, camera: Camera) -> None:
        """Raise ConfigError for a camera without rays or outside the room."""
        if not camera.calibrated:
            raise ConfigError('the camera is not calibrated (fx or fy is 0): no rays to cast')
        position = pose[:3, 3]
        if not np.all((position > 0) & (position < self.size)):
            raise ConfigError(f'the camera at {np.round(position, 2).tolist()} is outside the '
                              f'room of {np.round(self.size, 2).tolist()} m')

    def clearance(self, points: np.ndarray) -> np.ndarray:
        """
        Return how far (N, 3) *points* are from the nearest surface, (N,) metres.

        Never more than the true distance: round bodies count with the boxes round
        them. Negative or zero inside a body and outside the room.
        """
        points = np.atleast_2d(np.asarray(points, np.float64))
        shell = np.minimum(points, self.size - points).min(axis=1)
        if not self._boxes:
            return shell
        local = np.einsum('bij,nbj->nbi', self._inverse, points[:, None] - self._centres)
        outside = np.abs(local) - self._halves
        distance = (np.linalg.norm(np.maximum(outside, 0), axis=2)
                    + np.minimum(outside.max(axis=2), 0))
        return np.minimum(shell, distance.min(axis=1))

    def random_position(self, rng: np.random.Generator, *, clearance_m: float = 0.35,
                        height_m: tuple[float, float] = (0.4, 1.7)) -> np.ndarray:
        """Return a (3,) point at least *clearance_m* from everything, else the freest found."""
        low = np.array([0.2, 0.2, height_m[0]])
        high = np.array([*(self.size[:2] - 0.2), min(height_m[1], self.size[2] - 0.2)])
        points = rng.uniform(low, high, (96, 3))
        distances = self.clearance(points)
        free = np.nonzero(distances >= clearance_m)[0]
        return points[free[0] if len(free) else int(distances.argmax())]

    def random_pose(self, rng: np.random.Generator, *, clearance_m: float = 0.35,
                    height_m: tuple[float, float] = (0.4, 1.7)) -> np.ndarray:
        """
        Return a random (4, 4) camera-to-world pose that looks into the room.

        Of a few random views the first with enough room before it is taken: a median
        depth of at least a random 1 to 3 m or, failing that, the largest.
        """
        best, best_depth, wanted = None, -1.0, rng.uniform(1, 3)
        for _ in range(8):
            position = self.random_position(rng, clearance_m=clearance_m, height_m=height_m)
            yaw, pitch = rng.uniform(-np.pi, np.pi), rng.normal(-0.12, 0.2)
            pose = look(position, yaw, float(np.clip(pitch, -0.8, 0.5)), rng.normal(0, 0.04))
            ahead = self.look_ahead(pose)
            if ahead > best_depth:
                best, best_depth = pose, ahead
            if best_depth >= wanted:
                break
        return best

    def look_ahead(self, pose: np.ndarray) -> float:
        """Return the median depth in metres of a coarse view from *pose*."""
        return float(np.median(self.depth(pose, NYU_CAMERA.resized(12, 9))))

    def landmarks(self) -> np.ndarray:
        """Return (N, 3) middles of bodies worth looking at."""
        large = self._halves.max(axis=1, initial=0) > 0.2
        return self._centres[large] if large.any() else self.size[None] / 2


def look(position: np.ndarray, yaw: float, pitch: float, roll: float) -> np.ndarray:
    """
    Return the (4, 4) pose of a camera at *position*.

    *yaw* turns from +x towards +y, positive *pitch* looks up, positive *roll*
    turns the camera clockwise about its axis; radians. Camera axes are optical.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    forward = np.array([cy * cp, sy * cp, sp])
    level = np.array([sy, -cy, 0])
    down = np.cross(forward, level)
    pose = np.eye(4)
    pose[:3, 0] = np.cos(roll) * level + np.sin(roll) * down
    pose[:3, 1] = np.cos(roll) * down - np.sin(roll) * level
    pose[:3, 2] = forward
    pose[:3, 3] = position
    return pose


def random_room(seed: int, config: RoomConfig | None = None) -> Room:
    """
    Return the furnished room of *seed*.

    The same seed and settings give the same room. A plan that leaves the camera too
    little space is drawn again with less furniture.
    """
    config = config or RoomConfig()
    share = config.furniture_share
    for attempt in range(6):
        rng = np.random.default_rng([seed, attempt])
        room = Room(plan_room(rng, config, share), rng, shadow_size=config.shadow_size)
        heights = np.array([0, 0, 1.3 - 0.5])
        points = rng.uniform(heights, (*room.size[:2], 1.3), (300, 3))
        if (room.clearance(points) > 0.42).mean() > 0.12:
            break
        share *= 0.7
    return room


def _ray_axes(camera: Camera, supersample: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the ray coordinates of all columns and rows at depth 1, float64."""
    step, start = 1 / supersample, 0.5 / supersample - 0.5
    columns = start + step * np.arange(camera.width * supersample)
    rows = start + step * np.arange(camera.height * supersample)
    return (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
