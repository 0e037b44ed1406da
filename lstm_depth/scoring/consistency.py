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
How much the depth of two consecutive frames disagrees: the measures of one frame pair.

Depth maps are (H, W) metres, NaN where invalid, images (H, W, 3) uint8. A pixel counts
where everything it needs is known; leaving pixels out is punished by the accuracy
metrics, not here. Each function returns NaN where no pixel counts.
"""

from __future__ import annotations

from dataclasses import dataclass
import math

import cv2
from lstm_depth.geometry import Camera, splat_depth
import numpy as np

# The share of the ground truth's range that a pixel may change by to count for TGM.
_STEADY_SHARE = 0.05
# Weight of a warped pixel whose colour changed: exp(-50 |difference|^2), colours in [0, 1].
_COLOUR_FALL = 50.0
# OpenCV's DIS flow refuses images that are smaller than a few of its patches.
_FLOW_MIN_SIZE = 16


def tgm(depth: np.ndarray, previous: np.ndarray, truth: np.ndarray,
        previous_truth: np.ndarray) -> float:
    """
    Return the temporal gradient error in metres: mean ``||dD| - |dG||``.

    dD and dG are the changes of depth and of ground truth from the previous frame at the
    same pixel. Counted where the ground truth changes by at most 5 % of its range over
    both frames, which leaves out edges that passed by. The temporal gradient matching
    loss of Chen et al. 2025 (Video Depth Anything, arXiv:2501.12375), taken as a measure.
    """
    change, true_change = np.abs(depth - previous), np.abs(truth - previous_truth)
    both = np.isfinite(true_change)
    if not both.any():
        return math.nan
    seen = np.stack([truth[both], previous_truth[both]])
    steady = both & (true_change <= _STEADY_SHARE * np.ptp(seen))
    return _mean(np.abs(change - true_change)[steady])


@dataclass(frozen=True, eq=False)
class FlowWarp:
    """
    The way back from each pixel of an image to where it was in the previous one.

    *places*: (H, W, 2) float32 columns and rows in the previous image. *weight*: (H, W),
    near 1 where the colour found there is the same, 0 where another thing is seen.
    """

    places: np.ndarray
    weight: np.ndarray

    @classmethod
    def between(cls, rgb: np.ndarray, previous: np.ndarray) -> FlowWarp | None:
        """Return the warp by DIS optical flow (Kroeger et al. 2016); None for tiny images."""
        if min(rgb.shape[:2]) < _FLOW_MIN_SIZE:
            return None
        grey, previous_grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
                               for image in (rgb, previous))
        method = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        flow = method.calc(grey, previous_grey, None)
        columns, rows = np.meshgrid(*(np.arange(size, dtype=np.float32)
                                      for size in (rgb.shape[1], rgb.shape[0])))
        places = flow + np.dstack([columns, rows])
        difference = (rgb - _sample(previous.astype(np.float32), places)) / 255
        return cls(places, np.exp(-_COLOUR_FALL * (difference ** 2).sum(axis=2)))

    def apply(self, previous: np.ndarray) -> np.ndarray:
        """Return (H, W) *previous* as seen now, bilinear, NaN for what came into sight."""
        return _sample(previous.astype(np.float32, copy=False), self.places)


def opw(depth: np.ndarray, previous: np.ndarray, warp: FlowWarp) -> float:
    """
    Return the flow-warped change of depth in metres: mean ``w |D_t - warp(D_t-1)|``.

    Wang et al. 2022 (FMNet, arXiv:2208.00380), 2023 (NVDS, arXiv:2307.08695), with the
    colour weight w of Lai et al. 2018 (arXiv:1808.00449). Exact depth of a camera that
    moves forward changes, too: compare with that of the ground truth.
    """
    return _mean(warp.weight * np.abs(depth - warp.apply(previous)))


def rtc(depth: np.ndarray, previous: np.ndarray, warp: FlowWarp,
        thresholds: tuple[float, ...]) -> list[float]:
    """
    Return for each threshold the share of flow-warped pixels within that factor.

    The factor is ``max(D_t / wD_t-1, wD_t-1 / D_t)``, as in d1 (Li et al. 2021, "Enforcing
    Temporal Consistency in Video Depth Estimation").
    """
    with np.errstate(divide='ignore', invalid='ignore'):
        ratio = depth / warp.apply(previous)
        factor = np.maximum(ratio, 1 / ratio)
    factor = factor[np.isfinite(factor)]
    return [_mean(factor < threshold) for threshold in thresholds]


def tae(depth: np.ndarray, pose: np.ndarray, previous: np.ndarray, previous_pose: np.ndarray,
        camera: Camera) -> float:
    """
    Return the temporal alignment error in per cent, mean of both directions.

    Each depth map is carried over by the true motion, the nearest point winning a pixel,
    and compared with the other: mean ``|carried - D| / D`` times 100. Poses are (4, 4)
    camera to world, *camera* belongs to both depth maps. Points fall on the nearest
    pixel, so exact depth does not score 0. Yang et al. 2024 (Depth Any Video,
    arXiv:2410.10815).
    """
    errors = []
    for source, source_pose, target, target_pose in (
            (depth, pose, previous, previous_pose), (previous, previous_pose, depth, pose)):
        motion = np.linalg.inv(target_pose) @ source_pose
        points = camera.backproject(source)[np.isfinite(source)]
        carried = splat_depth(points @ motion[:3, :3].T + motion[:3, 3], camera)
        carried[carried == 0] = np.nan
        with np.errstate(divide='ignore', invalid='ignore'):
            errors.append(_mean(np.abs(carried - target) / target))
    return 100 * float(np.mean(errors))


def scale_ratio(depth: np.ndarray, truth: np.ndarray) -> float:
    """Return the median of depth / ground truth: 1 where the scale is right."""
    with np.errstate(divide='ignore', invalid='ignore'):
        ratio = depth / truth
    ratio = ratio[np.isfinite(ratio) & (ratio > 0)]
    return float(np.median(ratio)) if ratio.size else math.nan


def _sample(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return float32 *image* at *places* (columns, rows), NaN outside."""
    inside = ((places >= 0) & (places <= (image.shape[1] - 1, image.shape[0] - 1))).all(axis=2)
    sampled = cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    sampled[~inside] = np.nan
    return sampled


def _mean(values: np.ndarray) -> float:
    """Return the mean of the finite *values*, NaN of none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean(dtype=np.float64)) if finite.size else math.nan
