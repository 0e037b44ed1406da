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
The frame path of one camera: decode, predict, publish, each on a thread of its own.

``Pipeline`` moves frames from one stage to the next. What a stage returns goes to the next
one; None is a frame that was dropped and counted. Each method says whose thread it runs on,
and touches nothing of another stage.
"""

from __future__ import annotations

from collections.abc import Callable
import time
import traceback
from typing import TYPE_CHECKING

from lstm_depth.errors import EngineError, LstmDepthError, MessageError, OutOfMemory
from lstm_depth.msgs.output import is_flat, scaled_size
from lstm_depth.msgs.view import View, ViewCache
from lstm_depth.ros.conversion import ImageConverter
from lstm_depth.ros.job import Job, Picture, Prediction, Reports
from lstm_depth.ros.outputs import Outputs
from lstm_depth.ros.parameters import DepthSettings
from lstm_depth.runtime.engine import Engine
from lstm_depth.stream import DepthFrame, DepthStream, ResetReason
import numpy as np

if TYPE_CHECKING:
    from lstm_depth.ros.anchoring import CameraAnchor, MotionInput

# A clock that jumps back and stamps that go back within so many seconds are one event.
_SAME_JUMP_S = 1.0
# How long images may come without camera_info before that is worth a warning.
_INFO_PATIENCE_S = 1.0


class FrameProcessor:
    """
    Decode, predict, publish; keep the hidden state away from everything broken.

    *settings* may be replaced by any thread; a frame keeps those it was decoded with.
    """

    def __init__(self, model: Engine, settings: DepthSettings, converter: ImageConverter,
                 outputs: Outputs, reports: Reports, info_topic: str,
                 image_topic: str, motion: MotionInput | None = None) -> None:
        """Start with an empty state; *model* may be shared with other cameras."""
        self.settings = settings
        self._converter = converter
        self._outputs = outputs
        self._reports = reports
        self._info_topic = info_topic
        self._views = ViewCache(image_topic)
        self._basis = ''
        self._frame_id: str | None = None
        self._first_received: float | None = None
        self._warned: set[str] = set()
        self._backward_at = -np.inf
        self._jump_pending = False
        self._stream = DepthStream(
            model, mode=settings.mode, buffer_size=settings.buffer_size,
            max_gap_s=settings.max_gap_s, reprime_every=settings.reprime_every,
            focal_scaling=settings.focal_scaling, sharpen=settings.sharpen)
        self.anchor = None if settings.anchor == 'none' else _anchor(motion, settings)
        if self.anchor is not None:
            self._stream.set_anchor(self.anchor.source, self.anchor.config)
        self._applied = settings

    @property
    def stream(self) -> DepthStream:
        """Streaming engine in use."""
        return self._stream

    @property
    def resets(self) -> dict[str, int]:
        """How often the hidden state was reset since configure, by reason."""
        return {reason.value: count for reason, count in self._stream.reset_counts.items()}

    def decode(self, job: Job) -> Picture | None:
        """Return the picture of a message (the decoding thread)."""
        settings = self.settings
        if settings.lazy and not self._outputs.any_wanted():
            self.drop('no_subscriber')
            return None
        try:
            rgb = self._converter.to_rgb(job.msg, settings.max_image_megapixels)
        except MessageError as error:
            self._drop_loudly(error.cause, f'image dropped: {error}')
            return None
        size = rgb.shape[1], rgb.shape[0]
        output_size = scaled_size(*size, settings.output_scale)
        view = self._views.view(job.info, size, output_size, settings.rectified)
        self._report_view(view, job)
        return Picture(job.msg.header, job.received, rgb, view, output_size, settings)

    def predict(self, picture: Picture) -> Prediction | None:
        """Return the prediction for a picture (the network's thread)."""
        self._apply(picture.settings)
        if self._frame_id not in (None, picture.header.frame_id):
            self._stream.reset(ResetReason.FRAME_CHANGE)
        self._frame_id = picture.header.frame_id
        buffer = self._outputs.depth_buffer(*picture.output_size)
        height, width = picture.rgb.shape[:2]
        try:
            # Straight into the memory of the message, where the depth is of its size.
            frame = self._stream.push(
                picture.rgb, picture.stamp_s, camera=picture.view.input_camera,
                **self._known(picture),
                out=buffer.pixels if picture.output_size == (width, height) else None)
        except EngineError as error:
            cause = 'out_of_memory' if isinstance(error, OutOfMemory) else 'engine_error'
            self._drop_loudly(cause, f'frame dropped, {error}', self._reports.alerts.error)
            return None
        except LstmDepthError as error:
            self._drop_loudly('bad_image', f'image dropped: {error}')
            return None
        if frame is None:
            self.drop('duplicate_stamp')
            self._reports.throttled.warning('duplicate_stamp', (
                'image skipped: its stamp is that of the one before; if this goes on, the '
                'camera driver does not set header.stamp'))
            return None
        if self.anchor is not None:
            self.anchor.note(frame)
        self._report_reset(frame.reset)
        self._outputs.claim_depth_buffer()
        return Prediction(picture, frame, buffer)

    def _known(self, picture: Picture) -> dict[str, np.ndarray | None]:
        """Return what is known for the anchor, which may change with what is found."""
        if self.anchor is None:
            return {}
        before = self.anchor.source
        known = self.anchor.known(picture.header)
        if self.anchor.source != before:
            self._stream.set_anchor(self.anchor.source, self.anchor.config)
            self._reports.logger.info(f'depth is anchored by {self.anchor.source}')
        return known

    def publish(self, prediction: Prediction) -> None:
        """Publish what is subscribed to, and take the frame's numbers (the publishing thread)."""
        if not self._outputs.active:
            self.drop('deactivated')
            return
        self._outputs.publish(prediction)
        frame = prediction.frame
        self._reports.telemetry.frame_out(
            time.monotonic() - prediction.picture.received, frame.latency_s)
        self._report_flat(frame)

    def drop(self, cause: str) -> None:
        """Count a frame that gets no prediction (any thread)."""
        self._reports.telemetry.drop(cause)

    def failed(self, error: Exception) -> None:
        """Count a frame that met a bug; the next one may fare better (any thread)."""
        text = f'frame dropped, internal error: {error!r}'
        self._drop_loudly('internal_error', text, self._reports.alerts.error)
        self._reports.throttled.warning(
            f'trace of {type(error).__name__}', ''.join(traceback.format_exception(error)))

    # The network's thread.

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

    def _apply(self, settings: DepthSettings) -> None:
        """Bring changed parameters into the stream."""
        if settings is self._applied:
            return
        stream = self._stream
        stream.mode = settings.mode
        stream.max_gap_s = settings.max_gap_s
        stream.reprime_every = settings.reprime_every
        stream.focal_scaling = settings.focal_scaling
        stream.sharpen = settings.sharpen
        if stream.buffer_size != settings.buffer_size:
            stream.buffer_size = settings.buffer_size
        self._applied = settings

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
            self._reports.throttled.info(f'reset {reason.value}',
                                         f'hidden state reset: {reason.value}')

    def _backward(self, what: str) -> None:
        """Warn that time went backward."""
        self._backward_at = time.monotonic()
        self._reports.throttled.warning('backward', (
            f'{what} went backward (a bag that loops, or a simulation that restarted?): '
            'hidden state reset'))

    # Words about a frame.

    def _report_view(self, view: View, job: Job) -> None:
        """Warn once when there are no intrinsics, and again when they were there and went."""
        if self._first_received is None:
            self._first_received = job.received
        if job.info is None:
            if job.received - self._first_received >= _INFO_PATIENCE_S:
                self._warn_once('no_info', (
                    f'no camera_info on {self._info_topic} yet: publishing depth without '
                    'camera_info and cloud, and without correcting the scale for the focal '
                    'length; publish it there or remap "camera_info"'))
        elif view.error:
            self._warn_once('bad_info', f'{self._info_topic}: {view.error}; publishing no cloud')
        elif view.input_camera is None:
            self._warn_once('uncalibrated', (
                f'the camera_info on {self._info_topic} is uncalibrated (K[0] is 0): publishing '
                'depth but no cloud; calibrate the camera'))
        else:
            self._warned.clear()
            if view.basis != self._basis:
                self._basis = view.basis
                self._reports.logger.info(f'{self._info_topic}: {view.basis}')

    def _report_flat(self, frame: DepthFrame) -> None:
        """Raise an alert for depth that says nothing."""
        if is_flat(frame.depth):
            self._reports.alerts.warn('flat', (
                'the depth image is flat: the checkpoint is not trained for such images, or '
                'something covers the camera'))

    def _drop_loudly(self, cause: str, text: str,
                     alert: Callable[[str, str], None] | None = None) -> None:
        """Count a frame that gets no prediction, and say why without flooding the log."""
        self.drop(cause)
        self._reports.throttled.warning(cause, text)
        (alert or self._reports.alerts.warn)(cause, text)

    def _warn_once(self, key: str, text: str) -> None:
        """Warn, and not again before the condition has gone."""
        if key not in self._warned:
            self._warned.add(key)
            self._reports.logger.warning(text)


def _anchor(motion: MotionInput | None, settings: DepthSettings) -> CameraAnchor:
    """Return what anchors depth; imported here, as a node without an anchor needs no nav_msgs."""
    from lstm_depth.ros import anchoring
    return anchoring.CameraAnchor(motion, settings)
