"""The system's fences around a process that reads what strangers made: each where there is one, none a condition.

A process fences itself in, once everything is imported; afterwards it can calculate, use the pipes it has, and end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

#: bytes of address space, and seconds of a processor's time
MEMORY, SECONDS = 1 << 30, 120


def confine() -> dict[str, Any]:
    """`fences`: names of those that stand; `refused`: sentences about those that do not."""
    fences: list[str] = []
    refused: list[str] = []
    for name, raise_fence in _fences():
        why = _refusal(raise_fence)
        if why is None:
            fences.append(name)
        else:
            refused.append(f"{name}: {why}")
    return {"fences": fences, "refused": refused}


def _refusal(raise_fence: Callable[[], None]) -> str | None:
    try:
        raise_fence()
    except Exception as missing:  # noqa: BLE001 - ctypes, old systems and containers refuse in many ways
        return str(missing)
    return None


def _fences() -> list[tuple[str, Callable[[], None]]]:
    """In this order: each must still be able to be raised behind the one before."""
    if sys.platform == "linux":
        from runtime.engine.pickles.confinement import landlock, limits, seccomp

        return [("limits", limits.limit), ("landlock", landlock.restrict), ("seccomp", seccomp.restrict)]
    if sys.platform == "darwin":
        from runtime.engine.pickles.confinement import limits, seatbelt

        return [("limits", limits.limit), ("sandbox", seatbelt.restrict)]
    if sys.platform == "win32":
        from runtime.engine.pickles.confinement import job_object

        return [("job", job_object.restrict)]
    from runtime.engine.pickles.confinement import limits

    return [("limits", limits.limit)]
