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
"""From a PyTorch network to a graph file that other libraries run."""

from __future__ import annotations

import io
from pathlib import Path
import warnings

from lstm_depth.errors import ConfigError, EngineError
from lstm_depth.extras import import_extra
from lstm_depth.files import atomic_path
from lstm_depth.models.base import DepthModel
from lstm_depth.runtime.graph import check_depth, depth_samples, GraphInfo, KEY
from lstm_depth.runtime.torch_engine import network_info, TorchEngine
import torch
from torch import nn, Tensor

FORMATS = {'onnx': '.onnx', 'openvino': '.xml'}
_OPSET = 17


class Step(nn.Module):
    """One recurrent step from a uint8 image, with the state spelled out."""

    def __init__(self, network: DepthModel) -> None:
        """Wrap *network*."""
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Return depth (h, w) and the state after image (h, w, 3)."""
        frame = image.permute(2, 0, 1).unsqueeze(0).float() / 255
        depth, state = self.network(frame, state)
        return depth[0, 0], *state


def export_graph(network: DepthModel, path: Path, *, checkpoint: str | None = None,
                 half: bool = False) -> None:
    """
    Write *network* as a graph, to *path* (.onnx, or .xml for OpenVINO) atomically.

    *checkpoint*: SHA-256 of the file the weights are from. Weights that float16 holds exactly
    are stored so, which changes no number; *half* rounds the others, too. Arithmetic is
    float32 all the same. Raises EngineError where the network cannot be exported.
    """
    if path.suffix not in FORMATS.values():
        raise ConfigError(f'a graph is an .onnx or an .xml (OpenVINO) file, not {path.name}')
    onnx = import_extra('onnx')
    engine = TorchEngine(network, 'cpu')
    info = GraphInfo(engine.info, depth_samples(check_depth(engine)), checkpoint)
    graph = onnx.load_from_string(_traced(network))
    store_as_half(graph, exactly=not half)
    write_graph(graph, info, path)


def write_graph(graph, info: GraphInfo, path: Path) -> None:
    """Write an ONNX *graph* with its metadata, to *path* atomically."""
    onnx = import_extra('onnx')
    onnx.helper.set_model_props(graph, {KEY: info.to_json()})
    onnx.checker.check_model(graph)
    with atomic_path(path) as partial:
        if path.suffix == '.onnx':
            partial.write_bytes(graph.SerializeToString())
        else:
            _write_openvino(graph.SerializeToString(), info, partial, path)


def _write_openvino(graph: bytes, info: GraphInfo, partial: Path, path: Path) -> None:
    """Write OpenVINO's two files: the weights at their place, the rest to *partial*."""
    openvino = import_extra('openvino')
    model = openvino.Core().read_model(io.BytesIO(graph))
    model.set_rt_info(info.to_json(), [KEY])
    openvino.save_model(model, partial, compress_to_fp16=False)
    partial.with_suffix('.bin').replace(path.with_suffix('.bin'))


def _traced(network: DepthModel) -> bytes:
    """Return *network* as an ONNX graph with float32 weights."""
    height, width = network_info(network).input_size
    image = torch.zeros(height, width, 3, dtype=torch.uint8)
    step = Step(network).eval()
    buffer = io.BytesIO()
    # The tracer warns of every shape that it takes for fixed; here they are.
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        state = [torch.zeros_like(tensor) for tensor in step(image)[1:]]
        names = range(len(state))
        try:
            torch.onnx.export(
                step, (image, *state), buffer, dynamo=False, opset_version=_OPSET,
                # Keeps BatchNorm apart, whose weights are stored as the checkpoint has them.
                training=torch.onnx.TrainingMode.PRESERVE,
                input_names=['image', *(f'state_{i}' for i in names)],
                output_names=['depth', *(f'next_{i}' for i in names)])
        except (RuntimeError, torch.onnx.errors.OnnxExporterError) as error:
            raise EngineError(f'{network.name} cannot be exported: {error}') from error
    return buffer.getvalue()


def store_as_half(graph, *, exactly: bool) -> None:
    """
    Store the float32 weights of an ONNX *graph* as float16, with a cast back behind each.

    *exactly*: only those that lose nothing. Libraries fold the casts when they load.
    """
    onnx = import_extra('onnx')
    casts = []
    for weight in graph.graph.initializer:
        if weight.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(weight)
        half = values.clip(-65504, 65504).astype('float16')
        if exactly and (half.astype('float32') != values).any():
            continue
        name = weight.name
        weight.CopyFrom(onnx.numpy_helper.from_array(half, f'{name}_half'))
        casts.append(onnx.helper.make_node('Cast', [f'{name}_half'], [name],
                                           to=onnx.TensorProto.FLOAT))
    nodes = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend(casts + nodes)
