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
"""
The threads of depth_node: while one frame is in the network, others are decoded and published.

Three stages, each a worker: every stage has room for one frame a camera. Before the network
the newest frame wins; behind it nothing is dropped, and the network waits for a publisher that
is slower. So the order is kept, and a frame waits for at most one other of its camera.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TYPE_CHECKING

from lstm_depth.ros.job import Job, Picture, Prediction
from lstm_depth.ros.worker import Worker

if TYPE_CHECKING:
    from lstm_depth.ros.processor import FrameProcessor

Item = tuple['FrameProcessor', Any]


class Pipeline:
    """
    Run the frames of any number of cameras through their ``FrameProcessor``.

    *alive* says whether ROS still runs: what fails after its end is no bug. *on_error* gets
    what a call raised.
    """

    def __init__(self, alive: Callable[[], bool], on_error: Callable[[Exception], None]) -> None:
        """Start the threads."""
        self._alive = alive
        self._on_error = on_error
        self._publishing = self._worker('publishing', self._publish)
        self._predicting = self._worker('network', self._predict)
        self._decoding = self._worker('decoding', self._decode)

    def put(self, processor: FrameProcessor, job: Job) -> None:
        """Hand over a message of a camera; what it replaces is counted as superseded."""
        self._replace(self._decoding, processor, job)

    def call(self, function: Callable[[], None]) -> None:
        """Run *function* on the network's thread before its next frame; return at once."""
        self._predicting.call(function)

    def stop(self) -> bool:
        """End the threads after the frames in work; return whether they have ended."""
        workers = (self._publishing, self._predicting, self._decoding)
        for worker in workers:
            for processor, _ in worker.take_all():
                processor.drop('deactivated')
        # From the end, so that no stage waits for a successor that is gone.
        ended = [worker.stop() for worker in workers]
        return all(ended)

    def _decode(self, processor: FrameProcessor, job: Job) -> None:
        """First stage."""
        if (picture := processor.decode(job)) is not None:
            self._replace(self._predicting, processor, picture)

    def _predict(self, processor: FrameProcessor, picture: Picture) -> None:
        """Second stage."""
        if (prediction := processor.predict(picture)) is not None:
            self._publishing.hand_over((processor, prediction), processor)

    def _publish(self, processor: FrameProcessor, prediction: Prediction) -> None:
        """Third stage."""
        processor.publish(prediction)

    @staticmethod
    def _replace(worker: Worker[Item], processor: FrameProcessor, item: Job | Picture) -> None:
        """Put *item*; count the one that had to make room."""
        if worker.put((processor, item), processor) is not None:
            processor.drop('superseded')

    def _worker(self, name: str, stage: Callable[[FrameProcessor, Any], None]) -> Worker[Item]:
        """Return a worker that runs *stage*, and reports what it raises to the frame's camera."""
        def work(item: Item) -> None:
            processor, content = item
            try:
                stage(processor, content)
            except Exception as error:
                if self._alive():
                    processor.failed(error)

        return Worker(name, work, self._on_error)
