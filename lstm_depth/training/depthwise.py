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
Depthwise convolutions whose backward pass is fast on a CPU.

PyTorch's oneDNN backward pass of a depthwise convolution takes twenty to fifty times the
forward pass where its stride is above 1 or its kernel is 5x5, which makes it most of a
training step of MobileNetV2 or EfficientNet-Lite. The same gradients are sums of
convolutions that are fast: by the input, a convolution with the turned kernel of the
gradient with zeros in between; by a 5x5 kernel, those by four 3x3 kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
import torch.nn.functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode


class FastDepthwise(TorchFunctionMode):
    """Within this context, depthwise 3x3 and 5x5 convolutions on the CPU differentiate fast."""

    def __torch_function__(self, function: Callable, types: Any, args: tuple = (),
                           kwargs: dict[str, Any] | None = None) -> Any:
        """Replace the convolutions it can, and leave everything else as it is."""
        kwargs = kwargs or {}
        if function is torch.conv2d and torch.is_grad_enabled():
            found = _depthwise(*args, **kwargs)
            if found is not None:
                return found
        return function(*args, **kwargs)


def _depthwise(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1,
               padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Tensor | None:
    """Return the convolution, None where it is not one of those that are replaced."""
    kernel = tuple(weight.shape[-2:])
    stride, padding, dilation = (pair if isinstance(pair, (tuple, list, str)) else (pair, pair)
                                 for pair in (stride, padding, dilation))
    if (x.device.type != 'cpu' or groups == 1 or weight.shape[:2] != (groups, 1)
            or x.dim() != 4 or x.shape[1] != groups or kernel not in ((3, 3), (5, 5))
            or stride[0] != stride[1] or tuple(dilation) != (1, 1) or bias is not None
            or isinstance(padding, str) or padding[0] != padding[1]
            or padding[0] >= kernel[0]):
        return None
    if torch.is_autocast_enabled('cpu'):
        dtype = torch.get_autocast_dtype('cpu')
        x, weight = x.to(dtype), weight.to(dtype)
    return _Depthwise.apply(x, weight, stride[0], padding[0])


class _Depthwise(Function):
    """A depthwise convolution (N, C, H, W), (C, 1, k, k) with its own backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        """Return the convolution."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, stride=stride, padding=padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients by the input and by the kernel."""
        x, weight = ctx.saved_tensors
        by_x = by_weight = None
        if ctx.needs_input_grad[0]:
            by_x = _by_input(gradient, x, weight, ctx.stride, ctx.padding)
        if ctx.needs_input_grad[1]:
            by_weight = _by_kernel(gradient, x, weight, ctx.stride, ctx.padding)
        return by_x, by_weight, None, None


def _by_input(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Return the gradient by the input."""
    size = weight.shape[-1]
    if stride > 1:
        full = [extent + 2 * padding - size + 1 for extent in x.shape[-2:]]
        spread = torch.zeros((*gradient.shape[:2], *full), dtype=gradient.dtype).contiguous(
            memory_format=torch.channels_last)
        spread[..., ::stride, ::stride] = gradient
        gradient = spread
    return F.conv2d(gradient, weight.flip(-2, -1), padding=size - 1 - padding,
                    groups=x.shape[1])


def _by_kernel(gradient: Tensor, x: Tensor, weight: Tensor, stride: int,
               padding: int) -> Tensor:
    """Return the gradient by the kernel; a 5x5 kernel's from its four 3x3 corners."""
    if weight.shape[-1] == 3:
        return _kernel_gradient(gradient, x, weight, stride, padding)
    padded = F.pad(x, (padding,) * 4)
    reach = [(extent - 1) * stride + 3 for extent in gradient.shape[-2:]]
    result = torch.empty_like(weight)
    for top in (0, 2):
        for left in (0, 2):
            part = padded[..., top:top + reach[0], left:left + reach[1]].contiguous(
                memory_format=torch.channels_last)
            corner = weight[..., :3, :3].contiguous()
            # Corners share a row and a column, where they agree.
            result[..., top:top + 3, left:left + 3] = _kernel_gradient(
                gradient, part, corner, stride, 0)
    return result


def _kernel_gradient(gradient: Tensor, x: Tensor, weight: Tensor, stride: int,
                     padding: int) -> Tensor:
    """Return PyTorch's own gradient by the kernel."""
    return torch.ops.aten.convolution_backward(
        gradient, x, weight, None, (stride, stride), (padding, padding), (1, 1), False, (0, 0),
        x.shape[1], (False, True, False))[1]
