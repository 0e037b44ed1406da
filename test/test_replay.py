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
"""Replay: every frame answered, scored and written, and honest numbers about it."""

from __future__ import annotations

import csv
import json

from _recordings import CAMERA, camera_frames, STEP_NS, tiny_checkpoint, write_bag
import cv2
from lstm_depth.bag import BagReader
from lstm_depth.cli import main
from lstm_depth.cloud import CLOUD_DTYPE
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.replay import ReplayConfig, run_replay
from lstm_depth.evaluation.scored import ScoredFrame
from lstm_depth.evaluation.sinks import (
    DepthFolder,
    FrameTable,
    StripPicture,
    Video,
)
from lstm_depth.metrics import depth_metrics
from lstm_depth.sources import Source
from lstm_depth.video import VideoWriter
from lstm_depth.visualize import PictureStyle
import numpy as np
import pytest


class ListSource(Source):
    """Frames in any order, as a live topic may bring them; a bag's reader would sort them."""

    def __init__(self, frames):
        super().__init__('list', len(frames), 30.0, None, False)
        self.frames = frames

    def _frames(self):
        yield from self.frames


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp('model') / 'tiny.safetensors')


@pytest.fixture
def bag(tmp_path):
    return write_bag(tmp_path / 'room', camera_frames(12))


def png_files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_frame_of_a_bag_is_answered_scored_and_written(bag, checkpoint, tmp_path):
    out = tmp_path / 'out'
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), output=out,
                                     device='cpu'))
    assert (report.frames_in, report.frames_out, report.frames_scored) == (12, 12, 12)
    assert report.metrics['valid'] == pytest.approx(1 - 25 / (48 * 64))
    assert report.resets == {} and report.skipped == {} and report.warnings == []
    assert 0 < report.latency_ms['p50'] <= report.latency_ms['p95']
    assert report.fps > report.wall_fps > 0

    stamps = [frame.stamp_ns for frame in camera_frames(12)]
    assert png_files(out / 'depth') == [f'{s // 10**9}.{s % 10**9:09d}.png' for s in stamps]
    with (out / 'frames.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    assert [int(row['stamp_ns']) for row in rows] == stamps
    assert np.mean([float(row['abs_rel']) for row in rows]) == pytest.approx(
        report.metrics['abs_rel'], rel=1e-4)
    assert cv2.imread(str(out / 'strip.png')).shape[1] == 8 + 4 * 328
    assert int(cv2.VideoCapture(str(out / 'video.mp4')).get(cv2.CAP_PROP_FRAME_COUNT)) == 12


def test_metrics_are_those_of_the_files_it_wrote(bag, checkpoint, tmp_path):
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), output=tmp_path / 'out',
                                     device='cpu', video=False, bag=False))
    gt = next(camera_frames(1)).depth
    files = sorted((tmp_path / 'out' / 'depth').iterdir())
    means = []
    for file in files:
        millimetres = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert millimetres.dtype == np.uint16
        means.append(depth_metrics(millimetres / 1000, gt, 0.3, 8.0)['abs_rel'])
    assert np.mean(means) == pytest.approx(report.metrics['abs_rel'], abs=1e-3)


def test_the_bag_it_writes_holds_depth_camera_info_and_cloud_at_the_input_stamps(
        bag, checkpoint, tmp_path):
    run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), output=tmp_path / 'out',
                            device='cpu', limit=3, video=False, depth_files=False))
    prefix = '/depth_node/depth'
    with BagReader(tmp_path / 'out' / 'bag') as written:
        assert {name: topic.count for name, topic in written.topics.items()} == {
            f'{prefix}/image': 3, f'{prefix}/camera_info': 3, f'{prefix}/points': 3}
        messages = list(written.messages())
    for name, _, message in messages:
        assert message.header.frame_id == 'camera_optical_frame'
        assert message.header.stamp.sec == 10**9
        if name == f'{prefix}/image':
            assert (message.width, message.height, message.encoding) == (64, 48, '32FC1')
        elif name == f'{prefix}/points':
            assert (message.width, message.height) == (32, 24)
            points = message.data.view(CLOUD_DTYPE).reshape(24, 32)
            pixels = CAMERA.project(np.stack([points[axis] for axis in 'xyz'], axis=-1))
            assert np.allclose(pixels[10, 20], (40, 20), atol=0.01)
    assert not (tmp_path / 'out' / 'video.mp4').exists()
    assert not (tmp_path / 'out' / 'depth').exists()


def test_without_ground_truth_there_are_no_metrics_and_two_panels(checkpoint, tmp_path):
    bag = write_bag(tmp_path / 'plain', camera_frames(3, with_depth=False))
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                     output=tmp_path / 'out', bag=False, depth_files=False))
    assert report.metrics is None
    assert report.frames_scored == 0
    assert 'no ground truth' in report.table()
    assert cv2.imread(str(tmp_path / 'out' / 'strip.png')).shape[1] == 8 + 2 * 328


def test_a_video_file_is_replayed_without_metrics(checkpoint, tmp_path):
    with VideoWriter(tmp_path / 'walk.mp4', 10) as video:
        for frame in camera_frames(5):
            video.write(frame.rgb)
    report = run_replay(ReplayConfig(str(tmp_path / 'walk.mp4'), checkpoint=str(checkpoint),
                                     device='cpu', output=tmp_path / 'out'))
    assert (report.frames_in, report.frames_out, report.metrics) == (5, 5, None)
    with BagReader(tmp_path / 'out' / 'bag') as written:
        # An uncalibrated camera gives depth, but neither camera_info nor cloud.
        assert list(written.topics) == ['/depth_node/depth/image']


def test_duplicates_are_skipped_and_jumps_reset_both_counted_by_cause(
        checkpoint, tmp_path, monkeypatch):
    frames = list(camera_frames(4))
    recording = ListSource([*frames[:3], frames[2], *frames[:2]])
    monkeypatch.setattr('lstm_depth.evaluation.replay.open_source', lambda *_, **__: recording)
    report = run_replay(ReplayConfig('loop', checkpoint=str(checkpoint), device='cpu',
                                     output=tmp_path / 'out', video=False, bag=False))
    assert (report.frames_in, report.frames_out) == (6, 5)
    assert report.skipped == {'duplicate_stamp': 1}
    assert report.resets == {'backward_stamp': 1}
    # The frames after the jump back have the stamps of the first ones.
    assert len(png_files(tmp_path / 'out' / 'depth')) == 5
    assert sum(name.endswith('_2.png') for name in png_files(tmp_path / 'out' / 'depth')) == 2


def test_ground_truth_without_a_pixel_in_range_is_counted_not_averaged(
        bag, checkpoint):
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                     min_depth=6.0, max_depth=8.0))
    assert report.metrics is None
    assert (report.frames_scored, report.frames_unscored) == (0, 12)
    assert 'none with a pixel' in report.table()


def test_a_wrong_topic_lists_those_of_the_bag_and_writes_nothing(bag, checkpoint, tmp_path):
    with pytest.raises(DataError, match='/camera/depth'):
        run_replay(ReplayConfig(str(bag), image_topic='/no/such', checkpoint=str(checkpoint),
                                output=tmp_path / 'out'))
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('values', [
    {'min_depth': 0.0}, {'min_depth': 9.0}, {'max_depth': float('inf')}, {'limit': -1},
    {'cloud_stride': 0}])
def test_unusable_settings_are_refused(values):
    with pytest.raises(ConfigError):
        ReplayConfig('bag', **values)


def test_the_command_prints_a_table_and_writes_the_report_in_both_places(
        bag, checkpoint, tmp_path, capsys):
    out, report_file = tmp_path / 'out', tmp_path / 'numbers.json'
    assert main(['replay', str(bag), '--checkpoint', str(checkpoint), '--output', str(out),
                 '--json', str(report_file), '--device', 'cpu', '--limit', '2', '--no-video',
                 '--no-bag', '--no-depth-files']) == 0
    printed = capsys.readouterr().out
    assert 'frames in / out  2 / 2' in printed
    assert 'abs_rel' in printed
    report = json.loads(report_file.read_text())
    assert report == json.loads((out / 'report.json').read_text())
    assert {'frames_in', 'frames_out', 'fps', 'latency_ms', 'metrics'} <= set(report)
    assert set(report['latency_ms']) == {'p50', 'p95'}
    assert {'abs_rel', 'rmse', 'd1', 'd2', 'd3', 'silog'} <= set(report['metrics'])
    assert report['model'] == 'residual_lstm'
    assert png_files(out) == ['frames.csv', 'report.json', 'strip.png']


def test_the_command_says_what_is_wrong_with_a_checkpoint(bag, tmp_path, capsys):
    assert main(['replay', str(bag), '--checkpoint', str(tmp_path / 'none.safetensors')]) == 2
    assert 'none.safetensors' in capsys.readouterr().err


def test_the_real_recording_is_answered_frame_by_frame(office_bag, checkpoint):
    report = run_replay(ReplayConfig(
        str(office_bag), image_topic='/camera/color/image_raw',
        depth_topic='/camera/aligned_depth_to_color/image_raw', checkpoint=str(checkpoint),
        device='cpu', limit=8))
    assert (report.frames_in, report.frames_out, report.frames_scored) == (8, 8, 8)
    assert 0.5 < report.metrics['valid'] < 1.0
    assert report.resets == {}


def scored(count):
    for frame in camera_frames(count):
        yield ScoredFrame(frame, frame.depth * 1.1, 0.02,
                          depth_metrics(frame.depth * 1.1, frame.depth))


@pytest.mark.parametrize('count', [1, 3, 4, 7, 9, 40, 101])
def test_a_strip_spreads_its_rows_over_a_stream_of_any_length(tmp_path, count):
    with StripPicture(tmp_path / 'strip.png', PictureStyle(), rows=4) as sink:
        for item in scored(count):
            sink.add(item)
    chosen = [(item.frame.stamp_ns - 10**18) // STEP_NS for item in sink.chosen()]
    assert len(chosen) == min(4, count)
    assert chosen == sorted(set(chosen))
    assert chosen[0] == 0
    assert chosen[-1] >= 0.6 * (count - 1)
    assert len(sink.kept) <= 8


@pytest.mark.parametrize('make', [
    lambda path: DepthFolder(path), lambda path: FrameTable(path),
    lambda path: StripPicture(path.with_suffix('.png'), PictureStyle()),
    lambda path: Video(path.with_suffix('.mp4'), PictureStyle(), 10)])
def test_a_sink_leaves_nothing_behind_when_the_run_fails(tmp_path, make):
    with pytest.raises(RuntimeError), make(tmp_path / 'out') as sink:
        sink.add(next(scored(1)))
        raise RuntimeError('disk on fire')
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_frames(tmp_path):
    with StripPicture(tmp_path / 'strip.png', PictureStyle()) as strip, \
            Video(tmp_path / 'video.mp4', PictureStyle(), 10) as video:
        for index, item in enumerate(scored(60)):
            strip.add(item)
            video.add(item)
            assert len(strip.kept) <= min(index + 1, 8)
