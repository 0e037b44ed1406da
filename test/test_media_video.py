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
"""MP4 files: whole or absent, every frame, the right colours."""

from __future__ import annotations

import sys

import cv2
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.media.sources import open_source
from lstm_depth.media.video import VideoWriter
import numpy as np
import pytest


def read_video(path):
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (frame := capture.read())[0]:
        frames.append(frame[1][..., ::-1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


def test_video_holds_every_frame_at_its_rate_with_its_colours(tmp_path):
    path = tmp_path / 'out' / 'video.mp4'
    colors = [(200, 40, 40), (40, 200, 40), (40, 40, 200)]
    with VideoWriter(path, 12.5) as video:
        for color in colors:
            video.write(np.full((61, 83, 3), color, np.uint8))  # odd sizes
        assert not path.exists()
    frames, fps = read_video(path)
    assert len(frames) == 3
    assert fps == pytest.approx(12.5)
    for frame, color in zip(frames, colors):
        assert frame.shape == (62, 84, 3)
        assert np.abs(frame.mean(axis=(0, 1)) - color).max() < 12
    assert [entry.name for entry in path.parent.iterdir()] == ['video.mp4']


def test_a_frame_of_another_size_is_fitted_into_the_video(tmp_path):
    with VideoWriter(tmp_path / 'video.mp4', 10) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
        video.write(np.zeros((24, 32, 3), np.uint8))
    frames, _ = read_video(tmp_path / 'video.mp4')
    assert [frame.shape for frame in frames] == [(48, 64, 3)] * 2


def test_frames_are_shown_when_they_were_seen(tmp_path):
    # A pause, a stamp that goes back and one that jumps by an hour, at nominally 10 Hz.
    stamps = [5.0, 5.1, 5.15, 7.0, 6.0, 6.1, 4000.0, 4000.1]
    with VideoWriter(tmp_path / 'video.mp4', 10) as video:
        for stamp in stamps:
            video.write(np.zeros((48, 64, 3), np.uint8), stamp)
    with open_source(tmp_path / 'video.mp4') as source:
        shown = [frame.stamp_s for frame in source]
        assert not source.truncated and not source.notes
    np.testing.assert_allclose(shown, [0, 0.1, 0.15, 2, 2.1, 2.2, 2.3, 2.4], atol=0.001)


def test_a_failed_video_leaves_no_file_and_the_old_one_whole(tmp_path):
    path = tmp_path / 'video.mp4'
    path.write_bytes(b'old')
    with pytest.raises(RuntimeError), VideoWriter(path, 10) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
        raise RuntimeError('the camera is gone')
    assert path.read_bytes() == b'old'
    assert len(list(tmp_path.iterdir())) == 1


def test_no_frame_no_file(tmp_path):
    with VideoWriter(tmp_path / 'video.mp4', 10):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_rate_must_be_positive(tmp_path):
    with pytest.raises(ConfigError, match='frame rate'):
        VideoWriter(tmp_path / 'video.mp4', 0)


def test_without_pyav_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    with pytest.raises(DataError, match='pip install av'), \
            VideoWriter(tmp_path / 'video.mp4', 10) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_build_without_the_codec_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr('lstm_depth.media.video._CODEC', 'no_such_codec')
    with pytest.raises(DataError, match='no_such_codec'), \
            VideoWriter(tmp_path / 'video.mp4', 10) as video:
        video.write(np.zeros((48, 64, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []
