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
Models that the user has, as teachers.

Taken are: checkpoints and exported graphs of ours (metres); any other ONNX file with one image
input (1, 3, H, W), which gets RGB with ImageNet's mean and standard deviation, as Depth
Anything and MiDaS want it; and folders of transformers' depth models, with their own
preprocessing. What those give is ``metric`` (metres), ``disparity`` (inverse depth up to scale
and shift: Depth Anything, MiDaS, DPT) or ``depth`` (depth up to scale and shift).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import cv2
from lstm_depth.errors import CheckpointError, ConfigError, EngineError
from lstm_depth.extras import import_extra
from lstm_depth.frames import CameraFrame
from lstm_depth.runtime.loading import load_model
from lstm_depth.stream import DepthStream
import numpy as np

_MEAN, _STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
# Patches of the transformers that most such models are made of.
_PATCH, _SHORT_SIDE = 14, 252
_MOST_M = 20.0
_ROUNDS = 10
_FEWEST = 12


class Teacher(ABC):
    """Gives something like depth for an image; *gives*: what, see the module."""

    gives: str

    @abstractmethod
    def predict(self, frame: CameraFrame) -> np.ndarray:
        """Return (H, W) float32 for a frame; frames come in the order of time."""


class _Ours(Teacher):
    """A network of this package, in a stream."""

    gives = 'metric'

    def __init__(self, path: Path) -> None:
        """Load it."""
        self._stream = DepthStream(load_model(path))

    def predict(self, frame: CameraFrame) -> np.ndarray:
        """Return metres."""
        found = self._stream.push(frame.rgb, frame.stamp_s, camera=frame.camera)
        if found is None:
            raise ConfigError(f'two frames have the stamp {frame.stamp_s:.6f} s')
        return found.depth


class _Graph(Teacher):
    """An ONNX file of somebody else's."""

    gives = 'disparity'

    def __init__(self, path: Path) -> None:
        """Load it; CheckpointError where it has not one image input."""
        onnxruntime = import_extra('onnxruntime')
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), providers=['CPUExecutionProvider'])
        except Exception as error:  # of ONNX Runtime's own kinds
            raise CheckpointError(f'{path} cannot be run by ONNX Runtime: {error}') from error
        inputs = self._session.get_inputs()
        shape = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or shape[1] not in (3, None) and not isinstance(shape[1], str):
            raise CheckpointError(f'{path} takes {[item.shape for item in inputs]}; a teacher '
                                  'takes one image (1, 3, H, W)')
        self._name, self._path = inputs[0].name, path
        self._size = [side if isinstance(side, int) else None for side in shape[2:]]

    def predict(self, frame: CameraFrame) -> np.ndarray:
        """Return its first output at the size of the image."""
        height, width = frame.rgb.shape[:2]
        zoom = _SHORT_SIDE / min(height, width)
        rows, columns = (side or max(1, round(length * zoom / _PATCH)) * _PATCH
                         for side, length in zip(self._size, (height, width)))
        image = cv2.resize(frame.rgb, (columns, rows), interpolation=cv2.INTER_AREA) / 255
        tensor = ((image - _MEAN) / _STD).transpose(2, 0, 1)[None].astype(np.float32)
        found = np.squeeze(self._session.run(None, {self._name: tensor})[0])
        if found.ndim != 2:
            raise CheckpointError(f'{self._path} gives {found.shape}; a teacher gives one map')
        return cv2.resize(found.astype(np.float32), (width, height))


class _Transformers(Teacher):
    """A depth model in a folder of transformers."""

    def __init__(self, path: Path) -> None:
        """Load model and preprocessing from the folder alone; CheckpointError where they fail."""
        transformers = import_extra('transformers')
        try:
            self._model = transformers.AutoModelForDepthEstimation.from_pretrained(
                path, local_files_only=True).eval()
            self._processor = transformers.AutoImageProcessor.from_pretrained(
                path, local_files_only=True)
        except (OSError, ValueError, ImportError) as error:
            raise CheckpointError(f'{path} holds no depth model of transformers with its '
                                  f'preprocessing: {error}') from error
        config = self._model.config
        metric = (getattr(config, 'depth_estimation_type', '') == 'metric'
                  or config.model_type in ('zoedepth', 'glpn', 'depth_pro'))
        self.gives = 'metric' if metric else 'disparity'

    def predict(self, frame: CameraFrame) -> np.ndarray:
        """Return its depth or disparity at the size of the image."""
        torch = import_extra('torch')
        inputs = self._processor(images=frame.rgb, return_tensors='pt')
        with torch.inference_mode():
            found = self._model(**inputs).predicted_depth[0]
        height, width = frame.rgb.shape[:2]
        return cv2.resize(found.float().numpy(), (width, height))


def open_teacher(place: str, gives: str = 'auto') -> Teacher:
    """
    Return the teacher at *place*; *gives*: what it gives, 'auto' for what its kind does.

    CheckpointError for what is none of the kinds that are taken.
    """
    path = Path(place).expanduser()
    teacher: Teacher
    if (path / 'config.json').is_file():
        teacher = _Transformers(path)
    elif path.suffix == '.onnx' and path.is_file():
        try:
            teacher = _Ours(path)
        except (CheckpointError, EngineError):
            teacher = _Graph(path)
    elif path.suffix in ('.safetensors', '.xml') and path.is_file():
        teacher = _Ours(path)
    else:
        raise CheckpointError(f'{path} is no teacher: give a checkpoint or graph of ours, another '
                              '.onnx file, or a folder of transformers with config.json')
    if gives != 'auto':
        teacher.gives = gives
    return teacher


def to_metres(prediction: np.ndarray, gives: str, known: np.ndarray) -> np.ndarray:
    """
    Return (H, W) metres of what a teacher predicted, NaN where it cannot be told.

    *gives*: 'metric', 'disparity' or 'depth'. *known*: (H, W) metres where depth is known,
    sparse or not, NaN elsewhere, to which scale and shift are fitted: least absolute errors
    relative to what is known, by iterated weights.
    """
    if gives == 'metric':
        return prediction
    where = np.isfinite(known) & (known > 0) & np.isfinite(prediction)
    nothing = np.full(prediction.shape, np.nan, np.float32)
    if np.count_nonzero(where) < _FEWEST:
        return nothing
    truth = known[where].astype(np.float64)
    target = 1 / truth if gives == 'disparity' else truth
    rows = np.stack([prediction[where].astype(np.float64), np.ones(len(target))], axis=1)
    weight = 1 / target
    for _ in range(_ROUNDS):
        scale, shift = np.linalg.lstsq(rows * weight[:, None], target * weight, rcond=None)[0]
        error = np.abs(rows @ (scale, shift) - target) / target
        weight = 1 / target / np.sqrt(np.maximum(error, 0.02))
    if not scale > 0:
        return nothing
    fitted = prediction * scale + shift
    if gives == 'disparity':
        fitted = 1 / np.maximum(fitted, 1 / _MOST_M)
    return np.where((fitted > 0) & (fitted < _MOST_M), fitted, np.nan).astype(np.float32)
