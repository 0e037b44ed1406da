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
"""Steeper edges: what must change, and what must not."""

from __future__ import annotations

import cv2
from hypothesis import given, strategies as st
from lstm_depth.models import create_model
from lstm_depth.scoring.boundaries import boundary_f1, flying_points
from lstm_depth.sharpen import sharpen_edges
from lstm_depth.stream import DepthStream
import numpy as np
import pytest


def box(near: float = 1.5, far: float = 3.0) -> np.ndarray:
    """Return (96, 128) depth of a box before a wall."""
    depth = np.full((96, 128), far, np.float32)
    depth[30:70, 40:90] = near
    return depth


# A picture that says nothing of where edges are.
GRAY = np.full((96, 128, 3), 128, np.uint8)


def picture(depth: np.ndarray) -> np.ndarray:
    """Return an (h, w, 3) image with an edge where *depth* has one, and noise."""
    noise = np.random.default_rng(0).normal(0, 2, (*depth.shape, 3))
    return (np.where(depth < 2, 90, 150)[..., None] + noise).astype(np.uint8)


def test_an_edge_beside_that_of_the_image_moves_there():
    truth, known = box(), np.ones((96, 128), bool)
    off = cv2.GaussianBlur(np.roll(truth, 3, axis=1), (0, 0), 2.0)
    blind, sharp = (sharpen_edges(off, image) for image in (GRAY, picture(truth)))
    assert np.abs(sharp / truth - 1).mean() < 0.7 * np.abs(blind / truth - 1).mean()
    assert boundary_f1(sharp, truth, known) > boundary_f1(blind, truth, known) + 0.1


def test_an_edge_of_the_image_alone_makes_none_in_depth():
    flat = np.full((96, 128), 2.5, np.float32)
    np.testing.assert_allclose(sharpen_edges(flat, picture(box())), flat, rtol=1e-4)


def test_a_blurred_edge_has_fewer_points_in_the_air():
    truth, known = box(), np.ones((96, 128), bool)
    blurred = cv2.GaussianBlur(truth, (0, 0), 2.0)
    sharp = sharpen_edges(blurred, picture(truth))
    assert flying_points(sharp, truth, known) < 0.8 * flying_points(blurred, truth, known)
    assert boundary_f1(sharp, truth, known) > boundary_f1(blurred, truth, known)
    assert np.abs(sharp / truth - 1).mean() < np.abs(blurred / truth - 1).mean()


@pytest.mark.parametrize('change', [0.0, 0.01, 0.1])
def test_what_rises_evenly_stays(change):
    rows = np.exp(change * np.arange(80, dtype=np.float32))[:, None] * np.ones(70, np.float32)
    inner = slice(26, -26)
    image = np.random.default_rng(0).integers(0, 256, (*rows.shape, 3), np.uint8)
    np.testing.assert_allclose(sharpen_edges(rows, np.full_like(image, 99))[inner, inner],
                               rows[inner, inner], rtol=1e-3)


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1.0))
def test_no_pixel_leaves_the_range_of_its_neighbours(seed, spread):
    rng = np.random.default_rng(seed)
    depth = np.exp(rng.normal(0, spread, (40, 48))).astype(np.float32)
    sharp = sharpen_edges(depth, rng.integers(0, 256, (40, 48, 3), np.uint8))
    # 16 pixels, and two times three: what the last filter sees.
    around = np.ones((45, 45), np.uint8)
    assert sharp.dtype == np.float32
    assert (sharp >= cv2.erode(depth, around) * (1 - 1e-5)).all()
    assert (sharp <= cv2.dilate(depth, around) * (1 + 1e-5)).all()


@given(st.floats(0.01, 100.0))
def test_the_unit_does_not_matter(unit):
    blurred = cv2.GaussianBlur(box(), (0, 0), 2.0)
    np.testing.assert_allclose(sharpen_edges(blurred * np.float32(unit), GRAY),
                               sharpen_edges(blurred, GRAY) * unit, rtol=1e-3)


@pytest.mark.parametrize('value', [np.nan, np.inf, 0.0, -1.0])
def test_depth_that_is_no_distance_is_left_alone(value):
    depth = cv2.GaussianBlur(box(), (0, 0), 2.0)
    depth[3, 4] = value
    np.testing.assert_array_equal(sharpen_edges(depth, GRAY), depth)


def test_the_input_is_left_alone():
    depth = cv2.GaussianBlur(box(), (0, 0), 2.0)
    before = depth.copy()
    assert not np.array_equal(sharpen_edges(depth, GRAY), before)
    np.testing.assert_array_equal(depth, before)


def test_a_stream_sharpens_unless_it_is_told_not_to():
    model = create_model('residual_lstm', filters=4, input_height=24, input_width=32)
    rgb = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    raw = DepthStream(model, sharpen=False).push(rgb, 0.0).depth
    np.testing.assert_array_equal(DepthStream(model).push(rgb, 0.0).depth, sharpen_edges(raw, rgb))
