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
"""Replay: every frame predicted, scored and written, and honest numbers about it."""

from __future__ import annotations

import csv
from dataclasses import replace
import json
import re
import tracemalloc

from _bag_formats import as_ros_1, as_sqlite
from _recordings import CAMERA, camera_frames, STEP_NS, tiny_checkpoint, write_bag
import cv2
from lstm_depth.cli import main
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.evaluation.replay import ReplayConfig, run_replay
from lstm_depth.evaluation.scored import ScoredFrame
from lstm_depth.evaluation.sinks import (
    DepthFolder,
    FrameTable,
    StripPicture,
    Video,
)
from lstm_depth.media.bag import BagReader, BagWriter
from lstm_depth.media.source import Source
from lstm_depth.media.video import VideoWriter
from lstm_depth.msgs.cloud import CLOUD_DTYPE
from lstm_depth.scoring.protocol import whole_image
from lstm_depth.scoring.temporal import TEMPORAL_MEASURES
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


def test_every_frame_of_a_bag_is_predicted_scored_and_written(bag, checkpoint, tmp_path):
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
    truth = next(camera_frames(1)).depth
    files = sorted((tmp_path / 'out' / 'depth').iterdir())
    means = []
    for file in files:
        millimetres = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert millimetres.dtype == np.uint16
        means.append(whole_image(0.3, 8.0).score(millimetres / 1000, truth)['abs_rel'])
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


def test_depth_of_another_time_is_said_in_one_sentence(checkpoint, tmp_path):
    frames = list(camera_frames(4))
    late = [replace(frame, stamp_ns=frame.stamp_ns + 60 * 10**9) for frame in frames]
    with BagWriter(tmp_path / 'bag') as bag:
        for frame, other in zip(frames, late):
            bag.write_image('/camera/image', frame.rgb, 'rgb8', frame.stamp_ns, 'cam')
            bag.write_image('/camera/depth', other.depth, '32FC1', other.stamp_ns, 'cam')
    report = run_replay(ReplayConfig(str(tmp_path / 'bag'), checkpoint=str(checkpoint),
                                     device='cpu'))
    assert report.metrics is None and report.frames_out == 4
    warning, = report.warnings
    assert 'no depth of /camera/depth is within half a frame interval' in warning
    assert warning in report.table()


def test_a_bag_cut_short_is_evaluated_as_far_as_it_goes_and_says_how_far(checkpoint, tmp_path):
    # The writer's chunks hold about fifty of these frames, only whole ones can be read.
    bag = write_bag(tmp_path / 'bag', camera_frames(150))
    file = bag / 'bag.mcap'
    file.write_bytes(file.read_bytes()[:int(file.stat().st_size * 0.6)])
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                     temporal=False))
    assert 20 < report.frames_out < 100 and report.frames_scored >= report.frames_out - 1
    warning, = report.warnings
    assert f': {report.frames_in} of 150 images of /camera/image, ' in warning


@pytest.mark.parametrize('copy', [as_ros_1, as_sqlite])
def test_bags_of_other_formats_give_the_same_numbers(bag, checkpoint, tmp_path, copy):
    other = copy(bag, tmp_path / 'other.bag')
    reports = [run_replay(ReplayConfig(str(path), checkpoint=str(checkpoint), device='cpu',
                                       limit=4)) for path in (bag, other)]
    assert reports[0].metrics == reports[1].metrics
    assert reports[0].temporal == reports[1].temporal


def test_a_model_of_another_range_is_told(checkpoint, tmp_path):
    far = [replace(frame, depth=frame.depth * 5) for frame in camera_frames(2)]
    bag = write_bag(tmp_path / 'far', far)
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                     max_depth=30.0))
    warning, = report.warnings
    assert 'farther than 10 m' in warning


def test_temporal_measures_are_reported_and_can_be_left_out(bag, checkpoint):
    settings = {'source': str(bag), 'checkpoint': str(checkpoint), 'device': 'cpu', 'limit': 3}
    report = run_replay(ReplayConfig(**settings))
    assert {'tgm', 'opw', 'rtc_1.25', 'scale_std'} <= set(report.temporal)
    assert set(report.temporal) <= set(TEMPORAL_MEASURES)
    assert f'{report.temporal["tgm"]:.4f}' in report.table()
    assert run_replay(ReplayConfig(**settings, temporal=False)).temporal == {}


def test_the_html_report_shows_the_numbers_of_the_table(bag, checkpoint, tmp_path):
    report = run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                                     report=tmp_path / 'html', limit=3))
    page = (tmp_path / 'html' / 'report.html').read_text('utf-8')
    assert f'{report.metrics["abs_rel"]:.3f}' in page
    assert 'stateful' in page and str(bag) in page and '0.3 m' in page


def test_the_html_report_of_a_source_without_ground_truth_says_so(checkpoint, tmp_path):
    bag = write_bag(tmp_path / 'plain', camera_frames(3, with_depth=False))
    run_replay(ReplayConfig(str(bag), checkpoint=str(checkpoint), device='cpu',
                            report=tmp_path / 'html'))
    assert 'no ground truth' in (tmp_path / 'html' / 'report.html').read_text('utf-8')


def test_memory_is_the_same_for_five_times_the_frames(checkpoint, tmp_path):
    def peak(count):
        source = write_bag(tmp_path / f'bag{count}', camera_frames(count))
        tracemalloc.start()
        try:
            run_replay(ReplayConfig(str(source), checkpoint=str(checkpoint), device='cpu',
                                    output=tmp_path / f'out{count}', temporal=False))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)
    # Beyond the chunk of 750 kB that the reader holds: a frame with its prediction is 34 kB.
    first, second = peak(30), peak(150)
    assert second - first < 120 * 34_000 / 10


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


@pytest.mark.parametrize('name', ['output', 'report'])
def test_a_file_in_the_place_of_a_folder_is_refused_before_the_work(tmp_path, name):
    (tmp_path / 'taken').write_text('mine')
    with pytest.raises(ConfigError, match='taken is a file'):
        ReplayConfig('bag', **{name: tmp_path / 'taken'})


def test_the_command_prints_a_table_and_writes_the_report_in_both_places(
        bag, checkpoint, tmp_path, capsys):
    out, report_file = tmp_path / 'out', tmp_path / 'numbers.json'
    assert main(['replay', str(bag), '--checkpoint', str(checkpoint), '--output', str(out),
                 '--json', str(report_file), '--device', 'cpu', '--limit', '2', '--no-video',
                 '--no-bag', '--no-depth-files']) == 0
    printed = capsys.readouterr().out
    assert re.search(r'frames in / out +2 / 2', printed)
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


def test_the_real_recording_is_predicted_frame_by_frame(office_bag, checkpoint):
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
                          whole_image(1e-3, 10.0).score(frame.depth * 1.1, frame.depth))


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
