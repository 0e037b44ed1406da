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
Depth to learn from, of frames that the user recorded.

``depth``: what a depth camera measured. ``odometry``: the network's own depth, anchored by
landmarks that the known motion of the camera fixes, seen before a frame and after it. A
teacher's depth is fitted to what a depth camera or those landmarks know, else to the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
from lstm_depth.adaptation.config import AdaptConfig
from lstm_depth.adaptation.recording import Recording
from lstm_depth.adaptation.teacher import open_teacher, to_metres
from lstm_depth.anchor import AnchorConfig
from lstm_depth.anchor.confidence import confidence_of
from lstm_depth.anchor.stage import AnchoredDepth, AnchorStage
from lstm_depth.errors import DataError
from lstm_depth.frames import CameraFrame
from lstm_depth.runtime.engine import Engine
from lstm_depth.runtime.loading import load_model
from lstm_depth.stream import DepthStream
import numpy as np
from tqdm import tqdm

# Landmarks that go into labels are known better than those that steer a robot need be.
_ANCHORS = AnchorConfig(max_sigma=0.15)
# Learnt from is what landmarks nearby tell, but not at the edges of depth. That it was corrected
# is no reason for doubt here, as it is in the confidence of a stream: most is to be learnt there.
_EVIDENCE, _CONFIDENCE = 0.8, 0.7


@dataclass(frozen=True, eq=False)
class Labels:
    """
    (H, W) metres for each frame of a recording, NaN where unknown.

    *by*: what they are from. *notes*: what there is to know of them, one sentence each.
    """

    by: str
    train: list[np.ndarray]
    held_out: list[np.ndarray]
    notes: list[str]


def label_recording(recording: Recording, config: AdaptConfig) -> Labels:
    """Return the labels that *config* asks for; DataError where nothing gives them."""
    if config.teacher:
        return _taught(recording, config)
    kind = config.labels
    if kind == 'auto':
        kind = 'depth' if recording.has_depth else 'odometry'
    if kind == 'depth':
        if not recording.has_depth:
            raise DataError(f'{recording.name} has no depth topic; name it with --depth-topic, '
                            'or take --labels odometry, or --teacher MODEL')
        return checked(recording, kind, depth_labels(recording.frames))
    if not recording.has_poses:
        lacks, also = 'no depth, and no poses', ''
        if recording.has_depth:
            lacks, also = 'no poses', 'take --labels depth, or '
        raise DataError(
            f'{recording.name} has {lacks} of a calibrated camera: {also}give a bag with /tf '
            '(or --odometry-topic, --trajectory) and camera_info, or a teacher: '
            '--teacher MODEL')
    return checked(recording, kind, odometry_labels(
        recording.frames, load_model(config.checkpoint)))


def _taught(recording: Recording, config: AdaptConfig) -> Labels:
    """Return the labels of a teacher, fitted to what is known where it gives no metres."""
    teacher = open_teacher(config.teacher, config.teacher_gives)
    by = f'the teacher {config.teacher} ({teacher.gives})'
    known = depth_labels(recording.frames)
    if teacher.gives != 'metric':
        known, basis = _known_depth(recording, config)
        by += f' fitted to {basis}'
    return checked(recording, by, [
        to_metres(teacher.predict(frame), teacher.gives, depth) for frame, depth in zip(
            tqdm(recording.frames, desc='teacher', unit='frame'), known)])


def _known_depth(recording: Recording, config: AdaptConfig) -> tuple[list[np.ndarray], str]:
    """Return (H, W) metres for each frame, NaN where unknown, and what knows them."""
    frames = recording.frames
    if recording.has_depth:
        return depth_labels(frames), 'the depth topic'
    depths = list(network_depths(frames, load_model(config.checkpoint)))
    if not recording.has_poses:
        return depths, "the network's own depth"
    points = landmark_points(frames, depths)
    return [sparse_depth(found, frame) for found, frame in zip(points, frames)], 'landmarks'


def checked(recording: Recording, by: str, depths: list[np.ndarray]) -> Labels:
    """Return the labels with how many there are; DataError where they are too few."""
    cut = len(recording.train)
    train, held_out = depths[:cut], depths[cut:]
    counts = [sum(bool(np.isfinite(label).any()) for label in part)
              for part in (train, held_out)]
    share = np.mean([np.isfinite(label).mean() for label in depths])
    note = (f'{counts[0]} of {len(train)} frames and {counts[1]} of {len(held_out)} held-out ones '
            f'are labelled, {share:.0%} of their pixels.')
    if counts[0] < 4 or counts[1] < 2:
        raise DataError(f'{recording.name}: {by} gives too few labels: {note} Record while the '
                        'camera moves sideways past things, not only turns')
    return Labels(by, train, held_out, [note])


def depth_labels(frames: Sequence[CameraFrame]) -> list[np.ndarray]:
    """Return (H, W) metres for each frame, NaN where unknown, as a depth camera measured it."""
    return [np.full(frame.rgb.shape[:2], np.nan, np.float32) if frame.depth is None
            else frame.depth for frame in frames]


def odometry_labels(frames: Sequence[CameraFrame], model: Engine) -> list[np.ndarray]:
    """
    Return (H, W) metres for each frame, NaN where the camera's motion does not tell.

    Landmarks are followed forward and backward in time, so that a frame also has those whose
    parallax comes later. Frames need a calibrated camera; those without a pose have no label.
    """
    depths = list(network_depths(frames, model))
    points = landmark_points(frames, depths)
    stage, labels = AnchorStage('points', _ANCHORS), []
    for frame, depth, known in zip(frames, depths, points):
        found = stage.apply(frame.rgb, depth, frame.camera, frame.stamp_s, points=known)
        labels.append(np.where(known_pixels(found), found.depth, np.float32(np.nan)))
    return labels


def known_pixels(found: AnchoredDepth) -> np.ndarray:
    """Return (H, W) bool: where anchored depth is known well enough to learn from."""
    height, width = found.depth.shape
    if found.evidence is None or not len(found.anchors):
        return np.zeros((height, width), bool)
    evidence = cv2.resize(found.evidence.astype(np.float32), (width, height))
    confidence = confidence_of(found.depth, found.scale_sigma, found.evidence)
    return (evidence >= _EVIDENCE) & (confidence >= _CONFIDENCE)


def network_depths(frames: Sequence[CameraFrame], model: Engine) -> Iterator[np.ndarray]:
    """Yield (H, W) metres for each frame as the network predicts it in a stream."""
    stream = DepthStream(model)
    for frame in tqdm(frames, desc='network', unit='frame'):
        found = stream.push(frame.rgb, frame.stamp_s, camera=frame.camera)
        if found is None:
            raise DataError(f'two frames have the stamp {frame.stamp_s:.6f} s')
        yield found.depth


def landmark_points(frames: Sequence[CameraFrame],
                    depths: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return for each frame (N, 3) points in its camera's coordinates that its motion fixes."""
    found: list[list[np.ndarray]] = [[] for _ in frames]
    last = frames[-1].stamp_s if frames else 0.0
    places = list(range(len(frames)))
    for order, direction in ((places, 1.0), (places[::-1], -1.0)):
        stage = AnchorStage('odometry', _ANCHORS)
        for place in tqdm(order, desc='landmarks', unit='frame'):
            frame = frames[place]
            stamp = frame.stamp_s if direction > 0 else last - frame.stamp_s
            anchored = stage.apply(frame.rgb, depths[place], frame.camera, stamp, frame.pose)
            found[place].append(_in_space(anchored.anchors, frame))
    return [np.concatenate(parts) for parts in found]


def sparse_depth(points: np.ndarray, frame: CameraFrame) -> np.ndarray:
    """Return (H, W) metres at the pixels of (N, 3) *points* in the camera's coordinates."""
    height, width = frame.rgb.shape[:2]
    depth = np.full((height, width), np.nan, np.float32)
    if len(points):
        column, row = np.rint(frame.camera.project(points)).astype(int).T
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        depth[row[inside], column[inside]] = points[inside, 2]
    return depth


def _in_space(anchors: np.ndarray, frame: CameraFrame) -> np.ndarray:
    """Return (N, 3) points of (N, 3) columns, rows and depths."""
    camera = frame.camera
    if not len(anchors):
        return np.empty((0, 3))
    rays = camera.rays()[anchors[:, 1].round().astype(int).clip(0, camera.height - 1),
                         anchors[:, 0].round().astype(int).clip(0, camera.width - 1)]
    return rays * anchors[:, 2:]
