"""A lock that the system lets go of when its holder dies, so that there is no stale one to judge."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from launcher.core.errors import writing
from launcher.core.process import created
from launcher.core.records import read_record

#: the byte that is locked: on Windows a locked byte cannot be read, so it lies behind the text
_BYTE = 4096


@contextlib.contextmanager
def only_one(
    path: Path, busy: Callable[[object], Exception], *, patience: float = 0.0, remove: bool = False
) -> Iterator[int]:
    """Hold `path`, by the handle that is given; raises what `busy(pid of the holder, or "?")` gives if another still
    holds it after `patience` s.

    The text in the file (pid and creation time) only tells others who it is. NotWrittenError when the file cannot be
    made. `remove`: it lies among the user's own files and does not stay there.
    """
    file = _held(path, busy, time.monotonic() + patience)
    try:
        with file:
            # On a full disk it is held without a word: what frees space takes locks too.
            with contextlib.suppress(OSError):
                file.truncate(0)
                file.write(json.dumps({"pid": os.getpid(), "created": created(os.getpid())}).encode())
            try:
                yield file.fileno()
            finally:
                # Before it is let go: afterwards it may be another's.
                _unlink(path, remove and sys.platform != "win32")
    finally:
        # Windows removes no open file, and so none that another has opened meanwhile.
        _unlink(path, remove and sys.platform == "win32")


def _held(path: Path, busy: Callable[[object], Exception], deadline: float) -> IO[bytes]:
    """The locked file, open."""
    while True:
        file = _opened(path)
        try:
            while not _locked(file):
                if time.monotonic() >= deadline:
                    raise busy(_holder(path))
                time.sleep(0.1)
            if _is_there(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_there(file: IO[bytes], path: Path) -> bool:
    """Whoever held it before may have removed it: then a lock on it keeps nobody out."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _unlink(path: Path, wanted: bool) -> None:
    if wanted:
        with contextlib.suppress(OSError):
            path.unlink()


def _opened(path: Path) -> IO[bytes]:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered: nothing is left to be written when it is let go.
        return path.open("a+b", buffering=0)


def _holder(path: Path) -> object:
    return (read_record(path) or {}).get("pid", "?")


if sys.platform == "win32":
    import msvcrt

    def _locked(file: IO[bytes]) -> bool:
        file.seek(_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _locked(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            # Shares of some servers know no locks: a launcher that works alone there is better than none.
            return error.errno not in (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)
        return True
