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
"""Files that want to harm: names that lead out, bombs, links, wrong types; and full disks."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import zipfile

from _bags import IMAGE
from _nyu_files import write_labeled, write_scene
from lstm_depth.checkpoint import load_network, save_checkpoint
from lstm_depth.cli import main
from lstm_depth.data.nyu.labeled import LabeledFile
from lstm_depth.data.nyu.pnm import decode_pgm, FrameError
from lstm_depth.data.nyu.raw_scene import find_scenes
from lstm_depth.data.readers import open_dataset
from lstm_depth.errors import CheckpointError, DataError
from lstm_depth.files import atomic_path, table_text, text_of_table, write_text
from lstm_depth.header import read_header
from lstm_depth.media.bag import BagReader
from lstm_depth.media.bag.common import typestore
from lstm_depth.models import create_model
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_types_from_msg, get_typestore, Stores


def archive(path, names, **options):
    """Write a zip archive of a scene's frames under other names."""
    folder = write_scene(path.parent / 'scene', 2)
    with zipfile.ZipFile(path, 'w', **options) as file:
        for member in sorted(folder.iterdir()):
            for prefix in names:
                file.write(member, f'{prefix}{member.name}')
    return path


@pytest.mark.parametrize('prefix', ['../', 'a/../../b/'])
def test_an_archive_that_names_files_outside_is_refused(tmp_path, prefix, capsys):
    (tmp_path / 'in').mkdir()
    path = archive(tmp_path / 'in' / 'raw.zip', [prefix])
    output = tmp_path / 'deep' / 'out'
    before = sorted(tmp_path.rglob('*'))
    assert main(['build-nyu', str(path), str(output)]) == 2
    assert 'outside of itself' in capsys.readouterr().err
    assert [item for item in sorted(tmp_path.rglob('*')) if item not in before
            and output not in (item, *item.parents) and item != output.parent] == []


def test_a_frame_that_unpacks_to_more_than_a_frame_is_damaged(tmp_path):
    path = tmp_path / 'raw.zip'
    name = 'r-1294886360.208451-2996770081.ppm'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr(f'office_0001/{name}', bytes(50 * 2**20))
    scene, = find_scenes(path)
    with pytest.raises(FrameError, match='larger than'):
        scene.read(name)


def test_an_encrypted_archive_and_an_unknown_compression_are_one_sentence(tmp_path):
    path = archive(tmp_path / 'raw.zip', ['office_0001/'])
    for offset, value in ((6, 1), (8, 99)):
        data = bytearray(path.read_bytes())
        for magic, shift in ((b'PK\x03\x04', 0), (b'PK\x01\x02', 2)):
            place = -1
            while (place := data.find(magic, place + 1)) >= 0:
                data[place + offset + shift] = value
        changed = tmp_path / f'changed_{offset}.zip'
        changed.write_bytes(data)
        scene, = find_scenes(changed)
        with pytest.raises(FrameError, match='cannot be read'):
            scene.read(scene.names()[0])


def test_a_width_of_five_thousand_digits_is_another_size():
    with pytest.raises(FrameError) as caught:
        decode_pgm(b'P5 ' + b'9' * 5000 + b' 480 65535\n', 'd.pgm')
    assert caught.value.cause == 'depth_size'


@pytest.mark.parametrize('name', ['../secret.png', '/etc/passwd', 'a/../../secret.png'])
def test_a_list_of_files_does_not_lead_out_of_its_folder(tmp_path, name):
    (tmp_path / 'list.csv').write_text(f'{name},{name}\n')
    with pytest.raises(DataError, match='outside'):
        open_dataset(tmp_path / 'list.csv')


@pytest.mark.parametrize('content', ['[]', '3', '{"camera": 5}', '{"camera": {"fx": "a"}}',
                                     '[' * 200_000])
def test_a_built_folder_with_a_wrong_description_is_refused(tmp_path, content):
    (tmp_path / 'build.json').write_text(content)
    with pytest.raises(DataError, match='build.json'):
        open_dataset(tmp_path)


def test_a_labelled_file_whose_values_are_elsewhere_is_refused(tmp_path):
    h5py = pytest.importorskip('h5py', reason='needs h5py (the nyu extra)')
    for name in ('own', 'linked', 'cells'):
        write_labeled(tmp_path / f'{name}.mat', ['a_0001', 'b_0001'])
    with h5py.File(tmp_path / 'linked.mat', 'r+') as file:
        del file['depths']
        file['depths'] = h5py.ExternalLink(str(tmp_path / 'own.mat'), 'depths')
    with pytest.raises(DataError, match='another file'):
        LabeledFile(tmp_path / 'linked.mat')
    with h5py.File(tmp_path / 'cells.mat', 'r+') as file:
        del file['scenes']
        file['scenes'] = np.zeros((1, 2))
    with pytest.raises(DataError, match='scenes of frame 0'):
        LabeledFile(tmp_path / 'cells.mat').scene(0)


def test_an_image_type_without_a_field_is_skipped(tmp_path):
    store = get_typestore(Stores.EMPTY)
    header = ('std_msgs/Header header\nuint32 height\nuint8[] data\n' + '=' * 80
              + '\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n'
              + '=' * 80 + '\nMSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n')
    store.register(get_types_from_msg(header, 'sensor_msgs/msg/Image'))
    types = store.types
    message = types['sensor_msgs/msg/Image'](
        header=types['std_msgs/msg/Header'](
            stamp=types['builtin_interfaces/msg/Time'](sec=1, nanosec=0), frame_id='a'),
        height=2, data=np.zeros(4, np.uint8))
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(IMAGE, 'sensor_msgs/msg/Image', typestore=store)
        writer.write(connection, 1, store.serialize_cdr(message, 'sensor_msgs/msg/Image'))
    with BagReader(tmp_path / 'bag') as bag:
        assert list(bag.frames(IMAGE, '', '')) == []
        assert bag.skipped == {'corrupt_message': 1}
    assert 'sensor_msgs/msg/Image' in typestore().types


@pytest.mark.parametrize('content', [
    b'', b'\xff' * 64, (200_000).to_bytes(8, 'little') + b'[' * 200_000,
    (2).to_bytes(8, 'little') + b'[]', (2**40).to_bytes(8, 'little') + b'{}',
    (30).to_bytes(8, 'little') + b'{"__metadata__": [1, 2, 3]}   '])
def test_a_checkpoint_of_a_wrong_header_is_refused(tmp_path, content):
    path = tmp_path / 'a.safetensors'
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='a.safetensors'):
        read_header(path)


def test_a_checkpoint_is_read_before_it_is_parsed(tmp_path):
    path = tmp_path / 'a.safetensors'
    save_checkpoint(path, create_model('residual_lstm', input_height=32, input_width=40,
                                       hourglass_depth=1))
    code = (
        'import mmap, sys\n'
        'from lstm_depth.checkpoint import load_network\n'
        f'model = load_network({str(path)!r})\n'
        f'assert {str(path)!r} not in open("/proc/self/maps").read()\n')
    subprocess.run([sys.executable, '-c', code], check=True, env={
        **os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    assert load_network(path).name == 'residual_lstm'


@pytest.mark.parametrize('arguments', [
    ['sample', '{place}/a', '--frames', '2', '--width', '32', '--height', '24'],
    ['dataset', 'inspect', 'rooms:1,frames=2,size=32x24', '--png', '{place}/a.png'],
    ['dataset', 'inspect', 'rooms:1,frames=2,size=32x24', '--png', '{tmp}/a.png', '--json',
     '{tmp}'],
    ['models', 'residual_lstm', '--json', '{place}/a.json']])
def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, arguments, capsys):
    (tmp_path / 'file').write_text('in the way')
    filled = [text.format(place=tmp_path / 'file', tmp=tmp_path) for text in arguments]
    status = main(filled)
    error = capsys.readouterr().err
    assert status == 2 and 'Traceback' not in error
    assert str(tmp_path) in error.splitlines()[-1]
    assert not [path for path in tmp_path.iterdir() if 'partial' in path.name]


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(tmp_path, monkeypatch, capsys):
    target = tmp_path / 'a.json'
    target.write_text('old')

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device', str(target))
    monkeypatch.setattr('lstm_depth.files.os.replace', full)
    assert main(['dataset', 'inspect', 'rooms:1,frames=2,size=32x24', '--png',
                 str(tmp_path / 'a.png'), '--json', str(target)]) == 2
    assert 'No space left' in capsys.readouterr().err
    assert target.read_text() == 'old' and len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_run_left_is_removed_by_the_next_and_nothing_else(tmp_path):
    code = ('import os, signal, sys\n'
            'from lstm_depth.files import atomic_path\n'
            f'with atomic_path({str(tmp_path / "a.txt")!r}) as partial:\n'
            '    partial.write_text("half")\n'
            '    os.kill(os.getpid(), signal.SIGKILL)\n')
    subprocess.run([sys.executable, '-c', code], check=False, env={
        **os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)})
    left, = tmp_path.iterdir()
    other = tmp_path / '.b.00000000-1-ff.partial.txt'
    other.write_text('of another file')
    with atomic_path(tmp_path / 'a.txt') as mine:
        assert not left.exists()
        mine.write_text('first')
        # Two at once, as of two containers with the same process id.
        write_text(tmp_path / 'a.txt', 'second')
        assert mine.read_text() == 'first'
    assert (tmp_path / 'a.txt').read_text() == 'first' and other.exists()


def test_text_from_outside_is_no_formula_and_steers_no_terminal(tmp_path, capsys):
    for text in ('=cmd|x', '+1+1', '@SUM(A1)', '-2+3'):
        assert table_text(text) == f"'{text}" and text_of_table(table_text(text)) == text
    for value in ('-1.5', '1e3', 'office', 3, None):
        assert table_text(value) == value
    assert main(['dataset', 'inspect', str(tmp_path / '\x1b[2Jgone')]) == 2
    assert '\x1b' not in capsys.readouterr().err
