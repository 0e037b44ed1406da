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
"""Small stand-ins for the files of NYU Depth V2: raw scenes, the labelled file, splits.mat."""

from __future__ import annotations

from pathlib import Path

from lstm_depth.data.nyu.pnm import encode_pgm, encode_ppm
import numpy as np

FIRST_S = 1294886360.2


def raw_frame(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a raw (480, 640, 3) image and (480, 640) depth that differ for every seed."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:480, :640]
    image = np.stack([(columns * 0.3 + seed * 9) % 256, (rows * 0.4) % 256,
                      np.full((480, 640), seed * 5 % 256)], axis=-1).astype(np.uint8)
    raw = 800 + 0.2 * columns + 0.1 * rows + seed % 7
    raw[100:200, 150 + seed:300 + seed] = 700
    raw[rng.random(raw.shape) < 0.01] = 2047
    return image, raw.astype(np.uint16)


def write_scene(folder: Path, frames: int, *, first_s: float = FIRST_S, seed: int = 0) -> Path:
    """Write a raw scene of *frames* frames."""
    folder.mkdir(parents=True)
    for number in range(frames):
        image, raw = raw_frame(seed + number)
        time = first_s + number / 30
        (folder / f'd-{time:.6f}-{number}.pgm').write_bytes(encode_pgm(raw))
        (folder / f'r-{time + 0.011:.6f}-{number}.ppm').write_bytes(encode_ppm(image))
        (folder / f'a-{time:.6f}-{number}.dump').write_bytes(bytes(4))
    (folder / 'INDEX.txt').write_text('not needed\n')
    return folder


def write_labeled(path: Path, scenes: list[str], raw_names: list[str] | None = None, *,
                  width: int = 64, height: int = 48, seed: int = 0) -> dict[str, np.ndarray]:
    """Write a labelled file; return its images (N, H, W, 3) and depths (N, H, W) as seen."""
    import h5py

    rng = np.random.default_rng(seed)
    count = len(scenes)
    images = rng.integers(0, 256, (count, height, width, 3)).astype(np.uint8)
    depths = rng.uniform(0.7, 9, (count, height, width)).astype(np.float32)
    raw_names = raw_names or [f'{scene}/d-{FIRST_S + n:.6f}-{n}.pgm'
                              for n, scene in enumerate(scenes)]
    with h5py.File(path, 'w', userblock_size=512) as file:
        file['images'] = images.transpose(0, 3, 2, 1)
        file['depths'] = depths.transpose(0, 2, 1)
        file['rawDepths'] = np.where(depths > 8, 0, depths).transpose(0, 2, 1)
        for name, texts in (('scenes', scenes), ('rawDepthFilenames', raw_names)):
            references = []
            for number, text in enumerate(texts):
                file[f'#refs#/{name}{number}'] = np.array([[ord(c)] for c in text], np.uint16)
                references.append(file[f'#refs#/{name}{number}'].ref)
            file.create_dataset(name, data=np.array([references], dtype=object),
                                dtype=h5py.ref_dtype)
    with path.open('r+b') as file:
        file.write(b'MATLAB 7.3 MAT-file, Platform: GLNXA64'.ljust(512))
    return {'images': images, 'depths': depths}


def write_splits(path: Path, train: list[int], test: list[int]) -> None:
    """Write splits.mat for 0-based numbers of frames."""
    from scipy.io import savemat

    savemat(path, {'trainNdxs': np.array(train)[:, None] + 1,
                   'testNdxs': np.array(test)[:, None] + 1})


def tree(folder: Path) -> dict[str, bytes]:
    """Return every file under *folder* with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob('*')) if path.is_file()}
