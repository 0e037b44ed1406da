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
"""Pair two streams of messages by stamp in flat memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

# Images wait at most for this many others, whatever the streams do.
_LOOKAHEAD = 8
# Half of this is the tolerance where one image alone gives no frame interval.
_DEFAULT_INTERVAL_NS = 33_333_333


class StampMatcher:
    """
    Give each image the depth nearest in stamp, at most half a frame interval away.

    Both streams come in recording order, each in its own pace. Every image comes out
    once, in its order, with None where no depth is near. The frame interval is the
    shorter of those to the images before and after.
    """

    def __init__(self) -> None:
        """Start without images and depths."""
        self._images: deque[tuple[int, Any]] = deque()
        self._depths: deque[tuple[int, Any]] = deque(maxlen=2 * _LOOKAHEAD)
        self._previous_ns: int | None = None

    def add_image(self, stamp_ns: int, image: Any) -> None:
        """Take the next image."""
        self._images.append((stamp_ns, image))

    def add_depth(self, stamp_ns: int, depth: Any) -> None:
        """Take the next depth."""
        self._depths.append((stamp_ns, depth))

    def matched(self, end: bool = False) -> Iterator[tuple[Any, Any]]:
        """Yield (image, depth or None) of all images that are decided; at the *end*, of all."""
        while self._images and (end or self._decided()):
            match = self._nearest()
            self._previous_ns, image = self._images.popleft()
            yield image, match

    def _interval(self) -> int:
        """Return the frame interval around the first waiting image, in nanoseconds."""
        stamp = self._images[0][0]
        neighbours = [self._previous_ns] if self._previous_ns is not None else []
        neighbours += [self._images[1][0]] if len(self._images) > 1 else []
        return min((abs(other - stamp) for other in neighbours if other != stamp),
                   default=_DEFAULT_INTERVAL_NS)

    def _decided(self) -> bool:
        """Return whether no better depth can come for the first waiting image."""
        stamp = self._images[0][0]
        if len(self._images) > _LOOKAHEAD or any(other == stamp for other, _ in self._depths):
            return True
        # A depth from about the next image on says that this image's depth has passed. One
        # much later says nothing: it is from before a recording started over.
        return len(self._images) > 1 and any(
            0 < other - stamp <= 2 * self._interval() for other, _ in self._depths)

    def _nearest(self) -> Any:
        """Return the depth for the first waiting image, or None."""
        stamp = self._images[0][0]
        distance, depth = min(((abs(other - stamp), depth) for other, depth in self._depths),
                              key=lambda item: item[0], default=(0, None))
        return depth if distance <= self._interval() / 2 else None
