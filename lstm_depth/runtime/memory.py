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
What the C library does with freed memory; nothing where it is not glibc.

By default it has up to eight heaps for each core, and gives back only the end of each. A
program that loads networks on threads of their own then keeps, in one heap after the other,
what the largest load ever needed.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache

# mallopt(3).
_M_ARENA_MAX = -8
_ARENAS = 2


def settle_memory() -> None:
    """Have few heaps; to be called before threads are started."""
    if (library := _library()) is not None:
        library.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back_memory() -> bool:
    """Give freed memory back to the system (milliseconds); return whether that is possible."""
    if (library := _library()) is None:
        return False
    library.malloc_trim(0)
    return True


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """Return glibc, None where the C library is another."""
    try:
        library = ctypes.CDLL(None)
    except OSError:
        return None
    return library if hasattr(library, 'malloc_trim') and hasattr(library, 'mallopt') else None
