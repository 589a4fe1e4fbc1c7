"""One install at a time in a workspace: who holds it, and the end of what a killed one left running."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from launcher.core.errors import LauncherError
from launcher.core.file_lock import only_one
from launcher.core.paths import Workspace, child_environment
from launcher.core.process import end_tree
from launcher.core.text import t

LOCK = "install.lock"


@contextlib.contextmanager
def install_lock(workspace: Workspace) -> Iterator[None]:
    """Hold `state/install.lock`; LauncherError `install-running` when a living process holds it."""
    with only_one(workspace.state / LOCK, _busy):
        end_orphans(workspace)
        yield


def end_orphans(workspace: Workspace) -> list[int]:
    """End what a killed install left at work in `environments/` (uv, a proof); their pids. Needs the lock."""
    inside = str(workspace.environments) + os.sep
    ended = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        if _works_in(process.info["cmdline"] or [], inside) and _is_ours(process, workspace):
            end_tree(process.pid, grace=0.3)
            ended.append(process.pid)
    return ended


def _is_ours(process: psutil.Process, workspace: Workspace) -> bool:
    """Whether it was started as every child of an install is: with the temporary files of this workspace. The user's
    own uv, at work in an environment, was not.
    """
    try:
        temporary = process.environ().get("TMPDIR")
    except psutil.Error:
        return False
    return process.pid != os.getpid() and temporary == child_environment(workspace, {})["TMPDIR"]


def _works_in(command: list[str], inside: str) -> bool:
    """uv with an environment of ours among its arguments, or the proof run by such an environment's Python."""
    if not command:
        return False
    proves = command[0].startswith(inside) and "runtime.prove" in command
    installs = Path(command[0]).stem == "uv" and any(argument.startswith(inside) for argument in command)
    return proves or installs


def _busy(pid: object) -> LauncherError:
    return LauncherError(
        "install-running",
        t("Another install is at work in this folder (process {pid}).", pid=pid),
        t("Wait until it is done, or end that process and try again."),
    )
