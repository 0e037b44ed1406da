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
"""What a reader of a data set declares about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lstm_depth.data.sequence import FrameSequence


def option(default: Any, text: str) -> Any:
    """Return a field of a reader's options with its *default* and what it is, for people."""
    return field(default=default, metadata={'help': text})


@dataclass(frozen=True, kw_only=True)
class NoOptions:
    """What a reader without options needs to be told."""


@dataclass(frozen=True)
class Reader:
    """
    One kind of data set.

    *layout*: its name. *example*: what it looks like, one line. *recognises*: tells whether it
    is at a place, a path or other text. *read*: returns the sequences there, told the *options*,
    a frozen dataclass of keyword-only option() fields.
    """

    layout: str
    example: str
    recognises: Callable[[str], bool]
    read: Callable[[str, Any], list[FrameSequence]]
    options: type = NoOptions
