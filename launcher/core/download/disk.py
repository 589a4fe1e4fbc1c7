"""What a disk says no to, in words, and how a file's bytes are made safe on it without anybody waiting."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from launcher.core.errors import LauncherError
from launcher.core.text import t

_MIB = 1024 * 1024
#: what is left free on the disk for everybody else
_SPARE = 16 * _MIB
_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class Sync:
    """Forces what was written so far to the disk in a thread of its own, one time after the other."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def start(self, file: FileIO, then: Callable[[], None]) -> bool:
        """Begin, unless the last time still runs; `then` is called in that thread. Raises the last time's OSError."""
        if self._thread is not None and self._thread.is_alive():
            return False
        self.check()
        # A handle of its own: the file may be closed before the disk is done.
        self._thread = threading.Thread(target=self._run, args=(os.dup(file.fileno()), then), daemon=True)
        self._thread.start()
        return True

    def check(self) -> None:
        """Raises the OSError of a thread that has ended."""
        if self._error is not None:
            raise self._error

    def wait(self) -> None:
        """Until the thread has ended, and `check`."""
        if self._thread is not None:
            self._thread.join()
        self.check()

    def _run(self, handle: int, then: Callable[[], None]) -> None:
        try:
            os.fsync(handle)
            then()
        except OSError as error:
            self._error = error
        finally:
            os.close(handle)


def check_space(target: Path, needed: int) -> None:
    """LauncherError `disk-full` if `needed` more bytes have no room where `target` lies."""
    try:
        free = shutil.disk_usage(target.parent).free
    except OSError:
        return
    if needed + _SPARE > free:
        raise LauncherError(
            "disk-full",
            t(
                "{folder} has {free} MiB free; {name} needs {needed} MiB more.",
                folder=target.parent, free=free // _MIB, name=target.name, needed=-(-needed // _MIB),
            ),
            t("Free some space there, or choose another folder with --root; what has been downloaded is kept."),
        )  # fmt: skip


def disk_error(target: Path, error: OSError) -> LauncherError:
    """What the disk said, as a named failure."""
    if error.errno in _FULL:
        return LauncherError(
            "disk-full",
            t("The disk became full while {name} was written to {folder}.", name=target.name, folder=target.parent),
            t("Free some space there, or choose another folder with --root; what has been downloaded is kept."),
        )
    return LauncherError(
        "no-permission",
        t("The file {file} cannot be written: {why}.", file=target, why=error.strerror or error),
        t("Choose a folder of your own with --root."),
    )
