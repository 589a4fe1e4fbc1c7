"""Whether programs that lie in a folder may be run: by running one."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from pathlib import Path

from launcher.core.errors import LauncherError, writing
from launcher.core.process import run
from launcher.core.text import Text, t

_SCRIPT = b"#!/bin/sh\nexit 0\n"
INSTEAD = t("Choose a folder on another disk with --root, or mount this one without noexec.")


def runs_nothing(folder: Path) -> Text | None:
    """What to say where the system refuses to run a program of ours in `folder`; None where it runs, and where nothing
    can be told. NotWrittenError.
    """
    if sys.platform == "win32":
        return None
    with writing(folder):
        handle, name = tempfile.mkstemp(prefix=".gesso-", dir=folder)
    script = Path(name)
    try:
        with writing(script), os.fdopen(handle, "wb") as file:
            file.write(_SCRIPT)
            with contextlib.suppress(OSError):
                os.fchmod(handle, 0o700)
            # where no file can be made a program (FAT), libraries can be loaded all the same
            is_program = os.fstat(handle).st_mode & stat.S_IXUSR
        if is_program and _refused(script):
            return t(
                "The system runs no program in {folder}, most often because its disk is mounted with noexec, and loads "
                "no PyTorch from there.",
                folder=folder,
            )
    finally:
        with contextlib.suppress(OSError):
            script.unlink()
    return None


def _refused(script: Path) -> bool:
    try:
        for _ in run([str(script)], environment={}, cwd=script.parent):
            pass
    except LauncherError as error:
        return isinstance(error.__cause__, PermissionError)
    return False
