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
A graph with 8-bit arithmetic, calibrated after training on images.

The dense convolutions between the first and the last layer are quantised: weights one scale
a channel, activations one a layer, from the range each takes on the images (Jacob et al.
2018). Depthwise convolutions, the recurrent core, the first layer and the one that gives depth
stay float32: there 8 bits cost most of the accuracy and save little of the time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
import tempfile

import cv2
from lstm_depth.errors import ConfigError, EngineError
from lstm_depth.extras import import_extra
from lstm_depth.render import sample_frames
from lstm_depth.runtime.export import write_graph
from lstm_depth.runtime.onnx_engine import OnnxEngine
import numpy as np

# Rendered rooms that stand in for the user's images: how many, of how many frames each.
_ROOMS, _FRAMES, _SEED = 3, 8, 900

Videos = Sequence[Sequence[np.ndarray]]


def quantize_graph(graph: Path, path: Path, videos: Videos | None = None) -> None:
    """
    Write *graph* (.onnx, float32) with 8-bit arithmetic to *path* atomically.

    *videos*: consecutive (H, W, 3) uint8 images to calibrate on, of the kind the camera
    gives; rendered rooms when left out. Raises ConfigError without an image or for a graph
    that is quantised already.
    """
    onnx = import_extra('onnx')
    quantization = import_extra('onnxruntime.quantization')
    shape_inference = import_extra('onnxruntime.quantization.shape_inference')
    engine = OnnxEngine(graph, 'cpu')
    if engine.precision != 'float32':
        raise ConfigError(f'{graph} has {engine.precision} arithmetic already')
    videos = rendered_rooms(engine.input_size) if videos is None else videos
    if not any(len(video) for video in videos):
        raise ConfigError('there is no image to calibrate on')
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / 'plain.onnx', Path(folder) / 'small.onnx'
        shape_inference.quant_pre_process(str(graph), str(plain), skip_symbolic_shape=True)
        try:
            quantization.quantize_static(
                str(plain), str(small), _reader(quantization, engine, videos),
                quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                op_types_to_quantize=['Conv'], nodes_to_exclude=kept_whole(onnx.load(plain)),
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f'{graph} cannot be quantised: {error}') from error
        write_graph(onnx.load(small), replace(engine.graph, precision='int8'), path)


def rendered_rooms(size: tuple[int, int]) -> Videos:
    """Return the images of some rendered rooms at *size* (height, width)."""
    return [[frame.rgb for frame in sample_frames(_FRAMES, _SEED + room, size[1], size[0], 10.0)]
            for room in range(_ROOMS)]


def kept_whole(graph) -> list[str]:
    """Return the names of the convolutions of an ONNX *graph* that stay float32."""
    convolutions = [node for node in graph.graph.node if node.op_type == 'Conv']
    names = {convolutions[0].name, convolutions[-1].name}
    for node in convolutions:
        depthwise = any(item.name == 'group' and item.i > 1 for item in node.attribute)
        if depthwise or '/core/' in node.name:
            names.add(node.name)
    return sorted(names)


def _reader(quantization, engine: OnnxEngine, videos: Videos):
    """Return what gives ONNX Runtime the inputs of every step, the state among them."""

    class Reader(quantization.CalibrationDataReader):

        def __init__(self) -> None:
            self._feeds = _feeds(engine, videos)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self._feeds, None)

    return Reader()


def _feeds(engine: OnnxEngine, videos: Videos) -> Iterator[dict[str, np.ndarray]]:
    """Yield the inputs of every step over *videos*."""
    height, width = engine.input_size
    for video in videos:
        state = engine.init()
        for rgb in video:
            image = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
            yield engine.inputs(image, state)
            _, state = engine.step(image, state)
