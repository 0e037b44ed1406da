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
"""Pictures of depth: what the colours mean, how panels are laid out, whole files."""

from __future__ import annotations

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.visualize import (
    colorize_depth,
    colorize_error,
    COLORMAPS,
    DepthPicture,
    INVALID_RGB,
    PictureStyle,
    strip,
    video_frame,
    write_png,
)
import numpy as np
import pytest

NAN = np.float32(np.nan)


def picture(height=48, width=64, truth=True, caption=''):
    rgb = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    depth = np.linspace(0.5, 6, height * width, dtype=np.float32).reshape(height, width)
    return DepthPicture(rgb, depth, depth * 1.2 if truth else None, caption)


def brightness(rgb):
    return rgb.astype(int).sum(axis=-1)


def test_inferno_r_draws_near_bright_and_far_dark():
    colors = colorize_depth(np.linspace(0.3, 8, 50)[None], 0.3, 8.0)
    assert colors.shape == (1, 50, 3)
    assert colors.dtype == np.uint8
    assert (np.diff(brightness(colors[0])) <= 0).all()
    assert brightness(colors[0, 0]) > 500
    assert brightness(colors[0, -1]) < 20


@pytest.mark.parametrize('colormap', COLORMAPS)
def test_invalid_depth_is_grey_and_outside_depth_takes_the_end_colour(colormap):
    depth = np.array([[NAN, np.inf, -np.inf, 1.0, 0.2, 4.0, 99.0]], np.float32)
    colors = colorize_depth(depth, 1.0, 4.0, colormap)[0]
    assert (colors[:3] == INVALID_RGB).all()
    assert (colors[3] == colors[4]).all()
    assert (colors[5] == colors[6]).all()
    assert (colors[3] != colors[5]).any()


def test_one_depth_has_one_colour_whatever_else_is_in_the_frame():
    alone = colorize_depth(np.array([[2.0]]), 0.3, 8.0)
    among = colorize_depth(np.array([[2.0, 7.9, 0.31]]), 0.3, 8.0)
    assert (alone[0, 0] == among[0, 0]).all()


def test_turbo_is_blue_near_and_red_far():
    near, far = colorize_depth(np.array([[1.5, 7.0]]), 0.0, 8.0, 'turbo')[0].astype(int)
    assert near[2] > near[0]
    assert far[0] > far[2]


@pytest.mark.parametrize(('low', 'high'), [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_an_empty_range_is_refused(low, high):
    with pytest.raises(ConfigError, match='min < max'):
        colorize_depth(np.ones((2, 2)), low, high)


def test_an_unknown_colour_map_names_the_known_ones():
    with pytest.raises(ConfigError, match='inferno_r, turbo'):
        colorize_depth(np.ones((2, 2)), 0, 1, 'jet')
    with pytest.raises(ConfigError, match='inferno_r, turbo'):
        PictureStyle(colormap='jet')


def test_error_is_white_when_exact_red_when_too_far_blue_when_too_near():
    prediction = np.array([[2.0, 4.0, 1.0, NAN, 2.0, 2.0]], np.float32)
    truth = np.array([[2.0, 2.0, 2.0, 2.0, NAN, 0.0]], np.float32)
    colors = colorize_error(prediction, truth)[0].astype(int)
    assert colors[0].min() >= 250
    assert colors[1, 0] > colors[1, 2] + 100
    assert colors[2, 2] > colors[2, 0] + 100
    assert (colors[3:] == INVALID_RGB).all()


def test_error_resizes_the_prediction_to_the_ground_truth():
    colors = colorize_error(np.full((6, 8), 2, np.float32), np.full((12, 16), 2, np.float32))
    assert colors.shape == (12, 16, 3)
    assert colors.min() >= 250


def test_strip_has_four_columns_with_ground_truth_and_two_without():
    full = strip([picture()])
    bare = strip([picture(truth=False)])
    assert full.dtype == np.uint8
    assert full.shape[1] == 8 + 4 * (320 + 8)
    assert bare.shape[1] == 8 + 2 * (320 + 8)
    assert full.shape[0] == bare.shape[0] > 240


def test_strip_shows_the_panels_at_their_places():
    shown = picture(240, 320)
    image = strip([shown])
    row = next(y for y in range(80) if (image[y, 8:328] == shown.rgb[0]).all())
    assert (image[row:row + 240, 8:328] == shown.rgb).all()
    depth_colors = colorize_depth(shown.depth, 0.3, 8.0)
    assert (image[row:row + 240, 336:656] == depth_colors).all()
    assert (image[row:row + 240, 664:984] == colorize_depth(shown.truth, 0.3, 8.0)).all()


def test_every_row_of_a_strip_adds_its_panel_and_a_caption_adds_a_line():
    one, two = strip([picture()]), strip([picture(), picture()])
    captioned = strip([picture(caption='t = 1.0 s'), picture()])
    assert two.shape[0] - one.shape[0] == 240 + 4
    assert two.shape[0] < captioned.shape[0] < two.shape[0] + 40


def test_a_long_caption_is_set_smaller_rather_than_cut():
    image = strip([picture(truth=False, caption='abs_rel 0.123   ' * 12)])
    assert image.shape[1] == 8 + 2 * 328
    assert (image[:, -8:] == 255).all()


def test_a_strip_of_nothing_is_an_error():
    with pytest.raises(DataError, match='at least one'):
        strip([])


@pytest.mark.parametrize('with_truth', [True, False])
def test_video_frames_keep_their_size_when_ground_truth_comes_and_goes(with_truth):
    sizes = {video_frame(picture(truth=truth, caption=caption), with_truth=with_truth).shape
             for truth in (True, False) for caption in ('', 'frame 1')}
    assert len(sizes) == 1


@pytest.mark.parametrize('span', [(0.3, 8), (0.001, 10), (0, 80), (0.1, 0.4), (1, 1.001)])
def test_colour_bars_are_drawn_for_any_range(span):
    image = strip([picture()], PictureStyle(min_m=span[0], max_m=span[1]))
    bar = image[-40:, 336:656]
    assert brightness(bar).min() < 200  # ticks and labels


@pytest.mark.parametrize('values', [
    {'min_m': 5, 'max_m': 1}, {'max_error': 0}, {'panel_width': 20}])
def test_a_style_that_cannot_be_drawn_is_refused(values):
    with pytest.raises(ConfigError):
        PictureStyle(**values)


def test_png_keeps_colours_and_millimetres(tmp_path):
    rgb = picture().rgb
    write_png(tmp_path / 'rgb.png', rgb)
    assert (cv2.imread(str(tmp_path / 'rgb.png'))[..., ::-1] == rgb).all()
    millimetres = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
    write_png(tmp_path / 'new' / 'mm.png', millimetres)
    assert (cv2.imread(str(tmp_path / 'new' / 'mm.png'), cv2.IMREAD_UNCHANGED)
            == millimetres).all()
