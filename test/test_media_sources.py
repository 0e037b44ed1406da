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
"""Tests of lstm_depth.media.sources."""

from __future__ import annotations

from itertools import islice

from _messages import keep_written_order
import cv2
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media import sources
from lstm_depth.media.bag import BagWriter
from lstm_depth.media.sources import open_source
import numpy as np
import pytest

CALIBRATION = """
image_width: 64
image_height: 48
camera_matrix: {rows: 3, cols: 3, data: [60., 0., 32., 0., 62., 24., 0., 0., 1.]}
"""
COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]


def picture(index):
    return np.full((24, 32, 3), COLOURS[index % len(COLOURS)], np.uint8)


@pytest.fixture
def bag(tmp_path):
    """Write four frames at 10 Hz from 1 s on, with camera_info."""
    with BagWriter(tmp_path / 'bag') as writer:
        for index in range(4):
            stamp = 1_000_000_000 + index * 100_000_000
            writer.write_image('/image', picture(index), 'rgb8', stamp, 'cam')
            writer.write_camera_info('/camera_info', Camera(32, 24, 30, 31, 16, 12), stamp, 'cam')
    return tmp_path / 'bag'


@pytest.fixture
def video(tmp_path):
    """Write four frames at 10 Hz."""
    path = tmp_path / 'video.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 10, (32, 24))
    for index in range(4):
        writer.write(picture(index)[..., ::-1])
    writer.release()
    return path


@pytest.fixture
def folder(tmp_path):
    """Write four images, numbered without leading zeros, beside a file that is none."""
    path = tmp_path / 'images'
    path.mkdir()
    for index, name in enumerate(['f8.png', 'f9.JPG', 'f10.jpeg', 'f11.png']):
        data = cv2.imencode('.' + name.split('.')[1].lower(), picture(index)[..., ::-1])[1]
        (path / name).write_bytes(data.tobytes())
    (path / 'notes.txt').write_text('not an image')
    return path


@pytest.fixture
def calibration(tmp_path):
    """Write the calibration of a 64 x 48 camera."""
    path = tmp_path / 'camera.yaml'
    path.write_text(CALIBRATION)
    return path


@pytest.mark.parametrize('kind', ['bag', 'video', 'folder'])
@pytest.mark.parametrize('as_text', [True, False])
def test_every_kind_gives_its_frames_in_order(kind, as_text, request):
    path = request.getfixturevalue(kind)
    options = {'rate_hz': 10} if kind == 'folder' else {}
    with open_source(str(path) if as_text else path, **options) as source:
        frames = list(source)
        assert source.frame_count == 4
        assert source.rate_hz == pytest.approx(10)
        assert str(path) in source.name
        assert (source.truncated, sum(source.skipped.values())) == (None, 0)
    for index, frame in enumerate(frames):
        assert np.abs(frame.rgb.astype(int) - picture(index)).max() < 12
        assert frame.stamp_ns == frames[0].stamp_ns + index * 100_000_000
    assert len(frames) == 4


@pytest.mark.parametrize('kind', ['bag', 'video', 'folder'])
def test_loop_goes_on_with_stamps_that_continue(kind, request):
    path = request.getfixturevalue(kind)
    with open_source(path, loop=True) as source:
        frames = list(islice(source, 11))
        step = 1e9 / source.rate_hz
    stamps = np.array([frame.stamp_ns for frame in frames])
    np.testing.assert_allclose(np.diff(stamps), step, atol=2)
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(frame.rgb, frames[index % 4].rgb)


def test_second_iteration_starts_over(folder):
    with open_source(folder) as source:
        assert [f.stamp_ns for f in source] == [f.stamp_ns for f in source]


def test_loop_keeps_a_backward_stamp_inside_the_recording(tmp_path, monkeypatch):
    keep_written_order(monkeypatch)
    with BagWriter(tmp_path / 'bag') as writer:
        for stamp in (500, 900, 100):
            writer.write_image('/image', picture(0), 'rgb8', stamp, 'cam')
    with open_source(tmp_path / 'bag', loop=True) as source:
        stamps = [frame.stamp_ns for frame in islice(source, 6)]
    assert stamps[:3] == [500, 900, 100]
    assert stamps[3] > max(stamps[:3])
    assert np.diff(stamps[3:]).tolist() == [400, -800]


@pytest.mark.parametrize('kind', ['bag', 'video', 'folder'])
def test_calibration_is_scaled_to_the_image(kind, calibration, request):
    with open_source(request.getfixturevalue(kind), calibration=calibration) as source:
        frame = next(iter(source))
    assert frame.camera == Camera(32, 24, 30, 31, 16, 12)


def test_bag_topics_are_passed_on(bag):
    with open_source(bag, image_topic='/image', camera_info_topic='') as source:
        assert next(iter(source)).camera is None
    with pytest.raises(DataError, match='no topic /other'):
        open_source(bag, image_topic='/other')


def test_video_rate_can_be_overridden(video):
    with open_source(video, rate_hz=20) as source:
        assert [frame.stamp_ns for frame in source] == [0, 50_000_000, 100_000_000, 150_000_000]


def test_corrupt_image_in_a_folder_is_counted_and_keeps_its_time(folder):
    (folder / 'f9.JPG').write_bytes(b'<html>')
    with open_source(folder, rate_hz=10) as source:
        assert [frame.stamp_ns for frame in source] == [0, 200_000_000, 300_000_000]
        assert source.skipped == {'corrupt_image': 1}


@pytest.mark.parametrize('loop', [True, False])
def test_source_without_a_readable_image_is_refused(folder, loop):
    for path in folder.iterdir():
        path.write_bytes(b'<html>')
    with (open_source(folder, loop=loop) as source,
          pytest.raises(DataError, match='no readable image, 4 x corrupt_image')):
        list(source)


@pytest.mark.parametrize('name, what', [
    ('missing', 'does not exist'), ('empty', 'neither images nor a bag'),
    ('broken.mp4', 'not a video'), ('broken.mcap', 'cannot be read')])
def test_what_is_no_source_is_refused_naming_the_kinds(tmp_path, name, what):
    if name == 'empty':
        (tmp_path / name).mkdir()
    elif name != 'missing':
        (tmp_path / name).write_bytes(b'<html>' * 50)
    with pytest.raises(DataError, match=what) as caught:
        open_source(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    if name != 'broken.mcap':
        assert all(kind in str(caught.value) for kind in ('rosbag2', 'video', 'webcam', '.png'))


@pytest.mark.parametrize('spec', ['987', 987, '/dev/video987'])
def test_webcam_that_is_not_there_is_refused(spec):
    with pytest.raises(DataError, match='/dev/video987'):
        open_source(spec)


class FakeCapture:
    """A webcam that gives two images and is then unplugged."""

    def __init__(self, index):
        self.index, self.left, self.released = index, 2, False

    def isOpened(self):  # noqa: N802 (OpenCV's name)
        return True

    def get(self, _):
        return 25.0

    def read(self):
        self.left -= 1
        return self.left >= 0, picture(0)[..., ::-1]

    def release(self):
        self.released = True


@pytest.mark.parametrize('spec', ['3', 3, '/dev/video3'])
def test_webcam_is_stamped_by_the_clock_and_released(spec, monkeypatch):
    captures = []
    monkeypatch.setattr(sources.cv2, 'VideoCapture',
                        lambda index: captures.append(FakeCapture(index)) or captures[-1])
    times = iter([1000, 2000, 3000])
    monkeypatch.setattr(sources.time, 'time_ns', lambda: next(times))
    with open_source(spec) as source:
        frames = list(source)
        assert (source.rate_hz, source.frame_count) == (25, None)
    assert [frame.stamp_ns for frame in frames] == [1000, 2000]
    np.testing.assert_array_equal(frames[0].rgb, picture(0))
    assert (captures[0].index, captures[0].released) == (3, True)
    assert source.truncated == 'webcam 3 stopped giving images'


def test_malformed_calibration_is_refused(folder, calibration):
    calibration.write_text('image_width: 640')
    with pytest.raises(DataError, match='image_height'):
        open_source(folder, calibration=calibration)


@pytest.mark.parametrize('rate_hz', [0, -1, float('nan'), float('inf')])
def test_rate_that_is_none_is_refused(folder, rate_hz):
    with pytest.raises(DataError, match='frame rate'):
        open_source(folder, rate_hz=rate_hz)


def test_cut_bag_says_so(bag):
    file = bag / 'bag.mcap'
    file.write_bytes(file.read_bytes()[:-60])
    with open_source(bag) as source:
        assert len(list(source)) == 4
        assert 'cut off' in source.truncated
        assert source.truncated.endswith('readable part was used: 4 images of /image, 0.3 s')
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(DataError, match='cannot be read'), open_source(bag) as source:
        list(source)
