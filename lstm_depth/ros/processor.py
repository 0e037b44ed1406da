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
"""What happens to one camera message, on the worker's thread."""

from __future__ import annotations

from collections import Counter
import time
import traceback
from typing import Any

from lstm_depth.errors import LstmDepthError, MessageError, OutOfMemory
from lstm_depth.geometry import Camera
from lstm_depth.msgs.camera_info import camera_basis, camera_for_image, shows_rectified
from lstm_depth.msgs.output import (
    is_flat,
    limit_depth,
    output_info_fields,
    resize_depth,
    resize_rgb,
    scaled_size,
)
from lstm_depth.ros.conversion import ImageConverter
from lstm_depth.ros.job import Job, Reports
from lstm_depth.ros.outputs import Output, Outputs
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.runtime.engine import Engine
from lstm_depth.stream import DepthFrame, DepthStream, ResetReason
import numpy as np
from sensor_msgs.msg import CameraInfo

# A clock that jumps back and stamps that go back within so many seconds are one event.
_SAME_JUMP_S = 1.0
# How long images may come without camera_info before that is worth a warning.
_INFO_PATIENCE_S = 1.0


class FrameProcessor:
    """
    Decode, infer, publish; keep the hidden state away from everything broken.

    All methods but ``settings`` (any thread may replace it) belong to one thread.
    """

    def __init__(self, model: Engine, settings: DepthSettings, converter: ImageConverter,
                 outputs: Outputs, reports: Reports, info_topic: str,
                 image_topic: str = '') -> None:
        """Put the model on its device."""
        self.settings = settings
        self._converter = converter
        self._outputs = outputs
        self._reports = reports
        self._info_topic = info_topic
        self._image_topic = image_topic
        self._basis = ''
        self._past_resets: Counter[str] = Counter()
        self._frame_id: str | None = None
        self._first_received: float | None = None
        self._warned: set[str] = set()
        self._backward_at = -np.inf
        self._jump_pending = False
        self._start_stream(model, settings)

    @property
    def stream(self) -> DepthStream:
        """Streaming engine in use."""
        return self._stream

    @property
    def resets(self) -> dict[str, int]:
        """How often the hidden state was reset since configure, by reason."""
        current = {reason.value: count
                   for reason, count in self._stream.reset_counts.items()}
        return dict(self._past_resets + Counter(current))

    def process(self, job: Job) -> None:
        """Answer one message, or count why not."""
        settings = self.settings
        self._apply(settings)
        if settings.lazy and not self._outputs.any_wanted():
            self._reports.telemetry.drop('no_subscriber')
            return
        try:
            rgb = self._converter.to_rgb(job.msg)
            camera = self._camera(job, rgb)
            frame = self._push(rgb, camera, job)
        except MessageError as error:
            self._drop(error.cause, f'image dropped: {error}')
        except OutOfMemory as error:
            self._out_of_memory(error)
        except LstmDepthError as error:
            self._drop('bad_image', f'image dropped: {error}')
        else:
            self._answer(frame, rgb, camera, job, settings)

    def failed(self, error: Exception) -> None:
        """Count a frame that met a bug; the next one may fare better."""
        text = f'frame dropped, internal error: {error!r}'
        self._drop('internal_error', text)
        self._reports.alerts.error('internal_error', text)
        self._warn_once(text, ''.join(traceback.format_exception(error)))

    def reset(self) -> None:
        """Forget the hidden state because somebody asked to."""
        self._stream.reset(ResetReason.EXPLICIT)

    def clock_jumped_back(self) -> None:
        """Forget the hidden state unless the stamps went back just now, too."""
        if time.monotonic() - self._backward_at < _SAME_JUMP_S:
            return
        self._stream.reset(ResetReason.BACKWARD_STAMP)
        self._backward('the clock')
        self._jump_pending = True

    def swap_model(self, model: Engine) -> None:
        """Go on with another model, its state rebuilt from the newest frames."""
        self._stream.swap_model(model)

    def _start_stream(self, model: Engine, settings: DepthSettings) -> None:
        """Make an engine with an empty state."""
        self._stream = DepthStream(
            model, device=settings.device, mode=settings.mode, buffer_size=settings.buffer_size,
            max_gap_s=settings.max_gap_s, reprime_every=settings.reprime_every,
            focal_scaling=settings.focal_scaling)
        self._applied = settings
        if self._stream.device_note:
            self._reports.logger.warning(self._stream.device_note)

    def _apply(self, settings: DepthSettings) -> None:
        """Bring changed parameters into the engine; only another device costs the state."""
        if settings is self._applied:
            return
        if settings.device != self._applied.device:
            self._past_resets.update(
                {reason.value: count for reason, count in self._stream.reset_counts.items()})
            self._start_stream(self._stream.model, settings)
            return
        stream = self._stream
        stream.mode = settings.mode
        stream.max_gap_s = settings.max_gap_s
        stream.reprime_every = settings.reprime_every
        stream.focal_scaling = settings.focal_scaling
        if stream.buffer_size != settings.buffer_size:
            stream.buffer_size = settings.buffer_size
        self._applied = settings

    def _push(self, rgb: np.ndarray, camera: Camera | None, job: Job) -> DepthFrame | None:
        """Feed the engine; None for a repeated stamp."""
        header = job.msg.header
        if self._frame_id not in (None, header.frame_id):
            self._stream.reset(ResetReason.FRAME_CHANGE)
        self._frame_id = header.frame_id
        stamp_s = header.stamp.sec + header.stamp.nanosec * 1e-9
        return self._stream.push(rgb, stamp_s, camera=camera)

    def _camera(self, job: Job, rgb: np.ndarray) -> Camera | None:
        """Return the intrinsics of the image; warn once when there are none."""
        if self._first_received is None:
            self._first_received = job.received
        if job.info is None:
            if job.received - self._first_received >= _INFO_PATIENCE_S:
                self._warn_once('no_info', (
                    f'no camera_info on {self._info_topic} yet: publishing depth without '
                    'camera_info and cloud, and without correcting the scale for the focal '
                    'length; publish it there or remap "camera_info"'))
            return None
        try:
            camera = camera_for_image(job.info, rgb.shape[1], rgb.shape[0], self._image_topic,
                                      self.settings.rectified)
        except MessageError as error:
            self._warn_once('bad_info', f'{self._info_topic}: {error}; publishing no cloud')
            return None
        if camera is None:
            self._warn_once('uncalibrated', (
                f'the camera_info on {self._info_topic} is uncalibrated (K[0] is 0): publishing '
                'depth but no cloud; calibrate the camera'))
        else:
            self._warned -= {'no_info', 'bad_info', 'uncalibrated'}
            self._say_basis(job.info)
        return camera

    def _say_basis(self, info: CameraInfo) -> None:
        """Log which matrices of camera_info are used, when that changes."""
        basis = camera_basis(info, self._image_topic, self.settings.rectified)
        if basis != self._basis:
            self._basis = basis
            self._reports.logger.info(f'{self._info_topic}: {basis}')

    def _answer(self, frame: DepthFrame | None, rgb: np.ndarray, camera: Camera | None,
                job: Job, settings: DepthSettings) -> None:
        """Publish one answer and take its numbers."""
        if frame is None:
            self._drop('duplicate_stamp', (
                'image skipped: its stamp is that of the one before; if this goes on, the '
                'camera driver does not set header.stamp'))
            return
        self._report_reset(frame.reset)
        height, width = rgb.shape[:2]
        size = scaled_size(width, height, settings.output_scale)
        depth = limit_depth(frame.depth, settings.min_depth, settings.max_depth)
        output = Output(
            depth=resize_depth(depth, *size), rgb=resize_rgb(rgb, *size),
            camera=camera and camera.resized(*size),
            info=self._info_fields(job.info, (width, height), size), header=job.msg.header)
        self._outputs.publish(output, settings)
        self._reports.telemetry.frame_out(time.monotonic() - job.received, frame.latency_s)
        if is_flat(frame.depth):
            self._reports.alerts.warn('flat', (
                'the depth image is flat: the checkpoint is not trained for such images, or '
                'something covers the camera'))

    def _info_fields(self, info: CameraInfo | None, image_size: tuple[int, int],
                     size: tuple[int, int]) -> dict[str, Any] | None:
        """Return the output's CameraInfo fields, None without usable input."""
        try:
            return info and output_info_fields(info, image_size, size, shows_rectified(
                info, self._image_topic, self.settings.rectified))
        except MessageError:
            return None

    def _report_reset(self, reason: ResetReason | None) -> None:
        """Log a reset, a backward jump once however many ways it shows."""
        if reason is None:
            return
        if reason is ResetReason.BACKWARD_STAMP:
            announced = (self._jump_pending
                         or time.monotonic() - self._backward_at < _SAME_JUMP_S)
            self._jump_pending = False
            if not announced:
                self._backward('the image stamps')
        elif reason is ResetReason.NON_FINITE:
            text = 'the network gave NaN or infinity: those pixels are NaN, hidden state reset'
            self._reports.alerts.warn('non_finite', text)
            self._reports.throttled.warning('non_finite', text)
        else:
            self._reports.logger.info(f'hidden state reset: {reason.value}')

    def _backward(self, what: str) -> None:
        """Warn that time went backward."""
        self._backward_at = time.monotonic()
        self._reports.logger.warning(
            f'{what} went backward (a bag that loops, or a simulation that restarted?): '
            'hidden state reset')

    def _drop(self, cause: str, text: str) -> None:
        """Count a frame that gets no answer, and say why without flooding the log."""
        self._reports.telemetry.drop(cause)
        self._reports.throttled.warning(cause, text)
        if cause != 'duplicate_stamp':
            self._reports.alerts.warn(cause, text)

    def _out_of_memory(self, error: OutOfMemory) -> None:
        """Drop the frame and tell."""
        text = f'frame dropped, {error}'
        self._reports.telemetry.drop('out_of_memory')
        self._reports.throttled.warning('out_of_memory', text)
        self._reports.alerts.error('out_of_memory', text)

    def _warn_once(self, key: str, text: str) -> None:
        """Warn, and not again before the condition has gone."""
        if key not in self._warned:
            self._warned.add(key)
            self._reports.logger.warning(text)
