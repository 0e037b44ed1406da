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
"""Tests of lstm_depth.msgs.image."""

from __future__ import annotations

import array

from _messages import compressed_message, image_message
import cv2
from hypothesis import given
from hypothesis import strategies as st
from lstm_depth.errors import MessageError
from lstm_depth.msgs.image import decode_depth, decode_rgb, depth_to_encoding, encode_image
import numpy as np
import pytest

RGB_ENCODINGS = {
    'rgb8': (np.uint8, 3), 'bgr8': (np.uint8, 3), 'rgba8': (np.uint8, 4), 'bgra8': (np.uint8, 4),
    'mono8': (np.uint8, 1), 'mono16': (np.uint16, 1), 'rgb16': (np.uint16, 3),
    'bgr16': (np.uint16, 3), 'rgba16': (np.uint16, 4), 'bgra16': (np.uint16, 4),
    'yuv422': (np.uint8, 2), 'uyvy': (np.uint8, 2), 'yuv422_yuy2': (np.uint8, 2),
    'yuyv': (np.uint8, 2),
    **{f'bayer_{order}{bits}': (np.dtype(f'uint{bits}').type, 1)
       for order in ('rggb', 'bggr', 'gbrg', 'grbg') for bits in (8, 16)},
}


def random_pixels(encoding, height, width, seed):
    dtype, channels = RGB_ENCODINGS[encoding]
    shape = (height, width, channels) if channels > 1 else (height, width)
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape, dtype,
                                                endpoint=True)


def cause_of(function, *args):
    with pytest.raises(MessageError) as caught:
        function(*args)
    return caught.value.cause


@given(encoding=st.sampled_from(sorted(RGB_ENCODINGS)), height=st.integers(2, 9),
       half_width=st.integers(1, 5), padding=st.integers(0, 7), seed=st.integers(0, 99))
def test_padding_and_byte_order_do_not_change_the_picture(encoding, height, half_width, padding,
                                                          seed):
    pixels = random_pixels(encoding, height, 2 * half_width, seed)
    plain = decode_rgb(image_message(pixels, encoding))
    assert plain.shape == (height, 2 * half_width, 3) and plain.dtype == np.uint8
    swapped = decode_rgb(image_message(pixels, encoding, padding=padding, bigendian=True))
    np.testing.assert_array_equal(plain, swapped)


@pytest.mark.parametrize('encoding, channels', [
    ('rgb8', [0, 1, 2]), ('bgr8', [2, 1, 0]), ('rgba8', [0, 1, 2]), ('bgra8', [2, 1, 0])])
def test_channels_come_out_in_rgb_order(encoding, channels):
    pixels = random_pixels(encoding, 5, 4, 0)
    np.testing.assert_array_equal(decode_rgb(image_message(pixels, encoding)),
                                  pixels[..., channels])


@pytest.mark.parametrize('encoding, channels', [
    ('mono16', [0, 0, 0]), ('rgb16', [0, 1, 2]), ('bgr16', [2, 1, 0]), ('bgra16', [2, 1, 0])])
def test_16_bits_are_scaled_and_rounded_as_by_cv_bridge(encoding, channels):
    pixels = random_pixels(encoding, 16, 16, 1)
    expected = np.rint(pixels / 257.0).astype(np.uint8).reshape(16, 16, -1)[..., channels]
    np.testing.assert_array_equal(decode_rgb(image_message(pixels, encoding)), expected)


@pytest.mark.parametrize('order', ['rggb', 'bggr', 'gbrg', 'grbg'])
@pytest.mark.parametrize('bits', [8, 16])
def test_bayer_mosaic_of_one_colour_decodes_to_that_colour(order, bits):
    colour = {'r': 200, 'g': 120, 'b': 30}
    scale = 1 if bits == 8 else 257
    tile = np.array([colour[letter] * scale for letter in order], f'uint{bits}').reshape(2, 2)
    rgb = decode_rgb(image_message(np.tile(tile, (4, 4)), f'bayer_{order}{bits}'))
    assert (rgb == [200, 120, 30]).all()


@pytest.mark.parametrize('encoding, order', [
    ('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')])
def test_yuv_of_one_colour_decodes_by_bt601(encoding, order):
    # Studio-range BT.601 of (200, 120, 30), rounded.
    value = {'y': 131, 'u': 77, 'v': 169}
    pair = np.array([value[letter] for letter in order], np.uint8).reshape(1, 2, 2)
    rgb = decode_rgb(image_message(np.tile(pair, (4, 3, 1)), encoding)).astype(int)
    assert np.abs(rgb - [200, 120, 30]).max() <= 3


@pytest.mark.parametrize('wrap', [
    bytes, memoryview, lambda data: array.array('B', data),
    lambda data: np.frombuffer(data, np.uint8)])
def test_any_buffer_is_read_without_a_copy(wrap):
    message = image_message(random_pixels('rgb8', 4, 6, 2), 'rgb8')
    expected = np.frombuffer(message.data, np.uint8).reshape(4, 6, 3)
    message.data = wrap(message.data)
    rgb = decode_rgb(message)
    np.testing.assert_array_equal(rgb, expected)
    assert np.shares_memory(rgb, np.frombuffer(message.data, np.uint8))


@pytest.mark.parametrize('change, cause', [
    ({'width': 0}, 'zero_size'), ({'height': 0}, 'zero_size'), ({'step': 5}, 'bad_step'),
    ({'height': 9}, 'short_data'), ({'height': 2**32 - 1}, 'short_data'),
    ({'data': b''}, 'short_data'), ({'encoding': 'jpeg2000'}, 'bad_encoding'),
    ({'encoding': ''}, 'bad_encoding'), ({'encoding': '16UC1'}, 'bad_encoding'),
    ({'encoding': 'nv12', 'height': 3}, 'bad_encoding')])
def test_broken_image_is_refused_with_its_cause(change, cause):
    message = image_message(random_pixels('rgb8', 4, 6, 3), 'rgb8')
    vars(message).update(change)
    assert cause_of(decode_rgb, message) == cause


@pytest.mark.parametrize('encoding, code', [
    ('yuyv', cv2.COLOR_YUV2RGB_YUY2), ('uyvy', cv2.COLOR_YUV2RGB_UYVY),
    ('yuv422', cv2.COLOR_YUV2RGB_UYVY), ('yuv422_yuy2', cv2.COLOR_YUV2RGB_YUY2)])
def test_the_last_column_of_an_odd_width_has_the_colour_of_the_pair_before(encoding, code):
    packed = random_pixels('yuyv', 4, 8, 5)
    # The pairs of the last two columns have one colour.
    packed[:, 6:] = packed[:, 4:6]
    decoded = decode_rgb(image_message(packed[:, :7], encoding))
    np.testing.assert_array_equal(decoded, cv2.cvtColor(packed, code)[:, :7])
    assert cause_of(decode_rgb, image_message(packed[:, :1], encoding)) == 'bad_encoding'


@pytest.mark.parametrize('encoding, code', [
    ('nv12', cv2.COLOR_YUV2RGB_NV12), ('nv21', cv2.COLOR_YUV2RGB_NV21)])
def test_two_planes_are_read_with_their_padding(encoding, code):
    planes = random_pixels('mono8', 9, 8, 6)
    message = image_message(planes, encoding, padding=5)
    message.height = 6
    np.testing.assert_array_equal(decode_rgb(message), cv2.cvtColor(planes, code))
    message.data = message.data[:6 * 13]
    assert cause_of(decode_rgb, message) == 'short_data'


@pytest.mark.parametrize('encoding, like', [
    ('8UC1', 'mono8'), ('8UC3', 'bgr8'), ('8UC4', 'bgra8')])
def test_opencv_names_have_opencv_colours(encoding, like):
    pixels = random_pixels(like, 4, 6, 7)
    np.testing.assert_array_equal(decode_rgb(image_message(pixels, encoding)),
                                  decode_rgb(image_message(pixels, like)))


def rvl(values):
    """Return the RVL bytes of (H, W) uint16, written as Wilson's paper has it."""
    nibbles, pixels, index, previous = [], values.ravel().tolist(), 0, 0

    def put(value):
        while True:
            low, value = value & 7, value >> 3
            nibbles.append(low | (8 if value else 0))
            if not value:
                return

    while index < len(pixels):
        start = index
        while index < len(pixels) and pixels[index] == 0:
            index += 1
        end = index
        while end < len(pixels) and pixels[end] != 0:
            end += 1
        put(index - start)
        put(end - index)
        for pixel in pixels[index:end]:
            put((pixel - previous) << 1 if pixel >= previous else ((previous - pixel) << 1) - 1)
            previous = pixel
        index = end
    nibbles += [0] * (-len(nibbles) % 8)
    words = [int(''.join(f'{nibble:x}' for nibble in nibbles[place:place + 8]), 16)
             for place in range(0, len(nibbles), 8)]
    return (np.array(values.shape[::-1], '<i4').tobytes() + np.array(words, '<u4').tobytes())


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0, 1))
def test_rvl_depth_is_what_was_compressed(seed, share):
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 65536, (9, 11)).astype(np.uint16)
    stored[rng.random(stored.shape) < share] = 0
    content = rvl(stored)
    decoded = decode_depth(compressed_message(bytes(12) + content, '16UC1; compressedDepth rvl'))
    np.testing.assert_allclose(np.nan_to_num(decoded), stored * np.float32(0.001))
    for length in range(0, len(content) - 4, 3):
        cut = compressed_message(bytes(12) + content[:length], '16UC1; compressedDepth rvl')
        assert cause_of(decode_depth, cut) in ('short_data', 'corrupt_image')


@given(data=st.binary(min_size=1, max_size=64))
def test_bytes_that_are_no_rvl_are_refused_or_an_image(data):
    message = compressed_message(
        bytes(12) + np.array([3, 4], '<i4').tobytes() + data, '32FC1; compressedDepth rvl')
    try:
        assert decode_depth(message).shape == (4, 3)
    except MessageError as error:
        assert error.cause in ('short_data', 'corrupt_image')


@pytest.mark.parametrize('suffix, tolerance', [('.png', 0), ('.jpg', 6)])
def test_compressed_picture_is_rgb(suffix, tolerance):
    rgb = np.full((16, 24, 3), (200, 120, 30), np.uint8)
    data = cv2.imencode(suffix, rgb[..., ::-1])[1].tobytes()
    decoded = decode_rgb(compressed_message(data, 'rgb8; jpeg compressed bgr8')).astype(int)
    assert np.abs(decoded - rgb).max() <= tolerance


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_compressed_grey_picture_has_three_equal_channels(dtype):
    grey = np.full((8, 8), np.iinfo(dtype).max // 2, dtype)
    decoded = decode_rgb(compressed_message(cv2.imencode('.png', grey)[1].tobytes(), 'png'))
    assert decoded.shape == (8, 8, 3) and (decoded == 127).all()


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
@given(share=st.floats(0, 0.98))
def test_cut_compressed_picture_is_refused(suffix, share):
    data = cv2.imencode(suffix, random_pixels('bgr8', 32, 32, 4))[1].tobytes()
    cut = data[:int(len(data) * share)]
    expected = 'corrupt_image' if cut else 'zero_size'
    assert cause_of(decode_rgb, compressed_message(cut, suffix[1:])) == expected


@given(data=st.binary(min_size=1, max_size=64))
def test_bytes_that_are_no_picture_are_refused(data):
    assert cause_of(decode_rgb, compressed_message(data, 'jpeg')) == 'corrupt_image'


def test_compressed_depth_is_no_colour_picture():
    assert cause_of(decode_rgb, compressed_message(b'1234', '16UC1; compressedDepth')) \
        == 'bad_encoding'


@pytest.mark.parametrize('encoding', ['16UC1', 'mono16'])
@pytest.mark.parametrize('bigendian', [False, True])
def test_millimetres_become_metres_and_0_invalid(encoding, bigendian):
    millimetres = np.array([[0, 1, 1500], [65535, 300, 0]], np.uint16)
    depth = decode_depth(image_message(millimetres, encoding, padding=3, bigendian=bigendian))
    assert depth.dtype == np.float32
    np.testing.assert_allclose(depth, np.where(millimetres, millimetres / 1000, np.nan), 1e-6)


@pytest.mark.parametrize('bigendian', [False, True])
def test_float_depth_has_nan_for_all_that_is_no_distance(bigendian):
    stored = np.array([[1.5, np.nan, np.inf], [-np.inf, 0.0, -2.0]], np.float32)
    depth = decode_depth(image_message(stored, '32FC1', padding=4, bigendian=bigendian))
    np.testing.assert_array_equal(depth, [[1.5, np.nan, np.nan], [np.nan] * 3])


@pytest.mark.parametrize('image_format, header', [
    ('16UC1; compressedDepth', bytes(12)), ('16UC1; compressedDepth png', bytes(12)),
    ('16UC1; png compressed ', b'')])
def test_compressed_millimetres_become_metres(image_format, header):
    millimetres = np.array([[0, 1, 1500], [65535, 300, 0]], np.uint16)
    data = header + cv2.imencode('.png', millimetres)[1].tobytes()
    np.testing.assert_array_equal(decode_depth(compressed_message(data, image_format)),
                                  decode_depth(image_message(millimetres, '16UC1')))


def test_quantised_inverse_depth_becomes_metres():
    # As compressed_depth_image_transport encodes with depth_quantization 100, depth_max 10.
    a, depth_max = 100 * 101.0, 10.0
    b = 1 - a / depth_max
    depth = np.linspace(0.5, 9.5, 60, dtype=np.float32).reshape(6, 10)
    stored = (a / depth + b).astype(np.uint16)
    stored[0, 0] = 0
    header = np.array([0], '<i4').tobytes() + np.array([a, b], '<f4').tobytes()
    data = header + cv2.imencode('.png', stored)[1].tobytes()
    decoded = decode_depth(compressed_message(data, '32FC1; compressedDepth png'))
    assert np.isnan(decoded[0, 0])
    # One quantisation step is depth^2 / a metres.
    assert (np.abs(decoded - depth) <= depth**2 / a + 1e-5).ravel()[1:].all()


@pytest.mark.parametrize('data, image_format, cause', [
    (bytes(12), '16UC1; compressedDepth', 'short_data'),
    (b'', '16UC1; compressedDepth', 'short_data'),
    (bytes(40), '16UC1; compressedDepth', 'corrupt_image'),
    (bytes(40), '16UC1; compressedDepth rvl', 'corrupt_image'),
    (bytes(40), 'jpeg', 'bad_encoding'),
    (cv2.imencode('.png', np.zeros((4, 4), np.uint8))[1].tobytes(), '16UC1; png compressed ',
     'bad_encoding')])
def test_broken_compressed_depth_is_refused_with_its_cause(data, image_format, cause):
    assert cause_of(decode_depth, compressed_message(data, image_format)) == cause


def test_colour_image_is_no_depth():
    assert cause_of(decode_depth, image_message(np.zeros((2, 2, 3), np.uint8), 'rgb8')) \
        == 'bad_encoding'


@given(values=st.lists(st.floats(width=32), min_size=1, max_size=20))
def test_every_depth_survives_the_way_through_both_encodings(values):
    depth = np.array([values], np.float32)
    valid = np.isfinite(depth) & (depth > 0)
    metres = depth_to_encoding(depth, '32FC1')
    np.testing.assert_array_equal(metres, np.where(valid, depth, np.nan))
    millimetres = depth_to_encoding(depth, '16UC1')
    fits = valid & (np.rint(np.float64(1000) * np.where(valid, depth, 0)) <= 65535)
    assert millimetres.dtype == np.uint16
    assert (np.abs(millimetres / 1000 - np.where(fits, depth, 0)) <= 0.0005 + 1e-9).all()
    decoded = decode_depth(image_message(millimetres, '16UC1'))
    assert (np.isnan(decoded) == (millimetres == 0)).all()


def test_unknown_depth_encoding_is_refused():
    assert cause_of(depth_to_encoding, np.ones((2, 2), np.float32), '8UC1') == 'bad_encoding'


@pytest.mark.parametrize('encoding, dtype, channels, decode', [
    ('rgb8', np.uint8, 3, decode_rgb), ('bgr8', np.uint8, 3, lambda m: decode_rgb(m)[..., ::-1]),
    ('mono8', np.uint8, 1, lambda m: decode_rgb(m)[..., 0]),
    ('32FC1', np.float32, 1, decode_depth)])
def test_encoded_image_decodes_to_itself(encoding, dtype, channels, decode):
    pixels = np.arange(1, 1 + 6 * 8 * channels).astype(dtype).reshape(6, 8, channels)
    for source in (pixels, pixels[::2, ::2]):  # the second is not contiguous
        image = source[..., 0] if channels == 1 else source
        message = compressed_message(b'', '')
        vars(message).clear()
        vars(message).update(encode_image(image, encoding))
        assert message.data.dtype == np.uint8 and message.data.ndim == 1
        assert message.step * message.height == message.data.size
        np.testing.assert_array_equal(decode(message), image)


@pytest.mark.parametrize('pixels, encoding', [
    (np.zeros((2, 2, 3), np.float32), 'rgb8'), (np.zeros((2, 2), np.uint8), 'rgb8'),
    (np.zeros((2, 2, 4), np.uint8), 'bgr8'), (np.zeros((2, 2), np.float64), '32FC1'),
    (np.zeros((2, 2), np.uint8), 'yuyv'), (np.zeros(4, np.float32), '32FC1')])
def test_array_that_does_not_fit_its_encoding_is_refused(pixels, encoding):
    assert cause_of(encode_image, pixels, encoding) == 'bad_encoding'
