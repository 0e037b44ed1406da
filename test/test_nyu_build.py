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
"""build-nyu: what it writes, that it can be killed, and what it does with bad input."""

from __future__ import annotations

import csv
import errno
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time
import zipfile

from _nyu_files import raw_frame, tree, write_scene
import cv2
from lstm_depth.cli import main
from lstm_depth.data.nyu import output as files
from lstm_depth.data.nyu.build import build, BuildConfig, select_frames
from lstm_depth.data.nyu.kinect import RGB_LENS
from lstm_depth.data.nyu.output import FrameSettings
from lstm_depth.data.nyu.projection import project_depth, undistorter
from lstm_depth.data.nyu.split import SceneSplit
from lstm_depth.data.nyu.sync import synchronise
from lstm_depth.errors import DataError
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]


class InProcess:
    """An executor that runs tasks where they are submitted: no time to start processes."""

    @staticmethod
    def submit(function, *arguments):
        from concurrent.futures import Future
        future = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture
def here(monkeypatch):
    """Build in this process."""
    from contextlib import contextmanager

    @contextmanager
    def executor(workers, scheduler):
        yield InProcess(), 1
    monkeypatch.setattr('lstm_depth.data.nyu.build.open_executor', executor)


@pytest.fixture(scope='module')
def raw(tmp_path_factory) -> Path:
    """Return a folder of two raw scenes, one of them in an archive."""
    root = tmp_path_factory.mktemp('raw')
    write_scene(root / 'office_0003', 3)
    folder = write_scene(root / 'tmp' / 'bedroom_0001a', 2, seed=20)
    with zipfile.ZipFile(root / 'bedrooms.zip', 'w') as archive:
        for path in folder.iterdir():
            archive.write(path, f'bedroom_0001a/{path.name}')
            path.unlink()
    folder.rmdir()
    folder.parent.rmdir()
    return root


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def config(raw: Path, output: Path, **options) -> BuildConfig:
    settings = {key: options.pop(key) for key in list(options)
                if key in FrameSettings.__dataclass_fields__}
    return BuildConfig(raw=raw, output=output, settings=FrameSettings(**settings), **options)


def test_the_output_is_plain_files_with_a_manifest(here, raw, tmp_path):
    report = build(config(raw, tmp_path / 'out', image_format='png'))
    assert (report.scenes, report.frames, report.built) == (2, 5, 5) and not report.skipped
    image, depth = raw_frame(1)
    assert sorted(tree(tmp_path / 'out')) == sorted([
        'all_files.txt', 'build.json', 'manifest.csv', 'skipped.csv'] + [
        f'{scene}/{name}' for scene, count in (('bedroom_0001a', 2), ('office_0003', 3))
        for name in ('contact_sheet.png', 'frames.csv', 'skipped.csv', *(
            f'{kind}_{n:05d}.png' for n in range(count) for kind in ('rgb', 'sync_depth')))])
    stored = cv2.imread(str(tmp_path / 'out/office_0003/rgb_00001.png'))[..., ::-1]
    np.testing.assert_array_equal(stored, undistorter(RGB_LENS, 640, 480).rgb(image))
    millimetres = cv2.imread(str(tmp_path / 'out/office_0003/sync_depth_00001.png'),
                             cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(millimetres, np.rint(project_depth(depth) * 1000))
    row = rows(tmp_path / 'out/manifest.csv')[3]
    assert row['scene'] == 'office_0003' and row['frame'] == '1'
    assert row['depth_stamp'] == '1294886360.233333' and row['rgb_stamp'] == '1294886360.244333'
    assert float(row['sync_gap_s']) == pytest.approx(0.011, abs=2e-6)
    assert float(row['valid_share']) == pytest.approx((millimetres > 0).mean(), abs=1e-6)
    assert (tmp_path / 'out/all_files.txt').read_text().splitlines()[3] == (
        'office_0003/rgb_00001.png office_0003/sync_depth_00001.png 518.8579')


def test_running_again_changes_nothing_and_builds_nothing(here, raw, tmp_path):
    build(config(raw, tmp_path / 'out'))
    before = tree(tmp_path / 'out')
    report = build(config(raw, tmp_path / 'out'))
    assert report.built == 0 and report.frames == 5
    assert tree(tmp_path / 'out') == before


def test_what_was_lost_is_built_again(here, raw, tmp_path):
    build(config(raw, tmp_path / 'out'))
    before = tree(tmp_path / 'out')
    (tmp_path / 'out/office_0003/rgb_00001.jpg').unlink()
    (tmp_path / 'out/office_0003/.rgb_00001.77.partial.jpg').write_bytes(b'half')
    (tmp_path / 'out/bedroom_0001a/frames.csv').unlink()
    assert build(config(raw, tmp_path / 'out')).built == 1
    assert tree(tmp_path / 'out') == before


def children(pid: int) -> list[int]:
    """Return the processes that *pid* started."""
    try:
        return [int(child) for child in
                Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except OSError:
        return []


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def wait_for(condition, seconds: float = 60) -> None:
    """Wait until *condition* holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it took too long'
        time.sleep(0.02)


def test_a_build_killed_twice_and_resumed_gives_the_same_bytes(here, tmp_path):
    raw = tmp_path / 'raw'
    write_scene(raw / 'kitchen_0001', 24)
    write_scene(raw / 'kitchen_0002', 12, seed=40)
    build(config(raw, tmp_path / 'whole'))
    out = tmp_path / 'killed'
    command = [sys.executable, '-m', 'lstm_depth', 'build-nyu', str(raw), str(out),
               '--workers', '1']
    for frames in (4, 18):
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        wait_for(lambda count=frames: len(list(out.glob('*/sync_depth_*.png'))) >= count)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (out / 'manifest.csv').exists()
        wait_for(lambda pids=workers: not any(map(alive, pids)))
    assert main(command[3:]) == 0
    assert tree(out) == tree(tmp_path / 'whole')


def test_damaged_frames_are_skipped_and_counted_by_cause(here, tmp_path, capsys):
    folder = write_scene(tmp_path / 'raw' / 'office_0003', 8)
    depth, rgb = sorted(folder.glob('d-*')), sorted(folder.glob('r-*'))
    depth[0].write_bytes(depth[0].read_bytes()[:5000])
    depth[1].write_bytes(b'')
    rgb[2].write_bytes(rgb[2].read_bytes()[:-1])
    rgb[3].write_bytes(rgb[3].read_bytes().replace(b'640 480', b'320 240', 1))
    depth[4].write_bytes(b'no picture')
    depth[5].unlink()
    depth[5].symlink_to('nowhere')
    write_scene(tmp_path / 'raw' / 'kitchen_0001', 2)
    (tmp_path / 'raw' / 'empty_0001').mkdir()
    out = tmp_path / 'out'
    assert main(['build-nyu', str(tmp_path / 'raw'), str(out), '--json',
                 str(tmp_path / 'report.json')]) == 0
    report = json.loads((tmp_path / 'report.json').read_text())
    assert report['frames'] == 4
    assert report['skipped'] == {'truncated_depth': 2, 'truncated_rgb': 1, 'rgb_size': 1,
                                 'bad_depth': 1, 'unreadable': 1, 'unusable_scene': 1}
    assert 'truncated_depth: 2' in capsys.readouterr().out
    skipped = rows(out / 'skipped.csv')
    assert [(row['frame'], row['cause']) for row in skipped][:2] == [
        ('0', 'truncated_depth'), ('1', 'truncated_depth')]
    assert [row['frame'] for row in rows(out / 'office_0003/frames.csv')] == ['6', '7']


def test_a_full_disk_is_one_clear_error_and_leaves_no_half_file(here, raw, tmp_path, monkeypatch):
    write, written = Path.write_bytes, []

    def full(path, data):
        written.append(path)
        if len(written) == 4:
            write(path, bytes(data)[:10])
            raise OSError(errno.ENOSPC, 'No space left on device')
        return write(path, data)
    monkeypatch.setattr(Path, 'write_bytes', full)
    with pytest.raises(DataError, match='the disk is full; make room and run the same command'):
        build(config(raw, tmp_path / 'out'))
    monkeypatch.undo()
    assert not list((tmp_path / 'out').rglob('*partial*'))
    for path in (tmp_path / 'out').rglob('*.png'):
        assert cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None


@pytest.mark.parametrize(('arguments', 'says'), [
    (['{raw}/nowhere', '{out}'], 'does not exist'),
    (['{raw}', '{raw}'], 'was not made by build-nyu'),
    (['{raw}', '{out}', '--width', '8'], 'width must be within'),
    (['{raw}', '{out}', '--fraction', '0'], 'fraction must be above 0'),
    (['{raw}', '{out}', '--labeled', 'a.mat'], 'needs both'),
    (['{raw}', '{out}', '--part', 'train'], 'needs a split'),
    (['{raw}', '{out}', '--split-list', '{raw}/none.txt'], 'cannot be read'),
    (['{raw}', '{out}', '--scheduler', 'tcp://127.0.0.1:9'], 'no Dask scheduler answers'),
])
def test_bad_arguments_are_one_clear_error_and_write_nothing(raw, tmp_path, capsys, arguments,
                                                             says, monkeypatch):
    monkeypatch.setattr('lstm_depth.data.nyu.parallel._CONNECT_TIMEOUT_S', 0.2)
    if '--scheduler' in arguments:
        pytest.importorskip('distributed')
    before = tree(raw)
    filled = [part.format(raw=raw, out=tmp_path / 'out') for part in arguments]
    assert main(['build-nyu', *filled]) == 2
    assert says in capsys.readouterr().err
    assert tree(raw) == before
    assert not [name for name in tree(tmp_path) if name != 'out/build.json']


def test_other_settings_need_another_folder(here, raw, tmp_path):
    build(config(raw, tmp_path / 'out', width=160))
    with pytest.raises(DataError, match='was built with width 160 instead of 320'):
        build(config(raw, tmp_path / 'out', width=320))


def test_a_smaller_width_shrinks_images_depth_and_camera(here, raw, tmp_path):
    build(config(raw, tmp_path / 'out', width=160))
    image = cv2.imread(str(tmp_path / 'out/office_0003/rgb_00000.jpg'))
    depth = cv2.imread(str(tmp_path / 'out/office_0003/sync_depth_00000.png'),
                       cv2.IMREAD_UNCHANGED)
    assert image.shape == (120, 160, 3) and depth.shape == (120, 160)
    camera = json.loads((tmp_path / 'out/build.json').read_text())['camera']
    assert camera['fx'] == pytest.approx(RGB_LENS.fx / 4)
    full = np.rint(project_depth(raw_frame(0)[1]) * 1000)
    assert set(np.unique(depth)) <= set(np.unique(full))       # picked, not averaged


def test_the_split_goes_into_the_manifest_and_the_lists(here, raw, tmp_path):
    split = SceneSplit(frozenset({'bedroom_0001'}), frozenset({'office_0003'}))
    build(config(raw, tmp_path / 'out', split=split))
    assert {row['scene']: row['part'] for row in rows(tmp_path / 'out/manifest.csv')} == {
        'bedroom_0001a': 'train', 'office_0003': 'test'}
    assert len((tmp_path / 'out/train_files.txt').read_text().splitlines()) == 2
    assert len((tmp_path / 'out/test_files.txt').read_text().splitlines()) == 3
    report = build(config(raw, tmp_path / 'train', split=split, part='train'))
    assert report.frames == 2 and not (tmp_path / 'train/office_0003').exists()


@pytest.mark.parametrize('count', [1, 10, 149, 877])
def test_a_fraction_takes_runs_from_all_over_a_scene(count):
    times = [f'd-{1000 + number / 30:.6f}-{number}.pgm' for number in range(count)]
    frames = synchronise(times, ['r-1000.0-1.ppm'])
    chosen = select_frames(frames, 0.2)
    assert len(chosen) == pytest.approx(0.2 * count, abs=1 + count / 300)
    indices = [frame.index for frame in chosen]
    gaps = np.diff(indices)
    assert (gaps >= 1).all() and (gaps > 1).sum() == max(1, round(count / 150)) - 1
    assert select_frames(frames, 1.0) == frames


def test_a_largest_gap_is_an_option_and_off(here, tmp_path):
    folder = write_scene(tmp_path / 'raw' / 'office_0003', 3)
    sorted(folder.glob('r-*'))[2].unlink()
    assert build(config(tmp_path / 'raw', tmp_path / 'a')).frames == 3
    report = build(config(tmp_path / 'raw', tmp_path / 'b', max_gap_s=0.015))
    assert report.frames == 2 and report.skipped == {'sync_gap': 1}


def test_holes_are_filled_on_request(here, raw, tmp_path, monkeypatch):
    monkeypatch.setattr('lstm_depth.data.nyu.build.fill_depth',
                        lambda rgb, depth: np.where(depth > 0, depth, 5.0))
    build(config(raw, tmp_path / 'out', fill=True, width=160))
    depth = cv2.imread(str(tmp_path / 'out/office_0003/sync_depth_00000.png'),
                       cv2.IMREAD_UNCHANGED)
    assert (depth > 0).all()


def test_a_dask_cluster_gives_the_same_bytes(here, raw, tmp_path, monkeypatch):
    distributed = pytest.importorskip('distributed')
    build(config(raw, tmp_path / 'here'))
    monkeypatch.undo()
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False,
                                  dashboard_address=None) as cluster:
        build(config(raw, tmp_path / 'there', scheduler=cluster.scheduler_address))
    assert tree(tmp_path / 'there') == tree(tmp_path / 'here')


def test_a_damaged_table_says_what_to_do(tmp_path):
    path = tmp_path / 'frames.csv'
    path.write_text('scene,frame\na,b\n')
    with pytest.raises(DataError, match='remove it and build again'):
        files.read_rows(path, files.FrameRow)


def test_a_write_error_says_more_than_its_number():
    error = files.write_error(Path('out/a.png'), OSError(errno.EACCES, os.strerror(errno.EACCES)))
    assert 'Permission denied' in str(error)
