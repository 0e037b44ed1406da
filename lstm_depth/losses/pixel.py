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
Losses of single pixels and of all pixels together.

Every loss takes *prediction* and *truth*, clips (B, T, 1, H, W) of metric depth,
and *valid*, a boolean mask of that shape, and returns a scalar in float32. An
invalid pixel adds nothing and carries no gradient, whatever its truth holds.
"""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """Return the mean of *values* where *valid*; 0 when nothing is."""
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp_min(1)


def difference(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return ``prediction - truth`` in float32, 0 where invalid."""
    return torch.where(valid, prediction.float() - truth.float(), 0.0)


def log_error(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return ``ln prediction - ln truth`` in float32, 0 where invalid."""
    safe = torch.where(valid, truth.float(), 1.0)
    return torch.where(valid, prediction.float().clamp_min(1e-3).log() - safe.log(), 0.0)


def mse_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return the mean squared error (papers 000 and 001)."""
    return masked_mean(difference(prediction, truth, valid).square(), valid)


def rmse_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return the root of the mean squared error over the batch (paper 004)."""
    # The root has no slope at 0.
    return (mse_loss(prediction, truth, valid) + 1e-8).sqrt()


def l1_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute error (papers 002 and 003)."""
    return masked_mean(difference(prediction, truth, valid).abs(), valid)


def berhu_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """
    Return the reverse Huber loss (Laina et al. 2016; paper 002).

    ``|d|`` up to c and ``(d^2 + c^2) / 2c`` beyond, c a fifth of the batch's largest error.
    """
    error = difference(prediction, truth, valid).abs()
    c = (0.2 * error.detach().max()).clamp_min(1e-6)
    return masked_mean(torch.where(error <= c, error, (error.square() + c * c) / (2 * c)), valid)


def silog_loss(prediction: Tensor, truth: Tensor, valid: Tensor, focus: float = 0.85) -> Tensor:
    """
    Return the scale-invariant log loss, pooled over the batch.

    ``10 sqrt(mean e^2 - focus (mean e)^2)`` of the log error e: Eigen et al. 2014,
    in the form and with the factor of BTS (Lee et al. 2019).
    """
    error = log_error(prediction, truth, valid)
    mean, square = masked_mean(error, valid), masked_mean(error.square(), valid)
    return 10 * (square - focus * mean.square()).clamp_min(1e-8).sqrt()


def std_penalty(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """
    Return how far each image's depth varies less than its ground truth does.

    Paper 000 punishes "a small standard deviation of values", against networks
    that collapse to one colour. A hinge, ``relu(std(truth) - std(prediction))``
    over an image's valid pixels, averaged over images: it is silent once the
    prediction varies enough.
    """
    def spread(depth: Tensor) -> Tensor:
        depth = torch.where(valid, depth.float(), 0.0).flatten(-3)
        mask = valid.flatten(-3)
        count = mask.sum(-1).clamp_min(1)
        mean = depth.sum(-1, keepdim=True) / count.unsqueeze(-1)
        square = torch.where(mask, (depth - mean).square(), 0.0).sum(-1) / count
        return (square + 1e-8).sqrt()

    return torch.relu(spread(truth) - spread(prediction)).mean()
