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
Scoring depth while it is made: messages in as they come, running metrics out.

Without ROS: messages are duck-typed as in `lstm_depth.msgs.image`. Numbers are those that
`lstm_depth replay` gives for the same frames: both score by the same `Protocol`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import Any, Generic, TypeVar

from lstm_depth.errors import DataError, LstmDepthError, MessageError
from lstm_depth.geometry import Camera
from lstm_depth.msgs.camera_info import camera_for_image
from lstm_depth.msgs.image import decode_depth
from lstm_depth.msgs.registration import DepthRegistration, same_view
from lstm_depth.msgs.transforms import stamp_ns
from lstm_depth.msgs.transforms import StaticTransforms
from lstm_depth.scoring.metrics import MetricsMean
from lstm_depth.scoring.protocol import whole_image
import numpy as np

# Ground truth this much later than a depth image says that the one it waits for has passed.
# One still later is from before a recording started over.
_PASSED_NS = 10**9

ItemT = TypeVar('ItemT')


class LivePairs(Generic[ItemT]):
    """
    Pair depth with ground truth by stamp while both arrive, in any order.

    Equal stamps make a pair at once. Otherwise a depth image waits until newer ground
    truth shows that no nearer one comes, and takes the nearest within *tolerance_ns*.
    Of each kind at most *size* are held; ``unmatched`` counts depth that got no truth.
    """

    def __init__(self, tolerance_ns: int, size: int) -> None:
        """Start with nothing."""
        self.tolerance_ns = tolerance_ns
        self.unmatched = 0
        self._depths: deque[tuple[int, ItemT]] = deque()
        self._truths: deque[tuple[int, ItemT]] = deque(maxlen=size)
        self._size = size

    def add_depth(self, stamp: int, item: ItemT) -> Iterator[tuple[ItemT, ItemT]]:
        """Take a depth image; yield the pairs (depth, truth) that are decided now."""
        self._depths.append((stamp, item))
        yield from self._decided()
        while len(self._depths) > self._size:
            yield from self._settle(self._depths.popleft())

    def add_truth(self, stamp: int, item: ItemT) -> Iterator[tuple[ItemT, ItemT]]:
        """Take ground truth; yield the pairs (depth, truth) that are decided now."""
        self._truths.append((stamp, item))
        yield from self._decided()

    def flush(self) -> Iterator[tuple[ItemT, ItemT]]:
        """Yield the pairs of what still waits: nothing more will come."""
        while self._depths:
            yield from self._settle(self._depths.popleft())

    def _decided(self) -> Iterator[tuple[ItemT, ItemT]]:
        """Yield the pairs of all depth that has nothing to wait for."""
        waiting: list[tuple[int, ItemT]] = []
        ready: list[tuple[int, ItemT]] = []
        for entry in self._depths:
            later = [stamp - entry[0] for stamp, _ in self._truths]
            passed = any(gap == 0 or 0 < gap <= _PASSED_NS for gap in later)
            (ready if passed else waiting).append(entry)
        self._depths = deque(waiting)
        for entry in ready:
            yield from self._settle(entry)

    def _settle(self, entry: tuple[int, ItemT]) -> Iterator[tuple[ItemT, ItemT]]:
        """Yield *entry* with the nearest truth, or count it as unmatched."""
        stamp, depth = entry
        gap, truth = min(((abs(other - stamp), truth) for other, truth in self._truths),
                         key=lambda item: item[0], default=(math.inf, None))
        if gap <= self.tolerance_ns:
            yield depth, truth
        else:
            self.unmatched += 1


@dataclass
class Side:
    """
    One of the two streams: how many messages came, the newest stamp and camera_info.

    *topic*: of the images, whose name may say that they are rectified.
    """

    count: int = 0
    stamp_ns: int | None = None
    info: Any = None
    topic: str = ''


class LiveEvaluation:
    """
    The running metrics of a depth topic against a ground-truth topic.

    *min_depth*, *max_depth*: metres; ground truth outside does not count. *tolerance_s*:
    how far the stamps of a pair may be apart. *queue_size*: how many messages of either
    topic wait at most. ``transforms``: to be filled from /tf_static, where ground truth of
    another camera is placed by it. ``mean``: of the frames so far. ``problems`` counts by
    cause the pairs that could not be scored, ``problem`` says why the last was not, empty if
    it was.
    """

    def __init__(self, min_depth: float, max_depth: float, tolerance_s: float,
                 queue_size: int) -> None:
        """Start with no frame."""
        self.min_depth, self.max_depth = min_depth, max_depth
        self.depth, self.truth = Side(), Side()
        self.transforms = StaticTransforms()
        self._pairs: LivePairs[Any] = LivePairs(round(tolerance_s * 1e9), queue_size)
        self.restart()

    def restart(self) -> None:
        """Forget every number, as at the start; what waits for its pair stays."""
        self.mean = MetricsMean()
        self.problems: Counter[str] = Counter()
        self.problem = ''
        self._registration = DepthRegistration(self.transforms.between)
        self._pairs.unmatched = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None

    @property
    def tolerance_s(self) -> float:
        """Return how far the stamps of a pair may be apart."""
        return self._pairs.tolerance_ns * 1e-9

    @tolerance_s.setter
    def tolerance_s(self, seconds: float) -> None:
        self._pairs.tolerance_ns = round(seconds * 1e9)

    @property
    def unmatched(self) -> int:
        """Return how many depth images found no ground truth."""
        return self._pairs.unmatched

    @property
    def notes(self) -> list[str]:
        """Return what had to be assumed to compare the two, one sentence each."""
        return self._registration.notes

    def add_depth(self, msg: Any) -> bool:
        """Take a depth image; return whether a frame was scored."""
        return self._add(self.depth, self._pairs.add_depth, msg)

    def add_truth(self, msg: Any) -> bool:
        """Take a ground-truth image; return whether a frame was scored."""
        return self._add(self.truth, self._pairs.add_truth, msg)

    def finish(self) -> bool:
        """Score what still waits; return whether a frame was scored."""
        return self._score_all(self._pairs.flush())

    def _add(self, side: Side, add: Any, msg: Any) -> bool:
        """Count a message of one side and score the pairs that it completes."""
        side.count += 1
        side.stamp_ns = stamp_ns(msg)
        return self._score_all(add(side.stamp_ns, msg))

    def _score_all(self, pairs: Iterator[tuple[Any, Any]]) -> bool:
        """Score pairs of messages; return whether one had ground truth in the range."""
        images = self.mean.images
        for depth_msg, truth_msg in pairs:
            try:
                self._score(depth_msg, truth_msg)
            except LstmDepthError as error:
                cause = error.cause if isinstance(error, MessageError) else 'does_not_fit'
                self.problems[cause] += 1
                self.problem = str(error)
            else:
                self.problem = ''
        return self.mean.images > images

    def _score(self, depth_msg: Any, truth_msg: Any) -> None:
        """Score one pair; raises LstmDepthError for what cannot be."""
        depth = _decoded('depth', depth_msg)
        truth = _decoded('ground truth', truth_msg)
        camera = _camera(self.depth, depth)
        truth_camera = _camera(self.truth, truth)
        truth = self._in_view(truth, truth_camera, truth_msg.header.frame_id, depth.shape,
                              camera, depth_msg.header.frame_id)
        # The range may be changed while this runs.
        self.mean.add(whole_image(self.min_depth, self.max_depth).score(depth, truth))
        stamp = stamp_ns(depth_msg)
        self.first_ns = stamp if self.first_ns is None else min(stamp, self.first_ns)
        self.last_ns = stamp if self.last_ns is None else max(stamp, self.last_ns)

    def _in_view(self, truth: np.ndarray, truth_camera: Camera | None, truth_frame: str,
                 shape: tuple[int, int], camera: Camera | None, frame: str) -> np.ndarray:
        """Return the truth of the pixels of the depth image, at the truth's size if it can be."""
        both = truth_camera is not None and camera is not None
        if same_view(truth_camera, camera) if both else _same_proportions(truth.shape, shape):
            # Scoring resizes the depth, never the ground truth.
            return truth
        if not both:
            raise DataError(
                f'the ground truth is {truth.shape[1]}x{truth.shape[0]} and the depth '
                f'{shape[1]}x{shape[0]}, which without camera_info of both cannot be compared')
        return self._registration.aligned(truth, truth_camera, truth_frame, shape, camera, frame)


def _same_proportions(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Return whether images of two (H, W) may show the same, up to a pixel of rounding."""
    return abs(first[0] * second[1] - first[1] * second[0]) <= max(*first, *second)


def _decoded(what: str, msg: Any) -> np.ndarray:
    """Return decode_depth() of a message, its MessageError naming *what* it is."""
    try:
        return decode_depth(msg)
    except MessageError as error:
        raise MessageError(f'{what}: {error}', error.cause) from error


def _camera(side: Side, depth: np.ndarray) -> Camera | None:
    """Return the calibrated camera of a depth image, None without camera_info."""
    return side.info and camera_for_image(side.info, depth.shape[1], depth.shape[0], side.topic)
