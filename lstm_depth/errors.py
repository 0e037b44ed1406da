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
"""Errors a user can act on: what happened, to which file or topic, what to do."""

from collections.abc import Sequence
import difflib


class LstmDepthError(Exception):
    """
    Base of every expected failure.

    The command line prints the message and exits with 2, the node logs it and
    stays alive; anything else is a bug and keeps its traceback.
    """


class ConfigError(LstmDepthError, ValueError):
    """A configuration value or name is not usable."""


class CheckpointError(LstmDepthError):
    """A checkpoint file is missing, damaged or does not fit its model."""


class MissingPackage(LstmDepthError, ImportError):
    """A package is needed that is not installed; says which extra brings it."""


class EngineError(LstmDepthError):
    """A network could not be run: a library or a device failed."""


class OutOfMemory(EngineError):
    """The device has no memory left for the network."""


class DataError(LstmDepthError):
    """A data file, folder, bag or video cannot be used."""


class TrainingError(LstmDepthError):
    """Training cannot go on: the loss is no number any more, or memory is too small."""


class MessageError(LstmDepthError, ValueError):
    """
    A ROS message does not hold what it claims to hold.

    *cause* is a short name to count and report by: ``zero_size``, ``short_data``,
    ``bad_step``, ``bad_encoding``, ``corrupt_image``, ``too_large``, ``bad_calibration`` or
    ``corrupt_message``.
    """

    def __init__(self, message: str, cause: str = 'corrupt_message') -> None:
        """Keep the text for people and the *cause* for counters."""
        super().__init__(message)
        self.cause = cause


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return '; did you mean ...?' for the nearest known name, else the list of them."""
    near = difflib.get_close_matches(name, known, n=1)
    return f'; did you mean {near[0]!r}?' if near else f'; there are: {", ".join(known)}'
