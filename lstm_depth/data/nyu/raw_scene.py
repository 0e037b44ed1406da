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
"""Find and read raw scenes, in folders and inside the official zip archives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
import lzma
import os
from pathlib import Path, PurePosixPath
import zipfile
import zlib

from lstm_depth.data.nyu.pnm import FrameError
from lstm_depth.data.nyu.sync import stamp_of, SyncedFrame, synchronise
from lstm_depth.errors import DataError


# A PPM of 640x480 is 0.9 MB.
_LARGEST_FRAME = 2 * 2**20


@dataclass(frozen=True)
class RawScene:
    """
    A raw scene: a folder, or a folder (*prefix*) inside a zip archive.

    *name*: the folder's name, such as ``bedroom_0001a``. *container*: the folder or
    archive. *prefix*: the path inside the archive, None for a plain folder.
    """

    name: str
    container: Path
    prefix: str | None = None

    def __str__(self) -> str:
        """Return the place for people."""
        return f'{self.container}' + (f':{self.prefix}' if self.prefix is not None else '')

    def names(self) -> list[str]:
        """Return the names of the scene's raw frames, sorted; other files are left out."""
        if self.prefix is None:
            names = _listing(self.container)
        else:
            names = _archive_folders(self.container).get(self.prefix, [])
        return sorted(name for name in names if stamp_of(name))

    def frames(self) -> list[SyncedFrame]:
        """Return all depth frames with their colour frames; DataError where there are none."""
        names = self.names()
        depth = [name for name in names if name.startswith('d-') and name.endswith('.pgm')]
        rgb = [name for name in names if name.startswith('r-') and name.endswith('.ppm')]
        for found, what in ((depth, 'depth frames (d-*.pgm)'), (rgb, 'colour frames (r-*.ppm)')):
            if not found:
                raise DataError(f'scene {self} has no {what}; unpack or download it again')
        return synchronise(depth, rgb)

    def read(self, name: str) -> bytes:
        """Return one file's bytes; FrameError where it cannot be read."""
        try:
            if self.prefix is None:
                return (self.container / name).read_bytes()
            path = str(PurePosixPath(self.prefix) / name)
            # A file that unpacks to more than a frame has is a damaged or a hostile one.
            with _archive(self.container).open(path) as file:
                data = file.read(_LARGEST_FRAME + 1)
            if len(data) > _LARGEST_FRAME:
                raise EOFError(f'it is larger than {_LARGEST_FRAME} bytes')
            return data
        # Encrypted files raise RuntimeError, unknown compression NotImplementedError.
        except (OSError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile,
                zlib.error, lzma.LZMAError) as error:
            raise FrameError(f'{name} of scene {self} cannot be read: {error}') from error


def find_scenes(raw: str | Path) -> list[RawScene]:
    """
    Return the scenes at *raw*, sorted by name.

    *raw* is a scene, a folder of scenes and zip archives (at any depth), or an archive.
    A folder without files or folders counts as an (empty) scene. DataError where there
    is none, or where two have the same name.
    """
    raw = Path(raw)
    if not raw.exists():
        raise DataError(f'{raw} does not exist; give a raw scene, a folder of raw scenes or a '
                        'zip archive of them')
    scenes = list(_scenes_in(raw))
    if not scenes:
        raise DataError(f'{raw} holds no raw scene: no folder and no zip archive with files '
                        'r-*.ppm and d-*.pgm')
    by_name: dict[str, RawScene] = {}
    for scene in scenes:
        if scene.name in by_name:
            raise DataError(f'scene {scene.name} is there twice, in {by_name[scene.name]} and '
                            f'{scene}; remove one')
        by_name[scene.name] = scene
    return [by_name[name] for name in sorted(by_name)]


def _scenes_in(raw: Path) -> Iterator[RawScene]:
    """Yield the scenes at *raw* in any order."""
    if raw.is_file():
        for prefix, names in _archive_folders(raw).items():
            if any(stamp_of(name) for name in names):
                name = PurePosixPath(prefix).name or raw.stem
                if '..' in PurePosixPath(prefix).parts or prefix.startswith('/'):
                    raise DataError(f'{raw} names files outside of itself ({prefix}); it is no '
                                    'archive of raw scenes, get it again')
                yield RawScene(name, raw, prefix)
        return
    for folder, folders, files in os.walk(raw):
        archives = [name for name in files if name.lower().endswith('.zip')]
        for name in archives:
            yield from _scenes_in(Path(folder) / name)
        empty = not files and not folders and Path(folder) != raw
        if empty or any(stamp_of(name) for name in files):
            yield RawScene(Path(folder).resolve().name, Path(folder))


def _listing(folder: Path) -> list[str]:
    """Return the names in *folder*; DataError where it cannot be listed."""
    try:
        return os.listdir(folder)
    except OSError as error:
        raise DataError(f'scene {folder} cannot be listed: {error}') from error


# Listing an official archive takes a second: once a process, not once a frame.
@lru_cache(maxsize=4)
def _archive(path: Path) -> zipfile.ZipFile:
    """Return an open zip archive; DataError where it is none."""
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f'{path} is not a whole zip archive ({error}); download it again') \
            from error


@lru_cache(maxsize=4)
def _archive_folders(path: Path) -> dict[str, list[str]]:
    """Return the file names of every folder inside an archive."""
    folders: dict[str, list[str]] = {}
    for info in _archive(path).infolist():
        if not info.is_dir():
            inner = PurePosixPath(info.filename)
            folders.setdefault(str(inner.parent), []).append(inner.name)
    return folders
