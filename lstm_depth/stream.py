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
The streaming engine: frames in, metric depth out, the hidden state in between.

No ROS, and no framework: the node, the bag replay and a user's script feed the same
class, and an engine (`lstm_depth.runtime`) runs the network.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
import math
import time
from typing import TYPE_CHECKING

import cv2
from lstm_depth.anchor import AnchorConfig, AnchoredDepth, AnchorStage, confidence_of
from lstm_depth.errors import ConfigError, DataError
from lstm_depth.geometry import Camera
from lstm_depth.runtime.engine import Engine, State
from lstm_depth.runtime.loading import as_engine, load_model
from lstm_depth.sharpen import sharpen_edges
import numpy as np

if TYPE_CHECKING:
    from lstm_depth.models.base import DepthModel

MODES = ('stateful', 'window')


class ResetReason(str, Enum):
    """Why a hidden state was thrown away."""

    BACKWARD_STAMP = 'backward_stamp'
    GAP = 'gap'
    SIZE_CHANGE = 'size_change'
    FRAME_CHANGE = 'frame_change'
    NON_FINITE = 'non_finite'
    EXPLICIT = 'explicit'


@dataclass(frozen=True, eq=False)
class DepthFrame:
    """
    The answer to one pushed frame.

    *depth*: (H, W) float32 metres along the optical axis, at the size of the
    pushed image, NaN where the network gave no finite number. *stamp_s*: the
    stamp of the image. *latency_s*: seconds from push to answer. *reset*: why
    the state was reset at this frame, None in a steady stream. *anchored*: what the
    anchor made of it, None without one; *scale*, *scale_sigma*, *confidence* and
    *anchors* are its.
    """

    depth: np.ndarray
    stamp_s: float
    latency_s: float
    reset: ResetReason | None = None
    anchored: AnchoredDepth | None = None

    @property
    def scale(self) -> float:
        """Return the factor that the whole depth was multiplied with, 1 without an anchor."""
        return self.anchored.scale if self.anchored else 1.0

    @property
    def scale_sigma(self) -> float:
        """Return the standard deviation of the log scale, NaN without an anchor."""
        return self.anchored.scale_sigma if self.anchored else math.nan

    @cached_property
    def confidence(self) -> np.ndarray:
        """Return (H, W) how probable it is that depth is right to 25 %; made when asked for."""
        return self.anchored.confidence if self.anchored else confidence_of(self.depth)

    @property
    def anchors(self) -> np.ndarray:
        """Return (N, 3) the points used: column, row, metres along z."""
        return self.anchored.anchors if self.anchored else np.empty((0, 3))


class DepthStream:
    """
    Keep a rolling buffer of frames and a hidden state, and answer each frame.

    *model*: an engine from ``load_model``, the shipped one when left out, or a PyTorch
    network, which is moved to *device* and put in evaluation mode. *device*: where the
    network runs, see ``load_model``; None leaves an engine where it is. *mode*:
    'stateful' advances the state by one step a frame, at a cost that does not grow;
    'window' runs the last *buffer_size* frames from a zero state, as training clips do.
    *max_gap_s*: a longer pause between stamps resets the state. *reprime_every*: in
    stateful mode, rebuild the state from the buffer every so many frames, to bound drift;
    0 is never.
    *focal_scaling*: correct the metric scale for cameras of another focal length
    than the model was trained with (see ``push``). *sharpen*: move the edges of depth to those
    of the image and make them steeper. *anchor*: what gives depth the scale of the world, a
    name of ``lstm_depth.anchor``; *anchor_config*: its settings.

    Nothing pushed can leave NaN in the state. Not thread-safe: one thread pushes.
    Raises ConfigError for values out of range.
    """

    def __init__(self, model: Engine | DepthModel | None = None, *, device: str | None = None,
                 mode: str = 'stateful', buffer_size: int = 8, max_gap_s: float = 1.0,
                 reprime_every: int = 0, focal_scaling: bool = True, sharpen: bool = True,
                 anchor: str | None = None, anchor_config: AnchorConfig | None = None) -> None:
        """Move the model to its device and start with an empty state."""
        if mode not in MODES:
            raise ConfigError(f'mode must be one of {", ".join(MODES)}, not {mode!r}')
        if buffer_size < 1:
            raise ConfigError(f'buffer_size must be at least 1 frame, not {buffer_size}')
        if not max_gap_s > 0:
            raise ConfigError(f'max_gap_s must be above 0 seconds, not {max_gap_s}')
        if reprime_every < 0:
            raise ConfigError(f'reprime_every must be 0 (never) or more, not {reprime_every}')
        self.mode = mode
        self.max_gap_s = max_gap_s
        self.reprime_every = reprime_every
        self.focal_scaling = focal_scaling
        self.sharpen = sharpen
        self.reset_counts: Counter[ResetReason] = Counter()
        self.skipped = 0
        self._buffer: deque[np.ndarray] = deque(maxlen=buffer_size)
        self._device = device
        self._model = as_engine(load_model() if model is None else model, device)
        self._pending: ResetReason | None = None
        self.set_anchor(anchor, anchor_config)
        self._clear()

    def set_anchor(self, anchor: str | None, config: AnchorConfig | None = None) -> None:
        """Go on with another anchor, from its start; None for none."""
        self._anchor = AnchorStage(anchor, config) if anchor else None

    @property
    def model(self) -> Engine:
        """Return the engine in use."""
        return self._model

    @property
    def device(self) -> str:
        """Return the device in use."""
        return self._model.device

    @property
    def device_note(self) -> str | None:
        """Return why it is not the device that was asked for, else None."""
        return self._model.device_note

    @property
    def state(self) -> State:
        """Return the hidden state, the engine's own; empty after a reset or without a core."""
        return self._state

    @property
    def buffer_size(self) -> int:
        """Return how many frames, at the network's size, the rolling buffer holds at most."""
        return self._buffer.maxlen or 0

    @buffer_size.setter
    def buffer_size(self, size: int) -> None:
        if size < 1:
            raise ConfigError(f'buffer_size must be at least 1 frame, not {size}')
        self._buffer = deque(self._buffer, maxlen=size)

    def reset(self, reason: ResetReason = ResetReason.EXPLICIT) -> None:
        """Forget state, buffer and anchor; the next frame's answer carries *reason*."""
        self._clear()
        if self._anchor:
            self._anchor.reset()
        self._count(reason)

    def swap_model(self, model: Engine | DepthModel) -> None:
        """Go on with another network; its state is primed from the buffered frames."""
        before, self._model = self._model, as_engine(model, self._device)
        if self._model.input_size != before.input_size:
            self._buffer.clear()
        self._state = self._prime()

    def push(self, rgb: np.ndarray, stamp_s: float, *,
             camera: Camera | None = None, pose: np.ndarray | None = None,
             points: np.ndarray | None = None, out: np.ndarray | None = None
             ) -> DepthFrame | None:
        """
        Return the depth of one frame, or None for a repeated stamp.

        *rgb*: (H, W, 3) uint8. *stamp_s*: seconds; going backward, or forward by
        more than *max_gap_s*, resets the state first, as does another image
        size. *camera*: the image's intrinsics where known. An object at depth Z
        seen with focal length f looks as large as at Z f0 / f with the f0 the
        model learned its scale with, so depth is multiplied by f / f0 (the
        canonical camera of Metric3D, Yin et al. 2023). *pose*: (4, 4) camera to odometry
        frame, metres, and *points*: (N, 3) metres in the camera's frame, for the anchor.
        *out*: (H, W) float32, for a depth that is written into memory of the caller's.

        Raises DataError, with the state untouched, for anything that is not
        such an image or stamp.
        """
        started = time.perf_counter()
        self._check(rgb, stamp_s)
        if stamp_s == self._last_stamp:
            self.skipped += 1
            return None
        self._reset_if_broken(rgb, stamp_s)
        image = self._preprocess(rgb)
        depth, state = self._infer(image)
        finite = np.isfinite(depth)
        if finite.all() and self._model.is_finite(state):
            self._state = state
            self._buffer.append(image)
        else:
            depth = np.where(finite, depth, np.float32(np.nan))
            self._clear()
            self._count(ResetReason.NON_FINITE)
        self._last_stamp, self._last_size = stamp_s, rgb.shape[:2]
        reset, self._pending = self._pending, None
        answer = self._postprocess(depth, image, rgb.shape[:2], camera, out)
        anchored = self._anchor and self._anchor.apply(rgb, answer, camera, stamp_s, pose, points)
        if anchored and out is not None:
            np.copyto(out, anchored.depth)
        elif anchored:
            answer = anchored.depth
        return DepthFrame(answer, stamp_s, time.perf_counter() - started, reset, anchored)

    def _clear(self) -> None:
        """Return to the state before the first frame."""
        self._buffer.clear()
        self._state: State = self._model.init()
        self._last_stamp: float | None = None
        self._last_size: tuple[int, int] | None = None
        self._since_prime = 0

    def _count(self, reason: ResetReason) -> None:
        """Note a reset for the counters and for the next answer."""
        self.reset_counts[reason] += 1
        self._pending = reason

    @staticmethod
    def _check(rgb: np.ndarray, stamp_s: float) -> None:
        """Raise DataError unless *rgb* is a non-empty colour image and the stamp a number."""
        if not (isinstance(rgb, np.ndarray) and rgb.ndim == 3 and rgb.shape[2] == 3
                and rgb.dtype == np.uint8 and rgb.size):
            found = (f'{rgb.shape} {rgb.dtype}' if isinstance(rgb, np.ndarray)
                     else type(rgb).__name__)
            raise DataError(f'a frame must be an (H, W, 3) uint8 RGB array, not {found}')
        if not math.isfinite(stamp_s):
            raise DataError(f'a stamp must be a finite number of seconds, not {stamp_s}')

    def _reset_if_broken(self, rgb: np.ndarray, stamp_s: float) -> None:
        """Reset when this frame does not continue the stream of the last one."""
        if self._last_stamp is None:
            return
        if stamp_s < self._last_stamp:
            self.reset(ResetReason.BACKWARD_STAMP)
        elif stamp_s - self._last_stamp > self.max_gap_s:
            self.reset(ResetReason.GAP)
        elif rgb.shape[:2] != self._last_size:
            self.reset(ResetReason.SIZE_CHANGE)

    def _preprocess(self, rgb: np.ndarray) -> np.ndarray:
        """Return (h, w, 3) uint8 at the network's input size, in memory of its own."""
        height, width = self._model.input_size
        if rgb.shape[:2] == (height, width):
            # The caller may reuse its memory while the frame is still in the buffer.
            return rgb.copy()
        # Area averaging when shrinking, because plain bilinear aliases.
        shrinks = rgb.shape[1] > width
        return cv2.resize(rgb, (width, height),
                          interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)

    def _infer(self, image: np.ndarray) -> tuple[np.ndarray, State]:
        """Return (h, w) depth of the newest frame and the state after it."""
        if self.mode == 'window':
            before = list(self._buffer)[-(self.buffer_size - 1):] if self.buffer_size > 1 else []
            depth, state = self._model.clip([*before, image])
            return depth[-1], state
        self._since_prime += 1
        if self.reprime_every and self._since_prime > self.reprime_every:
            self._state = self._prime()
        return self._model.step(image, self._state)

    def _prime(self) -> State:
        """Return the state after the buffered frames, from a zero state."""
        self._since_prime = 1
        if not self._buffer:
            return self._model.init()
        _, state = self._model.clip(list(self._buffer))
        return state if self._model.is_finite(state) else self._model.init()

    def _postprocess(self, depth: np.ndarray, image: np.ndarray, size: tuple[int, int],
                     camera: Camera | None, out: np.ndarray | None) -> np.ndarray:
        """Return (H, W) float32 metres at *size*, with the scale of *camera*, maybe in *out*."""
        if self.sharpen:
            depth = sharpen_edges(depth, image)
        scale = self._focal_scale(camera)
        if scale != 1.0:
            depth = depth * np.float32(scale)
        if depth.shape != size:
            return cv2.resize(depth, (size[1], size[0]), dst=out,
                              interpolation=cv2.INTER_LINEAR)
        if out is None:
            return depth
        np.copyto(out, depth)
        return out

    def _focal_scale(self, camera: Camera | None) -> float:
        """Return f / f0, both as seen in the model's input image; 1 when either is unknown."""
        focal = self._model.focal
        if not (self.focal_scaling and focal and camera and camera.calibrated):
            return 1.0
        return math.sqrt(camera.fx / camera.width / focal[0]
                         * camera.fy / camera.height / focal[1])
