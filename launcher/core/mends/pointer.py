"""The current environment before and after a mend, and the way back to the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from launcher.core.environments.environments import POINTER, interpreter, is_name, named
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice
from launcher.core.install.lock import install_lock
from launcher.core.install.repair import is_outside
from launcher.core.mends.mend import Here, Record, changed_since
from launcher.core.paths import Workspace
from launcher.core.records import read_record, write_record
from launcher.core.text import t


def pointed(workspace: Workspace) -> Record:
    """What the pointer file says; {}: there is none."""
    return read_record(workspace.environments / POINTER) or {}


def own_environment(workspace: Workspace) -> Path | None:
    """The environment that the pointer names, whatever state it is in; None: there is none.

    LauncherError `environment-outside` where its packages lie with a Python that is not Gesso's.
    """
    folder = named(workspace)
    if folder is None or not folder.is_dir():
        return None
    if is_outside(folder):
        raise outside(interpreter(folder))
    return folder


def outside(python: object) -> LauncherError:
    """The refusal to change what is not Gesso's."""
    return LauncherError(
        "environment-outside",
        t("The packages lie with {python}, which is not Gesso's own.", python=python),
        t("`gesso env repair` replaces them there, after a question; that cannot be taken back."),
    )


def way_back(workspace: Workspace, before: Record) -> Record:
    """For `go_back`."""
    return {"before": before, "after": pointed(workspace).get("name")}


def go_back(here: Here, record: Record) -> Iterator[Event]:
    """Make current again what was. LauncherError `mend-changed-since`, `no-previous-environment`,
    `install-running`."""
    workspace, before = here.workspace, record.get("before")
    with install_lock(workspace):
        now = pointed(workspace)
        if now == before:
            return
        if not _is_after(now, record):
            raise changed_since(t("The current environment"))
        if not isinstance(before, dict) or not _is_there(workspace, before.get("name")):
            raise LauncherError(
                "no-previous-environment",
                t("The environment from before is no longer there."),
                t("`gesso env list` shows those there are; `gesso env switch NAME` takes one of them."),
            )
        write_record(workspace.environments / POINTER, before)
    yield Notice("environment-back", "info", t("{name} is the current environment now.", name=before["name"]))


def _is_after(now: Record, record: Record) -> bool:
    """Of a mend that was ended in the middle only the environment from before is known."""
    if "after" in record:
        return bool(now.get("name") == record["after"])
    before = record.get("before")
    return now.get("previous") in (None, before.get("name") if isinstance(before, dict) else None)


def _is_there(workspace: Workspace, name: object) -> bool:
    return isinstance(name, str) and is_name(name) and (workspace.environments / name).is_dir()
