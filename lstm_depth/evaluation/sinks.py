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
Where the predictions of a stream go: depth files, a table, pictures, a video, a bag.

Every sink takes scored frames one at a time, holds a bounded number of them, and
leaves either its whole output or, when the run fails, nothing.
"""

from __future__ import annotations

from contextlib import ExitStack
import csv
from pathlib import Path
from types import TracebackType
from typing import Any

from lstm_depth.evaluation.scored import ScoredFrame
from lstm_depth.files import atomic_path
from lstm_depth.media.bag import BagWriter
from lstm_depth.media.video import VideoWriter
from lstm_depth.msgs.cloud import organised_cloud
from lstm_depth.msgs.image import depth_to_encoding
from lstm_depth.scoring.metrics import METRIC_NAMES
from lstm_depth.visualize import (
    PictureStyle,
    strip,
    video_frame,
    write_png,
)
import numpy as np


class Sink:
    """
    Base of the sinks: a context manager that is given every frame.

    Leaving the ``with`` block normally completes the output, leaving it by an
    exception discards what was entered into ``files``.
    """

    def __init__(self) -> None:
        """Hold nothing open yet."""
        self.files = ExitStack()

    def __enter__(self) -> Sink:
        """Return the sink itself."""
        return self

    def add(self, item: ScoredFrame) -> None:
        """Take one frame."""
        raise NotImplementedError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the output, or discard it after an exception."""
        self.files.__exit__(kind, error, trace)


class DepthFolder(Sink):
    """
    A folder of 16-bit PNG files, millimetres with 0 for invalid, named by stamp.

    The name is seconds.nanoseconds as in the TUM RGB-D sets; when a stream repeats
    a stamp after a jump back, the later file gets ``_2``, ``_3``... An existing
    folder of that name is replaced.
    """

    def __init__(self, path: str | Path) -> None:
        """Prepare to write the folder *path*."""
        super().__init__()
        self.path = Path(path)
        self._folder: Path | None = None

    def __enter__(self) -> DepthFolder:
        """Make the folder, under a temporary name until it is complete."""
        self._folder = self.files.enter_context(atomic_path(self.path))
        self._folder.mkdir()
        return self

    def add(self, item: ScoredFrame) -> None:
        """Write one PNG."""
        seconds, nanoseconds = divmod(item.frame.stamp_ns, 10**9)
        name = f'{seconds}.{nanoseconds:09d}'
        path = self._folder / f'{name}.png'
        copy = 1
        while path.exists():
            copy += 1
            path = self._folder / f'{name}_{copy}.png'
        write_png(path, depth_to_encoding(item.depth, '16UC1'))


class FrameTable(Sink):
    """A CSV file with one line a frame: stamp, latency, reset and metrics."""

    COLUMNS = ('stamp_ns', 'latency_ms', 'reset', 'valid', *METRIC_NAMES)

    def __init__(self, path: str | Path) -> None:
        """Prepare to write *path*."""
        super().__init__()
        self.path = Path(path)
        self._table: Any = None

    def __enter__(self) -> FrameTable:
        """Open the file, under a temporary name until it is complete."""
        partial = self.files.enter_context(atomic_path(self.path))
        file = self.files.enter_context(partial.open('w', newline='', encoding='utf-8'))
        self._table = csv.DictWriter(file, self.COLUMNS)
        self._table.writeheader()
        return self

    def add(self, item: ScoredFrame) -> None:
        """Write one line; metrics are left empty where there are none."""
        metrics = item.metrics or {}
        values = {name: f'{value:.6g}' for name, value in metrics.items() if np.isfinite(value)}
        self._table.writerow({
            'stamp_ns': item.frame.stamp_ns, 'latency_ms': f'{item.latency_s * 1e3:.3f}',
            'reset': item.reset, **values})


class StripPicture(Sink):
    """
    A PNG of a few frames spread evenly over the stream, whatever its length.

    Of every so many frames one is kept; whenever twice the wanted *rows* are held,
    every other one is let go and the step doubles. ``kept``: those held now.
    """

    def __init__(self, path: str | Path, style: PictureStyle, rows: int = 4) -> None:
        """Prepare to draw *rows* frames to *path*."""
        super().__init__()
        self.path = Path(path)
        self._style = style
        self._rows = rows
        self.kept: list[ScoredFrame] = []
        self._step = 1
        self._seen = 0

    def add(self, item: ScoredFrame) -> None:
        """Keep the frame if it is one of the spread."""
        if self._seen % self._step == 0:
            self.kept.append(item)
        self._seen += 1
        if len(self.kept) > 2 * self._rows - 1:
            self.kept = self.kept[::2]
            self._step *= 2

    def chosen(self) -> list[ScoredFrame]:
        """Return the frames to draw: of those held, as many as rows, evenly spread."""
        indices = np.linspace(0, len(self.kept) - 1, min(self._rows, len(self.kept)))
        return [self.kept[round(index)] for index in indices]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw and write the picture, unless the run failed or had no frame."""
        if kind is None and self.kept:
            start_ns = self.kept[0].frame.stamp_ns
            rows = [item.picture(start_ns) for item in self.chosen()]
            write_png(self.path, strip(rows, self._style))
        super().__exit__(kind, error, trace)


class Video(Sink):
    """
    An MP4 of image and depth, and of ground truth and error where there is any.

    The layout is that of the first frame: a stream whose first frame has no ground
    truth is drawn without, unless *with_truth* says that some follows.
    """

    def __init__(self, path: str | Path, style: PictureStyle, fps: float,
                 with_truth: bool = False) -> None:
        """Prepare to write *path*; *fps*: where stamps do not tell, frames a second."""
        super().__init__()
        self._style = style
        self._with_truth = with_truth
        self._start_ns: int | None = None
        self._video = self.files.enter_context(VideoWriter(path, fps))

    def add(self, item: ScoredFrame) -> None:
        """Draw one frame of the video."""
        if self._start_ns is None:
            self._start_ns = item.frame.stamp_ns
            self._with_truth = self._with_truth or item.frame.depth is not None
        self._video.write(video_frame(
            item.picture(self._start_ns), self._style, with_truth=self._with_truth),
            item.frame.stamp_s)


class DepthBag(Sink):
    """
    A rosbag2 (MCAP) with ``depth/image``, ``depth/camera_info`` and ``depth/points``.

    Messages are laid out as depth_node publishes them: 32FC1 metres, and an
    organised coloured cloud of every *stride*-th pixel. Frames without a calibrated
    camera get neither camera_info nor cloud. An existing bag is replaced.
    """

    PREFIX = '/depth_node/depth'

    def __init__(self, path: str | Path, stride: int = 2) -> None:
        """Prepare to write *path*; DataError where something else has that name."""
        super().__init__()
        self._stride = stride
        self._writer = BagWriter(path, overwrite=True)

    def __enter__(self) -> DepthBag:
        """Open the bag, under a temporary name until it is complete."""
        self.files.enter_context(self._writer)
        return self

    def add(self, item: ScoredFrame) -> None:
        """Write the messages of one frame."""
        frame, header = item.frame, (item.frame.stamp_ns, item.frame.frame_id)
        self._writer.write_image(f'{self.PREFIX}/image', item.depth, '32FC1', *header)
        if frame.camera is None or not frame.camera.calibrated:
            return
        camera = frame.camera.resized(item.depth.shape[1], item.depth.shape[0])
        self._writer.write_camera_info(f'{self.PREFIX}/camera_info', camera, *header)
        cloud = organised_cloud(item.depth, frame.rgb, camera, self._stride)
        self._writer.write_cloud(f'{self.PREFIX}/points', cloud, *header)
