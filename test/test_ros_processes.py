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
"""Both nodes as real processes over DDS: a real recording through them, and how they end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
import signal
import subprocess
import sys
import time
from typing import Any

import _have_ros  # noqa: F401
from _ros import (  # noqa: F401
    camera_info,
    checkpoint_fixture,
    image,
    PATIENCE_S,
    pixels,
    process_environment,
    Rig,
    rig_fixture,
    wait_for,
)
from diagnostic_msgs.msg import DiagnosticArray
from lstm_depth.media.bag import BagReader
import numpy as np
import pytest

IMAGE_TOPIC = '/camera/color/image_raw'
LISTENED = ('image', 'camera_info', 'points')


class Processes:
    """Node processes in one domain."""

    def __init__(self, rig: Rig) -> None:
        """Start none yet."""
        self.rig = rig
        self._running: list[subprocess.Popen[str]] = []

    def start(self, node: str, environment: Mapping[str, str] | None = None,
              **parameters: Any) -> subprocess.Popen[str]:
        """Start a node with *parameters*; *environment* goes over the test's own."""
        command = [sys.executable, '-m', 'lstm_depth.ros', node, '--ros-args']
        for name, value in parameters.items():
            command += ['-p', f'{name}:={str(value).lower() if value in (True, False) else value}']
        process = subprocess.Popen(
            command, env={**process_environment(self.rig.domain), **(environment or {})},
            text=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._running.append(process)
        return process

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def processes(rig) -> Iterator[Processes]:
    """Return a starter of node processes, in the domain of the driver."""
    processes = Processes(rig)
    yield processes
    processes.close()


def ended(process: subprocess.Popen[str], timeout_s: float = PATIENCE_S) -> tuple[int, str]:
    """Return the exit status and what was logged."""
    _, err = process.communicate(timeout=timeout_s)
    return process.returncode, err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_busy_node_with_status_0(processes, checkpoint, number):
    rig = processes.rig
    process = processes.start('depth_node', autostart=True, checkpoint=checkpoint)
    rig.listen('image')
    wait_for(rig.images.get_subscription_count)
    for index in range(20):
        rig.show(image(1 + index / 10), camera_info())
        time.sleep(0.01)
    rig.answered(1)
    process.send_signal(number)
    status, err = ended(process)
    assert status == 0, err
    assert 'Traceback' not in err and 'rror' not in err, err


@pytest.mark.parametrize('node', ['depth_node', 'camera_node', 'evaluation_node'])
def test_a_signal_during_the_imports_ends_with_status_0(processes, node):
    process = processes.start(node)
    # The first file that the imports of ROS open: Python runs, and the node does not yet.
    maps = Path(f'/proc/{process.pid}/maps')
    wait_for(lambda: 'rclpy' in maps.read_text())
    process.send_signal(signal.SIGINT)
    status, err = ended(process)
    assert status == 0 and 'Traceback' not in err, err


def own_shared_memory(process: subprocess.Popen[str]) -> set[Path]:
    """Return the Fast DDS segments that a process has made: it holds their locks."""
    links = (link.resolve() for link in Path(f'/proc/{process.pid}/fd').iterdir())
    locks = (link for link in links if link.parent == Path('/dev/shm'))
    return {file for lock in locks if 'port' not in lock.name and lock.name.endswith('_el')
            for file in (lock, lock.with_name(lock.name[:-len('_el')]))}


@pytest.mark.parametrize('node', ['depth_node', 'evaluation_node'])
def test_an_ended_node_leaves_nothing_in_shared_memory(processes, node):
    process = processes.start(node)
    wait_for(lambda: node in processes.rig.driver.get_node_names())
    files = own_shared_memory(process)
    assert files and all(file.exists() for file in files)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 0
    assert not [file for file in files if file.exists()]


def test_a_node_without_a_place_for_its_log_runs_without(processes):
    process = processes.start('evaluation_node', {'HOME': '/dev/null'})
    wait_for(lambda: 'evaluation_node' in processes.rig.driver.get_node_names())
    process.send_signal(signal.SIGINT)
    status, err = ended(process)
    assert status == 0 and 'Traceback' not in err, err
    assert 'no log file, because /dev/null/.ros/log cannot be made' in err


def test_a_second_signal_while_ending_changes_nothing(processes, checkpoint):
    process = processes.start('depth_node', autostart=True, checkpoint=checkpoint)
    wait_for(processes.rig.images.get_subscription_count)
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    status, err = ended(process)
    assert status == 0 and 'Traceback' not in err, err


def test_a_signal_while_the_model_is_loaded_ends_with_status_0(processes, checkpoint):
    process = processes.start('depth_node', autostart=True, checkpoint=checkpoint)
    # The parameters are there before PyTorch is imported and the model loaded.
    wait_for(lambda: 'depth_node' in processes.rig.driver.get_node_names())
    process.send_signal(signal.SIGINT)
    status, err = ended(process)
    assert status == 0 and 'Traceback' not in err, err


def test_a_wrong_start_up_parameter_is_one_line_and_status_2(processes):
    status, err = ended(processes.start('depth_node', max_gap_s=-1.0))
    assert status == 2
    assert len(err.strip().splitlines()) == 1 and 'max_gap_s' in err and 'out of range' in err


@pytest.mark.parametrize(('parameters', 'words'), [
    ({}, 'nothing to publish; give -p source:='),
    ({'source': '/no/such/bag'}, '/no/such/bag does not exist'),
])
def test_a_camera_without_a_source_is_one_line_and_status_2(processes, parameters, words):
    status, err = ended(processes.start('camera_node', **parameters))
    assert status == 2
    assert len(err.strip().splitlines()) == 1 and words in err


def answered_by_all(rig: Rig) -> bool:
    """Return whether a message came on each output."""
    return all(rig.received[name] for name in LISTENED)


def match_outputs(rig: Rig) -> int:
    """Send images until an answer came on each output; return how many it took."""
    for name in LISTENED:
        rig.listen(name)
    wait_for(lambda: rig.images.get_subscription_count() and rig.infos.get_subscription_count(),
             30)
    for count in range(1, 100):
        rig.show(image(count / 10), camera_info())
        end = time.monotonic() + 1.0
        while time.monotonic() < end and not answered_by_all(rig):
            time.sleep(0.01)
        if answered_by_all(rig):
            break
    return count


def stamp_ns(msg: Any) -> int:
    """Return the stamp of a message."""
    return msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec


def test_a_real_recording_keeps_stamps_frames_sizes_and_geometry(
        processes, checkpoint, office_bag):
    rig = processes.rig
    statuses: list[dict[str, str]] = []
    rig.driver.create_subscription(
        DiagnosticArray, '/diagnostics', lambda msg: statuses.append(
            {item.key: item.value for item in msg.status[0].values}), 10)
    stride = 2
    # Histories that hold it all, for every message that a busy machine loses is sent again.
    histories = {f'qos_overrides./depth_node/depth/{name}.publisher.depth': 200
                 for name in LISTENED}
    processes.start('depth_node', autostart=True, checkpoint=checkpoint, cloud_stride=stride,
                    max_depth=2.4, cloud_drop_flying=False, diagnostics_period_s=0.1,
                    **histories)
    warm_up = match_outputs(rig)
    camera = processes.start('camera_node', source=office_bag, image_topic=IMAGE_TOPIC,
                             wait_for_subscribers=1, rate=25.0)
    status, err = ended(camera, 90)
    assert status == 0 and '193 frames' in err, err

    with BagReader(office_bag) as bag:
        recorded = {frame.stamp_ns: frame for frame in bag.frames(IMAGE_TOPIC)}
    assert len(recorded) == 193

    def settled() -> dict[str, list[Any]] | None:
        """Return what came of the recording once no frame is under way, and none of its parts."""
        # By stamp, for an answer to the warm-up may come as late as it likes.
        received = {name: [msg for msg in rig.received[name] if stamp_ns(msg) in recorded]
                    for name in LISTENED}
        frames_in, out, dropped = (int(statuses[-1][f'frames {key}'])
                                   for key in ('in', 'out', 'dropped'))
        # Each image of the warm-up was answered, or dropped, or came before the node listened.
        complete = (frames_in == out + dropped
                    and 1 <= out - len(received['image']) <= warm_up
                    and len({len(messages) for messages in received.values()}) == 1)
        return received if complete else None

    received = wait_for(settled)
    # A busy machine supersedes frames, but each is accounted for above.
    assert len(received['image']) >= 30, statuses[-1]
    stamps = {name: [stamp_ns(msg) for msg in messages] for name, messages in received.items()}
    assert stamps['image'] == stamps['camera_info'] == stamps['points']
    assert stamps['image'] == [stamp for stamp in recorded if stamp in set(stamps['image'])]
    holes = 0
    for depth_msg, info, cloud in zip(*received.values()):
        frame = recorded[stamp_ns(info)]
        assert (depth_msg.header.frame_id == info.header.frame_id == cloud.header.frame_id
                == frame.frame_id)
        height, width = frame.rgb.shape[:2]
        assert (depth_msg.width, depth_msg.height) == (info.width, info.height) == (width, height)
        np.testing.assert_allclose(np.reshape(info.p, (3, 4))[:, :3], frame.camera.k)
        depth = pixels(depth_msg)[::stride, ::stride]
        points = np.frombuffer(cloud.data, np.float32).reshape(cloud.height, cloud.width, 4)
        valid = np.isfinite(depth)
        np.testing.assert_array_equal(valid, np.isfinite(points[..., 2]))
        projected = frame.camera.project(points[valid][:, :3]) / stride
        rows, columns = np.nonzero(valid)
        assert np.abs(projected - np.stack([columns, rows], axis=1)).max(initial=0) < 0.01
        holes += (~valid).sum()
    assert holes
