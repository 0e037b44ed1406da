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
"""Finding messages in the pages of a database, whole or cut, of any page size."""

from __future__ import annotations

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st
from lstm_depth.media.bag.sqlite_pages import MessagePages
import numpy as np
import pytest

# At and around the sizes where a message gets pages of its own.
SIZES = [0, 1, 100, 470, 490, 4000, 4040, 4061, 4062, 4100, 8200, 70_000]


def write_database(path, messages, page_size=4096):
    """Write messages (topic, time, data) as rosbag2 does."""
    with sqlite3.connect(path) as database:
        database.execute(f'PRAGMA page_size={page_size}')
        database.execute('CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL)')
        database.execute('CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT '
                         'NULL, timestamp INTEGER NOT NULL, data BLOB NOT NULL)')
        database.execute('CREATE INDEX timestamp_idx ON messages (timestamp ASC)')
        database.executemany('INSERT INTO topics (name) VALUES (?)', [('a' * 300,)] * 40)
        database.executemany(
            'INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)', messages)
    database.close()
    return path


def read(path):
    """Return the messages (topic, time, data) that are found, None for those not whole."""
    pages = MessagePages(path)
    try:
        return [(row.topic, row.time_ns, pages.data(row)) for row in pages.rows()]
    finally:
        pages.close()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_message_of_a_whole_database_is_found(tmp_path_factory, data):
    page_size = data.draw(st.sampled_from([512, 1024, 4096, 65536]))
    sizes = data.draw(st.lists(st.sampled_from(SIZES) | st.integers(0, 9000), max_size=60))
    times = data.draw(st.lists(st.integers(0, 2**62) | st.integers(0, 300), unique=True,
                               min_size=len(sizes), max_size=len(sizes)))
    rng = np.random.default_rng(len(sizes))
    messages = [(int(rng.integers(1, 300)), time, rng.bytes(size))
                for time, size in zip(times, sizes)]
    path = write_database(tmp_path_factory.mktemp('whole') / 'bag.db3', messages, page_size)
    assert read(path) == sorted(messages, key=lambda message: message[1])


@pytest.mark.parametrize('size', [20, 3000, 20_000])
def test_a_cut_database_gives_about_the_share_of_messages_that_is_there(tmp_path, size):
    messages = [(1 + time % 3, time, np.random.default_rng(time).bytes(size))
                for time in range(min(4_000_000 // size, 9000))]
    path = write_database(tmp_path / 'bag.db3', messages)
    whole = path.read_bytes()
    for share in (0.2, 0.5, 0.8):
        path.write_bytes(whole[:int(len(whole) * share)])
        found = [message for message in read(path) if message[2] is not None]
        assert set(found) <= set(messages)
        assert len(found) >= (share - 0.1) * len(messages)
