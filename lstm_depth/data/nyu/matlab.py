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
"""Open MATLAB files of both kinds, with errors that tell them and failed downloads apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lstm_depth.errors import ConfigError, DataError
import numpy as np

_HDF5 = b'\x89HDF\r\n\x1a\n'


def file_kind(path: str | Path) -> str:
    """Return ``v7.3``, ``v5``, ``html`` or ``other``; DataError where there is no file."""
    try:
        with Path(path).open('rb') as file:
            head = file.read(1024)
    except OSError as error:
        raise DataError(f'{path} cannot be read: {error}') from error
    # A v7.3 file starts with 512 bytes of MATLAB's own header, a plain HDF5 file does not.
    if head.startswith(_HDF5) or head[512:].startswith(_HDF5):
        return 'v7.3'
    if head.startswith(b'MATLAB 5.0 MAT-file'):
        return 'v5'
    if head.lstrip()[:14].lower().startswith((b'<!doctype html', b'<html', b'<?xml')):
        return 'html'
    return 'other'


def require_kind(path: str | Path, kind: str) -> None:
    """Raise DataError unless *path* is a MATLAB file of *kind*, saying what it is instead."""
    found = file_kind(path)
    if found == kind:
        return
    what = {'html': 'is a web page, not a MATLAB file: the download failed; get it again',
            'v5': 'is a MATLAB v5 file, but the labelled file is v7.3 (HDF5): was splits.mat '
                  'given in its place?',
            'v7.3': 'is a MATLAB v7.3 file, but splits.mat is v5: was the labelled file given '
                    'in its place?'}
    raise DataError(f'{path} {what.get(found, "is not a MATLAB file; get it again")}')


def open_hdf5(path: str | Path) -> Any:
    """Return an open ``h5py.File``; DataError where it is no v7.3 file or damaged."""
    require_kind(path, 'v7.3')
    try:
        import h5py
    except ImportError as error:
        raise ConfigError('reading the labelled file needs h5py: pip install '
                          "'lstm_depth[nyu]'") from error
    try:
        return h5py.File(path, 'r')
    except OSError as error:
        raise DataError(f'{path} is damaged ({error}); download it again') from error


def is_own(file: Any, name: str) -> bool:
    """Return whether a dataset's values are in the HDF5 *file* itself."""
    import h5py
    if isinstance(file.get(name, getlink=True), (h5py.ExternalLink, h5py.SoftLink)):
        return False
    found = file[name]
    return isinstance(found, h5py.Dataset) and not found.external and not found.is_virtual


def read_split_indices(path: str | Path) -> tuple[list[int], list[int]]:
    """Return the 0-based (training, test) frame numbers in ``splits.mat``, which counts from 1."""
    require_kind(path, 'v5')
    try:
        from scipy.io import loadmat
    except ImportError as error:
        raise ConfigError("reading splits.mat needs scipy: pip install 'lstm_depth[nyu]'") \
            from error
    try:
        content = loadmat(str(path), variable_names=['trainNdxs', 'testNdxs'])
        parts = [np.asarray(content[name]).ravel() for name in ('trainNdxs', 'testNdxs')]
    # scipy raises anything from ValueError to zlib.error for a damaged file.
    except Exception as error:
        raise DataError(f'{path} is not a whole splits.mat with trainNdxs and testNdxs '
                        f'({error}); download it again') from error
    try:
        train, test = ([int(number) - 1 for number in part] for part in parts)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f'{path} holds no frame numbers ({error}); download it again') from error
    return train, test
