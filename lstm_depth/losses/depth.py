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
Losses on clips of metric depth.

*prediction* and *target* are (..., H, W) metres, *valid* a boolean mask of the
same shape; invalid pixels carry no gradient. Everything is computed in float32.
"""

from __future__ import annotations

import torch
from torch import Tensor


def log_error(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return ``ln prediction - ln target``, 0 where invalid."""
    safe = torch.where(valid, target.float(), torch.ones_like(target, dtype=torch.float32))
    return torch.where(valid, prediction.float().clamp_min(1e-3).log() - safe.log(), 0.0)


def silog_loss(error: Tensor, valid: Tensor, focus: float = 0.85) -> Tensor:
    """
    Return the scale-invariant log loss of ``log_error``, pooled over the batch.

    ``10 sqrt(mean e^2 - focus (mean e)^2)``: Eigen et al. 2014, in the form and
    with the factor of BTS (Lee et al. 2019).
    """
    count = valid.sum().clamp_min(1)
    mean, square = error.sum() / count, error.square().sum() / count
    return 10 * (square - focus * mean.square()).clamp_min(1e-8).sqrt()


def gradient_loss(error: Tensor, valid: Tensor, scales: int = 3) -> Tensor:
    """
    Return the mean absolute gradient of ``log_error`` over *scales* resolutions.

    The multi-scale gradient matching term of MegaDepth (Li and Snavely 2018):
    edges of the prediction must lie where the target's do.
    """
    total = error.new_zeros(())
    for scale in range(scales):
        step = 2 ** scale
        e, v = error[..., ::step, ::step], valid[..., ::step, ::step]
        for axis in (-1, -2):
            size = e.shape[axis]
            both = v.narrow(axis, 1, size - 1) & v.narrow(axis, 0, size - 1)
            total = total + (e.diff(dim=axis).abs() * both).sum() / both.sum().clamp_min(1)
    return total / scales


def l1_loss(prediction: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute error over valid pixels, metres."""
    difference = torch.where(valid, prediction.float() - target.float(), 0.0)
    return difference.abs().sum() / valid.sum().clamp_min(1)


def temporal_loss(error: Tensor, valid: Tensor) -> Tensor:
    """
    Return how much the log error changes from frame to frame of a clip (B, T, 1, H, W).

    An error that stays is a matter for the other terms; one that comes and goes
    is flicker. 0 for clips of one frame.
    """
    both = valid[:, 1:] & valid[:, :-1]
    return (error.diff(dim=1).abs() * both).sum() / both.sum().clamp_min(1)
