"""Counts each durable step of this process (open for writing, write, fsync, rename, unlink, mkdir …) and, at the N-th,
ends it, refuses it or holds it.

Python's own C code writes past every hook, so files are opened by its twin in Python, `_pyio`, while one watches.
"""

from __future__ import annotations

import _pyio
import builtins
import errno
import io
import os
import pathlib
import signal
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: what a full disk refuses: whatever needs a block more
GROWING = frozenset({"open", "write", "mkdir", "link", "symlink", "fsync"})
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
#: audit events and the names that their steps have here
_EVENTS = {
    "os.rename": "rename", "os.remove": "unlink", "os.mkdir": "mkdir", "os.rmdir": "rmdir", "os.link": "link",
    "os.symlink": "symlink", "os.truncate": "truncate",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """`size` is that of a write; `to` where a rename or link leads; `made`: an open that makes the file."""

    kind: str
    path: str
    size: int = 0
    to: str = ""
    made: bool = False


class Watch:
    """`how` says what happens at the step `at`, counted from 1: "kill", "torn" (of a write the first half is done),
    "hold" (until SIGCONT); "full" and "locked" refuse this step and all after it, as a full disk or one that became
    read-only does."""

    def __init__(self, how: str = "count", at: int = 0) -> None:
        self.how, self.at = how, at
        self.steps: list[Step] = []
        self._lock = threading.RLock()

    def step(self, step: Step) -> None:
        """Called before it is done; OSError where it is refused."""
        with self._lock:
            self.steps.append(step)
            number = len(self.steps)
        if self.how == "kill" and number == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.how == "hold" and number == self.at:
            os.kill(os.getpid(), signal.SIGSTOP)
        if self.at and number >= self.at:
            if self.how == "full" and (step.kind in GROWING - {"open"} or step.made):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), step.path)
            if self.how == "locked":
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), step.path)

    def torn(self, size: int) -> bool:
        """Is the write that was just announced the one that is done by half?"""
        return self.how == "torn" and len(self.steps) == self.at and size > 1


_watch: Watch | None = None
_paths: dict[int, str] = {}


def watch(given: Watch | None) -> None:
    """Begin, or with None end."""
    global _watch
    _watch = given


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    now = _watch
    if now is None:
        return
    if event == "open":
        path, mode, flags = arguments
        writing = isinstance(flags, int) and flags & _WRITING
        if isinstance(path, int) or not (writing or (mode and set(mode) & set("wax+"))):
            return
        name = os.fsdecode(path)
        if not name.startswith("/dev/"):
            now.step(Step("open", name, made=not os.path.lexists(name)))
    elif event in _EVENTS:
        path, to = arguments[0], arguments[1] if event in ("os.rename", "os.link", "os.symlink") else ""
        name = _paths.get(path, "") if isinstance(path, int) else os.fsdecode(path)
        now.step(Step(_EVENTS[event], name, to=os.fsdecode(to) if to else ""))


def _regular(handle: int) -> bool:
    return stat.S_ISREG(os.fstat(handle).st_mode)


def _writer(real: Callable[..., Any], source: int = 0) -> Callable[..., Any]:
    """`source`: where its arguments have the handle that is written to."""

    def write(*arguments: Any, **named: Any) -> Any:
        now, handle = _watch, arguments[source]
        if now is None or not _regular(handle):
            return real(*arguments, **named)
        data = arguments[1] if real is _os_write else b""
        # The last call of sendfile has nothing left to send; it counts all the same.
        size = len(data) if real is _os_write else arguments[3]
        now.step(Step("write", _paths.get(handle, ""), size))
        if now.torn(size):
            real(handle, data[: size // 2]) if real is _os_write else real(*arguments[:3], size // 2)
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)

    return write


def _open(path: Any, flags: int, *arguments: Any, **named: Any) -> int:
    handle: int = _os_open(path, flags, *arguments, **named)
    _paths[handle] = os.fsdecode(path)
    return handle


def _fsync(handle: Any) -> None:
    """A kill loses nothing that the system has: while one watches, the disk is not waited for."""
    if _watch is None:
        _os_fsync(handle)
        return
    number = handle if isinstance(handle, int) else handle.fileno()
    _watch.step(Step("fsync", _paths.get(number, "")))


def _dup(handle: int) -> int:
    new: int = _os_dup(handle)
    _paths[new] = _paths.get(handle, "")
    return new


def _opened(file: Any, mode: str = "r", *arguments: Any, **named: Any) -> Any:
    if _watch is None or not set(mode) & set("wax+") or (isinstance(file, int) and not _regular(file)):
        return _io_open(file, mode, *arguments, **named)
    return _pyio.open(file, mode, *arguments, **named)


_os_open, _os_write, _os_fsync, _os_dup, _io_open = os.open, os.write, os.fsync, os.dup, io.open


def install() -> None:
    """Once in a process; costs nothing while nobody watches."""
    sys.addaudithook(_hook)
    os.open, os.write, os.fsync, os.dup = _open, _writer(_os_write), _fsync, _dup
    if hasattr(os, "sendfile"):
        os.sendfile = _writer(os.sendfile)
    io.open = builtins.open = _opened
    if hasattr(pathlib, "_NormalAccessor"):
        # Python 3.10 took it for itself.
        pathlib._NormalAccessor.open = staticmethod(_opened)
