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
"""Serve the recorder while two node processes run, and notice when they do not."""

from __future__ import annotations

import time

from lstm_depth.errors import LstmDepthError
from lstm_depth.ros.process import NodeProcess
from lstm_depth.ros.recorder import Recorder
from rclpy.executors import SingleThreadedExecutor
from tqdm import tqdm

# Importing PyTorch and loading a model takes its time on a slow disk.
_START_S = 120.0
_SILENCE_S = 30.0
_SETTLE_S = 1.5


class NodeFailure(LstmDepthError):
    """A node process ended, did not start, or fell silent; the message holds its last output."""


def watch(executor: SingleThreadedExecutor, recorder: Recorder, depth: NodeProcess,
          camera: NodeProcess, frames: int = 0) -> None:
    """
    Serve *recorder* until *camera* has ended and the last answers are in.

    *frames*: end the camera once so many depth images are recorded; 0 never. Ctrl-C ends
    the recording as if the source had ended, once there is something recorded. Raises
    NodeFailure with a one-sentence cause and the last output of the process it is about.
    """
    session = _Session(recorder, depth, camera, frames)
    with tqdm(total=frames or None, unit='frame', desc='depth') as bar:
        try:
            while not session.over():
                executor.spin_once(timeout_sec=0.05)
                if recorder.depths > bar.n:
                    bar.set_postfix(images=recorder.images, refresh=False)
                    bar.update(recorder.depths - bar.n)
        except KeyboardInterrupt:
            if not recorder.depths:
                raise


class _Session:
    """What has been going on since the nodes were started."""

    def __init__(self, recorder: Recorder, depth: NodeProcess, camera: NodeProcess,
                 frames: int) -> None:
        self._recorder = recorder
        self._depth = depth
        self._camera = camera
        self._frames = frames
        self._seen = (0, 0)
        self._changed = time.monotonic()
        self._input_ended = False

    def over(self) -> bool:
        """Return whether everything is recorded; raise NodeFailure when it cannot be."""
        counts = (self._recorder.images, self._recorder.depths)
        if counts != self._seen:
            # Images without any depth are no progress, however many there are after the first.
            if counts[1] or not self._seen[0]:
                self._changed = time.monotonic()
            self._seen = counts
        self._check_processes()
        if not self._input_ended:
            self._watch_input()
        quiet_s = time.monotonic() - self._changed
        if self._input_ended and self._recorder.depths and quiet_s > _SETTLE_S:
            if not self._recorder.images:
                raise _failure(self._camera, f'sent images for {self._recorder.depths} depth '
                                             'images, but none was heard here: run it again')
            return True
        self._check_silence(quiet_s)
        return False

    def _check_processes(self) -> None:
        """Raise NodeFailure when a process has ended badly or could not do its work."""
        if self._depth.status is not None:
            raise _failure(self._depth, f'ended with status {self._depth.status}')
        if not self._input_ended and self._camera.status not in (None, 0):
            raise _failure(self._camera, f'ended with status {self._camera.status}')
        state = self._recorder.status.get('state', 'active')
        if state != 'active':
            raise _failure(self._depth, f'could not be started and is {state}')

    def _watch_input(self) -> None:
        """Notice the end of the source, or make it after the wanted number of frames."""
        if self._camera.status == 0:
            self._input_ended = True
        elif self._frames and self._recorder.depths >= self._frames:
            self._input_ended = True
            self._camera.stop()
            # Nothing was listened to meanwhile.
            self._changed = time.monotonic()

    def _check_silence(self, quiet_s: float) -> None:
        """Raise NodeFailure when nothing has come for too long."""
        images, depths = self._seen
        if quiet_s < (_SILENCE_S if images else _START_S):
            return
        if depths or not images:
            raise _failure(self._camera, f'sent no image for {quiet_s:.0f} s')
        raise _failure(self._depth, f'gave no depth for {images} images')


def _failure(process: NodeProcess, what: str) -> NodeFailure:
    """Return the error that names a process, what it did and what it printed last."""
    return NodeFailure(f'{process.name} {what}; its last output ({process.log}):\n'
                       f'{process.tail()}')
