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
"""What a model predicts for frames, in the ways that an evaluation may ask for."""

from __future__ import annotations

from dataclasses import replace

import cv2
from lstm_depth.data.sequence import cropped
from lstm_depth.evaluation.anchoring import Anchoring, UNANCHORED
from lstm_depth.frames import CameraFrame
from lstm_depth.runtime.engine import Engine
from lstm_depth.stream import DepthFrame, DepthStream


class Predictor:
    """
    Predict the depth of frames as a stream does.

    *mode*: one of `lstm_depth.evaluation.modes.MODES`; 'single' is up to the caller, who
    resets before each frame. *window*: the frames of mode 'window'. *flip_average*: average
    with the prediction for the mirrored image, mirrored back. *border*: pixels to cut off
    each side first; depth there is that of the nearest pixel inside. *sharpen*: sharpen the
    edges, as nodes do. *anchoring*: what anchors depth; not with mirrored images.
    """

    def __init__(self, model: Engine, *, mode: str = 'stateful', window: int = 8,
                 flip_average: bool = False, border: int = 0, sharpen: bool = True,
                 anchoring: Anchoring = UNANCHORED) -> None:
        """Start one stream, and one for mirrored images, with zero states."""
        self._border = border
        self._anchoring = anchoring
        self._streams = [
            DepthStream(model, mode='window' if mode == 'window' else 'stateful',
                        buffer_size=window, sharpen=sharpen, **anchoring.stream_arguments)
            for _ in range(2 if flip_average else 1)]

    @property
    def stream(self) -> DepthStream:
        """Return the stream of images as they are."""
        return self._streams[0]

    def reset(self) -> None:
        """Forget the state."""
        for stream in self._streams:
            stream.reset()

    def push(self, frame: CameraFrame) -> DepthFrame | None:
        """Return the prediction for one frame, None where its stamp is the last one's."""
        rgb, camera, border = frame.rgb, frame.camera, self._border
        if border:
            rgb = rgb[border:-border, border:-border]
            camera = camera and cropped(camera, border, border, rgb.shape[1], rgb.shape[0])
        found = self.stream.push(rgb, frame.stamp_s, camera=camera,
                                 **self._anchoring.push_arguments(frame))
        if found is None:
            return None
        if len(self._streams) > 1:
            mirrored = self._streams[1].push(rgb[:, ::-1], frame.stamp_s, camera=camera)
            found = replace(found, depth=(found.depth + mirrored.depth[:, ::-1]) / 2,
                            latency_s=found.latency_s + mirrored.latency_s)
        if border:
            found = replace(found, depth=cv2.copyMakeBorder(
                found.depth, border, border, border, border, cv2.BORDER_REPLICATE))
        return found
