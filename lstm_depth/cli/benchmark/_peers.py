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
"""Other people's networks with random weights: time does not depend on the weights."""

from __future__ import annotations

from collections.abc import Callable

# Depth Anything V2 runs at multiples of 14 pixels; the larger is its own size for 4:3 images.
SIZES = ((196, 252), (392, 518))


def peers() -> dict[str, Callable[[], object]]:
    """Return a step of each peer by name; none without PyTorch or transformers."""
    try:
        import torch
        from transformers import (
            DepthAnythingConfig,
            DepthAnythingForDepthEstimation,
            Dinov2Config,
        )
    except ImportError:
        return {}
    # As published for Depth Anything V2 Small (Yang et al. 2024).
    backbone = Dinov2Config(
        hidden_size=384, num_attention_heads=6, num_hidden_layers=12, image_size=518,
        patch_size=14, out_indices=[3, 6, 9, 12], apply_layernorm=True,
        reshape_hidden_states=False)
    network = DepthAnythingForDepthEstimation(DepthAnythingConfig(
        backbone_config=backbone, reassemble_hidden_size=384, patch_size=14,
        reassemble_factors=[4, 2, 1, 0.5], neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64, head_in_index=-1, head_hidden_size=32)).eval()

    def step(height: int, width: int) -> Callable[[], object]:
        frame = torch.rand(1, 3, height, width)

        def run() -> object:
            with torch.inference_mode():
                return network(frame).predicted_depth

        return run

    return {f'Depth Anything V2 Small, {height}x{width}, torch': step(height, width)
            for height, width in SIZES}
