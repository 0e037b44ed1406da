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
"""Read ``nyu_depth_v2_labeled.mat`` frame by frame, without loading it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any

from lstm_depth.data.nyu.kinect import RGB_LENS
from lstm_depth.data.nyu.matlab import is_own, open_hdf5
from lstm_depth.data.nyu.sync import stamp_of
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
import numpy as np

_LONGEST_TEXT = 4096
_DEPTHS = {'filled': 'depths', 'raw': 'rawDepths'}


class LabeledFile:
    """
    The labelled file: in-painted depth aligned to undistorted colour images.

    *depth*: ``filled`` for the in-painted depth, ``raw`` for the readings only. The file
    is opened at first use and once per process, so an instance can be sent to workers.
    Use it as a context manager or close() it.
    """

    def __init__(self, path: str | Path, depth: str = 'filled') -> None:
        """Check the file; DataError for what is not the labelled file."""
        if depth not in _DEPTHS:
            raise DataError(f'depth must be one of {", ".join(_DEPTHS)}, not {depth!r}')
        self.path, self._depth = Path(path), _DEPTHS[depth]
        for name in ('images', self._depth, 'scenes', 'rawDepthFilenames'):
            if name not in self._file:
                raise DataError(f'{path} has no {name}; it is not nyu_depth_v2_labeled.mat')
            if not is_own(self._file, name):
                raise DataError(f'{name} of {path} is kept in another file, which is not followed')

    def __enter__(self) -> LabeledFile:
        """Return the open file."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        """Close the file."""
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave the open file behind: HDF5 handles do not survive a change of process."""
        return {'path': self.path, '_depth': self._depth}

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._file['images'])

    @cached_property
    def _file(self) -> Any:
        return open_hdf5(self.path)

    def close(self) -> None:
        """Close the file."""
        file = self.__dict__.pop('_file', None)
        if file is not None:
            file.close()

    @cached_property
    def scenes(self) -> list[str]:
        """Return the scene of every frame."""
        return [self._text('scenes', index) for index in range(len(self))]

    def scene(self, index: int) -> str:
        """Return the scene of one frame."""
        return self._text('scenes', index)

    def raw_depth_name(self, index: int) -> tuple[str, str]:
        """Return (scene folder, file name) of the raw depth frame that was labelled."""
        path = PurePosixPath(self._text('rawDepthFilenames', index))
        return path.parent.name, path.name

    def frame(self, index: int) -> CameraFrame:
        """Return one frame, its stamp from the raw depth file's name; DataError out of range."""
        rgb = self._row('images', index)
        if rgb.ndim != 3 or rgb.shape[0] != 3:
            raise DataError(f'{self.path}: images are {rgb.shape}, not (3, width, height)')
        # MATLAB stores columns first: (3, W, H) and (W, H).
        depth = self._row(self._depth, index).T
        depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.nan).astype(np.float32)
        rgb = np.ascontiguousarray(rgb.transpose(2, 1, 0))
        stamp = stamp_of(self.raw_depth_name(index)[1])
        return CameraFrame(rgb, round(float(stamp) * 1e9) if stamp else 0, depth=depth,
                           camera=RGB_LENS.camera().resized(rgb.shape[1], rgb.shape[0]))

    def _row(self, name: str, index: int) -> np.ndarray:
        """Return the array of one frame."""
        if not 0 <= index < len(self):
            raise DataError(f'{self.path} has frames 0 to {len(self) - 1}; there is no {index}')
        try:
            return self._file[name][index]
        except (OSError, TypeError, ValueError, MemoryError) as error:
            raise DataError(f'{self.path}: {name} of frame {index} cannot be read ({error}); '
                            'download it again') from error

    def _text(self, name: str, index: int) -> str:
        """Return one string of a MATLAB cell array, stored as references to character codes."""
        cells = self._file[name]
        if not 0 <= index < cells.size:
            raise DataError(f'{self.path} has frames 0 to {cells.size - 1}; there is no {index}')
        try:
            reference = cells[(0, index) if cells.shape[0] == 1 else (index, 0)]
            codes = self._file[reference]
            if codes.size > _LONGEST_TEXT or codes.external:
                raise ValueError('it is no short text')
            return ''.join(map(chr, np.asarray(codes).ravel()))
        # What is no reference, or one to anything but a text, surfaces as almost anything.
        except Exception as error:
            raise DataError(f'{self.path}: {name} of frame {index} cannot be read ({error}); '
                            'download it again') from error
