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
"""Score what a live node predicted: a bag of its images and depth against the source's depth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lstm_depth.evaluation.scored import ScoredFrame
from lstm_depth.frames import CameraFrame
from lstm_depth.media.bag import BagReader
from lstm_depth.scoring.protocol import whole_image


def scored_recording(
    path: str | Path, image_topic: str, depth_topic: str, *,
    truth: Iterable[CameraFrame] = (), latencies: Mapping[int, float] | None = None,
    min_depth: float = 0.3, max_depth: float = 8.0,
) -> Iterator[ScoredFrame]:
    """
    Yield every image of the bag *path* for which depth was predicted.

    *image_topic*, *depth_topic*: what went into the node and what came out, paired
    by stamp. *truth*: the frames that were played to the node, in the same order,
    with ground truth; each is matched by its exact stamp. *latencies*: seconds by
    stamp in nanoseconds, NaN where missing. *min_depth*, *max_depth*: metres;
    ground truth outside does not count. Holds one frame at a time.
    """
    latencies = latencies or {}
    played = iter(truth)
    protocol = whole_image(min_depth, max_depth)
    with BagReader(path) as bag:
        for recorded in bag.frames(image_topic, '', depth_topic):
            if recorded.depth is None:
                continue
            # What was recorded is what was played, less what was lost on the way.
            known = next((frame.depth for frame in played if frame.stamp_ns == recorded.stamp_ns),
                         None)
            frame = CameraFrame(recorded.rgb, recorded.stamp_ns, recorded.frame_id, depth=known)
            yield ScoredFrame(
                frame, recorded.depth, latencies.get(recorded.stamp_ns, float('nan')),
                None if known is None else protocol.score(recorded.depth, known))
