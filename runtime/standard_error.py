"""Standard error, which the launcher's keeper of the log reads: it may break, and costs lines then and nothing else."""

from __future__ import annotations

import contextlib
import io
import sys


class _Lasting(io.TextIOWrapper):
    """Standard error, whose reader may have gone: what nobody takes is lost, and nobody who writes hears of it."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def outlast_the_log() -> None:
    """From now on standard error may break without ending who writes to it. To be called once, at the very start."""
    was = sys.stderr
    # with PYTHONUNBUFFERED the buffer is none
    buffer = getattr(was, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if raw is not None:
        was.flush()
        sys.stderr = _Lasting(raw, was.encoding, was.errors, write_through=True)
