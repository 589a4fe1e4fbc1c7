"""What the terminal can do: whether the interface can be drawn in it, or lines are all that there is."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

#: Windows 10, version 1511: the first whose console obeys escape sequences
_FIRST_ABLE = 10586
_LINES_ALONE = ("dumb", "unknown", "emacs")


def draws(environ: Mapping[str, str] = os.environ, windows: int | None = None) -> bool:
    """Can a screen be drawn here? `windows`: the build of the system, this one's by default."""
    if environ.get("TERM", "").lower() in _LINES_ALONE:
        return False
    build = _windows_build() if windows is None else windows
    return build is None or build >= _FIRST_ABLE


def _windows_build() -> int | None:
    if sys.platform != "win32":
        return None
    return int(sys.getwindowsversion().build)
