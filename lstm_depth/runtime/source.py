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
"""What `load_model` is given: a checkpoint, a graph or the name of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lstm_depth.errors import ConfigError, MissingPackage
from lstm_depth.extras import import_extra
from lstm_depth.header import read_header, shipped_checkpoint, shipped_graph
from lstm_depth.runtime.cache import cached_file, file_hash, key_of

if TYPE_CHECKING:
    from lstm_depth.models.base import DepthModel

GRAPHS = ('.onnx', '.xml')


@dataclass(frozen=True)
class Source:
    """
    A model that can be run.

    *path*: of the checkpoint, None for fresh weights or where there is only a graph.
    *graph*: of the graph it comes with, None where it must be exported first. *name*: of the
    model, for fresh weights.
    """

    path: Path | None = None
    graph: Path | None = None
    name: str | None = None

    @classmethod
    def of(cls, source: str | Path | None) -> Source:
        """Return what *source* is; CheckpointError for a file that is missing or damaged."""
        if source in (None, ''):
            return cls(shipped_checkpoint(), shipped_graph())
        text, path = str(source), Path(source).expanduser()
        if text.isidentifier() and not path.is_file():
            return cls(name=text)
        if path.suffix in GRAPHS and path.is_file():
            return cls(graph=path)
        read_header(path)
        return cls(path)

    def network(self) -> DepthModel:
        """Return the PyTorch network; ConfigError where there is only a graph."""
        if self.path is None and self.name is None:
            raise ConfigError(f'{self.graph} is an exported graph, which PyTorch cannot run; '
                              'take backend onnxruntime or openvino, or its checkpoint')
        return import_extra('lstm_depth.checkpoint').load_network(self.path or self.name)

    def exported(self, precision: str = 'float32') -> Path:
        """
        Return a graph of it, exported once and then kept in the cache.

        *precision*: int8 is another graph, calibrated on rendered rooms; the others are up to
        the library that runs it.
        """
        whole = self._whole()
        if precision != 'int8' or whole.suffix != '.onnx':
            return whole
        quantize = import_extra('lstm_depth.runtime.quantize')
        key = key_of(file_hash(whole), 'int8', packages=('onnx', 'onnxruntime'))
        return cached_file(f'graphs/{key}.onnx',
                           lambda path: quantize.quantize_graph(whole, path))

    def _whole(self) -> Path:
        """Return the float32 graph."""
        if self.graph is not None:
            return self.graph
        if self.path is None:
            raise ConfigError(f'{self.name} has fresh random weights, which only backend torch '
                              'runs; save a checkpoint first')
        digest = file_hash(self.path)
        key = key_of(digest, packages=('torch', 'onnx'))
        return cached_file(f'graphs/{key}.onnx', lambda path: self._export(path, digest))

    def _export(self, path: Path, digest: str) -> None:
        """Write the graph to *path*."""
        try:
            export = import_extra('lstm_depth.runtime.export')
            export.export_graph(self.network(), path, checkpoint=digest)
        except MissingPackage as error:
            raise MissingPackage(
                f'{self.path} runs without PyTorch once it is exported ("lstm_depth export", '
                "on any machine); to do so here, pip install 'lstm_depth[export]'") from error
