"""One install at a time in a workspace: who holds it, and the end of what a killed one left running."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil

from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.process import created, end_tree
from launcher.core.text import t

LOCK = "install.lock"
#: the byte that is locked: on Windows a locked byte cannot be read, so it lies behind the text
_BYTE = 4096


@contextlib.contextmanager
def install_lock(workspace: Workspace) -> Iterator[None]:
    """Hold `state/install.lock`; LauncherError `install-running` when a living process holds it.

    The system itself lets go of the lock when its holder dies, so there is no stale one; the text in the file
    (pid and creation time) only tells others who it is.
    """
    path = workspace.state / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if not _locked(file):
            raise _busy(path)
        file.truncate(0)
        file.write(json.dumps({"pid": os.getpid(), "created": created(os.getpid())}).encode())
        file.flush()
        end_orphans(workspace)
        yield


def end_orphans(workspace: Workspace) -> list[int]:
    """End what a killed install left at work in `environments/` (uv, a proof); their pids. Needs the lock."""
    inside = str(workspace.environments) + os.sep
    ended = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if process.pid != os.getpid() and _works_in(process.info["cmdline"] or [], inside):
            end_tree(process.pid, grace=0.3)
            ended.append(process.pid)
    return ended


def _works_in(command: list[str], inside: str) -> bool:
    """uv with an environment of ours among its arguments, or the proof run by such an environment's Python."""
    if not command:
        return False
    proves = command[0].startswith(inside) and "runtime.prove" in command
    installs = Path(command[0]).stem == "uv" and any(argument.startswith(inside) for argument in command)
    return proves or installs


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
        except OSError:
            return False
        return True


def _busy(path: Path) -> LauncherError:
    try:
        pid = json.loads(path.read_bytes() or b"{}").get("pid", "?")
    except (OSError, ValueError):
        pid = "?"
    return LauncherError(
        "install-running",
        t("Another install is at work in this folder (process {pid}).", pid=pid),
        t("Wait until it is done, or end that process and try again."),
    )
