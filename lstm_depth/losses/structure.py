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
Losses of edges, structure and change over time.

Arguments and masks as in ``lstm_depth.losses.pixel``.
"""

from __future__ import annotations

from lstm_depth.losses.pixel import difference, log_error, masked_mean
import torch
from torch import Tensor
import torch.nn.functional as F  # noqa: N812


def edge_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute gradient of the error, x plus y (papers 002 and 003)."""
    return _gradient(difference(prediction, truth, valid), valid)


def gradient_loss(prediction: Tensor, truth: Tensor, valid: Tensor, scales: int = 3) -> Tensor:
    """
    Return the mean absolute gradient of the log error over *scales* resolutions.

    The multi-scale gradient matching term of MegaDepth (Li and Snavely 2018):
    edges of the prediction must lie where the truth's do.
    """
    error = log_error(prediction, truth, valid)
    steps = [2 ** scale for scale in range(scales)]
    return sum(_gradient(error[..., ::s, ::s], valid[..., ::s, ::s]) for s in steps) / scales


def ssim_loss(prediction: Tensor, truth: Tensor, valid: Tensor,
              data_range: float = 1.0) -> Tensor:
    """
    Return ``1 - SSIM`` (Wang et al. 2004: Gaussian window 11, sigma 1.5).

    *data_range*: the L of the constants (0.01 L)^2 and (0.03 L)^2, in the unit of
    the depth. An invalid pixel takes the truth's value in both images, so that
    its neighbours are compared without it.
    """
    truth = torch.where(valid, truth.float(), 0.0)
    prediction = torch.where(valid, prediction.float(), truth)
    a, b = prediction.flatten(0, -4), truth.flatten(0, -4)         # (N, 1, H, W)
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a.square()
    var_b = _blur(b * b) - mean_b.square()
    covariance = _blur(a * b) - mean_a * mean_b
    ssim = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            / ((mean_a.square() + mean_b.square() + c1) * (var_a + var_b + c2)))
    return 1 - masked_mean(ssim, valid.flatten(0, -4)) if valid.any() else ssim.sum() * 0


def temporal_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """
    Return how much the log error changes from frame to frame of a clip.

    An error that stays is a matter for the other terms; one that comes and goes
    is flicker. 0 for clips of one frame.
    """
    error = log_error(prediction, truth, valid)
    return masked_mean(error.diff(dim=1).abs(), valid[:, 1:] & valid[:, :-1])


def drift_loss(prediction: Tensor, truth: Tensor, valid: Tensor) -> Tensor:
    """
    Return by how much the scale of a clip's frames differs over time.

    The standard deviation over a clip of its frames' mean log errors, averaged over clips: the
    scale drift that ``lstm_depth.evaluation`` measures, with a mean for the median, which has
    no useful gradient. Frames without ground truth count for nothing. 0 for clips of one frame.
    """
    error = log_error(prediction, truth, valid)
    pixels = valid.flatten(2).sum(-1)                               # (B, T)
    scale = error.flatten(2).sum(-1) / pixels.clamp_min(1)
    known = pixels > 0
    mean = (scale * known).sum(1, keepdim=True) / known.sum(1, keepdim=True).clamp_min(1)
    spread = torch.where(known, (scale - mean).square(), 0.0).sum(1) / known.sum(1).clamp_min(1)
    # Without the small number the gradient is infinite where nothing drifts.
    return ((spread + 1e-8).sqrt() - 1e-4).mean()


def tgm_loss(prediction: Tensor, truth: Tensor, valid: Tensor,
             static_share: float = 0.05) -> Tensor:
    """
    Return the temporal gradient matching loss of a clip.

    ``| |D_t+1 - D_t| - |G_t+1 - G_t| |`` where the ground truth changes by less
    than *static_share* of its range in the clip (Video Depth Anything, Chen et
    al. 2025). 0 for clips of one frame.
    """
    truth = torch.where(valid, truth.float(), 0.0)
    change, true_change = prediction.float().diff(dim=1).abs(), truth.diff(dim=1).abs()
    high = truth.amax(dim=(1, 2, 3, 4), keepdim=True)
    low = torch.where(valid, truth, float('inf')).amin(dim=(1, 2, 3, 4), keepdim=True)
    still = true_change < static_share * (high - low)
    return masked_mean((change - true_change).abs(), valid[:, 1:] & valid[:, :-1] & still)


def _gradient(error: Tensor, valid: Tensor) -> Tensor:
    """Return the mean absolute difference of neighbours that are both valid, x plus y."""
    total = error.new_zeros(())
    for axis in (-1, -2):
        size = error.shape[axis]
        both = valid.narrow(axis, 1, size - 1) & valid.narrow(axis, 0, size - 1)
        total = total + masked_mean(error.diff(dim=axis).abs(), both)
    return total


def _blur(image: Tensor, size: int = 11, sigma: float = 1.5) -> Tensor:
    """Return (N, 1, H, W) after a normalised Gaussian window, the edges mirrored."""
    x = torch.arange(size, device=image.device, dtype=image.dtype) - size // 2
    window = torch.exp(-x.square() / (2 * sigma ** 2))
    window = window / window.sum()
    pad = size // 2
    # Images thinner than the window cannot be mirrored that far.
    mode = 'reflect' if min(image.shape[-2:]) > pad else 'replicate'
    image = F.pad(image, (pad, pad, pad, pad), mode=mode)
    image = F.conv2d(image, window.view(1, 1, 1, size))
    return F.conv2d(image, window.view(1, 1, size, 1))
