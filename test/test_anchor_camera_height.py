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
"""Tests of depth anchored by the height of the camera."""

from _anchoring import abs_rel
import cv2
from lstm_depth.anchor import AnchorConfig, AnchorStage
from lstm_depth.anchor.gravity import SceneGravity
from lstm_depth.anchor.motion import rotation
from lstm_depth.geometry import Camera
from lstm_depth.render import PathConfig, sample_frames
import numpy as np
import pytest

CAMERA = Camera(240, 180, 200, 200, 119.5, 89.5)
HEIGHT = 0.6
# A network that compresses depth: near things too far, and planes tilted by it.
WRONG, POWER = 1.5, 0.8


def level_pose(pitch: float = 0.35, roll: float = 0.1) -> np.ndarray:
    """Return the pose, z up, of a camera that looks down by *pitch* and is turned by *roll*."""
    pose = np.eye(4)
    pose[:3, :3] = (np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], float)
                    @ rotation(np.array([-pitch, 0, 0])) @ rotation(np.array([0, 0, roll])))
    return pose


def room(pose: np.ndarray, floor: float = HEIGHT, wall: float = 4.0,
         below: float | None = None) -> np.ndarray:
    """
    Return (H, W) exact depth of a wall ahead and a floor so far below the camera.

    *below*: where there is a wall only below this height, the floor ends there.
    """
    rays = CAMERA.rays().astype(float) @ pose[:3, :3].T
    with np.errstate(divide='ignore'):
        down = np.where(rays[..., 2] < 0, -floor / rays[..., 2], np.inf)
        ahead = np.where(rays[..., 0] > 0, wall / rays[..., 0], np.inf)
    depth = np.minimum(down, ahead)
    return np.where(np.isfinite(depth), depth, wall).astype(np.float32)


def network(depth: np.ndarray, power: float = POWER) -> np.ndarray:
    """Return what a network makes of it."""
    return (WRONG * depth ** power).astype(np.float32)


def anchored(truth: np.ndarray, predicted: np.ndarray, pose: np.ndarray | None,
             gray: np.ndarray | None = None, height: float = HEIGHT, frames: int = 30):
    """Return what comes of the last of some frames that are all the same."""
    stage = AnchorStage('camera_height', AnchorConfig(camera_height_m=height))
    rgb = np.zeros((*truth.shape, 3), np.uint8) if gray is None else cv2.merge([gray] * 3)
    for index in range(frames):
        result = stage.apply(rgb, predicted, CAMERA, index / 15, pose)
    return result


def upright_lines(pose: np.ndarray) -> np.ndarray:
    """Return an image of posts that stand upright in the room, and of boards that do not."""
    image = np.full((CAMERA.height, CAMERA.width), 128, np.uint8)
    for y in np.linspace(-2.5, 2.5, 11):
        ends = np.array([[4.0, y, -1.5], [4.0, y, 1.5]]) @ pose[:3, :3]
        one, two = np.rint(CAMERA.project(ends)).astype(int).tolist()
        cv2.line(image, one, two, 255 if round(y * 2) % 2 else 0, 3, cv2.LINE_AA)
    cv2.line(image, (20, 150), (200, 120), 0, 3, cv2.LINE_AA)
    return image


@pytest.mark.parametrize('pitch, roll', [(0.0, 0.0), (0.35, 0.1), (0.5, -0.15)])
def test_upright_lines_tell_which_way_is_up(pitch, roll):
    """To a degree and a half, however the camera is held."""
    pose, gravity = level_pose(pitch, roll), SceneGravity()
    for index in range(20):
        up = gravity.up(upright_lines(pose), CAMERA, index / 15)

    assert up @ pose[2, :3] > np.cos(np.radians(1.5))


def test_an_image_without_lines_tells_nothing_of_up():
    """Nor do a few."""
    gravity = SceneGravity()
    gray = np.random.default_rng(0).normal(128, 5, (180, 240)).astype(np.uint8)

    assert all(gravity.up(gray, CAMERA, index / 5) is None for index in range(10))


@pytest.mark.parametrize('known, power', [('poses', POWER), ('lines', 1.0)])
def test_the_floor_is_brought_to_the_height_of_the_camera(known, power):
    """With poses also where the network tilts it by nine degrees, and so says another height."""
    pose = level_pose()
    truth = room(pose)
    predicted = network(truth, power)
    result = anchored(truth, predicted, pose if known == 'poses' else None, upright_lines(pose))
    floor = truth < 2

    assert len(result.anchors) > 50 and result.note == ''
    assert abs_rel(result.depth, truth) < 0.6 * abs_rel(predicted, truth)
    assert (abs_rel(np.where(floor, result.depth, np.nan)[floor], truth[floor])
            < 0.4 * abs_rel(predicted[floor], truth[floor]))


@pytest.mark.parametrize('lean', [-0.2, 0.15, 0.2])
def test_lines_that_are_not_upright_do_not_tilt_a_floor_that_is_right(lean):
    """What lines and the network do not agree on is not known."""
    pose = level_pose()
    truth = room(pose)
    result = anchored(truth, truth, None, upright_lines(level_pose(0.35 + lean)))

    assert abs_rel(result.depth, truth) < 0.03


@pytest.mark.parametrize('scene, why', [
    ('no gravity', 'no gravity'), ('no floor', 'no floor'), ('a table', 'nearer than'),
    ('a wrong height', 'nearer than'), ('right already', '')])
def test_without_evidence_depth_is_left_alone(scene, why):
    """No gravity, no floor, a plane that is not the floor, and a network that needs no help."""
    pose = level_pose(pitch=-0.5 if scene == 'no floor' else 0.35)
    # A table, and nothing else, fills the view: it is 0.45 m below the camera, not 1.2 m.
    truth = room(pose, floor=0.45 if scene == 'a table' else HEIGHT)
    height = 1.2 if scene in ('a table', 'a wrong height') else HEIGHT
    result = anchored(truth, truth, None if scene == 'no gravity' else pose, height=height)

    assert why in result.note
    assert abs_rel(result.depth, truth) < 0.03


def test_in_a_rendered_room_the_height_helps_a_network_that_is_too_far():
    """The camera of a low robot; and it does not hurt one that is right."""
    path = PathConfig(height_m=(0.6, 0.61), tremor=0.0)
    frames = list(sample_frames(6, 12, width=160, height=120, rate_hz=5, path_config=path))
    for wrong, better in ((1.3, 0.5), (1.0, 1.0)):
        stage = AnchorStage('camera_height', AnchorConfig(camera_height_m=0.605))
        alone, found = [], []
        for frame in frames:
            truth = frame.depth
            predicted = (np.nan_to_num(truth, nan=5.0) * wrong).astype(np.float32)
            result = stage.apply(frame.rgb, predicted, frame.camera, frame.stamp_s, frame.pose)
            alone.append(abs_rel(predicted, truth))
            found.append(abs_rel(result.depth, truth))
        assert np.mean(found) <= better * np.mean(alone) + 0.01
