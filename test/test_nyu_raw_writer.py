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
"""Raw scenes written from known depth, and that depth found again by build-nyu."""

from __future__ import annotations

from _nyu_raw_writer import KinectNoise, raw_colour, raw_depth, write_raw_scene
import cv2
from lstm_depth.data.nyu import kinect
from lstm_depth.data.nyu.frame import project_frame
from lstm_depth.data.nyu.pnm import decode_pgm
from lstm_depth.data.nyu.projection import undistorter
from lstm_depth.data.nyu.raw_scene import RawScene
from lstm_depth.data.readers import open_dataset, ReaderOptions
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.render import random_room
import numpy as np
import pytest

CAMERA = kinect.RGB_LENS.camera()
QUIET = KinectNoise(disparity=0, dropout=0, edge_dropout=0, rgb=0)
STAMP = 1294886360_200000000


def errors_by_distance(truth: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Return the median absolute error in metres for each metre of distance."""
    result = {}
    for near, far in ((1, 1.5), (1.5, 2.5), (2.5, 3.5), (3.5, 5), (5, 10)):
        here = (truth >= near) & (truth < far) & np.isfinite(found)
        if here.sum() > 2000:
            result[f'{near}-{far} m'] = float(np.median(np.abs(found - truth)[here]))
    return result


def rebuilt(tmp_path, frames: list[CameraFrame], **options) -> list[CameraFrame]:
    """Return frames after being written as a raw scene and projected again."""
    folder = tmp_path / 'office_0001'
    write_raw_scene(folder, frames, **options)
    scene = RawScene('office_0001', folder)
    return [project_frame(scene, frame) for frame in scene.frames()]


def test_exact_depth_of_a_rendered_room_comes_back_within_a_centimetre_at_3_m(
        tmp_path, record_property):
    frames = []
    for seed in range(1, 3):
        room, rng = random_room(seed), np.random.default_rng(seed)
        small = CAMERA.resized(64, 48)
        pose = max((room.random_pose(rng) for _ in range(20)),
                   key=lambda pose: (room.depth(pose, small) > 2.7).mean())
        rgb, depth = room.render(pose, CAMERA)
        frames.append(CameraFrame(rgb, STAMP + seed * 33_000_000, depth=depth))
    found = rebuilt(tmp_path, frames)
    errors = errors_by_distance(np.stack([frame.depth for frame in frames]),
                                np.stack([frame.depth for frame in found]))
    print('median error', {key: f'{value * 100:.2f} cm' for key, value in errors.items()})
    record_property('median_error_m', errors)
    assert errors['2.5-3.5 m'] < 0.01
    assert errors.get('1.5-2.5 m', 0) < 0.006 and errors['3.5-5 m'] < 0.03
    assert all(np.isfinite(frame.depth).mean() > 0.6 for frame in found)
    sharp = np.abs(found[0].rgb[60:-60, 60:-60].astype(int) - frames[0].rgb[60:-60, 60:-60])
    assert sharp.mean() < 4


def test_real_frames_come_back(tmp_path, shared):
    sequences = open_dataset(shared / 'data' / 'nyu_labeled_train', ReaderOptions()).sequences
    frames = [sequences[place].frame(0) for place in (10, 60)]
    frames = [CameraFrame(frame.rgb, STAMP + n * 33_000_000, depth=frame.depth)
              for n, frame in enumerate(frames)]
    found = rebuilt(tmp_path, frames)
    errors = errors_by_distance(np.stack([frame.depth for frame in frames]),
                                np.stack([frame.depth for frame in found]))
    print('median error', {key: f'{value * 100:.2f} cm' for key, value in errors.items()})
    assert errors and max(errors.values()) < 0.08
    assert errors.get('1.5-2.5 m', 0) < 0.012


def test_a_wall_is_measured_where_it_is():
    depth = np.full((480, 640), 2.0, np.float32)
    raw = raw_depth(depth, QUIET, np.random.default_rng(0))
    inside = raw[60:-60, 60:-60]
    # The depth camera is turned by half a degree, so the wall slants a little.
    expected = kinect.metres_to_raw(np.array([1.98, 2.02]))
    assert expected[0] - 1 <= inside.min() and inside.max() <= expected[1] + 1


def test_near_and_unknown_depth_is_no_reading():
    depth = np.full((480, 640), 2.0, np.float32)
    depth[100:200, 200:300] = np.nan
    depth[300:400, 200:300] = 0.2                      # raw below 0
    raw = raw_depth(depth, QUIET, np.random.default_rng(0))
    assert (raw[80:160, 200:270] == kinect.NO_READING).all()
    assert (raw[310:390, 260:280] == kinect.NO_READING).all()


def test_the_lens_distortion_is_undone(tmp_path):
    rgb = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (480, 640, 3)).astype(
        np.uint8), (0, 0), 6)
    back = undistorter(kinect.RGB_LENS, 640, 480).rgb(
        raw_colour(rgb, QUIET, np.random.default_rng(0)))
    error = np.abs(back.astype(int) - rgb)[40:-40, 40:-40]
    assert error.max() <= 2


def test_the_noise_is_as_large_as_asked_for():
    depth = np.full((480, 640), 2.0, np.float32)
    exact = raw_depth(depth, QUIET, np.random.default_rng(0)).astype(float)
    noisy = raw_depth(depth, KinectNoise(disparity=2, dropout=0.1, edge_dropout=0),
                      np.random.default_rng(0)).astype(float)
    seen = (exact < 2047) & (noisy < 2047)
    assert np.std((noisy - exact)[seen]) == pytest.approx(2, abs=0.2)
    assert 1 - seen.sum() / (exact < 2047).sum() == pytest.approx(0.1, abs=0.01)


def test_a_scene_is_the_same_for_the_same_seed_and_appears_whole(tmp_path):
    rng = np.random.default_rng(0)
    frame = CameraFrame(rng.integers(0, 256, (480, 640, 3)).astype(np.uint8), STAMP,
                        depth=np.full((480, 640), 2.0, np.float32))
    for name in 'ab':
        assert write_raw_scene(tmp_path / name, [frame], seed=5) == 1
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in 'ab']
    assert files[0] == files[1] and [name[0] for name in files[0]] == ['a', 'd', 'r']
    assert all((tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
               for name in files[0])
    assert decode_pgm((tmp_path / 'a' / files[0][1]).read_bytes(), 'd').shape == (480, 640)
    with pytest.raises(DataError, match='without depth'):
        write_raw_scene(tmp_path / 'c', [frame, CameraFrame(frame.rgb, STAMP)])
    assert not (tmp_path / 'c').exists()


@pytest.mark.parametrize('values', [{'disparity': -1}, {'dropout': 2}, {'edge_dropout': -0.1}])
def test_impossible_noise_is_refused(values):
    with pytest.raises(ConfigError):
        KinectNoise(**values)
