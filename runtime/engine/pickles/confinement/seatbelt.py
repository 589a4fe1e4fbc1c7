"""macOS' own sandbox, by the profile that it names pure computation: no file, no network, no other process.

Written from sandbox_init(3), never run on a Mac.
"""

from __future__ import annotations

import ctypes
from typing import Any

_PROFILE, _NAMED = b"pure-computation", 1


def restrict(system: Any = None) -> None:
    """OSError where it is refused."""
    system = system or ctypes.CDLL("/usr/lib/libSystem.B.dylib")
    why = ctypes.c_char_p()
    if system.sandbox_init(_PROFILE, ctypes.c_uint64(_NAMED), ctypes.byref(why)) != 0:
        raise OSError((why.value or b"refused").decode(errors="replace"))
