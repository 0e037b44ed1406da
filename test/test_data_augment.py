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
"""Augmentation: one draw for all frames, and points stay where the geometry says."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.data.augment import (
    augment,
    AugmentConfig,
    fitted_to_focal,
    flipped,
    recipe,
    rotated,
    windowed,
)
from lstm_depth.data.clip import Clip, clip_of, collate
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.geometry import Camera
import numpy as np
import pytest
import torch

CAMERA = Camera(160, 120, 130.0, 130.0, 70.0, 65.0)


def room_clip(length: int = 3, camera: Camera | None = CAMERA) -> Clip:
    """Return frames of a slanted wall whose colour is its place in the room, with poses."""
    frames = []
    for number in range(length):
        pose = np.eye(4)
        pose[:3, 3] = 0.1 * number, -0.05 * number, 0.02
        rays = CAMERA.rays().astype(np.float64)
        normal = np.array([0.3, 0.2, 1.0])
        depth = (3 - normal @ pose[:3, 3]) / (rays @ normal)
        world = rays * depth[..., None] + pose[:3, 3]
        rgb = np.clip(world * 40 + 100, 0, 255).astype(np.uint8)
        depth[:3] = np.nan
        frames.append(CameraFrame(rgb, number * 33_000_000, camera=camera,
                                  depth=depth.astype(np.float32), pose=pose))
    return clip_of(frames, 'room')


def world_points(clip: Clip) -> tuple[np.ndarray, np.ndarray]:
    """Return the (N, 3) points of all valid pixels in the room, and their colours."""
    points, colours = [], []
    for number in range(len(clip)):
        depth = clip.depth[number, 0].numpy()
        seen = clip.camera.backproject(depth) @ clip.poses[number, :3, :3].numpy().T \
            + clip.poses[number, :3, 3].numpy()
        valid = clip.valid[number, 0].numpy()
        points.append(seen[valid])
        colours.append(clip.frames[number].permute(1, 2, 0).numpy()[valid])
    return np.concatenate(points), np.concatenate(colours)


def check_points(clip: Clip, mirrored: bool = False, tolerance: float = 1.5) -> None:
    """Check that each pixel's colour is still its place in the room."""
    points, colours = world_points(clip)
    assert len(points) > 1000
    expected = points * [-40 if mirrored else 40, 40, 40] + 100
    inside = ((expected > 2) & (expected < 253)).all(axis=1)
    error = np.abs(colours[inside] - expected[inside])
    assert np.percentile(error, 97) < tolerance


def test_a_clip_is_what_its_frames_are():
    clip = room_clip()
    assert clip.frames.shape == (3, 3, 120, 160) and clip.frames.dtype == torch.uint8
    assert clip.depth.shape == clip.valid.shape == (3, 1, 120, 160)
    assert not clip.valid[:, :, :3].any() and (clip.depth[:, :, :3] == 0).all()
    assert clip.stamps.tolist() == pytest.approx([0, 0.033, 0.066])
    check_points(clip)


def test_a_flip_mirrors_the_principal_point_and_the_room():
    clip = flipped(room_clip())
    assert clip.camera.cx == 160 - 1 - 70
    check_points(clip, mirrored=True)
    rotation = clip.poses[:, :3, :3]
    torch.testing.assert_close(torch.linalg.det(rotation), torch.ones(3, dtype=torch.float64))
    again = flipped(clip)
    assert again.camera == CAMERA and torch.equal(again.frames, room_clip().frames)
    torch.testing.assert_close(again.poses, room_clip().poses)


@pytest.mark.parametrize('degrees', [-5.0, 3.0, 40.0])
def test_a_rotation_turns_the_camera_and_leaves_depth_alone(degrees):
    clip = rotated(room_clip(), degrees)
    assert clip.camera == CAMERA
    # Depth is picked from the nearest pixel, so colours are off by part of a pixel.
    check_points(clip, tolerance=2.5)
    assert not torch.equal(clip.poses, room_clip().poses)


def test_what_a_rotation_brings_into_view_is_invalid():
    clip = rotated(room_clip(), 20.0)
    corner = clip.valid[:, 0, -1, 0]
    assert not corner.any() and (clip.depth[:, 0, -1, 0] == 0).all()


def test_a_crop_moves_the_principal_point():
    clip = windowed(room_clip(), 20, 30, 100, 80, (100, 80))
    assert clip.camera == Camera(100, 80, 130.0, 130.0, 50.0, 35.0)
    check_points(clip)


def test_a_zoom_is_a_longer_lens():
    clip = windowed(room_clip(), 40, 30, 80, 60, (160, 120))
    assert clip.camera.fx == 260 and clip.camera.cx == 60
    # The camera convention scales cx without the half pixel of the resampling.
    check_points(clip, tolerance=2.5)


def test_squeezing_changes_the_two_focal_lengths_alone():
    clip = augment(room_clip(), AugmentConfig(width=80, height=80, squeeze=True),
                   np.random.default_rng(0))
    assert clip.frames.shape[-2:] == (80, 80)
    assert clip.camera.fx == 65 and clip.camera.fy == pytest.approx(130 * 80 / 120)
    check_points(clip, tolerance=3)


def test_with_a_fixed_focal_length_a_zoom_divides_depth():
    clip = room_clip()
    focal = (130 / 160, 130 / 120)
    zoomed = augment(clip, AugmentConfig(zoom=(2, 2), centred=True, focal=focal),
                     np.random.default_rng(0))
    assert zoomed.camera.fx == 130 and zoomed.poses is None
    np.testing.assert_allclose(zoomed.depth[0, 0, 60, 80], clip.depth[0, 0, 60, 80] / 2,
                               rtol=0.02)
    unchanged = fitted_to_focal(clip, focal)
    torch.testing.assert_close(unchanged.depth, clip.depth)


def test_a_focal_length_needs_a_camera():
    with pytest.raises(ConfigError, match='camera is not known'):
        fitted_to_focal(room_clip(camera=None), (1.0, 1.0))


def test_depth_is_never_averaged():
    clip = room_clip()
    small = augment(clip, AugmentConfig(width=40, height=30), np.random.default_rng(0))
    assert torch.isin(small.depth, clip.depth).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([
    recipe('video'), AugmentConfig(width=64, height=64, flip=0.5, rotation_deg=5, crop=(100, 90)),
    AugmentConfig(width=64, height=64, squeeze=True, flip=0.5)]))
def test_all_frames_of_a_clip_change_alike(seed, config):
    frame = room_clip(1)
    clip = replace(frame, **{key: getattr(frame, key).repeat(3, 1, 1, 1)
                             for key in ('frames', 'depth', 'valid')},
                   poses=frame.poses.repeat(3, 1, 1), stamps=frame.stamps.repeat(3))
    changed = augment(clip, config, np.random.default_rng(seed))
    for key in ('frames', 'depth', 'valid'):
        value = getattr(changed, key)
        assert torch.equal(value[0], value[1]) and torch.equal(value[0], value[2])
    assert (changed.camera.width, changed.camera.height) == changed.frames.shape[:1:-1]
    assert torch.equal(changed.valid, changed.depth > 0)
    alone = augment(frame, config, np.random.default_rng(seed))
    assert torch.equal(alone.frames[0], changed.frames[0])


def test_a_recipe_without_changes_changes_nothing():
    clip = room_clip()
    same = augment(clip, recipe('none'), np.random.default_rng(0))
    assert torch.equal(same.frames, clip.frames) and same.camera == clip.camera


def test_a_crop_is_a_random_window_of_its_size():
    frame = CameraFrame(np.zeros((480, 640, 3), np.uint8), 0, camera=CAMERA.resized(640, 480),
                        depth=np.ones((480, 640), np.float32))
    config = AugmentConfig(width=128, height=128, flip=0.5, crop=(480, 480))
    cameras = [augment(clip_of([frame]), config, np.random.default_rng(seed)).camera
               for seed in range(12)]
    assert all(camera.fx == pytest.approx(4 * 130 * 128 / 480) for camera in cameras)
    assert len({camera.cx for camera in cameras}) > 6


def test_colour_changes_stay_within_their_range():
    frame = CameraFrame(np.full((8, 8, 3), 100, np.uint8), 0, depth=np.ones((8, 8), np.float32))
    config = AugmentConfig(brightness=(0.8, 1.2))
    clips = [augment(clip_of([frame]), config, np.random.default_rng(seed)) for seed in range(60)]
    values = [int(clip.frames[0, 0, 0, 0]) for clip in clips]
    assert 79 <= min(values) < 90 and 110 < max(values) <= 121


@pytest.mark.parametrize('values', [
    {'width': 3}, {'width': 0, 'height': 3}, {'flip': 2}, {'zoom': (0.5, 1)}, {'hue': 0.7},
    {'gamma': (0, 1)}, {'brightness': (2, 1)}])
def test_impossible_augmentation_is_refused(values):
    with pytest.raises(ConfigError):
        AugmentConfig(**values)


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(ConfigError, match='none, video'):
        recipe('nope')


def test_a_batch_stacks_clips_and_refuses_what_does_not_fit():
    batch = collate([room_clip(), room_clip(camera=None)])
    assert batch.frames.shape == (2, 3, 3, 120, 160) and batch.names == ('room', 'room')
    assert batch.intrinsics.tolist() == [[130, 130, 70, 65], [0, 0, 0, 0]]
    assert batch.to('cpu').reset.tolist() == [True, True]
    with pytest.raises(DataError, match='several sizes'):
        collate([room_clip(2), room_clip(3)])


def test_frames_that_make_no_clip_are_an_error():
    image = np.zeros((4, 4, 3), np.uint8)
    good = CameraFrame(image, 0, depth=np.ones((4, 4), np.float32))
    with pytest.raises(DataError, match='without depth'):
        clip_of([good, CameraFrame(image, 0)])
    with pytest.raises(DataError, match='several sizes'):
        clip_of([good, CameraFrame(image[:2], 0, depth=np.ones((2, 4), np.float32))])


def test_cut_depth_shows_the_truth_in_one_rectangle_of_every_frame():
    clip = room_clip()
    changed = augment(clip, AugmentConfig(cut_depth=1.0), np.random.default_rng(3))
    assert torch.equal(changed.depth, clip.depth)
    different = (changed.frames != clip.frames).any(1)
    rows, columns = torch.nonzero(different.any(0), as_tuple=True)
    box = (slice(None), slice(None), slice(rows.min(), rows.max() + 1),
           slice(columns.min(), columns.max() + 1))
    grey = (clip.depth[box] * 25.5).clamp(0, 255).to(torch.uint8)
    assert torch.equal(changed.frames[box], grey.expand(-1, 3, -1, -1))
    outside = torch.ones_like(different[0])
    outside[box[2:]] = False
    assert torch.equal(changed.frames[..., outside], clip.frames[..., outside])
    share = (rows.max() - rows.min() + 1) / clip.frames.shape[-2]
    assert share <= 0.75


def test_cut_depth_happens_as_often_as_asked():
    clip = room_clip(1)
    config = AugmentConfig(cut_depth=0.3)
    times = sum(not torch.equal(augment(clip, config, np.random.default_rng(seed)).frames,
                                clip.frames) for seed in range(300))
    assert 60 < times < 120


def test_flicker_and_noise_differ_from_frame_to_frame_and_leave_depth_alone():
    clip = room_clip(1)
    still = replace(clip, **{name: getattr(clip, name).expand(40, -1, -1, -1)
                             for name in ('frames', 'depth', 'valid')})
    still = replace(still, frames=torch.full_like(still.frames, 100))
    flickering = augment(still, AugmentConfig(flicker=0.05), np.random.default_rng(0))
    levels = flickering.frames.float().mean((1, 2, 3)) / 100
    assert 0.03 < levels.log().std() < 0.07
    assert (flickering.frames == flickering.frames[:, :, :1, :1]).all()
    noisy = augment(still, AugmentConfig(noise=4.0), np.random.default_rng(0))
    assert abs(noisy.frames.float().std() - 4) < 0.2
    assert (noisy.frames[0] != noisy.frames[1]).any()
    assert torch.equal(noisy.depth, still.depth)


def test_a_share_of_windows_is_whole():
    clip = room_clip(1)
    config = AugmentConfig(zoom=(1.2, 1.5), whole=0.4)
    whole = sum(torch.equal(augment(clip, config, np.random.default_rng(seed)).depth, clip.depth)
                for seed in range(200))
    assert 50 < whole < 110


def test_a_frame_hides_the_borders_and_their_depth():
    clip, seen = room_clip(2), set()
    for seed in range(40):
        changed = augment(clip, AugmentConfig(frame=1.0), np.random.default_rng(seed))
        hidden = clip.valid & ~changed.valid
        colour = changed.frames[0, :, -1, -1].unique().tolist()
        bars = bool((changed.frames[0, :, 60] != clip.frames[0, :, 60]).any()), \
            bool((changed.frames[0, :, :, 80] != clip.frames[0, :, :, 80]).any())
        assert not changed.valid[..., 40:80, 50:110].logical_xor(
            clip.valid[..., 40:80, 50:110]).any()
        assert torch.equal(changed.frames[..., 40:80, 50:110], clip.frames[..., 40:80, 50:110])
        assert not changed.depth[hidden].any()
        if bars == (True, True):
            assert colour == [255]
        seen.add(bars)
        assert hidden.float().mean() < 0.31
    assert {(True, True), (True, False), (False, True)} <= seen


def test_blur_and_compression_leave_depth_alone_and_change_the_image():
    clip = room_clip(2)
    rough = replace(clip, frames=torch.randint(0, 255, clip.frames.shape, dtype=torch.uint8))
    blurs, losses = [], []
    for seed in range(12):
        blurred = augment(rough, AugmentConfig(blur=2.0), np.random.default_rng(seed))
        coded = augment(clip, AugmentConfig(jpeg=20), np.random.default_rng(seed))
        assert torch.equal(blurred.depth, clip.depth) and torch.equal(coded.depth, clip.depth)
        assert blurred.frames.shape == coded.frames.shape == clip.frames.shape
        blurs.append(blurred.frames.float().std() / rough.frames.float().std())
        losses.append((coded.frames.float() - clip.frames.float()).abs().mean())
    assert sum(blur > 0.999 for blur in blurs) in range(2, 11) and min(blurs) < 0.4
    assert 0 < max(losses) < 12


@pytest.mark.parametrize('wrong', [{'whole': 1.5}, {'frame': -1.0}, {'blur': -1.0},
                                   {'jpeg': 101}, {'cut_depth': 1.5}, {'cut_share': 0.0},
                                   {'flicker': -0.1}, {'noise': 300.0}])
def test_disturbances_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        AugmentConfig(**wrong)
