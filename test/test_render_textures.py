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
"""Textures repeat without seams, and are filtered instead of shimmering."""

from __future__ import annotations

from lstm_depth.render import pictures, textures
from lstm_depth.render.atlas import Atlas, mip_chain
from lstm_depth.render.layout import Footprint
import numpy as np
import pytest

TILEABLE = {
    'paint': textures.paint, 'plaster': textures.plaster, 'fabric': textures.fabric,
    'carpet': textures.carpet, 'stone': textures.stone, 'marble': textures.marble,
    'wood': textures.wood, 'leaves': textures.leaves,
    'damask': textures.damask((0.9, 0.9, 0.8), (0.7, 0.7, 0.6)),
}


def atlas_of(**images):
    return Atlas({name: mip_chain(image) for name, image in images.items()},
                 dict.fromkeys(images, 1.0))


def sample(atlas, u, v, lod, texture=0):
    u = np.atleast_1d(np.asarray(u, np.float32))
    fill = np.full(u.shape, 0, np.float32)
    return atlas.sample(np.full(u.shape, texture, np.int32), u, fill + np.float32(v),
                        fill + np.float32(lod))


@pytest.mark.parametrize('name', TILEABLE)
def test_noise_textures_have_no_seam(name):
    image = TILEABLE[name](np.random.default_rng(0), 64).mean(axis=2)
    inner = np.abs(np.diff(image, axis=1)).mean(), np.abs(np.diff(image, axis=0)).mean()
    seam = np.abs(image[:, 0] - image[:, -1]).mean(), np.abs(image[0] - image[-1]).mean()
    assert seam[0] < 2 * inner[0] + 1e-6 and seam[1] < 2 * inner[1] + 1e-6


@pytest.mark.parametrize('texture', [
    textures.bricks((0.7, 0.3, 0.2)), textures.tiles((0.8, 0.8, 0.8)),
    textures.planks((0.6, 0.4, 0.2)), textures.checker((0, 0, 0), (1, 1, 1)),
    textures.stripes((0, 0, 0), (1, 1, 1)), textures.dots((0, 0, 0), (1, 1, 1)),
    textures.plaid((0, 0, 0), (1, 1, 1)), pictures.painting, pictures.outdoors,
    pictures.screen, pictures.rug, pictures.spines()])
def test_patterns_have_structure_and_stay_colours(texture):
    image = texture(np.random.default_rng(1), 64)
    assert image.shape == (64, 64, 3) and np.isfinite(image).all()
    assert image.min() > -0.6 and image.max() < 1.8
    assert image.std() > 0.01


def test_sample_at_a_texel_centre_is_that_texel_squared():
    image = np.random.default_rng(0).random((8, 8, 3))
    atlas = atlas_of(other=np.zeros((4, 4, 3)), image=image)
    for row, column in ((0, 0), (3, 5), (7, 7)):
        colour = sample(atlas, column + 0.5, row + 0.5, 0, texture=1)[0]
        np.testing.assert_allclose(colour, image[row, column] ** 2, atol=0.005)


def test_samples_repeat_outside_the_image_on_both_sides():
    atlas = atlas_of(image=np.random.default_rng(0).random((8, 8, 3)))
    expected = sample(atlas, 2.3, 4.1, 0.7)
    np.testing.assert_allclose(sample(atlas, 2.3 + 16, 4.1, 0.7), expected, atol=1e-5)
    np.testing.assert_allclose(sample(atlas, 2.3, 4.1 - 24, 0.7), expected, atol=1e-5)


def test_far_surfaces_show_the_mean_so_that_they_do_not_shimmer():
    checks = textures.checker((0, 0, 0), (1, 1, 1), 8)(np.random.default_rng(0), 64)
    atlas = atlas_of(image=checks)
    u = np.linspace(0, 64, 50)
    assert sample(atlas, u, 3, 0).std() > 0.3
    assert sample(atlas, u, 3, 6).std() < 1e-3
    assert sample(atlas, u, 3, 99) == pytest.approx(sample(atlas, u, 3, 6))


def test_only_square_power_of_two_images_become_textures():
    with pytest.raises(ValueError, match='power of two'):
        mip_chain(np.zeros((6, 6, 3)))


def test_footprints_overlap_by_shape_and_not_by_bounding_box():
    turned = Footprint(0, 0, 1.0, 0.1, np.pi / 4)
    assert not turned.overlaps(Footprint(0.6, -0.6, 0.2, 0.2))
    assert turned.overlaps(Footprint(0.6, 0.6, 0.2, 0.2))
    assert Footprint(0, 0, 1, 1).overlaps(Footprint(0, 0, 0.1, 0.1, 1.0))
