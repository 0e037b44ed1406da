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
"""Bags as they are found: other names, channels beside the images, stamps that do not move."""

from __future__ import annotations

import struct

from _bag_formats import as_ros_1, as_sqlite
from _bags import assert_frames, CAMERA, DEPTH, distance, IMAGE, INFO, picture, write_bag
from _messages import keep_written_order
from lstm_depth.data.bags import bag_sequences
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagReader, BagWriter
from lstm_depth.media.bag.common import IMAGE as IMAGE_TYPE, typestore
from lstm_depth.media.sources import open_source
from lstm_depth.msgs.image import encode_image
from lstm_depth.msgs.registration import register_depth
import numpy as np
import pytest

FLOAT = 'std_msgs/msg/Float32'


def record(code, content):
    return bytes([code]) + struct.pack('<Q', len(content)) + content


def text(value):
    return struct.pack('<I', len(value)) + value.encode()


def with_channel(path, encoding, schema, message_encoding, definition='{}'):
    """Put a channel and a message of it before the data of an MCAP, which loses its summary."""
    data = path.read_bytes()
    head = 8 + 9 + int.from_bytes(data[9:17], 'little')
    extra = record(3, struct.pack('<H', 900) + text(schema) + text(encoding) + text(definition))
    extra += record(4, struct.pack('<HH', 900, 900) + text('/beside') + text(message_encoding)
                    + text(''))
    extra += record(5, struct.pack('<HIQQ', 900, 0, 5, 5) + b'{}')
    end = data.rindex(record(15, bytes(4))[:9])
    path.write_bytes(data[:head] + extra + data[head:end] + record(15, bytes(4))
                     + record(2, bytes(20)) + data[:8])


@pytest.mark.parametrize('channel', [
    ('jsonschema', 'foxglove.Log', 'json'), ('protobuf', 'foxglove.Grid', 'protobuf'),
    ('ros2msg', 'my_msgs/msg/Broken', 'cdr', 'float64[[ x\n=== nonsense'),
    ('', 'nothing', '')])
def test_a_channel_that_cannot_be_read_is_left_out_and_told(tmp_path, channel):
    path = write_bag(tmp_path / 'bag') / 'bag.mcap'
    with_channel(path, *channel)
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))
        assert '/beside' not in bag.topics
        note, = bag.notes
        assert note.startswith('/beside') and 'was left out' in note
    with open_source(path) as source:
        assert len(list(source)) == 5 and note in source.notes


def test_an_mcap_without_a_profile_is_read(tmp_path):
    path = write_bag(tmp_path / 'bag') / 'bag.mcap'
    data = path.read_bytes()
    length = int.from_bytes(data[9:17], 'little')
    library = 'writer' + 'x' * (length - 8 - 6)
    path.write_bytes(data[:17] + text('') + text(library) + data[17 + length:])
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))


@pytest.mark.parametrize('name', ['BAG.MCAP', 'lite.DB3', 'old.BAG', 'old.bag.active'])
def test_a_bag_is_known_however_its_ending_is_spelled(tmp_path, name):
    bag = write_bag(tmp_path / 'bag')
    if name.lower().endswith('mcap'):
        file = bag / 'bag.mcap'
    elif name.lower().endswith('db3'):
        file = as_sqlite(bag, tmp_path / 'lite') / 'lite.db3'
    else:
        file = as_ros_1(bag, tmp_path / 'x.bag')
    with BagReader(file.rename(tmp_path / name)) as reader:
        assert_frames(list(reader.frames()))
        assert reader.truncated is None


def test_metadata_of_a_later_version_or_named_for_its_folder_is_fine(tmp_path):
    path = write_bag(tmp_path / 'bag')
    metadata = path / 'metadata.yaml'
    metadata.write_text(metadata.read_text().replace('version: 8', 'version: 10'))
    for place in (path, metadata):
        with BagReader(place) as bag:
            assert_frames(list(bag.frames()))
            assert bag.truncated is None
            assert 'version 10' in bag.notes[0] and 'was not used' in bag.notes[0]


def test_metadata_that_multiplies_is_not_followed(tmp_path):
    path = write_bag(tmp_path / 'bag')
    (path / 'metadata.yaml').write_text('a: &a [x]\n' + ''.join(
        f'{name}: &{name} [{", ".join([f"*{before}"] * 9)}]\n'
        for before, name in zip('abcdefgh', 'bcdefghi')) + '[' * 5000)
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))


def test_one_compressed_file_says_what_to_do(tmp_path):
    (tmp_path / 'bag_0.db3.zstd').write_bytes(b'(\xb5/\xfd')
    with pytest.raises(DataError, match='zstd -d'):
        BagReader(tmp_path / 'bag_0.db3.zstd')


@pytest.mark.parametrize('stamp', [0, 7])
def test_stamps_that_do_not_move_give_way_to_the_times_of_recording(
        tmp_path, monkeypatch, stamp):
    keep_written_order(monkeypatch)
    with BagWriter(tmp_path / 'bag') as bag:
        for index in range(6):
            bag.write_image(IMAGE, picture(index), 'rgb8', stamp, 'cam')
            bag.write_image(DEPTH, distance(index), '32FC1', stamp, 'cam')
            bag.write_camera_info(INFO, CAMERA, stamp, 'cam')
    with BagReader(tmp_path / 'bag') as bag:
        frames = list(bag.frames())
        assert [frame.stamp_ns for frame in frames] == [0, 3, 6, 9, 12, 15]
        assert any('one stamp' in note for note in bag.notes)
        for index, frame in enumerate(frames):
            np.testing.assert_array_equal(frame.rgb, picture(index))
            np.testing.assert_array_equal(frame.depth, distance(index))
    sequence, = bag_sequences(tmp_path / 'bag')
    assert len(sequence) == 6 and any('one stamp' in note for note in sequence.notes)
    assert [sequence.frame(index).stamp_ns for index in range(6)] == [0, 3, 6, 9, 12, 15]
    np.testing.assert_array_equal(sequence.frame(4).depth, distance(4))


COLOR = Camera(64, 48, 60.0, 60.0, 31.5, 23.5)
STEREO = Camera(48, 40, 40.0, 40.0, 23.5, 19.5)


def sdk_bag(path, with_places=True, unit=0.001):
    """Write what the RealSense SDK records: mono16 depth of another camera, one frame_id."""
    stream = {'color': '/device_0/sensor_1/Color_0', 'depth': '/device_0/sensor_0/Depth_0'}
    types = typestore().types
    depth = np.full((40, 48), round(2 / unit), np.uint16)
    depth[10:20, 10:20] = round(1 / unit)
    with BagWriter(path) as bag:
        for name, camera in (('color', COLOR), ('depth', STEREO)):
            bag.write_camera_info(f'{stream[name]}/info/camera_info', camera, 0, '0')
        if with_places:
            for name, x in (('color', 0.1), ('depth', 0.0)):
                bag._write_message(f'{stream[name]}/tf/0', types['geometry_msgs/msg/Transform'](
                    translation=types['geometry_msgs/msg/Vector3'](x=x, y=0.0, z=0.0),
                    rotation=types['geometry_msgs/msg/Quaternion'](x=0., y=0., z=0., w=1.)), 0)
        bag._write_message('/device_0/sensor_0/option/Depth_Units/value',
                           types[FLOAT](data=np.float32(unit).item()), 0)
        for index in range(3):
            stamp = 10**9 + index * 33_000_000
            bag._write(f'{stream["depth"]}/image/data', IMAGE_TYPE, stamp, '0', **{
                **encode_image(depth, '16UC1'), 'encoding': 'mono16'})
            bag.write_image(f'{stream["color"]}/image/data',
                            np.full((48, 64, 3), 90, np.uint8), 'rgb8', stamp, '0')
    return path, stream, depth * np.float32(unit)


@pytest.mark.parametrize('with_places', [True, False])
@pytest.mark.parametrize('unit', [0.001, 0.00025])
def test_a_realsense_sdk_bag_has_registered_ground_truth(tmp_path, with_places, unit):
    path, stream, depth = sdk_bag(tmp_path / 'sdk', with_places, unit)
    place = np.eye(4)
    place[0, 3] = 0.1 if with_places else 0
    expected = register_depth(depth, STEREO, COLOR, place)
    with BagReader(path) as bag:
        topics = bag.choose_topics()
        assert topics.image == f'{stream["color"]}/image/data'
        assert topics.depth == f'{stream["depth"]}/image/data'
        frames = list(bag.frames())
        assert len(frames) == 3 and frames[0].camera == COLOR
        np.testing.assert_allclose(frames[0].depth, expected, rtol=1e-5)
        assert any('as if both were at the same place' in note for note in bag.notes) \
            != with_places
    frame = bag_sequences(path)[0].frame(1)
    np.testing.assert_allclose(frame.depth, expected, rtol=1e-5)
