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
"""One converter for camera messages, whichever library it stands on."""

from __future__ import annotations

from array import array
from itertools import product
import sys
import time
from types import ModuleType, SimpleNamespace

import _have_ros  # noqa: F401
from lstm_depth.errors import MessageError
from lstm_depth.geometry import Camera
from lstm_depth.msgs.image import decode_depth, decode_rgb
from lstm_depth.ros import conversion
from lstm_depth.ros.conversion import byte_array, ImageConverter, to_jpeg_message, to_message
from lstm_depth.ros.messages import ImageBuffer
from lstm_depth.ros.outputs import PointsMaker
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

ENCODINGS = sorted(conversion._ENCODINGS)


def random_image(encoding: str, *, bigendian: bool = False, padding: int = 0) -> Image:
    """Return an image of random pixels."""
    size, channels = conversion._ENCODINGS[encoding]
    step = 12 * size * channels + padding
    data = np.random.default_rng(7).integers(0, 256, 10 * step, dtype=np.uint8)
    return Image(height=10, width=12, encoding=encoding, step=step, is_bigendian=bigendian,
                 data=byte_array(data))


def fake_bridge(monkeypatch: pytest.MonkeyPatch, convert) -> None:
    """Install a cv_bridge whose imgmsg_to_cv2 is *convert*."""
    module = ModuleType('cv_bridge')
    module.CvBridge = lambda: SimpleNamespace(imgmsg_to_cv2=convert)
    monkeypatch.setitem(sys.modules, 'cv_bridge', module)


def raise_key_error(msg, encoding):
    """Fail as a cv_bridge that was built for another NumPy does."""
    raise KeyError('dtype')


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_a_bridge_that_fails_its_round_trip_is_not_used(encoding, monkeypatch):
    fake_bridge(monkeypatch, raise_key_error)
    converter = ImageConverter()
    assert converter.summary == 'rosbags-image (cv_bridge failed its round trip)'
    msg = random_image(encoding)
    np.testing.assert_array_equal(converter.to_rgb(msg), decode_rgb(msg))


def test_a_bridge_that_cannot_be_imported_is_not_used(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cv_bridge', None)
    converter = ImageConverter()
    assert converter.summary == 'rosbags-image (cv_bridge is not installed)'
    assert converter.to_rgb(random_image('bgr8')).shape == (10, 12, 3)


def test_a_bridge_that_breaks_on_import_is_not_used(monkeypatch, tmp_path, capsys):
    (tmp_path / 'cv_bridge.py').write_text(
        'import sys; sys.stderr.write("A module compiled for NumPy 1"); raise AttributeError("A")')
    monkeypatch.delitem(sys.modules, 'cv_bridge', raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    assert ImageConverter().summary == 'rosbags-image (cv_bridge: AttributeError: A)'
    assert capsys.readouterr().err == ''


def test_a_bridge_serves_only_the_encodings_it_gets_right(monkeypatch):
    asked = []

    def convert(msg, encoding):
        asked.append(msg.encoding)
        if msg.encoding == 'yuv422':
            return np.zeros((msg.height, msg.width, 3), np.uint8)
        return decode_rgb(msg)

    fake_bridge(monkeypatch, convert)
    converter = ImageConverter()
    assert converter.summary.startswith('cv_bridge; rosbags-image for the rest')
    assert 'yuv422' in converter.summary
    asked.clear()
    for encoding in ('bgr8', 'yuv422'):
        msg = random_image(encoding)
        np.testing.assert_array_equal(converter.to_rgb(msg), decode_rgb(msg))
    assert asked == ['bgr8']


@pytest.mark.parametrize('failure', [TypeError('no'), ValueError('no'), None])
def test_a_bridge_that_fails_later_is_replaced_for_that_message(failure, monkeypatch):
    failing = False

    def convert(msg, encoding):
        if failing and failure:
            raise failure
        return None if failing else decode_rgb(msg)

    fake_bridge(monkeypatch, convert)
    converter = ImageConverter()
    failing = True
    msg = random_image('bgr8')
    np.testing.assert_array_equal(converter.to_rgb(msg), decode_rgb(msg))
    msg.data = byte_array(np.zeros(5, np.uint8))
    with pytest.raises(MessageError) as error:
        converter.to_rgb(msg)
    assert error.value.cause == 'short_data'


def test_results_equal_the_real_cv_bridge():
    pytest.importorskip('cv_bridge', reason='needs the real cv_bridge of a ROS installation')
    converter = ImageConverter()
    if not converter._proven:
        pytest.skip(f'the cv_bridge here does not work: {converter.summary}')
    for encoding, bigendian, padding in product(ENCODINGS, (False, True), (0, 5)):
        msg = random_image(encoding, bigendian=bigendian, padding=padding)
        np.testing.assert_array_equal(converter.to_rgb(msg), decode_rgb(msg), encoding)


@pytest.mark.parametrize(('encoding', 'dtype'), [('32FC1', np.float32), ('16UC1', np.uint16)])
def test_depth_survives_the_way_into_a_message_and_back(encoding, dtype):
    values = np.random.default_rng(0).uniform(1, 9, (5, 7)) * (1000 if dtype == np.uint16 else 1)
    msg = to_message(values.astype(dtype), encoding, Header(frame_id='optical'))
    assert (msg.header.frame_id, msg.height, msg.width) == ('optical', 5, 7)
    scale = 0.001 if dtype == np.uint16 else 1
    np.testing.assert_allclose(decode_depth(msg), values.astype(dtype) * scale, rtol=1e-6)


def test_messages_are_filled_fast():
    image = np.zeros((1080, 1920, 3), np.uint8)
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        msg = to_message(image, 'rgb8', Header())
        seconds.append(time.perf_counter() - started)
    assert isinstance(msg.data, array) and msg.data.typecode == 'B'
    # bytes in place of the array take about a second.
    assert min(seconds) < 0.2


def test_a_jpeg_is_close_to_its_image():
    ramp = np.linspace(0, 255, 64).astype(np.uint8)
    rgb = np.stack([np.tile(ramp, (48, 1)), np.full((48, 64), 128, np.uint8),
                    np.tile(ramp[::-1], (48, 1))], axis=-1)
    msg = to_jpeg_message(rgb, Header(), 95)
    assert 'jpeg' in msg.format
    assert np.abs(ImageConverter().to_rgb(msg).astype(int) - rgb).mean() < 3


@pytest.mark.parametrize(('drop', 'least', 'gone'), [
    (False, 0.0, 0), (True, 0.0, 48 * 2), (False, 0.5, 64), (True, 0.5, 48 * 2 + 64 - 2)])
def test_the_cloud_leaves_out_what_flies_and_what_is_doubtful(drop, least, gone):
    """Two columns at a step; the lowest row is doubted."""
    depth = ImageBuffer(48, 64, '32FC1')
    depth.pixels[:, :32], depth.pixels[:, 32:] = 2.0, 4.0
    confidence = np.full((48, 64), 0.9, np.float32)
    confidence[-1] = 0.2
    picture = SimpleNamespace(
        view=SimpleNamespace(camera=Camera(64, 48, 60, 60, 32, 24)), output_size=(64, 48),
        settings=SimpleNamespace(cloud_stride=1, cloud_drop_flying=drop,
                                 cloud_min_confidence=least))
    cloud = PointsMaker().make(SimpleNamespace(
        picture=picture, depth=depth, frame=SimpleNamespace(confidence=confidence),
        rgb=lambda: np.zeros((48, 64, 3), np.uint8)))

    z = np.frombuffer(cloud.data, '<f4').reshape(48, 64, 4)[..., 2]
    assert np.isnan(z).sum() == gone
