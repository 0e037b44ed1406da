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
"""Videos as phones, browsers and killed recorders leave them."""

from __future__ import annotations

from fractions import Fraction
import struct
import sys

import cv2
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.sources import open_source
import numpy as np
import pytest

av = pytest.importorskip('av', reason='these files are made with PyAV')

VARIABLE_MS = [0, 33, 66, 500, 533, 1000, 1500, 2000, 2500, 3000, 3466]
CONSTANT_MS = [index * 40 for index in range(60)]
# The tkhd matrix of a turn clockwise.
TURNS = {90: (0, 1, 0, -1, 0, 0), 180: (-1, 0, 0, 0, -1, 0), 270: (0, -1, 0, 1, 0, 0)}
CODECS = {'mp4': 'libx264', 'mkv': 'libx264', 'webm': 'libvpx', 'avi': 'mjpeg'}


def write(path, stamps_ms, codec=None, options=None):
    """Write a video of 64x48 frames, red in the upper left quarter, with these stamps."""
    codec = codec or CODECS[path.suffix[1:]]
    base = Fraction(1, 25) if path.suffix == '.avi' else Fraction(1, 1000)
    with av.open(str(path), 'w', options=options or {}) as container:
        stream = container.add_stream(codec, 25)
        stream.width, stream.height = 64, 48
        stream.pix_fmt = 'yuvj420p' if codec == 'mjpeg' else 'yuv420p'
        stream.codec_context.time_base = base
        for number, stamp in enumerate(stamps_ms):
            rgb = np.random.default_rng(number).integers(60, 90, (48, 64, 3), np.uint8)
            rgb[:24, :32] = (250, 10, 10)
            frame = av.VideoFrame.from_ndarray(rgb, format='rgb24')
            frame.pts, frame.time_base = round(stamp / 1000 / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def turned(path, degrees):
    """Mark an MP4 as to be turned clockwise when it is shown, as a phone does."""
    data = bytearray(path.read_bytes())
    place = data.index(b'tkhd') + 4 + 40
    data[place:place + 36] = struct.pack(
        '>9i', *(65536 * value for value in TURNS[degrees]), 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.fixture(params=['opencv', 'pyav'])
def decoder(request, monkeypatch):
    """Read with either library."""
    if request.param == 'pyav':
        monkeypatch.setattr(cv2.VideoCapture, 'grab', lambda _: False, raising=False)
        monkeypatch.setattr('lstm_depth.media.video_source.cv2.VideoCapture',
                            lambda _: type('Closed', (), {
                                'isOpened': lambda _: False, 'release': lambda _: None})())
    return request.param


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'webm'])
def test_frames_have_the_stamps_of_the_container(tmp_path, suffix, decoder):
    path = write(tmp_path / f'browser.{suffix}', [stamp + 700 for stamp in VARIABLE_MS])
    with open_source(path) as source:
        stamps = [frame.stamp_ns for frame in source]
        assert not source.truncated and not source.notes
        assert [frame.stamp_ns for frame in source] == stamps, 'a second pass'
    np.testing.assert_allclose(np.array(stamps) / 1e6, VARIABLE_MS, atol=1.1)


@pytest.mark.parametrize('degrees', TURNS)
def test_a_turned_video_is_upright_and_its_calibration_turns_with_it(
        tmp_path, degrees, decoder):
    path = write(tmp_path / 'phone.mp4', CONSTANT_MS[:5])
    turned(path, degrees)
    calibration = tmp_path / 'camera.yaml'
    calibration.write_text('image_width: 64\nimage_height: 48\ncamera_matrix: {data: '
                           '[50, 0, 30, 0, 51, 20, 0, 0, 1]}\n')
    with open_source(path, calibration=calibration) as source:
        frame = next(iter(source))
    height, width = frame.rgb.shape[:2]
    corner = {90: (4, width - 5), 180: (height - 5, width - 5), 270: (height - 5, 4)}[degrees]
    assert frame.rgb[corner][0] > 200 and frame.rgb[corner][1] < 90
    stored = Camera(64, 48, 50, 51, 30, 20)
    expected = {90: stored.turned(6), 180: stored, 270: stored.turned(8)}[degrees]
    assert (width, height) == (expected.width, expected.height)
    assert frame.camera == expected


@pytest.mark.parametrize('suffix', ['mp4', 'mkv', 'webm', 'avi'])
def test_a_video_cut_in_half_says_what_is_missing(tmp_path, suffix, decoder):
    path = write(tmp_path / f'whole.{suffix}', CONSTANT_MS,
                 options={'movflags': 'faststart'} if suffix == 'mp4' else {})
    with open_source(path) as source:
        assert len(list(source)) == 60 and source.truncated is None
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    with open_source(path) as source:
        read = sum(1 for _ in source)
        assert 10 < read < 50
        assert f'{read} of 60 frames' in source.truncated, source.truncated


def test_an_mp4_without_its_index_is_called_cut_off(tmp_path):
    path = write(tmp_path / 'video.mp4', CONSTANT_MS)
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])
    with pytest.raises(DataError, match='is cut off: an MP4 keeps its index at the end'):
        open_source(path)


def test_av1_is_read_where_pyav_is_installed_and_else_named(tmp_path, monkeypatch):
    if 'libsvtav1' not in av.codecs_available:
        pytest.skip('this PyAV cannot write AV1')
    path = write(tmp_path / 'browser.mp4', CONSTANT_MS[:8], 'libsvtav1')
    with open_source(path) as source:
        assert len(list(source)) == 8

    class Blind:
        """A library that knows what it is but cannot decode it."""

        isOpened, grab = (lambda _: True), (lambda _: False)  # noqa: N815 (OpenCV's name)
        get, release = (lambda _, __: int.from_bytes(b'av01', 'little')), (lambda _: None)

    monkeypatch.setattr('lstm_depth.media.video_source.cv2.VideoCapture', lambda _: Blind())
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(DataError, match='av01.*pip install av'):
        open_source(path)


def test_stamps_that_do_not_rise_are_made_up_and_told(tmp_path, monkeypatch):
    path = write(tmp_path / 'video.mkv', CONSTANT_MS[:6])
    capture = cv2.VideoCapture

    class Stuck:
        """A decoder that gives no stamps."""

        def __init__(self, name):
            self._capture = capture(name)

        def get(self, what):
            return 0.0 if what == cv2.CAP_PROP_POS_MSEC else self._capture.get(what)

        def __getattr__(self, name):
            return getattr(self._capture, name)
    monkeypatch.setattr('lstm_depth.media.video_source.cv2.VideoCapture', Stuck)
    with open_source(path) as source:
        stamps = [frame.stamp_ns for frame in source]
        assert stamps == sorted(set(stamps)) and len(stamps) == 6
        assert '5 frames have no stamp of their own' in source.notes[0]
