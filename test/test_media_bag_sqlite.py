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
"""SQLite bags of killed recorders, truncated and damaged ones."""

from __future__ import annotations

from contextlib import closing
import sqlite3

from _bag_formats import as_sqlite
from _bags import assert_frames, big_bag, write_bag
from lstm_depth.media.bag import BagReader
from lstm_depth.media.bag.recovered_sqlite import RecoveredDatabase
import numpy as np
import pytest


def killed_recorder(path, checkpointed):
    """Return a SQLite bag whose last messages are in its log, as when its recorder is killed."""
    whole = as_sqlite(write_bag(path / 'bag'), path / 'lite') / 'lite.db3'
    folder = path / 'killed'
    folder.mkdir()
    source = sqlite3.connect(whole)
    rows = source.execute('SELECT * FROM messages ORDER BY id').fetchall()
    source.execute('DELETE FROM messages')
    source.commit()
    source.close()
    recorder = sqlite3.connect(whole, isolation_level=None)
    recorder.execute('PRAGMA journal_mode=WAL')
    recorder.execute('PRAGMA wal_autocheckpoint=0')
    for number, row in enumerate(rows):
        if number == checkpointed:
            recorder.execute('PRAGMA wal_checkpoint(TRUNCATE)')
        recorder.execute(f'INSERT INTO messages VALUES ({", ".join("?" * len(row))})', row)
    for suffix in ('', '-wal'):
        (folder / f'killed_0.db3{suffix}').write_bytes(
            whole.with_name(whole.name + suffix).read_bytes())
    recorder.close()
    return folder


def contents(folder):
    """Return the bytes and times of every file."""
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns)
            for file in folder.iterdir()}


@pytest.mark.parametrize('checkpointed', [0, 5])
@pytest.mark.parametrize('metadata', [True, False])
def test_what_a_killed_recorder_left_in_its_log_is_read_and_nothing_is_touched(
        tmp_path, checkpointed, metadata):
    folder = killed_recorder(tmp_path, checkpointed)
    if metadata:
        text = (tmp_path / 'lite' / 'metadata.yaml').read_text()
        (folder / 'metadata.yaml').write_text(text.replace('lite.db3', 'killed_0.db3'))
    before = contents(folder)
    for path in (folder, folder / 'killed_0.db3'):
        with BagReader(path) as bag:
            assert_frames(list(bag.frames()))
            assert bag.truncated is None
    assert contents(folder) == before


def test_a_log_without_a_whole_transaction_is_not_touched_either(tmp_path):
    folder = killed_recorder(tmp_path, 5)
    log = folder / 'killed_0.db3-wal'
    log.write_bytes(log.read_bytes()[:2000])
    before = contents(folder)
    with BagReader(folder) as bag:
        assert sum(1 for _ in bag.messages()) == 5
    assert contents(folder) == before


@pytest.mark.parametrize('size', [20, 3000, 100_000])
def test_a_truncated_database_gives_about_the_share_of_messages_that_is_there(tmp_path, size):
    messages = [(1 + time % 3, time, np.random.default_rng(time).bytes(size))
                for time in range(min(4_000_000 // size, 5000))]
    path = tmp_path / 'bag.db3'
    with sqlite3.connect(path) as database:
        database.execute('CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT)')
        database.execute('CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT '
                         'NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL)')
        database.execute('CREATE INDEX timestamp_idx ON messages (timestamp ASC)')
        database.executemany('INSERT INTO topics (name, type) VALUES (?, ?)', [('a', 'b')] * 3)
        database.executemany(
            'INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)', messages)
    database.close()
    whole = path.read_bytes()
    for share in (0.2, 0.5, 0.8):
        path.write_bytes(whole[:int(len(whole) * share)])
        before = contents(tmp_path)
        storage = RecoveredDatabase(path)
        storage.open()
        found = [(connection.id, time, data)
                 for connection, time, data in storage.messages(storage.connections)]
        storage.close()
        assert set(found) <= set(messages)
        assert len(found) >= (share - 0.1) * len(messages)
        assert contents(tmp_path) == before


def test_damage_in_the_middle_of_a_database_loses_only_what_it_hit(tmp_path):
    path = as_sqlite(big_bag(tmp_path / 'bag'), tmp_path / 'lite') / 'lite.db3'
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle:middle + 200_000] = b'\xff' * 200_000
    path.write_bytes(data)
    storage = RecoveredDatabase(path)
    storage.open()
    stamps = [time for _, time, _ in storage.messages(storage.connections)]
    storage.close()
    assert 35 <= len(stamps) < 40 and (stamps[0], stamps[-1]) == (0, 39)


@pytest.mark.parametrize('column', ['name', 'type'])
def test_channels_without_a_name_or_a_type_are_left_out_and_the_others_read(tmp_path, column):
    path = as_sqlite(write_bag(tmp_path / 'bag'), tmp_path / 'lite') / 'lite.db3'
    with BagReader(path) as bag:
        topics = set(bag.topics)
    with closing(sqlite3.connect(path)) as database, database:
        row, = database.execute('SELECT * FROM topics LIMIT 1')
        place = [each[1] for each in database.execute('PRAGMA table_info(topics)')].index(column)
        for number in (100, 200):
            # Damage leaves bytes, or nothing, where a text was.
            values = [number, f'{row[1]}_{number}', *row[2:]]
            values[place] = b'\xff'
            database.execute(f'INSERT INTO topics VALUES ({", ".join("?" * len(row))})', values)
    with BagReader(path) as bag:
        assert set(bag.topics) == topics
        assert len([note for note in bag.notes if 'no name or no type' in note]) == 2
