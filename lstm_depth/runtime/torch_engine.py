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
"""PyTorch as an engine: any checkpoint or model, as it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from lstm_depth.errors import ConfigError, OutOfMemory
from lstm_depth.models.base import DepthModel
from lstm_depth.runtime.device import select_device
from lstm_depth.runtime.engine import Engine, NetworkInfo, State
from lstm_depth.runtime.source import Source
import numpy as np
import torch

# Images of a clip that go through the convolutions together. Memory grows with them, and
# PyTorch keeps some for every number of images that it has seen.
_AT_ONCE = 8
_DTYPES = {'float32': None, 'float16': torch.float16, 'bfloat16': torch.bfloat16}


def open_engine(source: Source, device: str, precision: str) -> TorchEngine:
    """Return the engine of a checkpoint or a model name."""
    return TorchEngine(source.network(), device, precision)


def network_info(model: DepthModel) -> NetworkInfo:
    """Return what an engine must know of *model*."""
    config = model.config
    return NetworkInfo(
        name=model.name, input_size=(config.input_height, config.input_width),
        depth_range=(config.depth_min, config.depth_max), focal=config.focal,
        recurrent=model.recurrent,
        parameters=sum(weight.numel() for weight in model.parameters()), header=model.header)


class TorchEngine(Engine):
    """A `DepthModel` that is moved to the device and put in evaluation mode."""

    backend = 'torch'

    def __init__(self, model: DepthModel, device: str = 'auto',
                 precision: str = 'float32') -> None:
        """
        Make *model* ready to infer on *device*.

        Raises ConfigError for a device or a precision that PyTorch does not have.
        """
        super().__init__(network_info(model))
        if precision not in _DTYPES:
            raise ConfigError(f'PyTorch runs in {", ".join(_DTYPES)}, not in {precision!r}')
        self.precision = precision
        self._device, self.device_note = select_device(device)
        self.device = str(self._device)
        # Images are channels last; convolutions that are so, too, save a quarter of the time.
        self.network = model.to(self._device, memory_format=torch.channels_last).eval()

    def step(self, image: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Return the depth of one image and the state after it."""
        with self._inference():
            depth, state = self.network(self._frames([image]), state)
            return depth[0, 0].float().cpu().numpy(), state

    def clip(self, images: Sequence[np.ndarray], state: State = ()) -> tuple[np.ndarray, State]:
        """Return the depth of consecutive images, the convolutions of some run at once."""
        depths = []
        with self._inference():
            for start in range(0, len(images), _AT_ONCE):
                frames = self._frames(images[start:start + _AT_ONCE]).unsqueeze(0)
                depth, state = self.network.forward_clip(frames, state)
                depths.append(depth[0, :, 0].float().cpu().numpy())
        return np.concatenate(depths), state

    def is_finite(self, state: State) -> bool:
        """Return whether every tensor of *state* is finite."""
        return all(bool(torch.isfinite(tensor).all()) for tensor in state)

    def to(self, device: str) -> TorchEngine:
        """Return an engine of the same network, moved to *device*."""
        return TorchEngine(self.network, device, self.precision)

    def _frames(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Return (T, 3, h, w) float32 in [0, 1], channels last, on the device."""
        # A copy where an image is read-only: PyTorch wants to own it.
        batch = np.stack(images) if len(images) > 1 else np.require(
            images[0], requirements=('C', 'W'))[np.newaxis]
        tensor = torch.from_numpy(batch).to(self._device)
        return tensor.permute(0, 3, 1, 2).float().div_(255)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """Run without gradients, in the engine's precision, out of memory as our error."""
        dtype = _DTYPES[self.precision]
        try:
            with torch.inference_mode(), torch.autocast(
                    self._device.type, dtype=dtype, enabled=dtype is not None):
                yield
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise OutOfMemory(
                f'out of GPU memory: {str(error).splitlines()[0]}; free the GPU, or choose a '
                'smaller model or device:=cpu') from error
