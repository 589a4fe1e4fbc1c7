"""A start that went well is remembered; after one that did not, what has changed since is told first."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from launcher.core.environments.drift import remember_good_start, since_last_good
from launcher.core.errors import LauncherError
from launcher.core.events import Event, Notice, Ready, Stopped
from launcher.core.hardware.look import look
from launcher.core.hardware.machine import Machine
from launcher.core.paths import Workspace
from launcher.core.text import moment, t


def compared(
    workspace: Workspace,
    flags: Sequence[str],
    watched: Iterator[Event],
    machine: Callable[[Workspace], Machine] = lambda workspace: look(workspace.root),
) -> Iterator[Event]:
    """`watched` as it comes; a Notice `changed-since` before the end of a start that never got ready."""
    good = False
    try:
        for event in watched:
            if isinstance(event, Stopped) and event.code and not good:
                yield from _changes(workspace, flags, machine)
            yield event
            if isinstance(event, Ready) and event.page and not good:
                good = True
                # That it cannot be written down is no reason to end what runs.
                with contextlib.suppress(OSError):
                    remember_good_start(workspace, machine(workspace), flags)
    except LauncherError:
        if not good:
            yield from _changes(workspace, flags, machine)
        raise


def _changes(workspace: Workspace, flags: Sequence[str], machine: Callable[[Workspace], Machine]) -> Iterator[Event]:
    drift = since_last_good(workspace, machine(workspace), flags)
    if drift is None or not drift.changes:
        return
    yield Notice("changed-since", "info", t("Since the engine last started well ({when}):", when=moment(drift.since)))
    for change in drift.changes:
        yield Notice("changed-since", "info", t("    {change}", change=change.sentence))
