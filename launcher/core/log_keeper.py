"""A process that writes what it is given on standard input to a log, and sets the log aside where it grows too large.

    python log_keeper.py LOG

It ends once nobody can write to it any more: the log is bounded and whole however its writers end, and whether or not
the launcher that started them lives. Three files, the log, what was set aside of it, and the log of the run before, are
together below 50 MB.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

#: bytes of a log from which on it is set aside
LARGEST = 12 * 1024**2
#: bytes that it never passes, though it cannot be set aside: on Windows whoever reads it hinders that
_HARD = LARGEST + 3 * 1024**2
_PORTION = 65536
#: a log this short may not say why its run ended; so much of what was set aside is kept before it then
_LITTLE, _CARRIED = 65536, 1024**2
_SAFELY = os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)


def aside(log: Path) -> Path:
    """Where the part of `log` lies that was set aside."""
    return log.with_suffix(".older.log")


def join_aside(log: Path) -> None:
    """What was set aside of it goes; where the log has only begun since, the end of that comes before it. OSError."""
    older = aside(log)
    if older.exists() and log.stat().st_size < _LITTLE:
        with older.open("rb") as file:
            file.seek(max(0, older.stat().st_size - _CARRIED))
            end = file.read()
        log.write_bytes(end + log.read_bytes())
    older.unlink(missing_ok=True)


def keep_end(log: Path) -> None:
    """Leave its last `LARGEST` bytes of a log that nobody kept. OSError."""
    if log.stat().st_size <= _HARD:
        return
    with log.open("r+b") as file:
        file.seek(-LARGEST, os.SEEK_END)
        end = file.read()
        file.seek(0)
        file.write(end)
        file.truncate()


def keep(log: Path, channel: int = 0) -> None:
    """Until `channel` ends. A disk that is full costs lines, and keeps nobody who writes waiting."""
    while found := os.read(channel, _PORTION):
        with contextlib.suppress(OSError, MemoryError):
            _append(log, found)


def _append(log: Path, found: bytes) -> None:
    # opened anew each time: no file that is held open can be moved on Windows, and the next start moves it
    with contextlib.suppress(OSError):
        if log.stat().st_size + len(found) > LARGEST:
            log.replace(aside(log))
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | _SAFELY, 0o600)
    try:
        if os.fstat(handle).st_size + len(found) > _HARD:
            os.ftruncate(handle, 0)
        while found:
            found = found[os.write(handle, found) :]
    finally:
        os.close(handle)


if __name__ == "__main__":
    # asked to end with those who write, it ends after them
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    keep(Path(sys.argv[1]))
