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
"""Tests of lstm_depth.media.bag."""

from __future__ import annotations

import sqlite3
import struct

from _bag_formats import as_ros_1, as_sqlite
from _bags import (
    assert_frames,
    big_bag,
    CAMERA,
    DEPTH,
    distance,
    IMAGE,
    INFO,
    picture,
    write_bag,
)
from _messages import keep_written_order
import cv2
from lstm_depth.errors import DataError
from lstm_depth.geometry import Camera
from lstm_depth.media.bag import BagReader, BagWriter
from lstm_depth.msgs.cloud import organised_cloud
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import get_typestore, Stores


def test_written_frames_are_read_back(tmp_path):
    with BagReader(write_bag(tmp_path / 'bag')) as bag:
        assert_frames(list(bag.frames()))
        assert bag.frame_count(IMAGE) == bag.frame_count(INFO) == 5
        assert bag.duration_s == pytest.approx(0.4)
        assert (bag.truncated, sum(bag.skipped.values())) == (None, 0)


def test_lone_mcap_file_is_read(tmp_path):
    with BagReader(write_bag(tmp_path / 'bag') / 'bag.mcap') as bag:
        assert_frames(list(bag.frames()))


def test_folder_without_metadata_is_read(tmp_path):
    path = write_bag(tmp_path / 'bag')
    (path / 'metadata.yaml').unlink()
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))
        assert bag.truncated is None


def test_sqlite_bag_without_definitions_is_read(tmp_path):
    path = as_sqlite(write_bag(tmp_path / 'bag'), tmp_path / 'sqlite')
    with sqlite3.connect(path / 'sqlite.db3') as database:
        database.execute('DELETE FROM message_definitions')
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))


def test_ros_1_bag_is_read(tmp_path):
    with BagReader(as_ros_1(write_bag(tmp_path / 'bag'), tmp_path / 'old.bag')) as bag:
        assert_frames(list(bag.frames()))


def test_real_recording_is_read_whole(office_bag):
    with BagReader(office_bag) as bag:
        topics = bag.choose_topics()
        frames = list(bag.frames())
    assert topics.image == '/camera/color/image_raw'
    assert topics.camera_info == '/camera/color/camera_info'
    assert topics.depth == '/camera/aligned_depth_to_color/image_raw'
    assert len(frames) == 193
    assert {frame.rgb.shape for frame in frames} == {(240, 320, 3)}
    assert {frame.camera for frame in frames} == {Camera(320, 240, 307.5, 307.5, 160, 120)}
    assert {frame.frame_id for frame in frames} == {'camera_color_optical_frame'}
    assert all(0.3 < np.nanmedian(frame.depth) < 8 for frame in frames)
    assert np.ptp(np.diff([frame.stamp_ns for frame in frames])) <= 1


def test_every_written_type_is_read_back(tmp_path):
    path = tmp_path / 'all'
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(np.array([0.0, 0.0, np.pi / 2]))[0]
    pose[:3, 3] = (1, 2, 3)
    cloud = organised_cloud(distance(0), picture(0), CAMERA, 2)
    jpeg = cv2.imencode('.jpg', picture(0))[1].tobytes()
    with BagWriter(path) as bag:
        bag.write_cloud('/points', cloud, 1_500_000_000, 'cam')
        bag.write_pose('/pose', pose, 2, 'map')
        bag.write_transform('/tf', pose, 3, 'map', 'cam')
        bag.write_compressed('/image/compressed', jpeg, 'jpeg', 4, 'cam')
    with AnyReader([path]) as bag:
        read = {connection.topic: bag.deserialize(data, connection.msgtype)
                for connection, _, data in bag.messages()}
        assert all(connection.msgdef.data for connection in bag.connections)
    points = read['/points']
    assert (points.header.stamp.sec, points.header.stamp.nanosec) == (1, 500_000_000)
    assert (points.height, points.width, points.point_step, points.row_step) == (12, 16, 16, 256)
    assert [(field.name, field.offset, field.datatype, field.count)
            for field in points.fields] == [('x', 0, 7, 1), ('y', 4, 7, 1), ('z', 8, 7, 1),
                                            ('rgb', 12, 7, 1)]
    assert points.data.tobytes() == cloud.tobytes() and not points.is_dense
    half = np.sqrt(0.5)
    for rigid, place in ((read['/pose'].pose, read['/pose'].pose.position),
                         (read['/tf'].transforms[0].transform,
                          read['/tf'].transforms[0].transform.translation)):
        turn = getattr(rigid, 'orientation', None) or rigid.rotation
        assert (place.x, place.y, place.z) == (1, 2, 3)
        np.testing.assert_allclose([turn.x, turn.y, turn.z, turn.w], [0, 0, half, half],
                                   atol=1e-12)
    assert read['/tf'].transforms[0].child_frame_id == 'cam'
    assert read['/image/compressed'].data.tobytes() == jpeg


def test_players_are_told_to_offer_reliable_topics(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_transform('/tf_static', np.eye(4), 0, 'map', 'cam')
        bag.write_pose('/pose', np.eye(4), 0, 'map')
    with AnyReader([tmp_path / 'bag']) as bag:
        qos = {connection.topic: connection.ext.offered_qos_profiles[0]
               for connection in bag.connections}
    assert {name: (q.reliability.name, q.durability.name) for name, q in qos.items()} == {
        '/tf_static': ('RELIABLE', 'TRANSIENT_LOCAL'), '/pose': ('RELIABLE', 'VOLATILE')}


def test_failed_writing_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match='stop'), BagWriter(tmp_path / 'bag') as bag:
        bag.write_image(IMAGE, picture(0), 'rgb8', 0, 'cam')
        raise RuntimeError('stop')
    assert list(tmp_path.iterdir()) == []


def test_existing_bag_is_kept_unless_asked_to_overwrite_it(tmp_path):
    path = write_bag(tmp_path / 'bag', frames=2)
    with pytest.raises(DataError, match='overwrite'):
        BagWriter(path)
    with pytest.raises(RuntimeError), BagWriter(path, overwrite=True):
        raise RuntimeError
    with BagReader(path) as bag:
        assert bag.frame_count(IMAGE) == 2
    write_bag(path, frames=3, overwrite=True)
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()), 3)
    assert [entry.name for entry in tmp_path.iterdir()] == ['bag']


@pytest.mark.parametrize('kind', ['file', 'folder'])
def test_what_is_not_a_bag_is_never_overwritten(tmp_path, kind):
    path = tmp_path / 'thing'
    if kind == 'file':
        path.write_text('mine')
    else:
        path.mkdir()
        (path / 'mine').touch()
    with pytest.raises(DataError, match='not a rosbag2 folder'):
        BagWriter(path, overwrite=True)
    assert path.exists()


def test_second_type_on_a_topic_is_refused(tmp_path):
    with (pytest.raises(DataError, match='/x holds sensor_msgs/msg/Image'),
          BagWriter(tmp_path / 'bag') as bag):
        bag.write_image('/x', picture(0), 'rgb8', 0, 'cam')
        bag.write_pose('/x', np.eye(4), 0, 'map')


@pytest.mark.parametrize('shift_ns, depth', [
    (49_000_000, True), (-49_000_000, True), (51_000_000, None)])
def test_depth_is_matched_within_half_a_frame_interval(tmp_path, shift_ns, depth):
    path = write_bag(tmp_path / 'bag', frames=1 if depth is None else 5,
                     depth_shift_ns=shift_ns)
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()), 1 if depth is None else 5, depth=bool(depth))


def test_recording_that_starts_over_keeps_all_frames_in_order(tmp_path, monkeypatch):
    keep_written_order(monkeypatch)
    with BagWriter(tmp_path / 'bag') as bag:
        for stamp in (10, 20, 30, 10, 20, 30):
            bag.write_image(IMAGE, picture(stamp), 'rgb8', stamp, 'cam')
            bag.write_image(DEPTH, distance(stamp), '32FC1', stamp, 'cam')
    with BagReader(tmp_path / 'bag') as bag:
        frames = list(bag.frames())
    assert [frame.stamp_ns for frame in frames] == [10, 20, 30, 10, 20, 30]
    for frame in frames:
        np.testing.assert_array_equal(frame.depth, distance(frame.stamp_ns))


def topic_bag(path, **topics):
    """Write one image a topic; a name with depth gets depth, with jpeg a JPEG."""
    with BagWriter(path) as bag:
        for topic in topics.values():
            if 'compressed' in topic:
                bag.write_compressed(topic, cv2.imencode('.jpg', picture(0))[1], 'jpeg', 0, 'cam')
            elif 'info' in topic:
                bag.write_camera_info(topic, CAMERA, 0, 'cam')
            elif 'range' in topic or 'depth' in topic:
                bag.write_image(topic, distance(0), '32FC1', 0, 'cam')
            else:
                bag.write_image(topic, picture(0), 'rgb8', 0, 'cam')
    return path


@pytest.mark.parametrize('names, image, info, depth', [
    (['/a'], '/a', None, None),
    (['/a/image', '/a/camera_info'], '/a/image', '/a/camera_info', None),
    (['/image', '/camera_info'], '/image', '/camera_info', None),
    (['/a/image/compressed', '/a/camera_info'], '/a/image/compressed', '/a/camera_info', None),
    (['/a/image_raw', '/a/image_raw/compressed'], '/a/image_raw', None, None),
    (['/infra/image', '/rgb/image'], '/rgb/image', None, None),
    (['/color/image_rect', '/color/image_raw'], '/color/image_raw', None, None),
    (['/a', '/range'], '/a', None, '/range'),
    (['/a', '/depth', '/aligned_depth'], '/a', None, '/aligned_depth'),
    (['/a', '/depth_1', '/depth_2'], '/a', None, None)])
def test_topics_are_guessed(tmp_path, names, image, info, depth):
    path = topic_bag(tmp_path / 'bag', **{str(i): name for i, name in enumerate(names)})
    with BagReader(path) as bag:
        topics = bag.choose_topics()
    assert (topics.image, topics.camera_info, topics.depth) == (image, info, depth)


@pytest.mark.parametrize('names, arguments, what', [
    (['/left/image', '/right/image'], {}, 'several'), (['/depth'], {}, 'no colour'),
    (['/a', '/info'], {'image_topic': '/b'}, 'no topic /b'),
    (['/a', '/info'], {'image_topic': '/info'}, '/info'),
    (['/a', '/info'], {'camera_info_topic': '/a'}, '/a'),
    (['/a', '/info'], {'depth_topic': '/c'}, 'no topic /c')])
def test_topics_that_cannot_be_chosen_are_named(tmp_path, names, arguments, what):
    path = topic_bag(tmp_path / 'bag', **{str(i): name for i, name in enumerate(names)})
    with BagReader(path) as bag, pytest.raises(DataError, match=what) as caught:
        bag.frames(**arguments)
    assert all(name in str(caught.value) for name in names)
    assert 'sensor_msgs/msg/Image' in str(caught.value)


def test_empty_topic_means_none(tmp_path):
    with BagReader(write_bag(tmp_path / 'bag')) as bag:
        frame = next(bag.frames(camera_info_topic='', depth_topic=''))
    assert (frame.camera, frame.depth) == (None, None)


def test_depth_of_another_size_is_refused(tmp_path):
    with BagWriter(tmp_path / 'bag') as bag:
        bag.write_image(IMAGE, picture(0), 'rgb8', 0, 'cam')
        bag.write_image(DEPTH, distance(0)[::2], '32FC1', 0, 'cam')
    with BagReader(tmp_path / 'bag') as bag:
        assert next(bag.frames()).depth is None
        with pytest.raises(DataError, match='32x12'):
            list(bag.frames(depth_topic=DEPTH))


def test_corrupt_images_are_counted_and_the_rest_is_read(tmp_path):
    jpeg = cv2.imencode('.jpg', picture(0))[1].tobytes()
    with BagWriter(tmp_path / 'bag') as bag:
        for stamp, data in enumerate([jpeg, jpeg[:100], b'<html>', jpeg, b'']):
            bag.write_compressed('/image/compressed', data, 'jpeg', stamp, 'cam')
    with BagReader(tmp_path / 'bag') as bag:
        assert [frame.stamp_ns for frame in bag.frames()] == [0, 3]
        assert bag.skipped == {'corrupt_image': 2, 'zero_size': 1}


def test_message_that_cannot_be_deserialised_is_counted(tmp_path):
    store = get_typestore(Stores.ROS2_JAZZY)
    with Writer(tmp_path / 'bag', version=8, storage_plugin=StoragePlugin.MCAP) as bag:
        topic = bag.add_connection('/image', 'sensor_msgs/msg/Image', typestore=store)
        bag.write(topic, 0, b'\0\1\0\0 much too short')
    with BagReader(tmp_path / 'bag') as bag:
        assert list(bag.frames('/image')) == []
        assert bag.skipped == {'corrupt_message': 1}


def truncated(file, share):
    """Keep the first *share* of a file."""
    data = file.read_bytes()
    file.write_bytes(data[:int(len(data) * share)])
    return file


@pytest.mark.parametrize('kind', ['folder', 'mcap', 'db3', 'bag'])
@pytest.mark.parametrize('share', [0.35, 0.6, 0.97, 0.999])
def test_truncated_bag_gives_what_was_written(tmp_path, kind, share):
    path = big_bag(tmp_path / 'bag')
    if kind == 'db3':
        path = truncated(as_sqlite(path, tmp_path / 'lite') / 'lite.db3', share)
    elif kind == 'bag':
        path = truncated(as_ros_1(path, tmp_path / 'old.bag'), share)
    else:
        file = truncated(path / 'bag.mcap', share)
        path = file if kind == 'mcap' else path
    with BagReader(path) as bag:
        stamps = [frame.stamp_ns for frame in bag.frames()]
        # The writers' chunks hold five of these images; only a whole chunk can be read.
        assert stamps == list(range(len(stamps)))
        assert 40 * share - 5.5 <= len(stamps) <= 40
        assert str(path) in bag.truncated and 'cut off' in bag.truncated
        # Only the folder has a metadata.yaml that tells what there should be.
        recorded = bag.recorded_count('/image')
        assert recorded == 40 if kind == 'folder' else 0 <= recorded - len(stamps) <= 3


def test_truncated_mcap_is_read_in_order_of_time_though_written_in_another(tmp_path, monkeypatch):
    # rosbag2 stamps a message when it arrives but writes it when its turn comes.
    written, write = [], Writer.write

    def swapped(self, connection, stamp, data):
        written.append((self, connection, stamp, data))
        if len(written) == 2:
            for arguments in reversed(written):
                write(*arguments)
            written.clear()

    monkeypatch.setattr(Writer, 'write', swapped)
    path = big_bag(tmp_path / 'bag')
    truncated(path / 'bag.mcap', 0.6)
    with BagReader(path) as bag:
        stamps = [frame.stamp_ns for frame in bag.frames()]
    assert stamps == sorted(stamps)
    assert len(stamps) >= 18


def test_ros_1_bag_that_was_never_indexed_is_read(tmp_path):
    path = as_ros_1(write_bag(tmp_path / 'bag'), tmp_path / 'old.bag')
    data = path.read_bytes()
    start = data.index(b'index_pos=') + 10
    index, = struct.unpack('<Q', data[start:start + 8])
    path.write_bytes(data[:start] + bytes(8) + data[start + 8:index])
    with BagReader(path) as bag:
        assert_frames(list(bag.frames()))
        assert 'not indexed' in bag.truncated


def test_damage_in_the_middle_ends_the_reading_with_a_statement(tmp_path):
    path = big_bag(tmp_path / 'bag')
    file = path / 'bag.mcap'
    data = bytearray(file.read_bytes())
    middle = len(data) // 2
    data[middle:middle + 400_000] = b'\xff' * 400_000
    file.write_bytes(data)
    with BagReader(path) as bag:
        stamps = [frame.stamp_ns for frame in bag.frames()]
        assert 10 <= len(stamps) <= 25
        assert str(path) in bag.truncated and 'damaged' in bag.truncated


@pytest.mark.parametrize('name, content, what', [
    ('none', None, 'does not exist'), ('text.txt', b'hello', 'not a bag'),
    ('empty.mcap', b'', 'cannot be read'), ('html.mcap', b'<html>' * 99, 'cannot be read'),
    ('html.db3', b'<html>' * 99, 'cannot be read'),
    ('html.bag', b'<html>' * 99, 'cannot be read')])
def test_what_cannot_be_read_is_refused_with_its_path(tmp_path, name, content, what):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=what) as caught:
        BagReader(path)
    assert str(path) in str(caught.value)


def test_bag_without_messages_is_read_and_written(tmp_path):
    with BagWriter(tmp_path / 'bag'):
        pass
    with BagReader(tmp_path / 'bag') as bag:
        assert (bag.topics, bag.duration_s, list(bag.messages())) == ({}, 0, [])
