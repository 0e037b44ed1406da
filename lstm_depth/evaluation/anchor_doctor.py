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
Whether the anchors of a recording fit: time offset, mount of the camera, depth against tracks.

A check never raises for what it finds; what to do comes with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from lstm_depth.anchor.alignment import BODY_FROM_OPTICAL, MotionPairs, OffsetFit, PoseAt
from lstm_depth.evaluation.anchoring import Anchoring
from lstm_depth.health import Check
from lstm_depth.media.poses import Poses
from lstm_depth.media.sources import open_source
from lstm_depth.stream import DepthStream
import numpy as np

# An offset that is worth setting, and a turn of the mount that is worth measuring again.
_OFFSET_S, _TURN = 0.01, np.radians(1.5)
# By how much the residual has to fall for a mount that looks wrong.
_BETTER = 0.9
_GOOD_PX = 1.5


def anchor_checks(place: str | Path, anchoring: Anchoring, *, limit: int = 300,
                  model: Any = None, **source: Any) -> Iterator[Check]:
    """
    Yield the findings about the anchor of a recording.

    *anchoring*: with the poses or points that it has. *limit*: frames that are looked at.
    *model*: an engine, the shipped one when left out. *source*: further arguments of
    `open_source`. Raises DataError for a recording that cannot be read.
    """
    frames, poses = 0, 0
    pairs, stream = MotionPairs(), DepthStream(model, **anchoring.stream_arguments)
    depth = _DepthAgainstAnchors()
    with open_source(place, **source) as opened:
        for frame in opened:
            if frames >= limit:
                break
            frames += 1
            known = anchoring.push_arguments(frame)
            poses += known['pose'] is not None
            if frame.camera is not None and frame.camera.calibrated:
                pairs.add(frame.rgb, frame.camera, frame.stamp_ns)
            depth.add(stream.push(frame.rgb, frame.stamp_s, camera=frame.camera, **known),
                      anchoring.missing)
        if frame.camera is None or not frame.camera.calibrated:
            yield Check('camera', False, 'not calibrated (no K)', 'publish a calibrated '
                        'camera_info, or give --calibration; without, nothing can be anchored')
    if anchoring.poses is not None:
        yield _poses_check(anchoring.poses, poses, frames)
        if poses and pairs.pairs:
            yield from motion_checks(pairs, partial(anchoring.poses.at_stamp,
                                                    frame_id=frame.frame_id),
                                     anchoring.poses.offset_s)
    elif anchoring.source == 'odometry':
        yield Check('poses', False, 'the recording has none', 'record /tf, /tf_static or '
                    'nav_msgs/Odometry, or give --trajectory')
    yield depth.check(anchoring.source, frames)


def motion_checks(pairs: MotionPairs, pose_at: PoseAt, set_s: float = 0.0) -> Iterator[Check]:
    """
    Yield what *pairs* of images say of the poses.

    *pose_at*: as `MotionPairs.residuals` has it. *set_s*: the time offset in it already.
    """
    fit = pairs.fit_offset(pose_at)
    yield _offset_check(fit, set_s)
    yield _mount_check(pairs, pose_at, fit)


def _poses_check(poses: Poses, known: int, frames: int) -> Check:
    """Return whether there are poses, for *known* of so many *frames*."""
    return Check('poses', known > frames / 2, f'{known} of {frames} images, {poses.name}',
                 '' if known > frames / 2 else 'the transforms from the image to odom have to '
                 'cover the stamps of the images; see /tf, /tf_static and --odom-frame',
                 {'poses': known, 'frames': frames})


def _offset_check(fit: OffsetFit, set_s: float) -> Check:
    """Return what the time offset should be; *set_s*: what it is set to already."""
    facts = {'offset_s': fit.offset_s + set_s, 'told': fit.told, 'residual_px': fit.residual_px,
             'as_is_px': fit.as_is_px}
    if not fit.told:
        return Check('time offset', None, f'the motion tells none (tracks are off by '
                     f'{fit.as_is_px:.2f} px with any)', 'record the camera while it is turned to '
                     'and fro', facts)
    text = (f'{1000 * fit.offset_s:+.0f} ms fit best: tracks are off by {fit.residual_px:.2f} px, '
            f'as it is by {fit.as_is_px:.2f} px')
    wrong = abs(fit.offset_s) >= _OFFSET_S
    total = fit.offset_s + set_s
    return Check('time offset', not wrong, text, (
        f'set odom_time_offset_s to {total:.3f} in the node (--odom-time-offset {total:.3f} '
        'here)') if wrong else '', facts)


def _mount_check(pairs: MotionPairs, pose_at: PoseAt, fit: OffsetFit) -> Check:
    """Return whether the camera is mounted as the transforms say."""
    steps, now = pairs.steps(pose_at, fit.offset_s), fit.residual_px
    swapped = pairs.residual_px(steps, BODY_FROM_OPTICAL)
    if swapped < 0.6 * now:
        return Check('extrinsics', False, f'tracks are off by {now:.2f} px; by {swapped:.2f} px '
                     'if the poses are those of a frame with x ahead',
                     'frame_id of the images is no optical frame (z ahead, x right): let the '
                     'driver stamp them with its ..._optical_frame, or publish that transform')
    turn, better = pairs.fit_mount(steps)
    facts = {'residual_px': now, 'turn_rad': turn.tolist(), 'turned_px': better}
    wrong = bool(np.linalg.norm(turn) > _TURN and better < _BETTER * now)
    degrees = ', '.join(f'{value:+.1f}' for value in np.degrees(turn))
    if wrong:
        return Check('extrinsics', False, f'tracks are off by {now:.2f} px; by {better:.2f} px '
                     f'if the camera is turned by {degrees} degrees about its x, y, z',
                     'measure the static transform to the optical frame of the camera anew',
                     facts)
    return Check('extrinsics', bool(now < _GOOD_PX), f'tracks are off by {now:.2f} px, and no '
                 'turn of the camera makes it clearly better',
                 '' if now < _GOOD_PX else 'images and poses do not fit: wheels that slip, a '
                 'wrong calibration or rolling shutter; odometry will hardly be believed', facts)


class _DepthAgainstAnchors:
    """What anchored the depth of a recording, and how far its points were from it."""

    def __init__(self) -> None:
        self._off: list[float] = []
        self._scales: list[float] = []
        self._notes: Counter[str] = Counter()

    def add(self, found: Any, missing: str) -> None:
        """Take the prediction of one frame, and what it lacked."""
        if found is None or found.anchored is None:
            return
        anchors = found.anchors
        if not len(anchors):
            self._notes[missing or found.anchored.note] += 1
            return
        column, row = np.rint(anchors[:, :2]).astype(int).T
        height, width = found.depth.shape
        depth = found.depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        with np.errstate(invalid='ignore', divide='ignore'):
            off = np.abs(np.log(anchors[:, 2] / depth))
        self._off.append(float(np.nanmedian(off)))
        self._scales.append(found.scale)

    def check(self, source: str, frames: int) -> Check:
        """Return the finding."""
        count = len(self._off)
        why = ''.join(f'; {number} x {note}' for note, number in self._notes.most_common(1))
        if not count:
            return Check('depth', False, f'{source} anchored none of {frames} frames{why}',
                         'the end of the line above says why; a camera that only turns tells none')
        off, scale = float(np.median(self._off)), float(np.median(self._scales))
        enough = count > frames / 4
        return Check('depth', enough, f'{source} anchored {count} of {frames} frames, factor '
                     f'{scale:.2f}; its points are off the depth by {off:.0%}{why}',
                     '' if enough else 'the end of the line above says why not more',
                     {'anchored': count, 'frames': frames, 'scale': scale, 'off': off})
