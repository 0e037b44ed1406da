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
The anchor stage: the network's depth in, depth with the scale of the world out.

Sources know the depth of a few pixels; what they have in common is a scale, followed by a
Kalman filter, and what remains is a field of local corrections. Depth of the last frame is
carried along with the camera and counts in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
import math

import cv2
from lstm_depth.anchor.confidence import confidence_of
from lstm_depth.anchor.config import AnchorConfig
from lstm_depth.anchor.field import LocalField
from lstm_depth.anchor.memory import Carried, DepthMemory, STEADY
from lstm_depth.anchor.rays import unit_rays
from lstm_depth.anchor.scale import measure_scale, NETWORK_SCALE_SIGMA, ScaleFilter
from lstm_depth.anchor.source import Anchors, create_source, View
from lstm_depth.anchor.tracks import tracked_image
from lstm_depth.geometry import Camera
import numpy as np


# Local corrections of log depth beyond this are not believed, the smaller where the camera's
# motion is not known either.
_LIMIT, _RELATIVE_LIMIT = 0.5, 0.2
# The share of the view in which depth of before must be known to tell how the scale changed, and
# how well it must agree on that: people who walk through the view change depth in parts of it.
_FOLLOW_SHARE, _FOLLOW_SIGMA = 0.3, 0.025


@dataclass(frozen=True, eq=False)
class AnchoredDepth:
    """
    The depth of one frame after anchoring.

    *depth*: (H, W) float32 metres. *scale*: the factor that the frame has in common,
    *scale_sigma* the standard deviation of its logarithm. *anchors*: (N, 3) the points that
    were used: column, row in the image, metres along z. *note*: why it is not anchored,
    empty where it is. *evidence*: a grid of how much the local correction is known, 0 to 1,
    *correction*: of how much it changes log depth; None where there is none. *metric*: whether
    they tell the scale, too. *offset_s*: seconds by which the poses were found to be later
    than the images, None where nobody looks for it.
    """

    depth: np.ndarray
    scale: float
    scale_sigma: float
    anchors: np.ndarray
    note: str = ''
    evidence: np.ndarray | None = None
    correction: np.ndarray | None = None
    metric: bool = True
    offset_s: float | None = None

    @cached_property
    def confidence(self) -> np.ndarray:
        """Return (H, W) float32: how probable it is that depth is right to 25 %."""
        return confidence_of(self.depth, self.scale_sigma, self.evidence, self.correction,
                             self.metric)


class AnchorStage:
    """Correct one frame after another by what one source knows."""

    def __init__(self, source: str, config: AnchorConfig | None = None) -> None:
        """Start at the network's own scale; ConfigError for an unknown source."""
        self.config = config or AnchorConfig()
        self.name = source
        self._prior = 1 / self.config.network_sigma ** 2
        self._source = create_source(source, self.config)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as at the start."""
        self._source.reset()
        self._scale = ScaleFilter(self.config)
        self._memory = DepthMemory(self.config.memory_s)
        self._field: LocalField | None = None
        self._shape: tuple[int, int] | None = None
        self._stamp_s: float | None = None

    def apply(self, rgb: np.ndarray, depth: np.ndarray, camera: Camera | None,
              stamp_s: float, pose: np.ndarray | None = None,
              points: np.ndarray | None = None) -> AnchoredDepth:
        """
        Return the anchored depth of a frame.

        *rgb*: (H, W, 3) uint8, *depth*: (H, W) metres of the network, NaN where invalid.
        *camera*, *pose*, *points*: as `View` has them, of the whole image.
        """
        if camera is None or not camera.calibrated:
            return self._unanchored(depth, 'the camera is not calibrated (no K)')
        view = self._view(rgb, depth, camera, stamp_s, pose, points)
        if self._shape != view.gray.shape:
            self.reset()
            self._shape = view.gray.shape
            self._field = LocalField(self.config, view.gray.shape)
        seconds = 0.0 if self._stamp_s is None else max(stamp_s - self._stamp_s, 0.0)
        self._scale.predict(seconds)
        self._stamp_s = stamp_s
        anchors = self._source.observe(view, math.exp(self._scale.log_scale))
        carried = self._memory.carry(anchors.motion, seconds, view.camera)
        return self._correct(view, anchors, carried)

    def _unanchored(self, depth: np.ndarray, note: str) -> AnchoredDepth:
        """Return *depth* as it is."""
        return AnchoredDepth(depth, 1.0, self._scale.sigma, np.empty((0, 3)), note)

    def _view(self, rgb: np.ndarray, depth: np.ndarray, camera: Camera, stamp_s: float,
              pose: np.ndarray | None, points: np.ndarray | None) -> View:
        """Return the frame at the size in which corners are tracked."""
        gray, small = tracked_image(rgb, camera, self.config)
        return View(gray, depth, small, stamp_s, pose, points)

    def _correct(self, view: View, anchors: Anchors, carried: Carried) -> AnchoredDepth:
        """Return the network's depth under scale and field."""
        before = self._of_before(view, carried)
        network = view.network_depth(anchors.pixels)
        with np.errstate(invalid='ignore', divide='ignore'):
            log_network = np.log(network)
            log_ratio = np.log(anchors.depth) - log_network
        good = np.isfinite(log_ratio)
        if self._source.relative and good.any():
            log_ratio = log_ratio - np.median(log_ratio[good])
        measured = measure_scale(log_ratio[good], anchors.sigma[good], self.config,
                                 self._source.min_points, self._source.doubt)
        note = anchors.note
        believed = measured is not None and self._scale.update(measured)
        if measured is not None and not believed:
            good, note = np.zeros_like(good), 'the points contradict the scale so far'
        limit = _RELATIVE_LIMIT if self._source.relative else _LIMIT
        weight = 1 / (anchors.sigma[good] ** 2 + (self.config.network_sigma / 2) ** 2)
        now = anchors.pixels[good], log_network[good], log_ratio[good], weight
        factor, evidence, correction = self._local(view, now, before, limit)
        depth = np.multiply(view.depth, factor, out=factor)
        metric = not self._source.relative
        return AnchoredDepth(
            depth, math.exp(self._scale.log_scale),
            self._scale.sigma if metric else NETWORK_SCALE_SIGMA,
            self._used(view, anchors, good), note, evidence, correction, metric,
            self._source.offset_s)

    def _of_before(self, view: View, carried: Carried) -> tuple[np.ndarray, ...]:
        """
        Return pixels, log depth of the network, log ratio and weight of the places of before.

        Where they are well known, the scale follows the network's jumps.
        """
        with np.errstate(invalid='ignore', divide='ignore'):
            log_network = np.log(view.network_depth(carried.pixels))
            ratio = np.log(carried.depth) - log_network
            change = ratio - self._scale.log_scale
            usable = np.abs(change) < _LIMIT
        known = change[usable & (carried.information > self._prior)]
        enough = _FOLLOW_SHARE * len(self._field.remembered)
        if len(known) > enough and not self._source.relative:
            step = float(np.median(known))
            spread = 1.4826 * float(np.median(np.abs(known - step)))
            sigma = spread / math.sqrt(len(known) / 8)
            if sigma < _FOLLOW_SIGMA:
                self._scale.follow(step, sigma)
        weight = (carried.information + STEADY * self._prior) / self._field.overlap
        return carried.pixels[usable], log_network[usable], ratio[usable], weight[usable]

    def _local(self, view: View, now: tuple[np.ndarray, ...], before: tuple[np.ndarray, ...],
               limit: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (H, W) the factor of depth, and grids of evidence and of local correction."""
        field, log_scale = self._field, self._scale.log_scale
        pixels, log_depth, ratio, weight = map(np.concatenate, zip(now, before))
        network = view.network_depth(field.places)
        at = np.log(np.where(np.isfinite(network) & (network > 0), network, 1.0))
        correction, information = field.fit(
            pixels, log_depth, np.clip(ratio - log_scale, -limit, limit), weight,
            at.reshape(field.shape))
        information = np.maximum(information - STEADY * self._prior, 0)
        some = field.remembered
        rays = unit_rays(view.camera, field.places[some])
        self._memory.remember(
            rays / rays[:, 2:], network[some] * np.exp(correction.reshape(-1)[some] + log_scale),
            information.reshape(-1)[some])
        factor = cv2.resize(np.exp(correction + log_scale).astype(np.float32),
                            view.depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return factor, information / (information + self._prior), correction

    @staticmethod
    def _used(view: View, anchors: Anchors, good: np.ndarray) -> np.ndarray:
        """Return (N, 3) the anchors in pixels of the image."""
        zoom = view.depth.shape[1] / view.camera.width
        return np.column_stack([(anchors.pixels[good] + 0.5) * zoom - 0.5, anchors.depth[good]])
