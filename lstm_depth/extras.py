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
"""Packages that only part of the project needs, and the extra that installs each."""

from __future__ import annotations

import importlib
from types import ModuleType

from lstm_depth.errors import MissingPackage

EXTRAS = {
    'av': 'report',
    'distributed': 'dask',
    'h5py': 'nyu',
    'huggingface_hub': 'train',
    'jinja2': 'report',
    'jsonargparse': 'train',
    'lightning_fabric': 'train',
    'markupsafe': 'report',
    'matplotlib': 'report',
    'onnx': 'export',
    'onnxruntime': 'ros',
    'openvino': 'openvino',
    'scipy': 'nyu',
    'tensorboard': 'train',
    'timm': 'train',
    'torch': 'train',
    'torchvision': 'train',
    'transformers': 'peers',
}


def import_extra(name: str) -> ModuleType:
    """Return the module *name*; MissingPackage, naming the extra, where it is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing_package(error) from error


def missing_package(error: ModuleNotFoundError) -> Exception:
    """Return *error* as a MissingPackage that says what to install, itself if that is unknown."""
    package = (error.name or '').partition('.')[0]
    if package not in EXTRAS:
        return error
    return MissingPackage(f'this needs {package}, which is not installed; install it with '
                          f"pip install 'lstm_depth[{EXTRAS[package]}]'")
