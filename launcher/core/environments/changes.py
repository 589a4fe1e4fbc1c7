"""Going back to the environment before, naming a new one, removing one: nothing behind a link, never the current."""

from __future__ import annotations

import contextlib
import re
import shutil
from pathlib import Path

from launcher.core.environments.environments import (
    LEAVING,
    POINTER,
    STAMP,
    is_link,
    is_name,
    left_over,
    named,
    previous,
    switch,
)
from launcher.core.errors import LauncherError
from launcher.core.paths import Workspace
from launcher.core.running import find_running
from launcher.core.text import t

#: letters of a name
_LONGEST = 60


def rollback(workspace: Workspace) -> Path:
    """Make the environment that was current before current again, by hand; a second time leads back. LauncherError
    `no-previous-environment`."""
    folder = previous(workspace)
    if folder is None:
        raise LauncherError(
            "no-previous-environment",
            t("No earlier environment is there to go back to."),
            t("`gesso env list` shows those there are; `gesso env switch NAME` takes one of them."),
        )
    switch(workspace, folder, by_hand=True)
    return folder


def check_new_name(workspace: Workspace, name: str) -> Path:
    """The folder for a new environment that the user named; what a killed run left there is no hindrance, for the
    next install sweeps it. LauncherError `bad-name`, `environment-exists`."""
    if not is_name(name) or len(name) > _LONGEST or name.endswith(".") or name.casefold() == POINTER:
        raise LauncherError(
            "bad-name",
            t('"{name}" cannot be the name of an environment.', name=name),
            t("Letters of any language, digits, dots, dashes and underscores are possible, beginning with a letter."),
        )
    if name.casefold() in _taken(workspace):
        raise LauncherError(
            "environment-exists",
            t("There is an environment {name} already.", name=name),
            t("Choose another name, or remove that one first: gesso env remove {name}", name=name),
        )
    return workspace.environments / name


def next_name(workspace: Workspace, name: str) -> str:
    """For one that is built again: mine -> mine-2; the number of a name of our own is counted on."""
    base = re.sub(r"^(torch-.+)-\d+$", r"\1", name)
    taken, number = _taken(workspace), 2
    while (found := f"{base[: _LONGEST - len(str(number)) - 1]}-{number}").casefold() in taken:
        number += 1
    return found


def remove(workspace: Workspace, folder: Path) -> None:
    """Delete an environment; nothing behind a link goes with it. The holder of the install lock calls it.

    LauncherError `environment-in-use` for the current one and for what a runtime draws with, `not-ours` for a link or
    what lies elsewhere, `cannot-remove` where the system refuses.
    """
    if folder == named(workspace):
        raise LauncherError(
            "environment-in-use",
            t("{name} is the current environment, which is never removed.", name=folder.name),
            t("Switch to another one first: gesso env switch NAME"),
        )
    running = find_running(workspace)
    if running and running.environment == folder.name:
        raise LauncherError(
            "environment-in-use",
            t("{name} is what draws right now (process {pid}).", name=folder.name, pid=running.pid),
            t("End that first with `gesso stop`, then try again."),
        )
    if folder.parent != workspace.environments or is_link(folder) or not folder.is_dir():
        raise LauncherError(
            "not-ours",
            t("{folder} is a link, or lies elsewhere; Gesso removes neither.", folder=folder),
            t("Remove it with the system's own means, if that is what you want."),
        )
    leaving = folder.with_name(LEAVING + folder.name)
    try:
        # One rename takes it away whole; if the rest is interrupted, the next install sweeps it.
        folder.rename(leaving)
    except OSError as error:
        raise LauncherError(
            "cannot-remove",
            t("The environment {name} cannot be removed: {why}.", name=folder.name, why=error.strerror or error),
            t("Does a program still use it? End that, then try again."),
        ) from error
    with contextlib.suppress(OSError):
        (leaving / STAMP).unlink()
    shutil.rmtree(leaving, ignore_errors=True)


def _taken(workspace: Workspace) -> set[str]:
    there = workspace.environments.iterdir() if workspace.environments.is_dir() else ()
    return {entry.name.casefold() for entry in there if is_link(entry) or not left_over(entry)}
